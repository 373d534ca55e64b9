"""What the sensor checks when a DAG is parsed, and how its wait ends early. The rest is in ``tests/dag_runs``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

try:
    from airflow.sdk import DAG
except ImportError:  # Airflow 2
    from airflow import DAG

from airflow_provider_hex.airflow_compat import (
    AirflowFailException,
    AirflowSensorTimeout,
    AirflowSkipException,
    TaskDeferred,
)
from airflow_provider_hex.api.errors import HexInvalidInput, HexRunFailed, HexUntrustedCertificate
from airflow_provider_hex.sensors.hex import HexRunSensor
from airflow_provider_hex.triggers import events
from hex_emulator.client import Control
from tests.conftest import DEFERRAL_TIMEOUT, PROJECT, connect
from tests.https import https_to
from tests.sensors.conftest import event_of

RUN = "78c33d18-170c-44d3-a227-b3194f134f73"


def sensor_of(emulator: Control, status: str = "RUNNING", **options: Any) -> HexRunSensor:
    """Return a sensor that pokes a new run, which keeps a status."""
    emulator.next_run(timeline=[(status, None)])
    run_id = emulator.start_run(PROJECT, trigger="API")["runId"]
    defaults = {"task_id": "wait", "mode": "poke", "poke_interval": 0.05}
    return HexRunSensor(project_id=PROJECT, run_id=run_id, **{**defaults, **options})


@pytest.mark.parametrize(
    ("options", "deferrable"),
    [
        ({}, True),
        ({"mode": "poke"}, False),
        ({"mode": "reschedule"}, False),
        ({"default_args": {"mode": "poke"}}, False),
        ({"default_args": {"mode": "reschedule"}}, False),
        ({"default_args": {"retries": 1}}, True),
        ({"mode": "reschedule", "deferrable": True}, True),
        ({"default_args": {"mode": "reschedule", "deferrable": True}}, True),
        ({"deferrable": False}, False),
        ({"default_args": {"deferrable": False}}, False),
    ],
)
def test_where_airflow_defers_by_default_a_sensor_defers_unless_a_mode_is_given(
    options: dict[str, Any], deferrable: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__OPERATORS__DEFAULT_DEFERRABLE", "True")
    assert HexRunSensor(task_id="wait", project_id=PROJECT, run_id=RUN, **options).deferrable is deferrable


@pytest.mark.parametrize(
    ("options", "deferrable"),
    [
        ({}, False),
        ({"mode": "reschedule"}, False),
        ({"deferrable": True}, True),
        ({"default_args": {"deferrable": True}}, True),
    ],
)
def test_where_airflow_does_not_defer_by_default_a_sensor_defers_only_if_it_is_deferrable(
    options: dict[str, Any], deferrable: bool
) -> None:
    assert HexRunSensor(task_id="wait", project_id=PROJECT, run_id=RUN, **options).deferrable is deferrable


def test_a_sensor_follows_the_mode_of_its_dag(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__OPERATORS__DEFAULT_DEFERRABLE", "True")
    with DAG("dag", schedule=None, default_args={"mode": "reschedule"}):
        sensor = HexRunSensor(task_id="wait", project_id=PROJECT, run_id=RUN)
    assert (sensor.mode, sensor.deferrable) == ("reschedule", False)


@pytest.mark.parametrize("name", ["project_id", "run_id"])
def test_an_invalid_id_is_rejected_when_the_dag_is_parsed(name: str) -> None:
    ids: dict[str, Any] = {"project_id": PROJECT, "run_id": RUN}
    url = f"https://app.hex.tech/app/{PROJECT}/latest?runId={RUN}"
    with pytest.raises(HexInvalidInput, match=rf"{name} is 'https.*Use only the id in it: {ids[name]}\."):
        HexRunSensor(task_id="wait", **{**ids, name: url})


@pytest.mark.parametrize("failure", [DEFERRAL_TIMEOUT, "Trigger failure"])
def test_the_error_of_a_deferral_that_airflow_ended_names_the_run(failure: str, emulator: Control) -> None:
    sensor = sensor_of(emulator, deferrable=True)
    with pytest.raises(Exception, match=rf"{failure} (.* )?Run: .*{sensor.run_id}"):
        sensor.resume_execution("__fail__", {"error": failure}, {})


@pytest.mark.parametrize("deferred", [False, True], ids=["poked", "deferred"])
@pytest.mark.parametrize("status", ["ERRORED", "KILLED", "UNABLE_TO_ALLOCATE_KERNEL"])
def test_a_failed_run_fails_the_task_without_retries(status: str, deferred: bool, emulator: Control) -> None:
    sensor = sensor_of(emulator, status)
    event = events.run_ended(sensor.hook.get_run(sensor.project_id, sensor.run_id))
    with pytest.raises(HexRunFailed, match=f"Hex run {status}") as raised:
        sensor.execute_complete({}, event) if deferred else sensor.execute({})
    assert isinstance(raised.value, AirflowFailException)


@pytest.mark.parametrize("deferred", [False, True], ids=["poked", "deferred"])
def test_an_untrusted_certificate_fails_the_task_at_once_and_names_the_run(
    deferred: bool, emulator: Control, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def resume(context: Any) -> None:
        sensor.resume_execution("execute_complete", {"event": event_of(deferral.value.trigger)}, context)

    sensor = sensor_of(emulator, deferrable=deferred)
    if deferred:
        with pytest.raises(TaskDeferred) as deferral:
            sensor.execute({})
    with https_to(emulator.url, tmp_path / "certificate.pem") as host:
        connect(monkeypatch, host=f"https://{host}")
        wait = resume if deferred else sensor.execute
        with pytest.raises(HexUntrustedCertificate, match=r"certificate is not trusted\.") as raised:
            wait({})
    assert isinstance(raised.value, AirflowFailException)
    assert sensor.run_id in str(raised.value)
    assert emulator.runs()[0]["status"] == "RUNNING"


def test_a_poll_is_skipped_when_the_minutes_requests_are_used_up(
    emulator: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect(monkeypatch, host=emulator.url, extra={"requests_per_minute": 2})
    sensor = sensor_of(emulator)
    assert [bool(sensor.poke({})) for _ in range(4)] == [False] * 4
    assert len(emulator.requests()) == 2


@pytest.mark.parametrize(("cancel_on_kill", "status"), [(False, "RUNNING"), (True, "KILLED")])
def test_a_kill_cancels_the_run_only_with_cancel_on_kill(cancel_on_kill: bool, status: str, emulator: Control) -> None:
    sensor = sensor_of(emulator, cancel_on_kill=cancel_on_kill)

    def kill_at_the_first_poke(context: Any) -> bool:
        sensor.on_kill()
        return True

    sensor.poke = kill_at_the_first_poke  # type: ignore[method-assign]
    sensor.execute({})
    assert emulator.runs()[0]["status"] == status


@pytest.mark.parametrize(
    ("cancel_on_kill", "status", "outcome"),
    [(False, "RUNNING", "Run: "), (True, "KILLED", r"The run was cancelled\.")],
)
def test_a_timeout_cancels_the_run_only_with_cancel_on_kill(
    cancel_on_kill: bool, status: str, outcome: str, emulator: Control
) -> None:
    sensor = sensor_of(emulator, cancel_on_kill=cancel_on_kill, timeout=0.2)
    with pytest.raises(AirflowSensorTimeout, match=outcome):
        sensor.execute({})
    assert emulator.runs()[0]["status"] == status


def test_a_timeout_that_skips_the_task_cancels_the_run_too(emulator: Control) -> None:
    sensor = sensor_of(emulator, cancel_on_kill=True, timeout=0.2, soft_fail=True)
    with pytest.raises(AirflowSkipException, match="was cancelled"):
        sensor.execute({})
    assert emulator.runs()[0]["status"] == "KILLED"


def test_a_kill_after_the_wait_cancels_nothing(emulator: Control) -> None:
    sensor = sensor_of(emulator, "COMPLETED", cancel_on_kill=True)
    sensor.execute({})
    sensor.on_kill()
    assert not emulator.requests("CancelRun")


@pytest.mark.parametrize("cancel_on_kill", [False, True])
def test_a_deferred_sensors_trigger_cancels_the_run_only_with_cancel_on_kill(
    cancel_on_kill: bool, emulator: Control
) -> None:
    xcoms: dict[str, Any] = {}

    class TaskInstance:
        task_id, try_number = "wait", 1

        def xcom_push(self, key: str, value: Any) -> None:
            xcoms[key] = value

    sensor = sensor_of(emulator, cancel_on_kill=cancel_on_kill, deferrable=True)
    context: Any = {"ti": TaskInstance()}
    with pytest.raises(TaskDeferred) as deferred:
        sensor.poke(context)
    assert deferred.value.trigger.serialize()[1]["cancel_on_kill"] is cancel_on_kill
    assert xcoms.get("run_id") == (sensor.run_id if cancel_on_kill else None)
