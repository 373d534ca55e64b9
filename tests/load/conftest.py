"""A real Airflow with PostgreSQL, an emulator with Hex's limits and a hundred projects, and DAGs of many tasks."""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pytest

from airflow_provider_hex.api.config import HexConfig
from demo.local_airflow import LocalAirflow, local_airflow
from demo.ports import Ports
from demo.postgres import postgres
from demo.waiting import wait_for
from hex_emulator.client import Control
from hex_emulator.server import running
from hex_emulator.workspace import Project, Token, Workspace
from tests.load.outcome import ENDED, LoadOutcome

DAGS = Path(__file__).with_name("dags")
TASK = "run"
OWNER = "ada@example.com"
OURS, OTHERS = (Token(name=name, token=f"hxtw_{name}", owner=OWNER, scopes=("read", "run")) for name in ("a1", "b2"))
PROJECTS = [f"{number:08x}-0000-4000-8000-000000000000" for number in range(100)]
OTHERS_PROJECT = "ffffffff-0000-4000-8000-000000000000"
WITHIN = 1200.0
"""Seconds that anything may take on a slow and busy machine."""
A_DAY = 24 * 60 * 60.0
FINISHED = {"success", "failed", "upstream_failed", "skipped", "removed"}


@pytest.fixture(scope="session")
def emulator() -> Iterator[Control]:
    projects = [Project(id=project, title=project[:8], version=1) for project in [*PROJECTS, OTHERS_PROJECT]]
    with running(Workspace(projects=tuple(projects), tokens=(OURS, OTHERS))) as control:
        yield control


@pytest.fixture(scope="session")
def airflow(emulator: Control, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAirflow]:
    """An Airflow that runs 32 tasks at once, as by default."""
    folder = tmp_path_factory.mktemp("airflow")
    variables = {
        "LOAD_PROJECTS": ",".join(PROJECTS),
        "AIRFLOW__CORE__PARALLELISM": "32",
        "AIRFLOW__WORKERS__EXECUTION_API_TIMEOUT": "60",  # after 5 s, the default, a busy machine fails tasks by itself
    }
    with (
        postgres(folder / "postgres") as database,
        local_airflow(folder / "home", [DAGS], Ports.free(), variables, database) as airflow,
    ):
        airflow.api.create_connection("hex_default", "hex", host=emulator.url, password=OURS.token)
        yield airflow


@dataclass
class Load:
    """One run of one of the DAGs in `dags/`."""

    airflow: LocalAirflow
    hex: Control
    run_id: str
    dag_id: str = ""

    def start(self, dag_id: str, *, running: float = A_DAY, speed: float = 1) -> None:
        """Start the DAG. `speed` is that of Hex's clock, `running` the seconds that each run takes by it.

        By default they go on until `complete_runs`, so that the machine's speed makes no difference. The connection
        allows the default number of requests in a minute by Hex's clock.
        """
        self.hex.clock(speed=speed)
        extra = json.dumps({"requests_per_minute": round(speed * HexConfig.requests_per_minute)})
        self.airflow.api.change_connection("hex_default", "extra", extra)
        for project in PROJECTS:
            self.hex.next_run(project, pending=0, running=running, times=len(PROJECTS))
        self.airflow.wait_for_dag(dag_id)
        self.airflow.api.trigger(dag_id, self.run_id)
        self.dag_id = dag_id

    def complete_runs(self, count: int, after: float = 0) -> None:
        """Wait until `count` runs are in flight, and so many more seconds by Hex's clock. Then complete them all."""
        wait_for(f"{count} runs in flight", lambda: len(self._in_flight()) == count or None, WITHIN, pause=1)
        end = self._hex_time() + after
        wait_for(f"{after} s by Hex's clock", lambda: self._hex_time() >= end or None, WITHIN, pause=1)
        for run_id in self._in_flight():
            self.hex.set_status(run_id, "COMPLETED")

    def _in_flight(self) -> list[str]:
        return [run["runId"] for run in self.hex.runs() if run["status"] not in ENDED]

    def _hex_time(self) -> float:
        return datetime.fromisoformat(self.hex.health()["now"]).timestamp()

    def states(self) -> Counter[str | None]:
        return Counter(self.airflow.api.task_states(self.dag_id, self.run_id).values())

    def wait_for_states(self, what: str, states: set[str]) -> None:
        """Wait until all tasks are in one of `states`."""

        def reached() -> bool | None:
            self.airflow.processes.check()
            return self.states().keys() <= states or None

        wait_for(what, reached, WITHIN, pause=1)

    def finish(self) -> LoadOutcome:
        """Wait for the end of all tasks. If they do not all end in time, the outcome shows it."""
        try:
            self.wait_for_states("the end of all tasks", FINISHED)
        except TimeoutError as error:
            print(error)
        requests = [request for request in self.hex.requests() if request["token"] == OURS.name]
        outcome = LoadOutcome(self.states(), self._worker_processes(), requests, self.hex.runs())
        print(f"\n{self.run_id}: {outcome}")
        return outcome

    def stop(self) -> None:
        """Fail what is still running, so that it does not disturb the next test."""
        if self.dag_id and self.airflow.api.dag_run(self.dag_id, self.run_id)["state"] in ("queued", "running"):
            self.airflow.api.set_dag_run_state(self.dag_id, self.run_id, "failed")
            self.wait_for_states("the end of the failed DAG run", FINISHED)

    def _worker_processes(self) -> int:
        """How often a worker ran one of the tasks, by their logs."""
        folder = self.airflow.home / "logs" / f"dag_id={self.dag_id}" / f"run_id={self.run_id}" / f"task_id={TASK}"
        logs = [path for path in folder.rglob("attempt=*.log") if ".trigger." not in path.name]
        return sum(path.read_text().count('"::group::Pre Execute"') for path in logs)


@pytest.fixture
def load(airflow: LocalAirflow, emulator: Control, request: pytest.FixtureRequest) -> Iterator[Load]:
    emulator.reset()
    load = Load(airflow, emulator, run_id=request.node.name)
    yield load
    load.stop()
