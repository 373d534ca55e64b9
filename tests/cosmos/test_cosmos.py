"""Hex projects after the models that Cosmos builds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from airflow.sdk import DAG
from cosmos import DbtTaskGroup, ExecutionConfig, ProfileConfig, ProjectConfig, RenderConfig
from cosmos.constants import TestBehavior

from airflow_provider_hex.dbt import HexExposures
from hex_emulator.client import Control
from tests.conftest import PROJECT
from tests.cosmos.conftest import DAGS, DBT, DBT_PROJECT, RunDag

TestBehavior.__test__ = False  # pytest takes it for a class of tests


def test_a_project_whose_model_has_a_failing_test_is_not_refreshed_and_the_other_is(
    run_dag: RunDag, emulator: Control, dbt_target: Path
) -> None:
    outcome = run_dag("hex_after_cosmos", DAGS / "hex_after_cosmos.py")
    assert outcome.states == {
        "dbt.orders.run": "success",
        "dbt.orders.test": "success",
        "dbt.refunds.run": "success",
        "dbt.refunds.test": "failed",
        "hex.revenue": "success",
        "hex.returns": "upstream_failed",
    }
    assert [request["path"] for request in emulator.requests("RunProject")] == [f"/api/v1/projects/{PROJECT}/runs"]


def dag_with(tests: TestBehavior, target: Path, **arguments: Any) -> DAG:
    """Return a DAG in which Cosmos tests the models in one of its ways."""
    manifest = target / "manifest.json"
    with DAG("dag", schedule=None) as dag:
        dbt = DbtTaskGroup(
            group_id="dbt",
            project_config=ProjectConfig(DBT_PROJECT, manifest_path=manifest, install_dbt_deps=False),
            profile_config=ProfileConfig("small", "local", profiles_yml_filepath=DBT_PROJECT / "profiles.yml"),
            execution_config=ExecutionConfig(dbt_executable_path=DBT),
            render_config=RenderConfig(test_behavior=tests, exclude=["path:models/archive.sql"]),
        )
        HexExposures(manifest).task_group("hex", after=dbt.tasks_map if arguments.pop("as_dict", None) else dbt)
    return dag


def upstream(dag: DAG) -> dict[str, set[str]]:
    """Return the tasks of Hex projects, each with the tasks that it waits for."""
    return {task.task_id: set(task.upstream_task_ids) for task in dag.tasks if task.task_id.startswith("hex.")}


@pytest.mark.parametrize("as_dict", [False, True])
@pytest.mark.parametrize(
    ("tests", "orders", "refunds"),
    [
        (TestBehavior.AFTER_EACH, "dbt.orders.test", "dbt.refunds.test"),
        (TestBehavior.BUILD, "dbt.orders_model_build", "dbt.refunds_model_build"),
        (TestBehavior.NONE, "dbt.orders_run", "dbt.refunds_run"),
    ],
)
def test_a_project_runs_after_its_models_and_their_tests(
    tests: TestBehavior, orders: str, refunds: str, as_dict: bool, dbt_target: Path
) -> None:
    found = upstream(dag_with(tests, dbt_target, as_dict=as_dict))
    assert found == {"hex.revenue": {orders}, "hex.returns": {orders, refunds}}


def test_a_project_runs_after_the_one_test_task_that_has_all_tests(dbt_target: Path) -> None:
    found = upstream(dag_with(TestBehavior.AFTER_ALL, dbt_target))
    assert all("dbt.dbt_project_test" in tasks for tasks in found.values())


def test_an_exposure_none_of_whose_models_cosmos_builds_has_no_task(dbt_target: Path) -> None:
    assert "history" in {exposure.name for exposure in HexExposures(dbt_target / "manifest.json").exposures}
    assert set(upstream(dag_with(TestBehavior.NONE, dbt_target))) == {"hex.revenue", "hex.returns"}
