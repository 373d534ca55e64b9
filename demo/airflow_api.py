"""The few calls of Airflow's REST API (`/api/v2`) that the demo and the system tests need."""

from collections.abc import Mapping
from typing import Any

import httpx

SERVICES = ("metadatabase", "scheduler", "dag_processor", "triggerer")
PAGE = 100  # Airflow's most


class AirflowApi:
    """Talks to an Airflow whose simple auth manager lets everybody in as an administrator."""

    def __init__(self, url: str) -> None:
        # Requests to this machine need no proxy, whatever the environment says.
        headers = {"Accept": "application/json"}
        self._http = httpx.Client(base_url=url, headers=headers, timeout=30, trust_env=False)

    def is_healthy(self) -> bool:
        try:
            answer = self._http.get("/api/v2/monitor/health")
        except httpx.TransportError:
            return False
        return answer.is_success and all(answer.json()[name]["status"] == "healthy" for name in SERVICES)

    def log_in(self) -> None:
        token = self._call("GET", "/auth/token")["access_token"]
        self._http.headers["Authorization"] = f"Bearer {token}"

    def create_connection(self, connection_id: str, conn_type: str, **fields: Any) -> None:
        """`fields`: host, login, password, port, extra, …"""
        body = {"connection_id": connection_id, "conn_type": conn_type, **fields}
        self._call("POST", "/api/v2/connections", body)

    def connection(self, connection_id: str) -> dict[str, Any]:
        return self._object("GET", f"/api/v2/connections/{connection_id}")

    def set_password(self, connection_id: str, password: str) -> None:
        path = f"/api/v2/connections/{connection_id}?update_mask=password"
        connection = self.connection(connection_id)
        body = {name: connection[name] for name in ("connection_id", "conn_type")} | {"password": password}
        self._call("PATCH", path, body)

    def test_connection(self, connection_id: str, conn_type: str, **fields: Any) -> dict[str, Any]:
        """What the form's *Test* button shows: `status` (a bool) and `message`."""
        body = {"connection_id": connection_id, "conn_type": conn_type, **fields}
        return dict(self._call("POST", "/api/v2/connections/test", body))

    def has_dag(self, dag_id: str) -> bool:
        return self._http.get(f"/api/v2/dags/{dag_id}").is_success

    def import_errors(self) -> list[str]:
        return [error["stack_trace"] for error in self._call("GET", "/api/v2/importErrors")["import_errors"]]

    def trigger(self, dag_id: str, run_id: str, conf: Mapping[str, Any] | None = None) -> None:
        body = {"dag_run_id": run_id, "logical_date": None, "conf": dict(conf or {})}
        self._call("POST", f"/api/v2/dags/{dag_id}/dagRuns", body)

    def dag_run(self, dag_id: str, run_id: str) -> dict[str, Any]:
        return self._object("GET", f"/api/v2/dags/{dag_id}/dagRuns/{run_id}")

    def task_states(self, dag_id: str, run_id: str) -> dict[str, str | None]:
        """Task id → state, first what started first; mapped tasks are `task_id[index]`.

        The state is None until the scheduler has looked at the task.
        """
        found = self.task_instances(dag_id, run_id)
        found.sort(key=lambda each: (each["start_date"] is None, each["start_date"]))
        return {_name(each): each["state"] for each in found}

    def task_instances(self, dag_id: str, run_id: str) -> list[dict[str, Any]]:
        """`task_id`, `map_index`, `state`, `try_number`, `pid` and the rest of each task."""
        found: list[dict[str, Any]] = []
        path, total = f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances", 1
        while len(found) < total:
            page = self._call("GET", path, limit=PAGE, offset=len(found))
            found += page["task_instances"]
            total = page["total_entries"]
        return found

    def task_instance(self, dag_id: str, run_id: str, task_id: str) -> dict[str, Any]:
        """`state`, `try_number`, `pid` and the rest of a task that is not mapped."""
        return self._object("GET", f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}")

    def set_task_state(self, dag_id: str, run_id: str, task_id: str, state: str) -> None:
        path = f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}"
        self._call("PATCH", path, {"new_state": state})

    def set_dag_run_state(self, dag_id: str, run_id: str, state: str) -> None:
        self._call("PATCH", f"/api/v2/dags/{dag_id}/dagRuns/{run_id}", {"state": state})

    def clear_task(self, dag_id: str, run_id: str, task_id: str) -> None:
        order = {"dry_run": False, "dag_run_id": run_id, "task_ids": [task_id], "only_failed": False}
        self._call("POST", f"/api/v2/dags/{dag_id}/clearTaskInstances", {**order, "reset_dag_runs": True})

    def xcom(self, dag_id: str, run_id: str, task_id: str, key: str = "return_value", map_index: int = -1) -> Any:
        """The XCom's value; None if there is none."""
        path = f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/xcomEntries/{key}"
        answer = self._http.get(path, params={"deserialize": True, "map_index": map_index})
        if answer.status_code == httpx.codes.NOT_FOUND:
            return None
        return answer.raise_for_status().json()["value"]

    def task_log(self, dag_id: str, run_id: str, task_id: str, attempt: int = 1) -> list[dict[str, Any]]:
        """The entries of a task's log: `event`, and with an exception `error_detail`."""
        path = f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/logs/{attempt}"
        entries: list[dict[str, Any]] = self._call("GET", path, full_content=True)["content"]
        return entries

    def task_error(self, dag_id: str, run_id: str, task_id: str, attempt: int = 1) -> str | None:
        """The exception that ended a task, as its log shows it."""
        log = self.task_log(dag_id, run_id, task_id, attempt)
        errors = [entry["error_detail"][0] for entry in log if entry.get("error_detail")]
        return f"{errors[-1]['exc_type']}: {errors[-1]['exc_value']}" if errors else None

    def _object(self, method: str, path: str) -> dict[str, Any]:
        return dict(self._call(method, path))

    def _call(self, method: str, path: str, body: Mapping[str, Any] | None = None, **query: Any) -> Any:
        answer = self._http.request(method, path, json=body, params=query)
        return answer.raise_for_status().json()


def _name(task_instance: Mapping[str, Any]) -> str:
    index = task_instance["map_index"]
    return task_instance["task_id"] if index < 0 else f"{task_instance['task_id']}[{index}]"
