"""The demo's DAG runs: whether Airflow's result follows that of Hex, and of dbt."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from demo.airflow_api import AirflowApi
from demo.emulator import HexRun, hex_runs
from demo.waiting import wait_for
from hex_emulator.client import Control

RUN_SECONDS = 600.0  # generous, since it matters only when something is broken

Print = Callable[[str], None]
States = dict[str, str | None]


@dataclass(frozen=True)
class FinalStates:
    """The final states of the DAG run and of some tasks in Airflow, and of the runs in Hex."""

    dag_run: str
    tasks: States
    hex_runs: str

    def __str__(self) -> str:
        tasks = [f"{task} {state or 'none'}" for task, state in self.tasks.items()]
        return ", ".join([f"Hex run {self.hex_runs}", *tasks, f"DAG run {self.dag_run}"])


@dataclass(frozen=True)
class Case:
    """One DAG run, and the states that it is expected to end in.

    `starts` are the tasks that start a Hex run, `conf` the params, `outcome` the end of the first Hex run.
    """

    run_id: str
    title: str
    dag: str
    starts: tuple[str, ...]
    expected: FinalStates
    conf: dict[str, Any] = field(default_factory=dict)
    outcome: str = "COMPLETED"


def _after_dbt(run_id: str, title: str, outcome: str, state: str) -> Case:
    expected = FinalStates(state, {"wait_for_hex_run": state}, outcome)
    return Case(run_id, title, "hex_after_dbt", ("start_hex_run",), expected, outcome=outcome)


def _exposures(run_id: str, title: str, warehouse: str, hex_runs: str, conf: dict[str, Any]) -> Case:
    tasks: States = {"hex.revenue": "success", "hex.warehouse": warehouse}
    return Case(run_id, title, "hex_exposures", tuple(tasks), FinalStates(warehouse, tasks, hex_runs), conf)


CASES = (
    _after_dbt("demo_1", "dbt, then a Hex run that completes", "COMPLETED", "success"),
    _after_dbt("demo_2", "dbt, then a Hex run that fails", "ERRORED", "failed"),
    _exposures("demo_3", "dbt, then the Hex projects that are its exposures", "success", "COMPLETED, COMPLETED", {}),
    _exposures(
        "demo_4",
        "the same with a test that fails: its project is held back, the other is not",
        "failed",
        "COMPLETED",
        {"vars": {"usual_share": 0.1}},
    ),
)
DAGS = tuple(dict.fromkeys(case.dag for case in CASES))


@dataclass(frozen=True)
class CaseResult:
    """How a case ended; `error` is the exception in the failed task's log."""

    case: Case
    actual: FinalStates
    hex_runs: list[HexRun]
    error: str | None

    @property
    def is_as_expected(self) -> bool:
        return self.actual == self.case.expected


def run_case(case: Case, airflow: AirflowApi, control: Control, print_: Print) -> CaseResult:
    """Run the DAG, and print how its tasks' states change. Raises TimeoutError if the DAG run does not end."""
    print_(f"\n{case.run_id}: {case.title}")
    earlier = {run.run_id for run in hex_runs(control)}
    control.next_run(outcome=case.outcome, pending=1, running=3)
    airflow.trigger(case.dag, case.run_id, case.conf)
    states: States = {}

    def end() -> str | None:
        dag_run: str = airflow.dag_run(case.dag, case.run_id)["state"]
        _print_changes(case, states, airflow, print_)
        return dag_run if dag_run in ("success", "failed") else None

    dag_run = wait_for(f"the end of {case.run_id}", end, RUN_SECONDS)
    runs = [run for run in hex_runs(control) if run.run_id not in earlier]
    tasks = {task: states.get(task) for task in case.expected.tasks}
    actual = FinalStates(dag_run, tasks, ", ".join(run.status for run in runs) or "never started")
    failed = [task for task, state in (tasks | states).items() if state == "failed"]
    error = airflow.task_error(case.dag, case.run_id, failed[0]) if failed else None
    return CaseResult(case, actual, runs, error)


def _print_changes(case: Case, states: States, airflow: AirflowApi, print_: Print) -> None:
    """Print which tasks' states differ from `states`, and update it."""
    run_id = case.run_id
    for task, state in airflow.task_states(case.dag, run_id).items():
        previous = states.get(task)
        if state != previous:
            states[task] = state
            now = time.strftime("%H:%M:%S")
            print_(f"{now}  {run_id}  {task:<16}  {previous or 'none'} -> {state or 'none'}")
            if task in case.starts and state == "success":
                print_(f"{'':8}  {run_id}  {airflow.xcom(case.dag, run_id, task, 'run_url')}")


def summary(results: list[CaseResult]) -> str:
    """For each case the expected and the actual states, and each Hex run's URL and trace id."""
    return "\n".join(["\nSummary", *(line for result in results for line in _lines(result))])


def _lines(result: CaseResult) -> list[str]:
    facts = [("expected", str(result.case.expected)), ("actual", str(result.actual))]
    for run in result.hex_runs:
        facts += [("run URL", run.url), ("trace id", run.trace_id)]
    if result.error:
        facts.append(("error", result.error.replace("\n", "\n" + " " * 18)))
    name = result.case.run_id
    return [f"{name if not n else '':<6}  {fact:<8}  {text}" for n, (fact, text) in enumerate(facts)]
