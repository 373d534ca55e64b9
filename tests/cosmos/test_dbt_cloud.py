"""Hex projects after a job of dbt Cloud, which is a stand-in, called by dbt Cloud's own operator and hook."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from hex_emulator.client import Control
from tests.conftest import PROJECTS
from tests.cosmos.conftest import DAGS, RunDag
from tests.cosmos.dbt_cloud import ACCOUNT, ERROR, SUCCESS, TOKEN, DbtCloud, dbt_cloud
from tests.https import https_to


@pytest.fixture
def account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dbt_target: Path) -> Iterator[DbtCloud]:
    """A job whose run, with a failing test, has failed. dbt has run after the DAG run's start."""
    certificate = tmp_path / "certificate.pem"
    with dbt_cloud() as cloud, https_to(cloud.url, certificate) as host:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
        connection = {"conn_type": "dbt_cloud", "host": host, "login": str(ACCOUNT), "password": TOKEN}
        monkeypatch.setenv("AIRFLOW_CONN_DBT_CLOUD_DEFAULT", json.dumps(connection))
        cloud.status, cloud.steps = ERROR, [_of_now(dbt_target.parent / "run_results.json")]
        yield cloud


def _of_now(file: Path) -> dict[str, Any]:
    """Return dbt's results as those of a run that takes place during the DAG run."""
    results: dict[str, Any] = json.loads(file.read_text())
    results["metadata"]["invocation_started_at"] = datetime.now(UTC).replace(year=2999).isoformat()
    return results


def refreshed(emulator: Control) -> list[str]:
    return [request["path"].split("/")[4] for request in emulator.requests("RunProject")]


def test_a_failed_job_refreshes_the_projects_whose_models_it_has_built_and_tested(
    run_dag: RunDag, emulator: Control, account: DbtCloud
) -> None:
    outcome = run_dag("hex_after_dbt_cloud", DAGS / "hex_after_dbt_cloud.py")
    assert outcome.states["dbt"] == "failed"
    assert outcome.states["hex.revenue"] == "success"
    assert outcome.states["hex.returns"] == "failed"
    assert "not_null_refunds_order_id" in outcome.errors["hex.returns"]
    assert set(refreshed(emulator)) == {PROJECTS["Daily revenue"], PROJECTS["Churn forecast"]}


def test_a_job_that_ends_with_another_command_needs_the_step_that_builds(
    run_dag: RunDag, emulator: Control, account: DbtCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    docs = json.loads(json.dumps(account.steps[0]))
    docs["args"]["which"] = "generate"
    account.status = SUCCESS
    account.steps.append(docs)
    outcome = run_dag("hex_after_dbt_cloud", DAGS / "hex_after_dbt_cloud.py")
    assert outcome.states["hex.revenue"] == "failed"
    assert "generate" in outcome.errors["hex.revenue"]
    assert refreshed(emulator) == []

    monkeypatch.setenv("DBT_CLOUD_STEP", "1")
    outcome = run_dag("hex_after_dbt_cloud", DAGS / "hex_after_dbt_cloud.py")
    assert outcome.states["hex.revenue"] == "success"
