"""A real Airflow 3 in a folder: API server, scheduler, DAG processor and triggerer."""

import base64
import json
import os
import secrets
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from demo.airflow_api import AirflowApi
from demo.ports import HOST, Ports
from demo.processes import Processes, clean_environment
from demo.waiting import wait_for

AIRFLOW = (sys.executable, "-m", "airflow")
SERVICES = ("api-server", "scheduler", "dag-processor", "triggerer")
# Generous, since they matter only when something is broken.
MIGRATION_SECONDS = 300.0
START_SECONDS = 300.0
PARSE_SECONDS = 300.0


@dataclass(frozen=True)
class LocalAirflow:
    """An Airflow that is running, with the client logged in. `home` is its AIRFLOW_HOME, with all its logs."""

    home: Path
    url: str
    api: AirflowApi
    processes: Processes

    def restart(self, service: str) -> None:
        """Stop a service with SIGTERM, as a deployment does, and start it again."""
        self.processes.stop(service)
        self.processes.start(service, (*AIRFLOW, service))

    def kill(self, service: str) -> None:
        """Kill a service and its children, as when their machine fails, and start it again."""
        self.processes.kill(service)
        self.processes.start(service, (*AIRFLOW, service))

    def kill_alone(self, service: str) -> None:
        """Kill a service's main process only, so that its children keep running, and start it again."""
        self.processes.kill(service, with_children=False)
        self.processes.start(service, (*AIRFLOW, service))

    def wait_for_dag(self, dag_id: str) -> None:
        """Wait until `dag_id` can be triggered. Raises TimeoutError, with import errors if there are any."""
        try:
            wait_for(f"DAG {dag_id}", lambda: self.api.has_dag(dag_id) or None, PARSE_SECONDS)
        except TimeoutError as error:
            raise TimeoutError("\n".join([str(error), *self.api.import_errors()])) from None


@contextmanager
def local_airflow(
    home: Path,
    dag_folders: Iterable[Path],
    ports: Ports,
    environment: Mapping[str, str] | None = None,
    database: str | None = None,
) -> Iterator[LocalAirflow]:
    """An Airflow that is up within the `with` block, and stopped after it.

    `home` must be new or empty. `environment`: more variables for its services, and so for its tasks. `database`: the
    SQLAlchemy URL of an empty database, by default SQLite in `home`.

    Raises ProcessFailedError if a service ends early, TimeoutError if one takes too long.
    """
    home = home.resolve()
    url = f"http://{HOST}:{ports.airflow}"
    with ExitStack() as stack:
        database = database or sqlite(home)
        variables = clean_environment() | settings(home, dag_folders, ports, database) | dict(environment or {})
        processes = stack.enter_context(Processes(home, variables))
        processes.run("db-migrate", (*AIRFLOW, "db", "migrate"), MIGRATION_SECONDS)
        for service in SERVICES:
            processes.start(service, (*AIRFLOW, service))
        api = AirflowApi(url)
        wait_for("Airflow's start", lambda: _is_up(processes, api), START_SECONDS)
        api.warm_up()
        api.log_in()
        yield LocalAirflow(home, url, api, processes)


def _is_up(processes: Processes, api: AirflowApi) -> bool | None:
    processes.check()
    return api.is_healthy() or None


def sqlite(home: Path) -> str:
    """The URL of an SQLite database in `home`. A write waits up to 60 s for others' (5 s by default), then fails."""
    return f"sqlite:///{home / 'airflow.db'}?timeout=60"


def settings(home: Path, dag_folders: Iterable[Path], ports: Ports, database: str) -> dict[str, str]:
    """Airflow's configuration as environment variables, with new secrets. `database` is its URL for SQLAlchemy."""
    api = f"http://{HOST}:{ports.airflow}"
    bundles = [
        {
            "name": f"local-{folder.parent.name}-{folder.name}",
            "classpath": "airflow.dag_processing.bundles.local.LocalDagBundle",
            "kwargs": {"path": str(folder.resolve()), "refresh_interval": 5},
        }
        for folder in dag_folders
    ]
    options: dict[str, dict[str, object]] = {
        "core": {
            "load_examples": False,
            "executor": "LocalExecutor",
            "parallelism": 4,
            "test_connection": "Enabled",
            "dags_are_paused_at_creation": False,
            "simple_auth_manager_all_admins": True,
            "execution_api_server_url": f"{api}/execution/",
            "fernet_key": base64.urlsafe_b64encode(os.urandom(32)).decode(),
        },
        "api": {
            "host": HOST,
            "port": ports.airflow,
            "base_url": api,
            "workers": 1,
            "secret_key": secrets.token_hex(32),
        },
        "database": {"sql_alchemy_conn": database},
        "api_auth": {"jwt_secret": secrets.token_hex(64)},
        "logging": {
            "worker_log_server_port": ports.worker_logs,
            "trigger_log_server_port": ports.trigger_logs,
        },
        "dag_processor": {
            "dag_bundle_config_list": json.dumps(bundles),
            "parsing_processes": 1,
            "refresh_interval": 5,
            "min_file_process_interval": 30,
        },
        # A worker that misses its task's exit notices it at the next heartbeat, by default up to 5 s later. If the task
        # is running again by then, the scheduler takes the exit of the deferred process for a failure.
        # On a busy machine, the API server takes longer than 5 s, the default.
        "workers": {"min_heartbeat_interval": 1, "execution_api_timeout": 60},
        "scheduler": {"scheduler_idle_sleep_time": 0.2, "trigger_timeout_check_interval": 2},
        "usage_data_collection": {"enabled": False},
    }
    variables = {
        f"AIRFLOW__{section}__{name}".upper(): str(value)
        for section, section_options in options.items()
        for name, value in section_options.items()
    }
    return {"AIRFLOW_HOME": str(home), **variables}
