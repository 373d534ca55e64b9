"""What shows when a DAG is parsed, and a wait that Airflow gave up. The rest is in ``tests/dag_runs``."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_hex.sensors.hex import HexRunSensor


@pytest.mark.parametrize(
    ("options", "deferrable"),
    [
        ({}, True),
        ({"mode": "poke"}, False),
        ({"mode": "reschedule"}, False),
        ({"mode": "reschedule", "deferrable": True}, True),
        ({"deferrable": False}, False),
    ],
)
def test_it_defers_unless_told_how_to_wait(options: dict[str, Any], deferrable: bool) -> None:
    assert HexRunSensor(task_id="wait", project_id="p", run_id="r", **options).deferrable is deferrable


@pytest.mark.parametrize("failure", ["Trigger timeout", "Trigger failure"])
def test_a_wait_that_airflow_gave_up_names_the_run(failure: str) -> None:
    sensor = HexRunSensor(task_id="wait", project_id="the-project", run_id="the-run")
    with pytest.raises(Exception, match=f"{failure} It waited for Hex run the-run of project the-project"):
        sensor.resume_execution("__fail__", {"error": failure}, {})
