"""A DAG through the real processes of the installed Airflow, whichever it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from demo.local_airflow import LocalAirflow
from demo.waiting import wait_for
from hex_emulator.client import Control
from hex_emulator.workspace import default_workspace

RUN_SECONDS = 900.0  # generous, since it matters only when something is broken
DAG_ID = "every_way"
PROJECT = next(project.id for project in default_workspace().projects if project.title == "Warehouse health")

pytestmark = [pytest.mark.system, pytest.mark.timeout(1800)]


@dataclass
class Outcome:
    """The end of a DAG run: its state, those of its tasks, and the runs in Hex."""

    state: str
    tasks: dict[str, str | None]
    hex_runs: list[dict[str, Any]]
    starts: int


def run_to_end(airflow: LocalAirflow, emulator: Control, outcome: str) -> Outcome:
    """Run the DAG. The run of its last task ends with this outcome once the task is deferred."""
    run_id = outcome.lower()
    emulator.reset()
    emulator.next_run(project_id=PROJECT, pending=0, running=2 * RUN_SECONDS)
    airflow.wait_for_dag(DAG_ID)
    airflow.api.trigger(DAG_ID, run_id, {"project_id": PROJECT})
    was_deferred = False

    def end() -> str | None:
        nonlocal was_deferred
        if not was_deferred and airflow.api.task_states(DAG_ID, run_id).get("deferred") == "deferred":
            emulator.set_status(emulator.runs()[-1]["runId"], outcome)
            was_deferred = True
        state: str = airflow.api.dag_run(DAG_ID, run_id)["state"]
        return state if state in ("success", "failed") else None

    state = wait_for(f"the end of {DAG_ID} {run_id}", end, RUN_SECONDS)
    assert was_deferred
    tasks = airflow.api.task_states(DAG_ID, run_id)
    return Outcome(state, tasks, emulator.runs(), len(emulator.requests("RunProject")))


EARLIER_TASKS = dict.fromkeys(["start", "wait", "mapped[0]", "mapped[1]"], "success")


def test_every_way_to_start_a_run_and_to_wait_for_it_succeeds(airflow: LocalAirflow, emulator: Control) -> None:
    outcome = run_to_end(airflow, emulator, "COMPLETED")
    assert outcome.tasks == {**EARLIER_TASKS, "deferred": "success"}
    assert outcome.state == "success"
    assert [run["status"] for run in outcome.hex_runs] == ["COMPLETED"] * 4
    assert outcome.starts == 4
    assert airflow.api.xcom(DAG_ID, "completed", "deferred", "run_url") == outcome.hex_runs[-1]["runUrl"]
    result = airflow.api.xcom(DAG_ID, "completed", "deferred")
    assert (result["runId"], result["status"]) == (outcome.hex_runs[-1]["runId"], "COMPLETED")


def test_a_run_that_fails_fails_the_task(airflow: LocalAirflow, emulator: Control) -> None:
    outcome = run_to_end(airflow, emulator, "ERRORED")
    assert outcome.tasks == {**EARLIER_TASKS, "deferred": "failed"}
    assert outcome.state == "failed"
    assert outcome.starts == 4
