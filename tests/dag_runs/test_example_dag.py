"""The example DAGs, with real dbt."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from airflow_provider_hex.dbt.trim import trim
from demo.shop import DBT_PROJECT, EXAMPLE_DAGS, dbt_environment
from hex_emulator.client import Control
from tests.conftest import PROJECTS
from tests.dag_runs.conftest import RunDag

TRIMMED = DBT_PROJECT / "hex_manifest.json"
TASKS = ["dbt_build", "order_count", "start_hex_run", "wait_for_hex_run", "report"]


@pytest.fixture(autouse=True)
def _dbt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in dbt_environment(tmp_path).items():
        monkeypatch.setenv(name, value)


def test_hex_runs_with_a_number_from_dbt_after_dbt_has_built(run_dag: RunDag, emulator: Control) -> None:
    outcome = run_dag("hex_after_dbt", EXAMPLE_DAGS / "hex_after_dbt.py", {"as_of": "2026-11-20"})
    assert outcome.states == dict.fromkeys(TASKS, "success")
    (request,) = emulator.requests("RunProject")
    assert request["body"] == {"inputParams": {"as_of": "2026-11-20", "order_count": outcome.returned["order_count"]}}
    assert outcome.returned["order_count"] > 0
    assert outcome.returned["wait_for_hex_run"]["status"] == "COMPLETED"


def test_a_hex_run_that_fails_fails_the_pipeline(run_dag: RunDag, emulator: Control) -> None:
    emulator.next_run(outcome="ERRORED")
    outcome = run_dag("hex_after_dbt", EXAMPLE_DAGS / "hex_after_dbt.py")
    assert outcome.states["wait_for_hex_run"] == "failed"
    assert outcome.states["report"] == "upstream_failed"
    assert emulator.runs()[0]["runUrl"] in outcome.errors["wait_for_hex_run"]


def test_each_project_runs_whose_models_dbt_has_built(run_dag: RunDag, emulator: Control) -> None:
    outcome = run_dag("hex_exposures", EXAMPLE_DAGS / "hex_exposures.py")
    tasks = ["dbt_build", "hex.revenue", "hex.warehouse", "hex.dbt_succeeded"]
    assert outcome.states == dict.fromkeys(tasks, "success")
    bodies = {request["path"].split("/")[4]: request["body"] for request in emulator.requests("RunProject")}
    assert bodies == {
        PROJECTS["Daily revenue"]: {"inputParams": {"region": "APAC"}, "useCachedSqlResults": False},
        PROJECTS["Warehouse health"]: {"useCachedSqlResults": False},
    }


def test_a_project_is_held_back_if_a_test_of_its_model_fails(run_dag: RunDag, emulator: Control) -> None:
    outcome = run_dag("hex_exposures", EXAMPLE_DAGS / "hex_exposures.py", {"vars": {"usual_share": 0.1}})
    tasks = {"hex.revenue": "success", "hex.warehouse": "failed", "hex.dbt_succeeded": "upstream_failed"}
    assert outcome.states == {"dbt_build": "failed", **tasks}
    assert "few_orders_are_returned" in outcome.errors["hex.warehouse"]
    assert [run["projectId"] for run in emulator.runs()] == [PROJECTS["Daily revenue"]]


def test_the_trimmed_manifest_is_that_of_the_dbt_project(tmp_path: Path) -> None:
    """If this fails: airflow hex exposures trim target/manifest.json --to hex_manifest.json."""
    dbt = [os.environ["DBT_COMMAND"], "parse", "--project-dir", str(DBT_PROJECT), "--profiles-dir", str(DBT_PROJECT)]
    subprocess.run(dbt, check=True, capture_output=True)
    manifest = json.loads((Path(os.environ["DBT_TARGET_PATH"]) / "manifest.json").read_text())
    assert json.loads(TRIMMED.read_text()) == trim(manifest)
