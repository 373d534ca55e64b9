"""When a sensor pushes the XCom ``run_url``, from which Airflow's UI makes the link *Hex run*."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from airflow.exceptions import AirflowRescheduleException

from airflow_provider_hex.airflow_compat import AIRFLOW_V_3_0_PLUS, TaskDeferred
from airflow_provider_hex.api.errors import HexRunFailed, HexRunGone
from airflow_provider_hex.sensors.hex import HexRunSensor
from airflow_provider_hex.triggers import events
from airflow_provider_hex.version_compat import RESUMES_RETRIES
from hex_emulator.client import Control
from tests.conftest import PROJECT
from tests.sensors.conftest import MODES, sensor_of


class TaskInstance:
    """The task instance of a sensor, with all that was pushed."""

    map_index, try_number = -1, 1

    def __init__(self, task_id: str = "wait") -> None:
        self.task_id = task_id
        self.pushed: list[tuple[str, Any]] = []

    def xcom_push(self, key: str, value: Any) -> None:
        if key != "hex_attempt" or not RESUMES_RETRIES:
            self.pushed.append((key, value))


def url_of(emulator: Control) -> tuple[str, str]:
    (run,) = emulator.runs()
    return "run_url", run["runUrl"]


def test_a_deferred_sensor_has_pushed_the_url(emulator: Control) -> None:
    ti: Any = TaskInstance()
    with pytest.raises(TaskDeferred):
        sensor_of(emulator, "deferred").execute({"ti": ti})
    assert ti.pushed == [url_of(emulator)]


@pytest.mark.parametrize("outcome", ["COMPLETED", "ERRORED"])
def test_a_sensor_that_waits_in_a_worker_pushes_the_url_once(outcome: str, emulator: Control) -> None:
    emulator.next_run(timeline=[("RUNNING", 1), (outcome, None)])
    run = emulator.start_run(PROJECT, trigger="API")
    ti: Any = TaskInstance()
    sensor = HexRunSensor(task_id="wait", project_id=PROJECT, run_id=run["runId"], timeout=240, **MODES["poke"])
    if outcome == "COMPLETED":
        sensor.execute({"ti": ti})
    else:
        with pytest.raises(HexRunFailed):
            sensor.execute({"ti": ti})
    assert ti.pushed == [url_of(emulator)]


@pytest.mark.parametrize("name", ["run_id", "runUrl", "all"])
def test_a_url_that_is_known_before_the_first_poll_is_pushed_even_if_that_fails(name: str, emulator: Control) -> None:
    emulator.next_run(timeline=[("RUNNING", None)])
    run = emulator.start_run(PROJECT, trigger="API")
    emulator.fault("GetRunStatus", status=403, times=None)
    ti: Any = TaskInstance()
    named: Any = {"run_id": run["runId"], "runUrl": run["runUrl"], "all": run}[name]
    sensor = HexRunSensor(task_id="wait", project_id=PROJECT, run_id=named, **MODES["poke"])
    with pytest.raises(HexRunGone):
        sensor.execute({"ti": ti})
    assert ti.pushed == ([] if name == "run_id" else [url_of(emulator)])


@pytest.mark.parametrize("status", ["COMPLETED", "ERRORED"])
def test_a_sensor_that_was_rate_limited_before_it_was_deferred_pushes_the_url_at_the_end(
    status: str, emulator: Control
) -> None:
    sensor = sensor_of(emulator, "deferred")
    emulator.fault("GetRunStatus", status=429)
    ti: Any = TaskInstance()
    with pytest.raises(TaskDeferred):
        sensor.execute({"ti": ti})
    assert ti.pushed == []
    emulator.set_status(sensor.run_id, status)
    event = events.run_ended(sensor.hook.get_run(PROJECT, sensor.run_id))
    if status == "COMPLETED":
        sensor.execute_complete({"ti": ti}, event)
    else:
        with pytest.raises(HexRunFailed):
            sensor.execute_complete({"ti": ti}, event)
    assert ti.pushed == [url_of(emulator)]


def test_a_sensor_that_another_task_executes_pushes_nothing(emulator: Control) -> None:
    ti: Any = TaskInstance("another")
    with pytest.raises(TaskDeferred):
        sensor_of(emulator, "deferred").execute({"ti": ti})
    assert ti.pushed == []


@pytest.mark.parametrize("run_id", ["javascript:alert(1)/acme/app", "app.hex.tech/acme/app"])
def test_only_a_complete_url_is_pushed(run_id: str, emulator: Control) -> None:
    emulator.next_run(timeline=[("RUNNING", None)])
    run = emulator.start_run(PROJECT, trigger="API")
    url = f"{run_id}/{PROJECT}/latest?runId={run['runId']}"
    ti: Any = TaskInstance()
    with pytest.raises(TaskDeferred):
        HexRunSensor(task_id="wait", run_id=url, deferrable=True).execute({"ti": ti})
    assert ti.pushed == [url_of(emulator)]


@pytest.mark.parametrize("outcome", ["COMPLETED", "ERRORED"])
@pytest.mark.parametrize("mode", ["poke", "deferred"])
def test_a_push_that_fails_does_not_hide_how_the_run_ended(mode: str, outcome: str, emulator: Control) -> None:
    class Broken(TaskInstance):
        def xcom_push(self, key: str, value: Any) -> None:
            raise RuntimeError("no database")

    sensor = sensor_of(emulator, mode)
    context: Any = {"ti": Broken()}
    emulator.set_status(sensor.run_id, outcome)
    event = events.run_ended(sensor.hook.get_run(PROJECT, sensor.run_id))

    def wait() -> Any:
        return sensor.execute(context) if mode == "poke" else sensor.execute_complete(context, event)

    if outcome == "COMPLETED":
        assert wait()["status"] == "COMPLETED"
    else:
        with pytest.raises(HexRunFailed, match=r"^Hex run ERRORED"):
            wait()


@pytest.mark.parametrize("letters", [str.lower, str.upper])
@pytest.mark.parametrize("fault", [{"status": 403, "times": None, "after": 1}, None])
def test_an_error_names_a_run_once_and_by_its_url_if_it_is_known(
    fault: dict[str, Any] | None, letters: Callable[[str], str], emulator: Control
) -> None:
    emulator.next_run(timeline=[("RUNNING", 1), ("ERRORED", None)])
    run = emulator.start_run(PROJECT, trigger="API")
    if fault:
        emulator.fault("GetRunStatus", **fault)
    sensor = HexRunSensor(task_id="wait", project_id=PROJECT, run_id=letters(run["runId"]), timeout=15, **MODES["poke"])
    with pytest.raises(HexRunGone if fault else HexRunFailed) as raised:
        sensor.execute({"ti": TaskInstance()})  # type: ignore[typeddict-item]
    assert str(raised.value).endswith(f" Run: {run['runUrl']}")
    assert str(raised.value).count("Run: ") == 1


def test_the_first_line_of_a_sensor_that_reschedules_has_the_url(
    emulator: Control, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Started(TaskInstance):
        start_date = datetime.now(UTC)
        max_tries, try_number, dag_id, run_id = 0, 1, "dag", "run"

        def get_first_reschedule_date(self, context: Any) -> None:
            """Return None, because this is the first poke."""

    if not AIRFLOW_V_3_0_PLUS:
        monkeypatch.setattr("airflow.sensors.base._orig_start_date", lambda **key: None)
    caplog.set_level(logging.INFO, "airflow_provider_hex")
    ti: Any = Started()
    with pytest.raises(AirflowRescheduleException):
        sensor_of(emulator, "reschedule").execute({"ti": ti})
    assert f"Hex run RUNNING: {url_of(emulator)[1]}" in caplog.messages
