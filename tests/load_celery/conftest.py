"""A real Airflow as users scale it: Celery with Redis, and two of each service that Airflow allows several of."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from airflow_provider_hex.api.config import HexConfig
from demo.local_airflow import AIRFLOW, LocalAirflow, local_airflow
from demo.ports import Ports
from demo.postgres import postgres
from demo.waiting import wait_for
from hex_emulator.client import Control
from tests.load.conftest import OURS, PROJECTS, WITHIN, emulator, load
from tests.load_celery.redis_server import redis_server

__all__ = ["airflow", "emulator", "load"]  # the fixtures

DAGS = Path(__file__).with_name("dags")
PROJECTS_USED, TASKS_EACH = PROJECTS[:20], 5
TASKS = [
    {"project_id": project, "deferrable": number % TASKS_EACH != turn}
    for turn in range(TASKS_EACH)
    for number, project in enumerate(PROJECTS_USED)
]
"""The arguments of the tasks. One task of each project waits in its worker."""
SPEED = 15
"""The speed of Hex's clock."""
WORKERS = ("worker-1", "worker-2")
MORE_SERVICES = {
    "scheduler-2": ("scheduler",),
    "triggerer-2": ("triggerer", "--skip-serve-logs"),
    **{
        name: ("celery", "worker", "--celery-hostname", name, "--concurrency", "12", "--skip-serve-logs")
        for name in WORKERS
    },
}
SETTINGS = {
    "LOAD_TASKS": json.dumps(TASKS),
    "AIRFLOW__CORE__EXECUTOR": "CeleryExecutor",
    "AIRFLOW__CORE__PARALLELISM": "32",
    # What takes minutes by default takes seconds here, though more than a busy machine delays a heartbeat.
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "30",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "2",
    # A killed worker may have received a task that Airflow still takes for queued.
    "AIRFLOW__SCHEDULER__TASK_QUEUED_TIMEOUT": "120",
    "AIRFLOW__SCHEDULER__TASK_QUEUED_TIMEOUT_CHECK_INTERVAL": "5",
}


@pytest.fixture(scope="session")
def airflow(emulator: Control, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAirflow]:
    folder = tmp_path_factory.mktemp("airflow")
    with (
        postgres(folder / "postgres") as database,
        redis_server(folder / "redis") as broker,
        local_airflow(
            folder / "home", [DAGS], Ports.free(), {**SETTINGS, "AIRFLOW__CELERY__BROKER_URL": broker}, database
        ) as airflow,
    ):
        # The default, but in a minute of Hex's time.
        extra = json.dumps({"requests_per_minute": SPEED * HexConfig.requests_per_minute})
        airflow.api.create_connection("hex_default", "hex", host=emulator.url, password=OURS.token, extra=extra)
        for name, arguments in MORE_SERVICES.items():
            airflow.processes.start(name, (*AIRFLOW, *arguments))
        wait_for("two of each service", lambda: _are_up(airflow) or None, WITHIN, pause=1)
        yield airflow


def _are_up(airflow: LocalAirflow) -> bool:
    airflow.processes.check()
    workers = [f"celery@{name} ready" in airflow.processes.log(name).read_text() for name in WORKERS]
    return all(workers) and all(len(airflow.api.jobs(kind)) == 2 for kind in ("SchedulerJob", "TriggererJob"))
