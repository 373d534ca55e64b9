"""What shows when a DAG is parsed. How the sensor runs is in ``tests/dag_runs``."""

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
