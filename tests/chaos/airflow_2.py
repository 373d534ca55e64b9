"""A real Airflow 2 in a folder of its own: webserver, scheduler and triggerer. (`demo.local_airflow` is Airflow 3.)"""

import base64
import os
import secrets
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from demo.local_airflow import AIRFLOW, MIGRATION_SECONDS, START_SECONDS
from demo.ports import HOST, Ports
from demo.postgres import postgres
from demo.processes import Processes, clean_environment
from demo.waiting import wait_for

SERVICES = ("webserver", "scheduler", "triggerer")
USER = "admin"
PARSE_SECONDS = 60.0


class AirflowApi2:
    """The few calls of Airflow's REST API (`/api/v1`) that the tests need."""

    def __init__(self, url: str, password: str) -> None:
        # Requests to this machine need no proxy, whatever the environment says.
        self._http = httpx.Client(base_url=url, auth=(USER, password), timeout=30, trust_env=False)

    def is_healthy(self) -> bool:
        try:
            answer = self._http.get("/health")
        except httpx.TransportError:
            return False
        services = ("metadatabase", "scheduler", "triggerer")
        return answer.is_success and all(answer.json()[name]["status"] == "healthy" for name in services)

    def create_connection(self, connection_id: str, conn_type: str, **fields: Any) -> None:
        self._call("POST", "/connections", {"connection_id": connection_id, "conn_type": conn_type, **fields})

    def has_dag(self, dag_id: str) -> bool:
        return self._http.get(f"/api/v1/dags/{dag_id}").is_success

    def import_errors(self) -> list[str]:
        return [error["stack_trace"] for error in self._call("GET", "/importErrors")["import_errors"]]

    def trigger(self, dag_id: str, run_id: str) -> None:
        self._call("POST", f"/dags/{dag_id}/dagRuns", {"dag_run_id": run_id})

    def task(self, dag_id: str, run_id: str, task_id: str) -> dict[str, Any]:
        """`state`, `try_number`, `pid` and the rest."""
        return dict(self._call("GET", f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}"))

    def set_task_state(self, dag_id: str, run_id: str, task_id: str, state: str) -> None:
        path = f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}"
        self._call("PATCH", path, {"dry_run": False, "new_state": state})

    def set_dag_run_state(self, dag_id: str, run_id: str, state: str) -> None:
        self._call("PATCH", f"/dags/{dag_id}/dagRuns/{run_id}", {"state": state})

    def clear_dag_run(self, dag_id: str, run_id: str) -> None:
        """Clear all of its tasks. (`clearTaskInstances` has no effect on a task that is running, in 2.11.2.)"""
        self._call("POST", f"/dags/{dag_id}/dagRuns/{run_id}/clear", {"dry_run": False})

    def xcom(self, dag_id: str, run_id: str, task_id: str, key: str) -> str | None:
        """The XCom's value; None if there is none."""
        path = f"/api/v1/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/xcomEntries/{key}"
        answer = self._http.get(path)
        return None if answer.status_code == httpx.codes.NOT_FOUND else str(answer.raise_for_status().json()["value"])

    def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        return self._http.request(method, f"/api/v1{path}", json=body).raise_for_status().json()


@dataclass(frozen=True)
class LocalAirflow2:
    """An Airflow 2 that is up. `home` is its AIRFLOW_HOME, with all its logs."""

    home: Path
    api: AirflowApi2
    processes: Processes

    def restart(self, service: str) -> None:
        """Stop a service as a deploy does, and start it again."""
        self.processes.stop(service)
        self.processes.start(service, (*AIRFLOW, service))

    def kill(self, service: str) -> None:
        """End a service and its children in an instant, as when their machine fails, and start it again."""
        self.processes.kill(service)
        self.processes.start(service, (*AIRFLOW, service))

    @contextmanager
    def another_triggerer(self) -> Iterator[None]:
        port = f"AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT={Ports.free().trigger_logs}"
        self.processes.start("another-triggerer", ("env", port, *AIRFLOW, "triggerer"))
        try:
            yield
        finally:
            self.processes.stop("another-triggerer")

    @contextmanager
    def frozen(self, service: str) -> Iterator[None]:
        """A service stands still with all its children, as when its machine sleeps."""
        process = self.processes.process(service)
        processes = [process, *process.children(recursive=True)]
        for each in processes:
            each.suspend()
        try:
            yield
        finally:
            for each in processes:
                each.resume()

    def wait_for_dag(self, dag_id: str) -> None:
        """Returns when `dag_id` can be triggered. Raises TimeoutError, with import errors if there are any."""
        try:
            wait_for(f"DAG {dag_id}", lambda: self.api.has_dag(dag_id) or None, PARSE_SECONDS)
        except TimeoutError as error:
            raise TimeoutError("\n".join([str(error), *self.api.import_errors()])) from None


@contextmanager
def local_airflow_2(home: Path, dags: Path, ports: Ports) -> Iterator[LocalAirflow2]:
    """An Airflow with an empty database, up within the `with` block and gone after it. `home` must be new or empty."""
    home, password = home.resolve(), secrets.token_hex(16)
    with ExitStack() as stack:
        database = stack.enter_context(postgres(home / "postgres"))
        processes = stack.enter_context(Processes(home, clean_environment() | settings(home, dags, ports, database)))
        processes.run("db-migrate", (*AIRFLOW, "db", "migrate"), MIGRATION_SECONDS)
        user = {"username": USER, "password": password, "role": "Admin", "email": "a@example.com"}
        options = [f"--{name}={value}" for name, value in (user | {"firstname": "A", "lastname": "A"}).items()]
        processes.run("users-create", (*AIRFLOW, "users", "create", *options), MIGRATION_SECONDS)
        for service in SERVICES:
            processes.start(service, (*AIRFLOW, service))
        api = AirflowApi2(f"http://{HOST}:{ports.airflow}", password)

        def is_up() -> bool | None:
            processes.check()
            return api.is_healthy() or None

        wait_for("Airflow's start", is_up, START_SECONDS)
        yield LocalAirflow2(home, api, processes)


def settings(home: Path, dags: Path, ports: Ports, database: str) -> dict[str, str]:
    """Airflow's configuration as environment variables, with secrets made anew. What takes minutes takes seconds."""
    options: dict[str, dict[str, object]] = {
        "core": {
            "dags_folder": dags.resolve(),
            "load_examples": False,
            "executor": "LocalExecutor",
            "parallelism": 2,
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
            "job_heartbeat_sec": 1,  # a task looks as often whether a user has killed it
            "trigger_timeout_check_interval": 1,
        },
        "triggerer": {"job_heartbeat_sec": 1, "triggerer_health_check_threshold": 10},
        "usage_data_collection": {"enabled": False},
    }
    variables = {
        f"AIRFLOW__{section}__{name}".upper(): str(value)
        for section, section_options in options.items()
        for name, value in section_options.items()
    }
    return {"AIRFLOW_HOME": str(home), **variables}
