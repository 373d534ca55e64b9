"""The Hex tasks behind dbt in DAG runs, with ``dag.test()`` as the scheduler."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hex_emulator.client import Control
from tests.conftest import PROJECTS
from tests.dag_runs.conftest import DagRunOutcome, RunDag, _exception_in_context, run_dag  # noqa: F401  # fixtures
from tests.runs.conftest import no_run_is_new  # noqa: F401  # a fixture

FILE = Path(__file__).parent / "dags" / "hex_after_dbt.py"
HELD_BACK = "not refreshed: test unique of daily failed"

HEALTH = PROJECTS["Warehouse health"]

Run = Any


@pytest.fixture
def run(run_dag: RunDag, emulator: Control, tmp_path: Path) -> Run:  # noqa: F811
    """Runs a DAG in which dbt has results with these statuses. Returns the outcome, and the DAG run's state."""

    def run(way: str, *, days_old: int = 0, test: str = "pass", **statuses: str) -> tuple[DagRunOutcome, str]:
        from airflow.models.dagrun import DagRun

        all_statuses = {**statuses, "test.shop.unique": test} if statuses else {}
        conf = {"folder": str(tmp_path), "statuses": all_statuses, "days_old": days_old}
        outcome = run_dag(f"dbt_{way}", FILE, conf)
        dag_run = max(DagRun.find(dag_id=f"dbt_{way}"), key=lambda dag_run: dag_run.id)
        return outcome, str(dag_run.state)

    return run


def states(outcome: DagRunOutcome) -> dict[str, str]:
    """By project, the state of its task."""
    tasks = {name.removeprefix("hex."): state for name, state in outcome.states.items() if name.startswith("hex.")}
    return {name: state for name, state in tasks.items() if name != "dbt_succeeded"}


def refreshed(emulator: Control) -> list[str]:
    """The ids of the projects that were run."""
    return sorted(run["projectId"] for run in emulator.runs())


@pytest.mark.parametrize("way", ["in_worker", "deferred", "with_a_url", "with_two_files", "with_an_object"])
def test_a_project_runs_if_its_models_were_built_and_else_is_skipped(way: str, run: Run, emulator: Control) -> None:
    outcome, state = run(way, daily="success")
    assert states(outcome) == {"revenue": "success", "health": "skipped"}
    assert state == "success"
    (hex_run,) = emulator.runs()
    assert (hex_run["status"], hex_run["inputs"]) == ("COMPLETED", {"region": "EMEA"})
    assert outcome.returned["hex.revenue"]["runId"] == hex_run["runId"]


@pytest.mark.parametrize("way", ["in_worker", "deferred"])
def test_a_project_whose_test_failed_fails_at_once_and_the_other_runs_although_dbt_failed(
    way: str, run: Run, emulator: Control
) -> None:
    outcome, state = run(way, daily="success", loads="success", test="fail")
    assert outcome.states["dbt"] == "failed"
    assert states(outcome) == {"revenue": "failed", "health": "success"}
    assert outcome.errors["hex.revenue"] == HELD_BACK
    assert state == "failed"
    assert refreshed(emulator) == [HEALTH]


@pytest.mark.parametrize("way", ["in_worker", "with_an_xcom"])
def test_the_dag_run_fails_with_dbt_also_if_no_project_reads_the_model_that_failed(way: str, run: Run) -> None:
    outcome, state = run(way, daily="success", loads="success", other="error")
    assert outcome.states["hex.dbt_succeeded"] == "upstream_failed"
    assert state == "failed"
    if way == "in_worker":
        assert states(outcome) == {"revenue": "success", "health": "success"}


def test_a_project_that_is_held_back_is_skipped_on_request(run: Run, emulator: Control) -> None:
    outcome, state = run("skipping", daily="error", loads="success")
    assert state == "success"  # although dbt failed
    assert states(outcome) == {"revenue": "skipped", "health": "success"}
    assert refreshed(emulator) == [HEALTH]


@pytest.mark.parametrize(
    ("results", "why"),
    [({}, "run_results.json does not exist"), ({"daily": "success", "days_old": 1}, "is of an earlier dbt build")],
)
def test_without_results_of_this_dag_run_every_project_fails_and_says_why(
    results: dict[str, Any], why: str, run: Run, emulator: Control
) -> None:
    outcome, state = run("in_worker", **results)
    assert states(outcome) == {"revenue": "failed", "health": "failed"}
    assert state == "failed"
    for error in (outcome.errors["hex.revenue"], outcome.errors["hex.health"]):
        assert "there are no results of dbt from this DAG run" in error
        assert why in error
    assert not emulator.requests()


def test_results_may_be_the_result_of_a_task(run: Run, emulator: Control) -> None:
    outcome, _ = run("with_an_xcom", loads="success")
    assert states(outcome) == {"revenue": "skipped", "health": "success"}
    assert refreshed(emulator) == [HEALTH]


def test_a_run_that_fails_is_retried_and_the_results_are_read_again(run: Run, emulator: Control) -> None:
    emulator.next_run(outcome="ERRORED", running=0.5)
    outcome, _ = run("in_worker", daily="success")
    assert states(outcome)["revenue"] == "success"
    assert [each["status"] for each in emulator.runs()] == ["ERRORED", "COMPLETED"]


def test_the_projects_to_refresh_can_be_mapped(run: Run, emulator: Control) -> None:
    outcome, _ = run("mapped", daily="success", loads="no-op")
    assert outcome.states["refresh[0]"] == "success"
    (hex_run,) = emulator.runs()
    assert hex_run["inputs"] == {"region": "EMEA"}


def test_with_a_task_for_each_model_a_project_waits_for_its_models_only(run: Run, emulator: Control) -> None:
    outcome, state = run("task_for_each_model", daily="error", loads="success")
    assert states(outcome) == {"revenue": "upstream_failed", "health": "success"}
    assert state == "failed"
    assert refreshed(emulator) == [HEALTH]
