"""What can happen to a task and its Hex run: one class for every Airflow."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from airflow_provider_hex.airflow_compat import AIRFLOW_V_3_0_PLUS, AIRFLOW_V_3_3_PLUS
from demo.local_airflow import LocalAirflow
from demo.waiting import wait_for
from hex_emulator.client import Control
from tests.load.outcome import ENDED, in_flight, most_at_once

TASK = "run"
OVER = {"success", "failed", "skipped", "upstream_failed"}
WITHIN = 240.0
"""Seconds that anything may take on a slow and busy machine."""

both_modes = pytest.mark.parametrize("dag_id", ["worker", "deferred"])
needs_record = pytest.mark.skipif(not AIRFLOW_V_3_3_PLUS, reason="before Airflow 3.3 a retry has no record of the run")
before_records = pytest.mark.skipif(AIRFLOW_V_3_3_PLUS, reason="from Airflow 3.3 on a retry has a record of the run")


@dataclass
class Scenario:
    """A DAG run with one task, which starts runs of a Hex project that no other task uses."""

    airflow: LocalAirflow
    hex: Control
    project: str
    name: str
    dag_id: str = ""
    left_running: int = 0
    most_runs_at_once: int = 1
    marked_success: bool = False

    # Given

    def each_run_takes(self, seconds: float) -> None:
        self.hex.next_run(self.project, pending=0, running=seconds, times=100)

    def fault(self, call: str = "*", **fault: Any) -> None:
        """Make the emulator's next calls for this project fail, see `Control.fault`."""
        self.hex.fault(call, project_id=self.project, **fault)

    def create_connection(self, **extra: Any) -> str:
        """Return the id of a connection that no other task uses."""
        default = self.airflow.api.connection("hex_default")
        extra = {**json.loads(default["extra"]), **extra}
        self.airflow.api.create_connection(
            self.name, "hex", host=default["host"], password=self.token("old"), extra=json.dumps(extra)
        )
        return self.name

    def token(self, name: str) -> str:
        return self.hex.workspace().token(name)

    def start(self, dag_id: str, *, connection: str = "hex_default", held: bool = False) -> None:
        if held:
            self.hold()
        self.airflow.wait_for_dag(dag_id)
        self.airflow.api.trigger(dag_id, self.name, {"project_id": self.project, "connection": connection})
        self.dag_id = dag_id

    def start_and_wait(self, dag_id: str, *, connection: str = "hex_default") -> str:
        """Start the DAG run, and return the Hex run that its task waits for: in a worker, or deferred."""
        self.start(dag_id, connection=connection)
        return self.wait_until_waiting()

    def start_during_start_request(self, dag_id: str) -> None:
        """Start the DAG run, and return while Hex is slow to respond to the task's RunProject."""
        self.each_run_takes(600)
        self.fault("RunProject", delay=3)
        self.start(dag_id)
        self.wait_until("a start request", lambda: self.requests("RunProject"))

    # When

    def hold(self) -> None:
        """Stop the task before it begins, or resumes after a deferral."""
        self._hold.touch()

    def unhold(self) -> None:
        self._hold.unlink(missing_ok=True)
        self._reached.unlink(missing_ok=True)

    def wait_until_held(self) -> None:
        self.wait_until("a task that is held", self._reached.exists)

    def kill_task_process(self) -> None:
        process = self.task_process()
        process.kill()
        psutil.wait_procs([process], timeout=WITHIN)

    def kill_worker(self) -> None:
        """Kill the task's process and its supervisor, so that nothing reports how the task ended."""
        process = self.task_process()
        supervisor = process.parent()
        assert supervisor is not None
        supervisor.kill()
        process.kill()
        psutil.wait_procs([supervisor, process], timeout=WITHIN)

    def task_process(self) -> psutil.Process:
        """The process that runs the task, below its supervisor."""
        pid = wait_for(f"{self.name}: a process of the task", lambda: self.task()["pid"], WITHIN)
        return psutil.Process(pid)

    def kill_waiting_mapped_tasks(self, count: int) -> None:
        """Kill the processes of `count` mapped tasks, each when its task has published its run."""
        killed: set[int] = set()

        def kill_more() -> bool:
            for task in self.airflow.api.task_instances(self.dag_id, self.name):
                index = task["map_index"]
                new = index not in killed and len(killed) < count
                if new and task["state"] == "running" and self.published_run(index):
                    psutil.Process(task["pid"]).kill()
                    killed.add(index)
            return len(killed) == count

        self.wait_until(f"{count} waiting tasks to kill", kill_more)

    def replace_token(self, connection_id: str) -> None:
        self.airflow.api.change_connection(connection_id, "password", self.token("new"))

    def mark(self, state: str) -> None:
        self.marked_success = state == "success"
        self.airflow.api.set_task_state(self.dag_id, self.name, TASK, state)

    def clear(self) -> None:
        self.airflow.api.clear_task(self.dag_id, self.name, TASK)

    def fail_dag_run(self) -> None:
        self.airflow.api.set_dag_run_state(self.dag_id, self.name, "failed")

    def complete(self, run_id: str, status: str = "COMPLETED") -> None:
        self.hex.set_status(run_id, status)

    # Then

    def wait_until(self, what: str, condition: Callable[[], object], seconds: float = WITHIN) -> None:
        wait_for(f"{self.name}: {what}", lambda: bool(condition()) or None, seconds, pause=0.1)

    def wait_until_waiting(self, attempt: int = 1) -> str:
        """Return the Hex run that this attempt of the task waits for."""
        state = "deferred" if self.dag_id.startswith("deferred") else "running"

        def waiting() -> str | None:
            task, run_id = self.task(), self.published_run()
            running = {run["runId"] for run in self.runs() if run["status"] not in ENDED}
            if run_id is None or run_id not in running or not self.polls(run_id):
                return None
            return run_id if (task["state"], task["try_number"]) == (state, attempt) else None

        return wait_for(f"{self.name}: attempt {attempt} that waits for its run", waiting, WITHIN)

    def wait_for_polls(self, run_id: str, count: int = 1) -> None:
        """Wait until so many more status requests have asked for the run."""
        polls = self.polls(run_id)
        self.wait_until(f"{count} more polls", lambda: self.polls(run_id) >= polls + count)

    def assert_task_ends(self, state: str) -> None:
        self.wait_until("the task's end", lambda: self.task()["state"] in OVER)
        assert self.task()["state"] == state, self.log()

    def assert_runs(self, *statuses: str) -> None:
        """The project has these runs and no others, in the order of their starts."""
        try:
            self.wait_until(f"runs that are {statuses}", lambda: self.statuses() == [*statuses])
        except TimeoutError as error:
            raise AssertionError(f"{error}, but {self.statuses()}\n{self.log()}") from None

    def assert_completed_by_one_run(self) -> None:
        self.assert_task_ends("success")
        self.assert_runs("COMPLETED")

    def assert_nothing_cancelled(self) -> None:
        assert self.requests("CancelRun") == [], self.log()

    # What there is to see

    def task(self) -> dict[str, Any]:
        """`state`, `try_number`, `pid` and the rest."""
        return self.airflow.api.task_instance(self.dag_id, self.name, TASK)

    def states(self) -> list[str]:
        return [str(state) for state in self.airflow.api.task_states(self.dag_id, self.name).values()]

    def dag_run_is_over(self) -> bool:
        return self.airflow.api.dag_run(self.dag_id, self.name)["state"] in OVER

    def published_run(self, map_index: int = -1) -> str | None:
        """The run id in the task's XCom."""
        run_id: str | None = self.airflow.api.xcom(self.dag_id, self.name, TASK, "run_id", map_index)
        return run_id

    def runs(self) -> list[dict[str, Any]]:
        return [run for run in self.hex.runs() if run["projectId"] == self.project]

    def statuses(self) -> list[str]:
        return [run["status"] for run in self.runs()]

    def requests(self, call: str) -> list[dict[str, Any]]:
        return [request for request in self.hex.requests(call) if self.project in request["path"]]

    def polls(self, run_id: str) -> int:
        """How many status requests have asked for the run, alone or in its project's list."""
        alone = [request for request in self.requests("GetRunStatus") if request["path"].endswith(run_id)]
        return len(self.requests("GetProjectRuns")) + len(alone)

    def log(self, attempt: int | None = None) -> str:
        """All that the task's attempts, or one of them, have logged in workers and in the triggerer."""
        files = sorted(self._logs.glob(f"attempt={attempt or '*'}.log*"))
        return "\n".join(path.read_text() for path in files)

    def worker_log(self, attempt: int) -> str:
        """What the processes of an attempt have logged in workers."""
        path = self._logs / f"attempt={attempt}.log"
        return path.read_text() if path.exists() else ""

    def error(self) -> str:
        """The messages of all errors in the log; Airflow 2 does not mark them there, so it is all of the log."""
        if not AIRFLOW_V_3_0_PLUS:
            return self.log()
        entries = [json.loads(line) for line in self.log().splitlines() if line.startswith("{")]
        details = [detail for entry in entries for detail in entry.get("error_detail") or []]
        return "\n".join(f"{detail['exc_type']}: {detail['exc_value']}" for detail in details)

    # The end

    def check_end(self) -> None:
        """Check what holds at the end of every scenario."""
        self.wait_for_all_tasks()
        self.wait_until(f"{self.left_running} runs left running", lambda: self._running() == self.left_running)
        assert most_at_once(in_flight(run) for run in self.runs()) <= self.most_runs_at_once
        assert self._succeeded_without_completed() == 0

    def wait_for_all_tasks(self) -> None:
        self.wait_until("the end of all tasks", lambda: set(self.states()) <= OVER, 2 * WITHIN)

    def summary(self) -> str:
        """A row of the table that is printed at the end."""
        attempts = self.task()["try_number"] if self.dag_id != "mapped" else "-"
        runs, running = len(self.runs()), self._running()
        state = "/".join(sorted(set(self.states())))
        return f"| {self.name} | {attempts} | {runs} | {running} | {state} | {self._succeeded_without_completed()} |"

    def _running(self) -> int:
        return sum(status not in ENDED for status in self.statuses())

    def _succeeded_without_completed(self) -> int:
        """How many tasks succeeded and returned a run that has not completed, although they waited for it."""
        if self.marked_success or self.dag_id == "start_only":
            return 0
        completed = {run["runId"] for run in self.runs() if run["status"] == "COMPLETED"}
        tasks = self.airflow.api.task_instances(self.dag_id, self.name)
        green = [task["map_index"] for task in tasks if task["state"] == "success"]
        returned = [self.airflow.api.xcom(self.dag_id, self.name, TASK, map_index=index) for index in green]
        return sum(run["status"] != "COMPLETED" or run["runId"] not in completed for run in returned)

    @property
    def _hold(self) -> Path:
        return self.airflow.home / "holds" / self.name

    @property
    def _reached(self) -> Path:
        return self._hold.with_suffix(".reached")

    @property
    def _logs(self) -> Path:
        return self.airflow.home / "logs" / f"dag_id={self.dag_id}" / f"run_id={self.name}" / f"task_id={TASK}"
