"""A DAG that was written for airflow-provider-hex 0.1.9."""

from __future__ import annotations

import pytest

from hex_emulator.client import Control
from tests.dag_runs.conftest import DAGS, RunDag


@pytest.mark.filterwarnings("ignore:.*instead of")
def test_a_dag_that_was_written_for_0_1_runs_unchanged(run_dag: RunDag, emulator: Control) -> None:
    outcome = run_dag("written_for_0_1", DAGS / "written_for_0_1.py")
    assert set(outcome.states.values()) == {"success"}
    assert [request["body"] for request in emulator.requests("RunProject")] == [
        {"updatePublishedResults": True, "useCachedSqlResults": False},
        {
            "inputParams": {"region": "EMEA"},
            "notifications": [{"type": "FAILURE", "includeSuccessScreenshot": False, "slackChannelIds": ["C0123"]}],
        },
        {"inputParams": {"region": "AMER"}},
        {"inputParams": {"region": "EMEA"}},
        {"inputParams": {"region": "EMEA"}},
        {"inputParams": {"order_count": 7, "region": "EMEA"}},
        {"inputParams": {"region": "EMEA"}},
        {},
    ]
    returned = outcome.returned
    assert returned["run"]["status"] == "COMPLETED"
    assert returned["start"]["runStatusUrl"]
    assert returned["greeting"]["greeting"] == "EMEA"
    assert returned["greeting"]["run"]["status"] == "COMPLETED"
    assert returned["hook_and_operator"] == [True, True, True]
