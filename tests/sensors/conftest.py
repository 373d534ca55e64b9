"""A sensor, and what Airflow does with it in each mode."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from airflow.exceptions import AirflowRescheduleException

from airflow_provider_hex.airflow_compat import AIRFLOW_V_3_0_PLUS, TaskDeferred
from airflow_provider_hex.sensors.hex import HexRunSensor
from hex_emulator.client import Control
from tests.conftest import PROJECT
from tests.runs.conftest import no_run_is_new  # noqa: F401  # a fixture

MODES: dict[str, dict[str, Any]] = {
    "poke": {"mode": "poke", "poke_interval": 0.1},
    "reschedule": {"mode": "reschedule", "poke_interval": 0.1},
    "deferred": {"deferrable": True, "poke_interval": 0.1},
}
IN_EACH_MODE = pytest.mark.parametrize("mode", MODES)


def sensor_of(emulator: Control, mode: str, **options: Any) -> HexRunSensor:
    """Return a sensor for a run that keeps running."""
    emulator.next_run(timeline=[("RUNNING", None)])
    run_id = emulator.start_run(PROJECT, trigger="API")["runId"]
    defaults = {"task_id": "wait", "timeout": 240}
    return HexRunSensor(project_id=PROJECT, run_id=run_id, **{**defaults, **MODES[mode], **options})


def end(sensor: HexRunSensor, status: str, emulator: Control) -> None:
    emulator.set_status(sensor.run_id, status)


def event_of(trigger: Any) -> Any:
    """Run a trigger, and return the payload of its event."""

    async def event() -> Any:
        async with asyncio.timeout(120):
            return (await anext(trigger.run())).payload

    return asyncio.run(event())


def wait(sensor: HexRunSensor, monkeypatch: pytest.MonkeyPatch, defers: Callable[[], object] = lambda: None) -> Any:
    """Let the sensor wait to its end, in its mode. ``defers`` is called when it has been deferred."""
    context: Any = {"ti": rescheduled_since_the_first_poke(monkeypatch)} if sensor.reschedule else {}
    while True:
        try:
            return sensor.execute(context)
        except AirflowRescheduleException:
            time.sleep(sensor.poke_interval)
        except TaskDeferred as deferral:
            defers()
            return sensor.resume_execution(deferral.method_name, {"event": event_of(deferral.trigger)}, context)


def rescheduled_since_the_first_poke(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return the task instance of a sensor in ``mode="reschedule"``, which knows when the first poke was."""
    first_poke = datetime.now(UTC)

    class TaskInstance:
        max_tries, try_number, dag_id, task_id, run_id, map_index = 0, 1, "dag", "wait", "run", -1

        def xcom_push(self, key: str, value: Any) -> None:
            """Nothing here reads it."""

        def get_first_reschedule_date(self, context: Any) -> Any:
            return first_poke

    if not AIRFLOW_V_3_0_PLUS:
        monkeypatch.setattr("airflow.sensors.base._orig_start_date", lambda **key: first_poke)
    return TaskInstance()
