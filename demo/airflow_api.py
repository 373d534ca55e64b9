"""The calls of Airflow's REST API (`/api/v2`) that the demo and the tests need."""

from collections.abc import Mapping
from typing import Any

import httpx

SERVICES = ("metadatabase", "scheduler", "dag_processor", "triggerer")
PAGE = 100  # Airflow's maximum
TIMEOUT = 300.0  # generous, since it matters only when something is broken


class AirflowApi:
    """A client for an Airflow whose simple auth manager makes every user an administrator.

    All methods but `is_healthy` and `has_dag` raise httpx.HTTPError if Airflow does not respond or reports an error.
    """

    def __init__(self, url: str) -> None:
        # Requests to this machine must not go through a proxy from the environment.
        headers = {"Accept": "application/json"}
        self._http = httpx.Client(base_url=url, headers=headers, timeout=TIMEOUT, trust_env=False)

    def is_healthy(self) -> bool:
        """Whether Airflow responds, and reports all its services as healthy."""
        try:
            response = self._http.get("/api/v2/monitor/health")
        except httpx.TransportError:
            return False
        return response.is_success and all(response.json()[name]["status"] == "healthy" for name in SERVICES)

    def warm_up(self) -> None:
        """Send the first request to the API of tasks: Airflow builds it then, and handles nothing else in that time.

        On a busy machine that takes longer than a task waits for a response.
        """
        self._call("GET", "/execution/health")

    def log_in(self) -> None:
        """Get the token that all other calls need."""
        token = self._call("GET", "/auth/token")["access_token"]
        self._http.headers["Authorization"] = f"Bearer {token}"

    def jobs(self, job_type: str) -> list[dict[str, Any]]:
        """The services of one type that are alive: `SchedulerJob`, `TriggererJob` and so on."""
        return list(self._call("GET", "/api/v2/jobs", job_type=job_type, is_alive=True)["jobs"])

    def create_connection(self, connection_id: str, conn_type: str, **fields: Any) -> None:
        """Add a connection. `fields`: host, login, password, port, extra and so on."""
        body = {"connection_id": connection_id, "conn_type": conn_type, **fields}
        self._call("POST", "/api/v2/connections", body)

    def connection(self, connection_id: str) -> dict[str, Any]:
        """The connection, with its password masked."""
        return self._object("GET", f"/api/v2/connections/{connection_id}")

    def change_connection(self, connection_id: str, field: str, value: str) -> None:
        """Change one field of a connection, `password` or `extra` for example, and nothing else of it."""
        path = f"/api/v2/connections/{connection_id}?update_mask={field}"
        connection = self.connection(connection_id)
        body = {name: connection[name] for name in ("connection_id", "conn_type")} | {field: value}
        self._call("PATCH", path, body)

    def test_connection(self, connection_id: str, conn_type: str, **fields: Any) -> dict[str, Any]:
        """The result of the form's *Test* button: `status` (a bool) and `message`."""
        body = {"connection_id": connection_id, "conn_type": conn_type, **fields}
        return dict(self._call("POST", "/api/v2/connections/test", body))

    def create_pool(self, name: str, slots: int) -> None:
        """Add a pool that counts deferred tasks, too."""
        self._call("POST", "/api/v2/pools", {"name": name, "slots": slots, "include_deferred": True})

    def has_dag(self, dag_id: str) -> bool:
        """Whether Airflow has parsed the DAG."""
        return self._http.get(f"/api/v2/dags/{dag_id}").is_success

    def import_errors(self) -> list[str]:
        """The tracebacks of the DAG files that could not be imported."""
        return [error["stack_trace"] for error in self._call("GET", "/api/v2/importErrors")["import_errors"]]

    def trigger(self, dag_id: str, run_id: str, conf: Mapping[str, Any] | None = None) -> None:
        """Start a DAG run, with `conf` as its params."""
        body = {"dag_run_id": run_id, "logical_date": None, "conf": dict(conf or {})}
        self._call("POST", f"/api/v2/dags/{dag_id}/dagRuns", body)

    def dag_run(self, dag_id: str, run_id: str) -> dict[str, Any]:
        """`state`, `run_after` and the other fields of a DAG run."""
        return self._object("GET", f"/api/v2/dags/{dag_id}/dagRuns/{run_id}")

    def task_states(self, dag_id: str, run_id: str) -> dict[str, str | None]:
        """Task id → state, in the order of their start; mapped tasks are `task_id[index]`.

        The state is None until the scheduler has scheduled the task.
        """
        found = self.task_instances(dag_id, run_id)
        found.sort(key=lambda each: (each["start_date"] is None, each["start_date"]))
        return {_name(each): each["state"] for each in found}

    def task_instances(self, dag_id: str, run_id: str) -> list[dict[str, Any]]:
        """`task_id`, `map_index`, `state`, `try_number`, `pid` and the other fields of each task."""
        found: list[dict[str, Any]] = []
        path, total = f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances", 1
        while len(found) < total:
            page = self._call("GET", path, limit=PAGE, offset=len(found))
            found += page["task_instances"]
            total = page["total_entries"]
        return found

    def task_instance(self, dag_id: str, run_id: str, task_id: str) -> dict[str, Any]:
        """`state`, `try_number`, `pid` and the other fields of a task that is not mapped."""
        return self._object("GET", f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}")

    def set_task_state(self, dag_id: str, run_id: str, task_id: str, state: str) -> None:
        """Mark a task, as a user does in the UI."""
        path = f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}"
        self._call("PATCH", path, {"new_state": state})

    def set_dag_run_state(self, dag_id: str, run_id: str, state: str) -> None:
        """Mark a DAG run, as a user does in the UI."""
        self._call("PATCH", f"/api/v2/dags/{dag_id}/dagRuns/{run_id}", {"state": state})

    def clear_task(self, dag_id: str, run_id: str, task_id: str) -> None:
        """Clear a task, so that it runs again."""
        body = {"dry_run": False, "dag_run_id": run_id, "task_ids": [task_id], "only_failed": False}
        self._call("POST", f"/api/v2/dags/{dag_id}/clearTaskInstances", {**body, "reset_dag_runs": True})

    def xcom(self, dag_id: str, run_id: str, task_id: str, key: str = "return_value", map_index: int = -1) -> Any:
        """The value of an XCom; None if there is none."""
        path = f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/xcomEntries/{key}"
        response = self._http.get(path, params={"deserialize": True, "map_index": map_index})
        if response.status_code == httpx.codes.BAD_REQUEST:  # Airflow 3.0 only returns the value as it is
            response = self._http.get(path, params={"map_index": map_index})
        if response.status_code == httpx.codes.NOT_FOUND:
            return None
        return response.raise_for_status().json()["value"]

    def links(self, dag_id: str, run_id: str, task_id: str, map_index: int = -1) -> dict[str, str | None]:
        """The extra links that the UI shows: name → URL, None while there is none."""
        path = f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/links"
        return dict(self._call("GET", path, map_index=map_index)["extra_links"])

    def task_log(self, dag_id: str, run_id: str, task_id: str, attempt: int = 1) -> list[dict[str, Any]]:
        """The entries of an attempt's log: `event`, and for an exception `error_detail`."""
        path = f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/logs/{attempt}"
        entries: list[dict[str, Any]] = self._call("GET", path, full_content=True)["content"]
        return entries

    def task_error(self, dag_id: str, run_id: str, task_id: str, attempt: int = 1) -> str | None:
        """The exception that an attempt failed with, as its log shows it; None if there is none."""
        log = self.task_log(dag_id, run_id, task_id, attempt)
        errors = [entry["error_detail"][0] for entry in log if entry.get("error_detail")]
        return f"{errors[-1]['exc_type']}: {errors[-1]['exc_value']}" if errors else None

    def _object(self, method: str, path: str) -> dict[str, Any]:
        return dict(self._call(method, path))

    def _call(self, method: str, path: str, body: Mapping[str, Any] | None = None, **query: Any) -> Any:
        response = self._http.request(method, path, json=body, params=query)
        return response.raise_for_status().json()


def _name(task_instance: Mapping[str, Any]) -> str:
    index = task_instance["map_index"]
    return task_instance["task_id"] if index < 0 else f"{task_instance['task_id']}[{index}]"
