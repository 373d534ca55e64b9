"""What can happen to a task and its run, in words that scenarios are told in."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from demo.local_airflow import LocalAirflow
from demo.waiting import wait_for
from hex_emulator.client import Control
from tests.load.outcome import ENDED, in_flight, most_at_once

TASK = "run"
OVER = {"success", "failed", "skipped", "upstream_failed"}


@dataclass
class Scenario:
    """A DAG run with one task, which starts runs of a Hex project that nobody else uses."""

    airflow: LocalAirflow
    hex: Control
    project: str
    name: str
    dag_id: str = ""
    leaves_on_purpose: int = 0
    at_once: int = 1
    green_by_hand: bool = False

    # Given

    def each_run_takes(self, seconds: float) -> None:
        self.hex.next_run(self.project, pending=0, running=seconds, times=100)

    def hex_does_wrong(self, call: str = "*", **fault: Any) -> None:
        self.hex.fault(call, project_id=self.project, **fault)

    def begin(self, dag_id: str, *, held: bool = False, **conf: str) -> None:
        if held:
            self.hold()
        self.airflow.wait_for_dag(dag_id)
        self.airflow.api.trigger(dag_id, self.name, {"project_id": self.project, **conf})
        self.dag_id = dag_id

    def begin_and_wait(self, dag_id: str, **conf: str) -> str:
        """Begin, and return the Hex run once its task waits for it: in a worker, or deferred."""
        self.begin(dag_id, **conf)
        return self.wait_for_a_waiting_task()

    # When

    def hold(self) -> None:
        """The task is stopped before it begins, or goes on after a deferral."""
        self._hold.touch()

    def let_go(self) -> None:
        self._hold.unlink(missing_ok=True)
        self._reached.unlink(missing_ok=True)

    @property
    def is_held(self) -> bool:
        return self._reached.exists()

    def wait_for_the_held(self) -> None:
        self.wait("a task that is held", lambda: self.is_held)

    def kill_the_task_process(self) -> None:
        process = self.task_process()
        process.kill()
        psutil.wait_procs([process], timeout=10)

    def task_process(self) -> psutil.Process:
        """The process that carries the task out, below its supervisor."""
        pid = wait_for("a process of the task", lambda: self.task()["pid"], seconds=60)
        return psutil.Process(pid)

    def kill_task_processes_that_wait(self, count: int) -> list[psutil.Process]:
        """Kill as many processes of mapped tasks that have told of their run, whenever one does; return them."""
        killed: list[psutil.Process] = []
        known: set[int] = set()

        def kill_some() -> bool:
            for task in self.airflow.api.task_instances(self.dag_id, self.name):
                index, pid = task["map_index"], task["pid"]
                if len(killed) < count and index not in known and task["state"] == "running" and self.told_run(index):
                    known.add(index)
                    process = psutil.Process(pid)
                    process.kill()
                    killed.append(process)
            return len(killed) == count

        self.wait("tasks to kill", kill_some)
        return killed

    def connection_of_its_own(self, **extra: Any) -> str:
        """Return the id of a connection that nobody else uses."""
        usual = self.airflow.api.connection("hex_default")
        extra = {**json.loads(usual["extra"]), **extra}
        self.airflow.api.create_connection(
            self.name, "hex", host=usual["host"], password=self.token("old"), extra=json.dumps(extra)
        )
        return self.name

    def replace_the_token(self, connection_id: str) -> None:
        self.airflow.api.set_password(connection_id, self.token("new"))

    def token(self, name: str) -> str:
        return self.hex.workspace().token(name)

    def mark(self, state: str) -> None:
        self.green_by_hand = state == "success"
        self.airflow.api.set_task_state(self.dag_id, self.name, TASK, state)

    def clear(self) -> None:
        self.airflow.api.clear_task(self.dag_id, self.name, TASK)

    def fail_the_dag_run(self) -> None:
        self.airflow.api.set_dag_run_state(self.dag_id, self.name, "failed")

    # Then

    def wait(self, what: str, condition: Callable[[], object], seconds: float = 90) -> None:
        wait_for(f"{self.name}: {what}", lambda: bool(condition()) or None, seconds, pause=0.1)

    def wait_for_a_waiting_task(self, attempt: int = 1) -> str:
        """Return the Hex run that the task's attempt waits for."""

        def waiting() -> str | None:
            task, told = self.task(), self.told_run()
            state = "deferred" if self.dag_id.startswith("deferred") or "leaves" in self.dag_id else "running"
            going = {run["runId"] for run in self.runs() if run["status"] not in ENDED}
            looked = told in going and self.looks(str(told))
            return told if looked and (task["state"], task["try_number"]) == (state, attempt) else None

        return wait_for(f"{self.name}: a task that waits for its run", waiting, seconds=90)

    def ends(self, state: str, seconds: float = 120) -> None:
        """The task ends in this state."""
        self.wait("the task's end", lambda: self.task()["state"] in OVER, seconds)
        assert self.task()["state"] == state, self.log()

    def has_runs(self, *statuses: str) -> None:
        """The project's runs have come to these states, in the order of their starts."""
        self.wait(f"runs that are {statuses}, not {self.statuses()}", lambda: self.statuses() == [*statuses], 30)

    def nothing_was_cancelled(self) -> None:
        assert self.requests("CancelRun") == []

    # Looking

    def task(self) -> dict[str, Any]:
        return self.airflow.api.task_instance(self.dag_id, self.name, TASK)

    def dag_run_is_over(self) -> bool:
        return self.airflow.api.dag_run(self.dag_id, self.name)["state"] in OVER

    def runs(self) -> list[dict[str, Any]]:
        return [run for run in self.hex.runs() if run["projectId"] == self.project]

    def statuses(self) -> list[str]:
        return [run["status"] for run in self.runs()]

    def requests(self, call: str) -> list[dict[str, Any]]:
        return [request for request in self.hex.requests(call) if self.project in request["path"]]

    def looks(self, run_id: str) -> int:
        by_list = len(self.requests("GetProjectRuns"))
        return by_list + sum(request["path"].endswith(run_id) for request in self.requests("GetRunStatus"))

    def log(self, attempt: int | None = None) -> str:
        """All that the task's attempts have logged, in workers and in the triggerer."""
        files = sorted(self._logs.glob(f"attempt={attempt or '*'}.log*"))
        return "\n".join(path.read_text() for path in files)

    @property
    def error(self) -> str:
        """The messages of all errors in the log."""
        entries = [json.loads(line) for line in self.log().splitlines() if line.startswith("{")]
        details = [detail for entry in entries for detail in entry.get("error_detail") or []]
        return "\n".join(f"{detail['exc_type']}: {detail['exc_value']}" for detail in details)

    # The end

    def end(self) -> None:
        """See to what every scenario must come to."""
        self.end_all_tasks()
        self.wait(
            f"no run left going but {self.leaves_on_purpose}", lambda: self._going() == self.leaves_on_purpose, 30
        )
        assert most_at_once(in_flight(run) for run in self.runs()) <= self.at_once
        assert self._green_without_completed() == 0

    def end_all_tasks(self, seconds: float = 90) -> None:
        self.wait("the end of all tasks", lambda: set(self.states()) <= OVER, seconds)

    def row(self) -> str:
        attempts = self.task()["try_number"] if self.dag_id != "mapped" else "-"
        runs, going = len(self.runs()), self._going()
        state = "/".join(sorted(set(self.states())))
        return f"| {self.name} | {attempts} | {runs} | {going} | {state} | {self._green_without_completed()} |"

    def told_run(self, map_index: int = -1) -> str | None:
        told: str | None = self.airflow.api.xcom(self.dag_id, self.name, TASK, "run_id", map_index)
        return told

    def states(self) -> list[str]:
        return [str(state) for state in self.airflow.api.task_states(self.dag_id, self.name).values()]

    def _going(self) -> int:
        return sum(status not in ENDED for status in self.statuses())

    def _green_without_completed(self) -> int:
        """How many green tasks returned a run that has not completed, though they waited for one."""
        if self.green_by_hand or self.dag_id == "start_only":
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
