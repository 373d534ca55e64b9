"""What becomes of a Hex run when a user, or a deploy, gets in the way of the task that waits for it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psutil
import pytest

from demo.local_airflow import AIRFLOW, LocalAirflow
from demo.ports import Ports
from demo.waiting import wait_for
from hex_emulator.client import Control

pytestmark = pytest.mark.system

WORKER, TRIGGERER = "hex_in_worker", "hex_in_triggerer"
TASK = "run"


@dataclass
class Waiting:
    """A task that waits for its Hex run, which will not end by itself for long."""

    airflow: LocalAirflow
    emulator: Control
    dag_id: str
    run_id: str
    hex_run_id: str = ""

    def begin(self) -> None:
        self.emulator.next_run(pending=0, running=600)
        known = {run["runId"] for run in self.emulator.runs()}
        self.airflow.wait_for_dag(self.dag_id)
        self.airflow.api.trigger(self.dag_id, self.run_id)
        state = "deferred" if self.dag_id == TRIGGERER else "running"

        def new_run() -> str | None:
            new = [run["runId"] for run in self.emulator.runs() if run["runId"] not in known]
            return new[0] if new and new[0] == self.told and self.looks(new[0]) and self.state == state else None

        self.hex_run_id = wait_for("a task that waits for its Hex run", new_run, seconds=60)

    @property
    def told(self) -> str | None:
        told: str | None = self.airflow.api.xcom(self.dag_id, self.run_id, TASK, "run_id")
        return told

    @property
    def state(self) -> str | None:
        return self.airflow.api.task_states(self.dag_id, self.run_id).get(TASK)

    def status(self, hex_run_id: str) -> str:
        (status,) = [run["status"] for run in self.emulator.runs() if run["runId"] == hex_run_id]
        return str(status)

    def looks(self, hex_run_id: str) -> int:
        return sum(request["path"].endswith(hex_run_id) for request in self.emulator.requests("GetRunStatus"))

    def cancels(self, hex_run_id: str) -> int:
        return sum(request["path"].endswith(hex_run_id) for request in self.emulator.requests("CancelRun"))

    def trigger_log(self) -> str:
        """What the triggerers wrote of this task."""
        folder = self.airflow.home / "logs" / f"dag_id={self.dag_id}" / f"run_id={self.run_id}" / f"task_id={TASK}"
        return "".join(path.read_text() for path in folder.glob("*.trigger.*.log"))

    def wait_until(self, what: str, condition: Callable[[], bool]) -> None:
        wait_for(what, lambda: condition() or None, seconds=60)


@pytest.fixture
def waiting(airflow: LocalAirflow, emulator: Control, request: pytest.FixtureRequest) -> Waiting:
    task = Waiting(airflow, emulator, dag_id=request.param, run_id=request.node.originalname)
    task.begin()
    return task


@pytest.mark.parametrize("waiting", [WORKER, TRIGGERER], indirect=True)
def test_a_task_that_is_marked_failed_cancels_its_run(waiting: Waiting) -> None:
    waiting.airflow.api.set_task_state(waiting.dag_id, waiting.run_id, TASK, "failed")
    waiting.wait_until("the cancel", lambda: waiting.status(waiting.hex_run_id) == "KILLED")
    assert waiting.state == "failed"
    assert waiting.cancels(waiting.hex_run_id) == 1


@pytest.mark.parametrize("waiting", [TRIGGERER], indirect=True)
def test_a_dag_run_that_is_marked_failed_cancels_its_tasks_run(waiting: Waiting) -> None:
    waiting.airflow.api.set_dag_run_state(waiting.dag_id, waiting.run_id, "failed")
    waiting.wait_until("the cancel", lambda: waiting.status(waiting.hex_run_id) == "KILLED")


@pytest.mark.parametrize("waiting", [TRIGGERER], indirect=True)
def test_a_task_that_is_cleared_cancels_its_run_and_starts_another(waiting: Waiting) -> None:
    waiting.emulator.next_run(pending=0, running=15)
    waiting.airflow.api.clear_task(waiting.dag_id, waiting.run_id, TASK)
    waiting.wait_until("the cancel", lambda: waiting.status(waiting.hex_run_id) == "KILLED")
    waiting.wait_until("the end of the second attempt", lambda: waiting.state == "success")
    assert waiting.told not in (None, waiting.hex_run_id)
    assert waiting.status(str(waiting.told)) == "COMPLETED"
    assert waiting.cancels(str(waiting.told)) == 0


@pytest.mark.parametrize("waiting", [TRIGGERER], indirect=True)
def test_a_triggerer_that_is_restarted_goes_on_watching(waiting: Waiting) -> None:
    waiting.airflow.restart("triggerer")
    looks = waiting.looks(waiting.hex_run_id)
    waiting.wait_until("a look by the new triggerer", lambda: waiting.looks(waiting.hex_run_id) > looks)
    waiting.emulator.set_status(waiting.hex_run_id, "COMPLETED")
    waiting.wait_until("the task's end", lambda: waiting.state == "success")
    assert waiting.cancels(waiting.hex_run_id) == 0


@contextmanager
def frozen(service: psutil.Process) -> Iterator[None]:
    """A service that stands still with all its children, as when its machine sleeps."""
    processes = [service, *service.children(recursive=True)]
    for process in processes:
        process.suspend()
    try:
        yield
    finally:
        for process in processes:
            process.resume()


@pytest.mark.parametrize("waiting", [TRIGGERER], indirect=True)
def test_a_triggerer_that_wakes_up_after_another_took_over_cancels_nothing(waiting: Waiting) -> None:
    airflow = waiting.airflow
    log_port = f"AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT={Ports.free().trigger_logs}"
    airflow.processes.start("triggerer-2", ("env", log_port, *AIRFLOW, "triggerer"))
    try:
        with frozen(airflow.processes.process("triggerer")):
            looks = waiting.looks(waiting.hex_run_id)
            waiting.wait_until("a look by the other", lambda: waiting.looks(waiting.hex_run_id) > looks)
        waiting.wait_until("the sleeper's on_kill", lambda: "on_kill" in waiting.trigger_log())
        waiting.emulator.set_status(waiting.hex_run_id, "COMPLETED")
        waiting.wait_until("the task's end", lambda: waiting.state == "success")
        assert waiting.cancels(waiting.hex_run_id) == 0
    finally:
        airflow.processes.stop("triggerer-2")
