"""For a minute after its first poke, a sensor waits for a run that Hex does not show: the run may be new."""

from __future__ import annotations

import time
from typing import Any

import pytest

from airflow_provider_hex.airflow_compat import AirflowFailException, TaskDeferred
from airflow_provider_hex.api import run_watch
from airflow_provider_hex.api.errors import HexRunGone
from hex_emulator.client import Control
from tests.sensors.conftest import IN_EACH_MODE, end, sensor_of, wait

EACH_STATUS = pytest.mark.parametrize("status", [403, 404, 422])


@IN_EACH_MODE
@EACH_STATUS
def test_a_sensor_waits_for_a_run_that_hex_does_not_show_yet(
    status: int, mode: str, emulator: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_watch, "NEW_FOR", 60.0)
    sensor = sensor_of(emulator, mode)
    end(sensor, "COMPLETED", emulator)
    for call in ("GetRunStatus", "GetProjectRuns"):
        emulator.fault(call, status=status, times=2)
    assert wait(sensor, monkeypatch)["status"] == "COMPLETED"


@IN_EACH_MODE
@EACH_STATUS
def test_a_sensor_fails_if_hex_still_does_not_show_the_run_later(
    status: int, mode: str, emulator: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_watch, "NEW_FOR", 1.0)
    sensor = sensor_of(emulator, mode)
    emulator.fault("GetRunStatus", status=status, times=None)
    with pytest.raises(HexRunGone, match=rf"is gone, or .* with {status}") as raised:
        wait(sensor, monkeypatch)
    assert isinstance(raised.value, AirflowFailException)
    assert len(emulator.requests("GetRunStatus")) > 2


def test_the_trigger_of_a_sensor_knows_until_when_its_run_is_new(
    emulator: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_watch, "NEW_FOR", 60.0)
    with pytest.raises(TaskDeferred) as deferral:
        sensor_of(emulator, "deferred").execute({})
    expected: Any = pytest.approx(time.time() + 60, abs=60)
    assert deferral.value.trigger.new_until == expected
