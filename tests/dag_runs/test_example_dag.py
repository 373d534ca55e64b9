"""The example DAGs, with real dbt."""

from __future__ import annotations

from pathlib import Path

import pytest

from demo.shop import EXAMPLE_DAGS, dbt_environment
from hex_emulator.client import Control
from tests.dag_runs.conftest import RunDag

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
