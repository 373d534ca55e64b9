"""An Airflow 2.11 as `demo.local_airflow.LocalAirflow`: its services, its settings and its REST API (`/api/v1`)."""

import base64
import os
import secrets
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from demo.airflow_api import AirflowApi
from demo.local_airflow import MIGRATION_SECONDS, START_SECONDS, LocalAirflow
from demo.ports import HOST, Ports
from demo.processes import Processes, clean_environment
from demo.waiting import wait_for

SERVICES = ("webserver", "scheduler", "triggerer")
USER = "admin"


class AirflowApi2(AirflowApi):
    """The calls that differ from Airflow 3's."""

    def __init__(self, url: str, password: str) -> None:
        super().__init__(url)
        self.password = password
        self._http.auth = (USER, password)
        self._http.event_hooks["request"] = [_use_version_1]

    def is_healthy(self) -> bool:
        try:
            response = self._http.get("/health")
        except httpx.TransportError:
            return False
        services = ("metadatabase", "scheduler", "triggerer")
        return response.is_success and all(response.json()[name]["status"] == "healthy" for name in services)

    def log_in(self) -> None:
        """Nothing to do: each request has the password."""

    def trigger(self, dag_id: str, run_id: str, conf: Mapping[str, Any] | None = None) -> None:
        self._call("POST", f"/api/v1/dags/{dag_id}/dagRuns", {"dag_run_id": run_id, "conf": dict(conf or {})})

    def set_task_state(self, dag_id: str, run_id: str, task_id: str, state: str) -> None:
        path = f"/api/v1/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}"
        self._call("PATCH", path, {"dry_run": False, "new_state": state})

    def clear_task(self, dag_id: str, run_id: str, task_id: str) -> None:
        """Clear the DAG run, and so its only task: `clearTaskInstances` does not clear a running one, in 2.11.2."""
        self._call("POST", f"/api/v1/dags/{dag_id}/dagRuns/{run_id}/clear", {"dry_run": False})

    def links(self, dag_id: str, run_id: str, task_id: str, map_index: int = -1) -> dict[str, str | None]:
        path = f"/api/v1/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/links"
        return dict(self._call("GET", path, map_index=map_index))

    def xcom(self, dag_id: str, run_id: str, task_id: str, key: str = "return_value", map_index: int = -1) -> Any:
        path = f"/api/v1/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/xcomEntries/{key}"
        response = self._http.get(path, params={"stringify": False, "map_index": map_index})
        if response.status_code == httpx.codes.NOT_FOUND:
            return None
        return response.raise_for_status().json()["value"]


def _use_version_1(request: httpx.Request) -> None:
    request.url = request.url.copy_with(raw_path=request.url.raw_path.replace(b"/api/v2/", b"/api/v1/", 1))


@contextmanager
def local_airflow_2(
    home: Path,
    dags: Path,
    ports: Ports,
    database: str,
    environment: Mapping[str, str] | None = None,
    python: str = sys.executable,
) -> Iterator[LocalAirflow]:
    """An Airflow with an empty database, up within the `with` block and gone after it. `home` must be new or empty.

    `environment`: more variables for its services. `python`: the Python that has it.
    """
    home, password, url = home.resolve(), secrets.token_hex(16), f"http://{HOST}:{ports.airflow}"
    airflow = (python, "-m", "airflow")
    variables = clean_environment() | settings(home, dags, ports, database) | dict(environment or {})
    with Processes(home, variables) as processes:
        processes.run("db-migrate", (*airflow, "db", "migrate"), MIGRATION_SECONDS)
        user = {"username": USER, "password": password, "role": "Admin", "email": "a@example.com"}
        options = [f"--{name}={value}" for name, value in (user | {"firstname": "A", "lastname": "A"}).items()]
        processes.run("users-create", (*airflow, "users", "create", *options), MIGRATION_SECONDS)
        for service in SERVICES:
            processes.start(service, (*airflow, service))
        api = AirflowApi2(url, password)

        def is_up() -> bool | None:
            processes.check()
            return api.is_healthy() or None

        wait_for("Airflow's start", is_up, START_SECONDS)
        yield LocalAirflow(home, url, api, processes)


def settings(home: Path, dags: Path, ports: Ports, database: str) -> dict[str, str]:
    """Airflow's configuration as environment variables. What takes minutes by default takes seconds."""
    options: dict[str, dict[str, object]] = {
        "core": {
            "dags_folder": dags.resolve(),
            "load_examples": False,
            "executor": "LocalExecutor",
            "parallelism": 4,
            "dags_are_paused_at_creation": False,
            "fernet_key": base64.urlsafe_b64encode(os.urandom(32)).decode(),
        },
        "api": {"auth_backends": "airflow.providers.fab.auth_manager.api.auth.backend.basic_auth"},
        "webserver": {
            "web_server_host": HOST,
            "web_server_port": ports.airflow,
            "workers": 1,
            "secret_key": secrets.token_hex(32),
        },
        "database": {"sql_alchemy_conn": database},
        "logging": {
            "worker_log_server_port": ports.worker_logs,
            "trigger_log_server_port": ports.trigger_logs,
        },
        "scheduler": {
            "scheduler_idle_sleep_time": 0.2,
            "min_file_process_interval": 30,
            "job_heartbeat_sec": 1,  # how often a task checks whether a user has killed it
            "trigger_timeout_check_interval": 1,
        },
        "triggerer": {"job_heartbeat_sec": 1, "triggerer_health_check_threshold": 20},
        "usage_data_collection": {"enabled": False},
    }
    variables = {
        f"AIRFLOW__{section}__{name}".upper(): str(value)
        for section, section_options in options.items()
        for name, value in section_options.items()
    }
    return {"AIRFLOW_HOME": str(home), **variables}
