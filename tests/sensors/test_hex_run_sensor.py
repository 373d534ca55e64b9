"""What shows when a DAG is parsed, and a wait that Airflow gave up. The rest is in ``tests/dag_runs``."""

from __future__ import annotations

from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowSensorTimeout, AirflowSkipException, TaskDeferred

from airflow_provider_hex.api.errors import HexInvalidInput
from airflow_provider_hex.sensors.hex import HexRunSensor
from hex_emulator.client import Control
from tests.conftest import PROJECT, connect

RUN = "78c33d18-170c-44d3-a227-b3194f134f73"


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
    assert HexRunSensor(task_id="wait", project_id=PROJECT, run_id=RUN, **options).deferrable is deferrable


@pytest.mark.parametrize("failure", ["Trigger timeout", "Trigger failure"])
def test_a_wait_that_airflow_gave_up_names_the_run(failure: str) -> None:
    sensor = HexRunSensor(task_id="wait", project_id=PROJECT, run_id=RUN)
    with pytest.raises(Exception, match=f"{failure} It waited for Hex run {RUN} of project {PROJECT}"):
        sensor.resume_execution("__fail__", {"error": failure}, {})


@pytest.mark.parametrize("name", ["project_id", "run_id"])
def test_an_id_that_is_none_shows_when_the_dag_is_parsed(name: str) -> None:
    ids = {"project_id": PROJECT, "run_id": RUN, name: f"https://app.hex.tech/acme/app/{PROJECT}/latest?runId={RUN}"}
    with pytest.raises(HexInvalidInput, match=f"{name} is 'https.*Use the id in it alone"):
        HexRunSensor(task_id="wait", **ids)


def test_a_look_is_left_out_when_the_minutes_requests_are_used_up(
    emulator: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect(monkeypatch, host=emulator.url, extra={"requests_per_minute": 2})
    run_id = emulator.start_run(PROJECT, trigger="API")["runId"]
    sensor = HexRunSensor(task_id="wait", project_id=PROJECT, run_id=run_id, mode="poke")
    assert [bool(sensor.poke({})) for _ in range(4)] == [False] * 4
    assert len(emulator.requests()) == 2


def waiting_sensor(emulator: Control, **options: Any) -> HexRunSensor:
    emulator.next_run(timeline=[("RUNNING", None)])
    run_id = emulator.start_run(PROJECT, trigger="API")["runId"]
    return HexRunSensor(task_id="wait", project_id=PROJECT, run_id=run_id, mode="poke", poke_interval=0.05, **options)


@pytest.mark.parametrize(("cancel_on_kill", "status"), [(False, "RUNNING"), (True, "KILLED")])
def test_a_kill_cancels_the_run_only_if_told_to(cancel_on_kill: bool, status: str, emulator: Control) -> None:
    sensor = waiting_sensor(emulator, cancel_on_kill=cancel_on_kill)

    def kill_at_the_first_look(context: Any) -> bool:
        sensor.on_kill()
        return True

    sensor.poke = kill_at_the_first_look  # type: ignore[method-assign,assignment]
    sensor.execute({})
    assert emulator.runs()[0]["status"] == status


@pytest.mark.parametrize(
    ("cancel_on_kill", "status", "said"), [(False, "RUNNING", "It waited for"), (True, "KILLED", "was cancelled.")]
)
def test_a_time_that_is_up_cancels_the_run_only_if_told_to(
    cancel_on_kill: bool, status: str, said: str, emulator: Control
) -> None:
    sensor = waiting_sensor(emulator, cancel_on_kill=cancel_on_kill, timeout=0.2)
    with pytest.raises(AirflowSensorTimeout, match=said):
        sensor.execute({})
    assert emulator.runs()[0]["status"] == status


def test_a_time_that_is_up_softly_cancels_the_run_too(emulator: Control) -> None:
    sensor = waiting_sensor(emulator, cancel_on_kill=True, timeout=0.2, soft_fail=True)
    with pytest.raises(AirflowSkipException, match="was cancelled"):
        sensor.execute({})
    assert emulator.runs()[0]["status"] == "KILLED"


def test_a_kill_after_the_wait_cancels_nothing(emulator: Control) -> None:
    emulator.next_run(pending=0, running=0)
    run_id = emulator.start_run(PROJECT, trigger="API")["runId"]
    sensor = HexRunSensor(task_id="wait", project_id=PROJECT, run_id=run_id, mode="poke", cancel_on_kill=True)
    sensor.execute({})
    sensor.on_kill()
    assert not emulator.requests("CancelRun")


def test_a_deferred_sensor_tells_its_trigger_to_cancel_only_if_told_to(emulator: Control) -> None:
    told: dict[str, Any] = {}

    class Ti:
        def xcom_push(self, key: str, value: Any) -> None:
            told[key] = value

    for cancel_on_kill in (False, True):
        sensor = waiting_sensor(emulator, cancel_on_kill=cancel_on_kill, deferrable=True)
        told.clear()
        with pytest.raises(TaskDeferred) as deferred:
            sensor.poke({"ti": Ti()})
        assert deferred.value.trigger.serialize()[1]["cancel_on_kill"] is cancel_on_kill
        assert told == ({"run_id": sensor.run_id} if cancel_on_kill else {})
