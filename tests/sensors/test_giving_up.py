"""How a sensor gives up: its last poll, and what ``soft_fail`` and ``never_fail`` are for, in each mode."""

from __future__ import annotations

import re
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from airflow_provider_hex import version_compat
from airflow_provider_hex.airflow_compat import (
    AirflowException,
    AirflowFailException,
    AirflowSensorTimeout,
    AirflowSkipException,
    AirflowTaskTimeout,
    TaskDeferred,
)
from airflow_provider_hex.api.error_messages import run_timeout
from airflow_provider_hex.api.errors import HexError, HexInvalidInput, HexRunFailed, HexRunGone, HexUnauthorized
from airflow_provider_hex.triggers import events
from hex_emulator.client import Control
from hex_emulator.emulator import VanishedStatus
from tests.conftest import DEFERRAL_TIMEOUT, PROJECT, connect
from tests.runs.conftest import interrupted_when
from tests.sensors.conftest import IN_EACH_MODE, end, sensor_of, wait


@pytest.mark.parametrize("poke_interval", [60, 0.1])
def test_a_deferred_sensor_polls_when_the_timeout_is_reached(
    poke_interval: float, emulator: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    sensor = sensor_of(emulator, "deferred", timeout=2, poke_interval=poke_interval)
    returned = wait(sensor, monkeypatch, lambda: end(sensor, "COMPLETED", emulator))
    assert returned["status"] == "COMPLETED"


def test_a_deferred_sensor_polls_when_the_execution_timeout_is_reached(
    emulator: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    sensor = sensor_of(emulator, "deferred", execution_timeout=timedelta(seconds=2), poke_interval=60)
    assert wait(sensor, monkeypatch, lambda: end(sensor, "COMPLETED", emulator))["status"] == "COMPLETED"


@pytest.mark.parametrize("status", ["COMPLETED", "ERRORED", "RUNNING"])
@pytest.mark.parametrize("options", [{"timeout": 1}, {"execution_timeout": timedelta(seconds=1)}], ids=str)
def test_a_sensor_polls_once_more_when_its_trigger_reports_a_timeout(
    options: dict[str, Any], status: str, emulator: Control
) -> None:
    """The triggerer may have been too busy for a last poll."""
    sensor = sensor_of(emulator, "deferred", **options)
    with pytest.raises(TaskDeferred):
        sensor.execute({})
    end(sensor, status, emulator)
    why = "the rate limit allows no request within 30 s."
    event = events.failed(run_timeout(PROJECT, sensor.run_id, None, 1, why))

    def resume() -> Any:
        return sensor.resume_execution("execute_complete", {"event": event}, {})

    if status == "COMPLETED":
        assert resume()["status"] == "COMPLETED"
    else:
        expected: Any = HexRunFailed if status == "ERRORED" else (AirflowSensorTimeout, AirflowTaskTimeout)
        with pytest.raises(expected, match=sensor.run_id):
            resume()


@pytest.mark.parametrize("mode", ["poke", "reschedule"])
@pytest.mark.parametrize("fault", [{"status": 429, "headers": {"Retry-After": "3"}}, {"status": 500, "times": 3}])
@pytest.mark.parametrize("status", ["COMPLETED", "ERRORED", "RUNNING"])
def test_a_sensor_whose_pokes_did_not_find_out_the_status_polls_once_more_before_it_gives_up(
    status: str, fault: dict[str, Any], mode: str, emulator: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    sensor = sensor_of(emulator, mode, timeout=0.05, poke_interval=0.1)
    end(sensor, status, emulator)
    emulator.fault("GetRunStatus", **fault)
    if status == "COMPLETED":
        assert wait(sensor, monkeypatch)["status"] == "COMPLETED"
    else:
        with pytest.raises(HexRunFailed if status == "ERRORED" else AirflowSensorTimeout, match=sensor.run_id):
            wait(sensor, monkeypatch)


def test_a_failed_run_that_the_last_poll_finds_is_skipped_by_soft_fail(
    emulator: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    sensor = sensor_of(emulator, "poke", timeout=0.05, soft_fail=True)
    end(sensor, "ERRORED", emulator)
    emulator.fault("GetRunStatus", status=500, times=3)
    with pytest.raises(AirflowSkipException, match="Hex run ERRORED"):
        wait(sensor, monkeypatch)


def test_a_timeout_stands_if_the_last_poll_is_not_possible_and_says_why(
    emulator: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    sensor = sensor_of(emulator, "poke", timeout=0.05)
    emulator.fault("GetRunStatus", status=500, times=None, body={"reason": "Oops"})
    with pytest.raises(AirflowSensorTimeout, match=r"^Timed out.*A last poll was not possible: .*500: 'Oops'"):
        wait(sensor, monkeypatch)


@pytest.mark.parametrize("status", ["COMPLETED", "ERRORED", "RUNNING"])
@pytest.mark.parametrize("cancel_on_kill", [False, True])
def test_a_sensor_polls_once_more_if_no_triggerer_was_there_to_do_it(
    cancel_on_kill: bool, status: str, emulator: Control
) -> None:
    sensor = sensor_of(emulator, "deferred", cancel_on_kill=cancel_on_kill)
    end(sensor, status, emulator)

    def resume() -> Any:
        return sensor.resume_execution("__fail__", {"error": DEFERRAL_TIMEOUT}, {})

    if status == "COMPLETED":
        assert resume()["status"] == "COMPLETED"
    else:
        with pytest.raises(HexRunFailed if status == "ERRORED" else Exception, match=sensor.run_id):
            resume()
    assert len(emulator.requests("CancelRun")) == (cancel_on_kill and status == "RUNNING")


@pytest.mark.parametrize("status", ["COMPLETED", "ERRORED"])
def test_a_run_that_ends_just_before_its_cancel_decides(
    status: str, emulator: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    sensor = sensor_of(emulator, "poke", timeout=0.05, cancel_on_kill=True)
    release = sensor._release

    def end_and_release(cause: Any) -> Any:
        end(sensor, status, emulator)
        return release(cause)

    sensor._release = end_and_release  # type: ignore[method-assign]
    if status == "COMPLETED":
        assert wait(sensor, monkeypatch)["status"] == "COMPLETED"
    else:
        with pytest.raises(HexRunFailed, match=r"^Hex run ERRORED"):
            wait(sensor, monkeypatch)


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        ("COMPLETED", r"The run had already COMPLETED\."),
        ("ERRORED", r"The run had already ended ERRORED\."),
        ("RUNNING", r"The run was cancelled\."),
    ],
)
def test_an_execution_timeout_in_a_worker_says_what_the_runs_status_is(
    status: str, outcome: str, emulator: Control
) -> None:
    sensor = sensor_of(emulator, "poke", poke_interval=60, cancel_on_kill=True)

    def end_and_time_out() -> None:
        end(sensor, status, emulator)
        raise AirflowTaskTimeout("Timeout.")

    with (
        interrupted_when(lambda: emulator.requests("GetRunStatus"), end_and_time_out),
        pytest.raises(AirflowTaskTimeout, match=rf"Timeout\. {outcome}"),
    ):
        sensor.execute({})


def test_an_execution_timeout_in_a_worker_whose_last_poll_is_not_possible_says_why(emulator: Control) -> None:
    sensor = sensor_of(emulator, "poke", poke_interval=60)
    emulator.fault("GetRunStatus", after=1, status=500, times=None, body={"reason": "Oops"})

    def time_out() -> None:
        raise AirflowTaskTimeout("Timeout.")

    with (
        interrupted_when(lambda: emulator.requests("GetRunStatus"), time_out),
        pytest.raises(AirflowTaskTimeout, match=r"^Timeout\. A last poll was not possible: .*500: 'Oops'") as raised,
    ):
        sensor.execute({})
    assert "timed out" not in str(raised.value)
    assert "status unknown" not in str(raised.value)


def test_an_execution_timeout_in_the_last_poll_does_not_hide_the_timeout(emulator: Control) -> None:
    sensor = sensor_of(emulator, "deferred", timeout=1)
    with pytest.raises(TaskDeferred):
        sensor.execute({})
    event = events.failed(run_timeout(PROJECT, sensor.run_id, None, 1))
    polls = len(emulator.requests("GetRunStatus"))
    emulator.fault("GetRunStatus", delay=5)

    def alarm() -> None:
        raise AirflowTaskTimeout("Timeout")

    with (
        interrupted_when(lambda: len(emulator.requests("GetRunStatus")) > polls, alarm),
        pytest.raises(AirflowSensorTimeout, match=f"the execution_timeout was reached.*{sensor.run_id}"),
    ):
        sensor.resume_execution("execute_complete", {"event": event}, {})


@pytest.mark.parametrize("delay", [0, 5], ids=["between two pokes", "within a poke"])
@pytest.mark.parametrize("option", ["soft_fail", "never_fail"])
def test_an_execution_timeout_in_a_worker_skips_the_task_and_says_so_whenever_it_is_reached(
    option: str, delay: int, emulator: Control
) -> None:
    """Airflow itself does not skip the task between two pokes, and within a poke it gives another reason."""
    sensor = sensor_of(emulator, "poke", poke_interval=60, **{option: True})
    if delay:
        emulator.fault("GetRunStatus", delay=delay)

    def time_out() -> None:
        raise AirflowTaskTimeout("Timeout.")

    with (
        interrupted_when(lambda: emulator.requests("GetRunStatus"), time_out),
        pytest.raises(AirflowSkipException, match=rf"Timeout\..*{sensor.run_id}"),
    ):
        sensor.execute({})


@pytest.mark.parametrize("option", ["soft_fail", "never_fail"])
def test_an_execution_timeout_skips_a_deferred_task(
    option: str, emulator: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    sensor = sensor_of(emulator, "deferred", execution_timeout=timedelta(seconds=1), **{option: True})
    with pytest.raises(AirflowSkipException, match=sensor.run_id):
        wait(sensor, monkeypatch)


@IN_EACH_MODE
@pytest.mark.parametrize("status", ["ERRORED", "KILLED", "UNABLE_TO_ALLOCATE_KERNEL"])
def test_soft_fail_skips_the_task_of_a_run_that_ended_badly(
    status: str, mode: str, emulator: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    cancel = mode != "deferred"  # which would need a task instance
    sensor = sensor_of(emulator, mode, soft_fail=True, cancel_on_kill=cancel)
    if mode != "deferred":
        end(sensor, status, emulator)
    with pytest.raises(AirflowSkipException) as raised:
        wait(sensor, monkeypatch, lambda: end(sensor, status, emulator))
    assert isinstance(raised.value.__cause__, HexRunFailed)
    assert not emulator.requests("CancelRun")


@IN_EACH_MODE
def test_soft_fail_skips_the_task_on_a_timeout(mode: str, emulator: Control, monkeypatch: pytest.MonkeyPatch) -> None:
    sensor = sensor_of(emulator, mode, soft_fail=True, timeout=0.3)
    with pytest.raises(AirflowSkipException):
        wait(sensor, monkeypatch)


def test_soft_fail_skips_the_task_if_its_deferral_timed_out(emulator: Control) -> None:
    sensor = sensor_of(emulator, "deferred", soft_fail=True)
    with pytest.raises(AirflowSkipException):
        sensor.resume_execution("__fail__", {"error": DEFERRAL_TIMEOUT}, {})


def test_soft_fail_does_not_skip_the_task_if_its_trigger_failed(emulator: Control) -> None:
    sensor = sensor_of(emulator, "deferred", soft_fail=True)
    with pytest.raises(Exception, match="Trigger failure") as raised:
        sensor.resume_execution("__fail__", {"error": "Trigger failure"}, {})
    assert not isinstance(raised.value, AirflowSkipException)


def test_a_retry_that_airflow_resumes_with_the_failure_of_the_previous_attempt_waits_again(
    emulator: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As Airflow 3.0 does."""
    monkeypatch.setattr(version_compat, "RESUMES_RETRIES", True)
    pushed: dict[str, Any] = {"hex_attempt": 1}
    ti: Any = SimpleNamespace(task_id="wait", map_index=-1, try_number=2)
    ti.xcom_push = lambda key, value: pushed.update({key: value})
    ti.xcom_pull = lambda task_ids, key, map_indexes: pushed.get(key)
    sensor = sensor_of(emulator, "deferred")
    with pytest.raises(TaskDeferred):
        sensor.resume_execution("__fail__", {"error": "Trigger failure"}, {"ti": ti})
    with pytest.raises(AirflowException, match="Trigger failure"):
        sensor.resume_execution("__fail__", {"error": "Trigger failure"}, {"ti": ti})  # its own


@IN_EACH_MODE
@pytest.mark.parametrize("after", [0, 1], ids=["at-once", "while-it-waits"])
def test_soft_fail_does_not_skip_the_task_for_a_wrong_or_revoked_token(
    after: int, mode: str, emulator: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    sensor = sensor_of(emulator, mode, soft_fail=True)
    emulator.fault("GetRunStatus", after=after, status=401, times=None)
    with pytest.raises(HexUnauthorized, match=sensor.run_id) as raised:
        wait(sensor, monkeypatch)
    assert isinstance(raised.value, AirflowFailException)


@IN_EACH_MODE
@pytest.mark.parametrize("after", [0, 1], ids=["at-once", "while-it-waits"])
@pytest.mark.parametrize("status", [403, 404, 422])
def test_soft_fail_does_not_skip_the_task_of_a_run_that_is_gone(
    status: VanishedStatus, after: int, mode: str, emulator: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    sensor = sensor_of(emulator, mode, soft_fail=True)
    emulator.fault("GetRunStatus", after=after, status=status, times=None)
    with pytest.raises(HexRunGone, match=rf"is gone, or .* with {status}") as raised:
        wait(sensor, monkeypatch)
    assert isinstance(raised.value, AirflowFailException)


@pytest.mark.parametrize(
    ("mode", "while_it_waits"), [("poke", False), ("reschedule", False), ("deferred", False), ("deferred", True)]
)
def test_soft_fail_does_not_skip_the_task_for_a_broken_connection(
    while_it_waits: bool, mode: str, emulator: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    sensor = sensor_of(emulator, mode, soft_fail=True)

    def break_it() -> None:
        connect(monkeypatch, password="", host=emulator.url)

    if not while_it_waits:
        break_it()
    with pytest.raises(HexInvalidInput, match="no token") as raised:
        wait(sensor, monkeypatch, break_it)
    assert isinstance(raised.value, AirflowFailException)


def test_soft_fail_does_not_skip_the_task_if_the_token_is_revoked_at_the_last_poll(
    emulator: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    sensor = sensor_of(emulator, "poke", soft_fail=True, timeout=0.05)
    emulator.fault("GetRunStatus", status=500, times=2)
    emulator.fault("GetRunStatus", status=401, times=None)
    with pytest.raises(HexUnauthorized):
        wait(sensor, monkeypatch)


@IN_EACH_MODE
@pytest.mark.parametrize("status", [401, 404])
def test_never_fail_skips_the_task_whatever_the_error_is(
    status: int, mode: str, emulator: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    sensor = sensor_of(emulator, mode, never_fail=True)
    emulator.fault("GetRunStatus", after=1, status=status, times=None)
    with pytest.raises(AirflowSkipException) as raised:
        wait(sensor, monkeypatch)
    assert isinstance(raised.value.__cause__, HexError)


def test_never_fail_skips_the_task_and_the_run_is_released_although_the_last_poll_fails_for_good(
    emulator: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    sensor = sensor_of(emulator, "poke", never_fail=True, timeout=0.05, cancel_on_kill=True)
    emulator.fault("GetRunStatus", status=500, times=2)
    emulator.fault("GetRunStatus", status=401, times=None)
    with pytest.raises(AirflowSkipException, match=r"401.*The run was cancelled\.") as raised:
        wait(sensor, monkeypatch)
    assert isinstance(raised.value.__cause__, HexUnauthorized)
    assert len(emulator.requests("CancelRun")) == 1


@IN_EACH_MODE
def test_a_timeout_says_the_same_in_each_mode(mode: str, emulator: Control, monkeypatch: pytest.MonkeyPatch) -> None:
    sensor = sensor_of(emulator, mode, timeout=0.5)
    with pytest.raises(AirflowSensorTimeout) as raised:
        wait(sensor, monkeypatch)
    assert re.match(
        r"Timed out after [\d.]+ s of waiting: the run is still RUNNING\. The task's timeout is 0\.5 s\. .*Run: http",
        str(raised.value),
    )


@pytest.mark.parametrize("option", ["", "soft_fail", "never_fail"])
def test_an_execution_timeout_in_a_worker_says_how_long_it_is(option: str, emulator: Control) -> None:
    options = {option: True} if option else {}
    sensor = sensor_of(emulator, "poke", poke_interval=60, execution_timeout=timedelta(seconds=30), **options)

    def time_out() -> None:
        raise AirflowTaskTimeout("Timeout, PID: 7")

    kind = AirflowSkipException if option else AirflowTaskTimeout
    with (
        interrupted_when(lambda: emulator.requests("GetRunStatus"), time_out),
        pytest.raises(kind, match=r"The task's execution_timeout is 30 s\. .*Run: http"),
    ):
        sensor.execute({})
