"""The example DAGs that need no dbt. ``test_example_dag.py`` has the one with dbt."""

from __future__ import annotations

from pathlib import Path

import pytest

from demo.shop import EXAMPLE_DAGS, POOLS
from hex_emulator.client import Control
from tests.conftest import PROJECT
from tests.dag_runs.conftest import DagRunOutcome, RunDag, dags_of

EXAMPLES = sorted(EXAMPLE_DAGS.glob("*.py"))


@pytest.fixture
def run_example(run_dag: RunDag, emulator: Control) -> RunDag:
    def run(name: str, conf: dict[str, object] | None = None) -> DagRunOutcome:
        return run_dag(name, EXAMPLE_DAGS / f"{name}.py", conf)

    return run


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.stem)
def test_an_example_dag_does_not_start_by_itself(file: Path) -> None:
    """The demo runs an Airflow that pauses no DAG."""
    assert "schedule=None" in file.read_text()


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.stem)
@pytest.mark.usefixtures("_database")
def test_the_demo_makes_each_pool_of_an_example_dag(file: Path) -> None:
    """A task whose pool does not exist waits for ever."""
    for dag in dags_of(file).values():
        assert {task.pool for task in dag.tasks} <= {"default_pool", *POOLS}


def test_a_project_is_refreshed_with_the_day_as_its_input(run_example: RunDag, emulator: Control) -> None:
    outcome = run_example("hex_refresh")
    assert outcome.states == {"refresh_dashboard": "success"}
    (run,) = emulator.runs()
    assert run["status"] == "COMPLETED"
    assert len(run["inputs"]["as_of"]) == len("2026-11-20")


def test_a_project_runs_once_for_each_region(run_example: RunDag, emulator: Control) -> None:
    outcome = run_example("hex_for_each_region")
    assert outcome.states == {f"refresh[{index}]": "success" for index in range(3)}
    assert _names_of_mapped_tasks("hex_for_each_region") == {"AMER", "APAC", "EMEA"}
    assert sorted(run["inputs"]["region"] for run in emulator.runs()) == ["AMER", "APAC", "EMEA"]


def test_each_region_has_a_start_and_a_wait(run_example: RunDag, emulator: Control) -> None:
    outcome = run_example("hex_start_and_wait")
    tasks = [f"refresh.{task}[{index}]" for task in ("start", "wait") for index in range(3)]
    assert outcome.states == dict.fromkeys(tasks, "success")
    assert _names_of_mapped_tasks("hex_start_and_wait") == {"AMER", "APAC", "EMEA"}
    assert sorted(run["inputs"]["region"] for run in emulator.runs()) == ["AMER", "APAC", "EMEA"]


def test_a_sensor_waits_for_a_run_that_the_dag_did_not_start(run_example: RunDag, emulator: Control) -> None:
    run_id = emulator.start_run(PROJECT)["runId"]
    outcome = run_example("hex_wait_for_run", {"run_id": run_id})
    assert outcome.states == {"wait": "success", "report": "success"}
    assert outcome.returned["wait"]["runId"] == run_id
    assert emulator.requests("RunProject") == []


def test_a_sensor_skips_what_follows_if_the_run_fails(run_example: RunDag, emulator: Control) -> None:
    emulator.next_run(outcome="ERRORED")
    outcome = run_example("hex_wait_for_run", {"run_id": emulator.start_run(PROJECT)["runId"]})
    assert outcome.states == {"wait": "skipped", "report": "skipped"}


def test_hex_is_asked_to_notify(run_example: RunDag, emulator: Control) -> None:
    assert run_example("hex_notify").states == {"refresh": "success"}
    success, failure = emulator.requests("RunProject")[0]["body"]["notifications"]
    assert success["slackChannelIds"] == ["C0123456789"]
    assert success["subject"].startswith("Revenue of 2")
    assert failure["body"].startswith("Airflow: DAG hex_notify, run manual__")


def test_a_saved_view_runs(run_example: RunDag, emulator: Control) -> None:
    assert run_example("hex_saved_view").states == {"refresh_the_board_view": "success"}
    (run,) = emulator.runs()
    assert run["viewId"] == "3c6a9f04-58e1-4b7d-92c0-a14f7e8d5b63"
    assert run["updatePublishedResults"] is True


def test_tasks_report_with_the_hook(run_example: RunDag, emulator: Control) -> None:
    emulator.set_status(emulator.start_run(PROJECT)["runId"], "COMPLETED")
    failed = emulator.start_run("b7f5c3a9-6e0d-4b52-8f1c-2d9a4e7c6b10")
    emulator.set_status(failed["runId"], "ERRORED")
    outcome = run_example("hex_report")
    assert outcome.states == {"failed_projects": "success", "save_chart": "success"}
    assert outcome.returned["failed_projects"] == [f"Churn forecast: {failed['runUrl']}"]
    chart = Path(outcome.returned["save_chart"])
    assert chart.read_bytes().startswith(b"\x89PNG")
    chart.unlink()


def _names_of_mapped_tasks(dag_id: str) -> set[str]:
    from airflow.models.dagrun import DagRun

    dag_run = max(DagRun.find(dag_id=dag_id), key=lambda dag_run: dag_run.id)
    return {ti.rendered_map_index for ti in dag_run.get_task_instances()}
