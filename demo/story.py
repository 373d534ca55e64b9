"""What the demo tells: two runs of one DAG, and whether each ended as its Hex run did."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from demo.airflow_api import AirflowApi
from demo.hex_side import HexRun, hex_runs
from demo.waiting import wait_for
from hex_emulator.client import Control

DAG = "hex_after_dbt"
START_TASK = "start_hex_run"
WAIT_TASK = "wait_for_hex_run"
RUN_SECONDS = 180.0

Say = Callable[[str], None]
States = dict[str, str | None]


@dataclass(frozen=True)
class Result:
    """Airflow's word for the DAG run and the waiting task, and Hex's for its run."""

    dag_run: str
    wait_task: str | None
    hex_run: str

    def __str__(self) -> str:
        return f"Hex run {self.hex_run}, {WAIT_TASK} {self.wait_task or 'none'}, DAG run {self.dag_run}"


@dataclass(frozen=True)
class Chapter:
    """One DAG run, and what must come of it."""

    run_id: str
    title: str
    expected: Result


CHAPTERS = (
    Chapter("demo_1", "dbt, then a Hex run that completes", Result("success", "success", "COMPLETED")),
    Chapter("demo_2", "dbt, then a Hex run that fails", Result("failed", "failed", "ERRORED")),
)


@dataclass(frozen=True)
class Ending:
    """What came of a chapter; `error` is the exception in the failed task's log."""

    chapter: Chapter
    result: Result
    hex_runs: list[HexRun]
    error: str | None

    @property
    def is_as_expected(self) -> bool:
        return self.result == self.chapter.expected


class Storyteller:
    """Tells chapters one by one, on an Airflow and an emulator that are up."""

    def __init__(self, airflow: AirflowApi, control: Control, say: Say) -> None:
        self._airflow = airflow
        self._control = control
        self._say = say

    def tell(self, chapter: Chapter) -> Ending:
        """Run the DAG and say what its tasks do. Raises TimeoutError when that takes too long."""
        self._say(f"\n{chapter.run_id}: {chapter.title}")
        seen = {run.run_id for run in hex_runs(self._control)}
        self._control.next_run(outcome=chapter.expected.hex_run, pending=1, running=3)
        self._airflow.trigger(DAG, chapter.run_id)
        states: States = {}
        dag_run = wait_for(f"the end of {chapter.run_id}", lambda: self._follow(chapter.run_id, states), RUN_SECONDS)
        runs = [run for run in hex_runs(self._control) if run.run_id not in seen]
        hex_run = ", ".join(run.status for run in runs) or "never started"
        result = Result(dag_run, states.get(WAIT_TASK), hex_run)
        return Ending(chapter, result, runs, self._error(chapter.run_id, states))

    def _follow(self, run_id: str, states: States) -> str | None:
        """Say what has changed since `states`, and update them; the DAG run's state once it has ended."""
        dag_run: str = self._airflow.dag_run(DAG, run_id)["state"]
        for task, state in self._airflow.task_states(DAG, run_id).items():
            before = states.get(task)
            if state != before:
                states[task] = state
                now = time.strftime("%H:%M:%S")
                self._say(f"{now}  {run_id}  {task:<16}  {before or 'none'} -> {state or 'none'}")
                if task == START_TASK and state == "success":
                    self._say(f"{'':8}  {run_id}  {self._airflow.xcom(DAG, run_id, task, 'run_url')}")
        return dag_run if dag_run in ("success", "failed") else None

    def _error(self, run_id: str, states: Mapping[str, str | None]) -> str | None:
        failed = [task for task, state in states.items() if state == "failed"]
        return self._airflow.task_error(DAG, run_id, failed[0]) if failed else None


def summary(endings: list[Ending]) -> str:
    """For each chapter what was expected, what happened, and where to look."""
    return "\n".join(["\nSummary", *(line for ending in endings for line in _lines(ending))])


def _lines(ending: Ending) -> list[str]:
    facts = [("expected", str(ending.chapter.expected)), ("happened", str(ending.result))]
    for run in ending.hex_runs:
        facts += [("run URL", run.url), ("trace id", run.trace_id)]
    if ending.error:
        facts.append(("error", ending.error.replace("\n", "\n" + " " * 18)))
    name = ending.chapter.run_id
    return [f"{name if not n else '':<6}  {fact:<8}  {text}" for n, (fact, text) in enumerate(facts)]
