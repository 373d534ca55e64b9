"""The demo's two runs of one DAG: whether Airflow's result follows the Hex run's."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from demo.airflow_api import AirflowApi
from demo.emulator import HexRun, hex_runs
from demo.waiting import wait_for
from hex_emulator.client import Control

DAG = "hex_after_dbt"
START_TASK = "start_hex_run"
WAIT_TASK = "wait_for_hex_run"
RUN_SECONDS = 600.0  # generous, since it matters only when something is broken

Print = Callable[[str], None]
States = dict[str, str | None]


@dataclass(frozen=True)
class FinalStates:
    """The final states of the DAG run and of the waiting task in Airflow, and of the run in Hex."""

    dag_run: str
    wait_task: str | None
    hex_run: str

    def __str__(self) -> str:
        return f"Hex run {self.hex_run}, {WAIT_TASK} {self.wait_task or 'none'}, DAG run {self.dag_run}"


@dataclass(frozen=True)
class Case:
    """One DAG run, and the states that it is expected to end in."""

    run_id: str
    title: str
    expected: FinalStates


CASES = (
    Case("demo_1", "dbt, then a Hex run that completes", FinalStates("success", "success", "COMPLETED")),
    Case("demo_2", "dbt, then a Hex run that fails", FinalStates("failed", "failed", "ERRORED")),
)


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
    control.next_run(outcome=case.expected.hex_run, pending=1, running=3)
    airflow.trigger(DAG, case.run_id)
    states: States = {}

    def end() -> str | None:
        dag_run: str = airflow.dag_run(DAG, case.run_id)["state"]
        _print_changes(case.run_id, states, airflow, print_)
        return dag_run if dag_run in ("success", "failed") else None

    dag_run = wait_for(f"the end of {case.run_id}", end, RUN_SECONDS)
    runs = [run for run in hex_runs(control) if run.run_id not in earlier]
    hex_run = ", ".join(run.status for run in runs) or "never started"
    failed = [task for task, state in states.items() if state == "failed"]
    error = airflow.task_error(DAG, case.run_id, failed[0]) if failed else None
    return CaseResult(case, FinalStates(dag_run, states.get(WAIT_TASK), hex_run), runs, error)


def _print_changes(run_id: str, states: States, airflow: AirflowApi, print_: Print) -> None:
    """Print which tasks' states differ from `states`, and update it."""
    for task, state in airflow.task_states(DAG, run_id).items():
        previous = states.get(task)
        if state != previous:
            states[task] = state
            now = time.strftime("%H:%M:%S")
            print_(f"{now}  {run_id}  {task:<16}  {previous or 'none'} -> {state or 'none'}")
            if task == START_TASK and state == "success":
                print_(f"{'':8}  {run_id}  {airflow.xcom(DAG, run_id, task, 'run_url')}")


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
