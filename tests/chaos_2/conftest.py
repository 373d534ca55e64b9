"""A real Airflow 2 and an emulator for all scenarios of a session, and the words that scenarios are told in."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
from airflow.providers.common.compat.version_compat import AIRFLOW_V_3_0_PLUS

from demo.ports import Ports
from demo.waiting import wait_for
from hex_emulator.client import Control
from hex_emulator.server import running
from hex_emulator.workspace import default_workspace
from tests.chaos_2.airflow_2 import LocalAirflow2, local_airflow_2

collect_ignore_glob = ["test_*.py"] if AIRFLOW_V_3_0_PLUS else []

DAGS = Path(__file__).with_name("dags")
TASK = "run"


@dataclass
class Scenario:
    """A DAG run with one task, whose Hex runs are the only ones, and do not end by themselves for long."""

    airflow: LocalAirflow2
    hex: Control
    name: str
    dag_id: str = ""

    def begin_and_wait(self, dag_id: str) -> str:
        """Begin, and return the Hex run once the task waits for it: in a worker, or deferred."""
        self.dag_id = dag_id
        self.airflow.wait_for_dag(dag_id)
        self.airflow.api.trigger(dag_id, self.name)
        return self.wait_for_a_waiting_task()

    def wait_for_a_waiting_task(self, attempt: int = 1) -> str:
        """Return the Hex run that the task's attempt waits for."""
        state = "deferred" if self.dag_id.startswith("deferred") else "running"

        def waiting() -> str | None:
            task = self.task()
            told = self.airflow.api.xcom(self.dag_id, self.name, TASK, "run_id")
            return told if told and self.looks(told) and _is(task, state, attempt) else None

        return wait_for(f"attempt {attempt} that waits for its run", waiting, seconds=90)

    def mark_failed(self) -> None:
        self.airflow.api.set_task_state(self.dag_id, self.name, TASK, "failed")

    def clear(self) -> None:
        self.airflow.api.clear_dag_run(self.dag_id, self.name)

    def fail_the_dag_run(self) -> None:
        self.airflow.api.set_dag_run_state(self.dag_id, self.name, "failed")

    def kill_the_task_process(self) -> None:
        psutil.Process(self.task()["pid"]).kill()

    def wait_for_another_look(self, run_id: str) -> None:
        looks = self.looks(run_id)
        self.wait("another look at the run", lambda: self.looks(run_id) > looks)

    def ends(self, state: str) -> None:
        """The task ends in this state."""
        self.wait("the task's end", lambda: self.task()["state"] in {"failed", "success"})
        assert self.task()["state"] == state, self.log()

    def has_runs(self, *statuses: str) -> None:
        """The runs have come to these states, in the order of their starts; nothing else was started."""
        try:
            self.wait(f"runs that are {statuses}", lambda: self.statuses() == [*statuses])
        except TimeoutError as error:
            raise AssertionError(f"{error}, but {self.statuses()}\n{self.log()}") from None

    def nothing_was_cancelled(self) -> None:
        assert self.hex.requests("CancelRun") == [], self.log()

    def wait(self, what: str, condition: Callable[[], object]) -> None:
        wait_for(what, lambda: bool(condition()) or None, seconds=90)

    def task(self) -> dict[str, Any]:
        return self.airflow.api.task(self.dag_id, self.name, TASK)

    def statuses(self) -> list[str]:
        return [run["status"] for run in self.hex.runs()]

    def looks(self, run_id: str) -> int:
        by_list = len(self.hex.requests("GetProjectRuns"))
        return by_list + sum(request["path"].endswith(run_id) for request in self.hex.requests("GetRunStatus"))

    def log(self) -> str:
        """All that the task's attempts have logged, in workers and in the triggerer."""
        folder = self.airflow.home / "logs" / f"dag_id={self.dag_id}" / f"run_id={self.name}" / f"task_id={TASK}"
        return "\n".join(path.read_text() for path in sorted(folder.glob("attempt=*.log*")))


def _is(task: dict[str, Any], state: str, attempt: int) -> bool:
    return task["state"] == state and task["try_number"] == attempt


@pytest.fixture(scope="session")
def emulator() -> Iterator[Control]:
    with running() as control:
        yield control


@pytest.fixture(scope="session")
def airflow(emulator: Control, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAirflow2]:
    home = tmp_path_factory.mktemp("airflow") / "home"
    with local_airflow_2(home, DAGS, Ports.free()) as airflow:
        token = default_workspace().token("full")
        airflow.api.create_connection("hex_default", "hex", host=emulator.url, password=token)
        yield airflow


@pytest.fixture
def scenario(airflow: LocalAirflow2, emulator: Control, request: pytest.FixtureRequest) -> Scenario:
    emulator.reset()
    emulator.no_limits()
    emulator.next_run(pending=0, running=600, times=10)
    return Scenario(airflow, emulator, name=re.sub(r"\W+", "-", request.node.name))
