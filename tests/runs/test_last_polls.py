"""The last poll, when a timeout is reached: a run that has completed is a success, whenever it was to be polled."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from airflow_provider_hex.airflow_compat import AirflowTaskTimeout
from airflow_provider_hex.api.errors import HexRunFailed, HexRunTimeout
from hex_emulator.client import Control
from tests.conftest import DEFERRAL_TIMEOUT
from tests.runs.conftest import (
    CANCELLED,
    LEFT_RUNNING,
    WAITING_MODES,
    Airflow,
    defer,
    finish,
    interrupted_when,
    keep_runs,
    operator,
    starts,
    statuses,
)

SOON: dict[str, Any] = {"poll_interval": 60, "timeout": 3}
"""A timeout that is reached before the first poll is due."""
CANCEL_OR_NOT = pytest.mark.parametrize("cancel", [True, False], ids=["cancel", "leave"])


def end_when_a_timeout_is_reached(status: str, emulator: Control, airflow: Airflow) -> None:
    """End the run after its last poll, and before it is cancelled."""

    def end() -> None:
        if emulator.requests("GetRunStatus"):
            emulator.set_status(emulator.runs()[0]["runId"], status)

    airflow.on_state = end


@pytest.mark.parametrize("mode", WAITING_MODES)
def test_a_run_that_completes_before_the_timeout_is_a_success_though_no_poll_was_due(
    mode: str, emulator: Control, airflow: Airflow
) -> None:
    emulator.next_run(pending=0, running=2)
    assert finish(airflow.attempt(), **SOON, **WAITING_MODES[mode])["status"] == "COMPLETED"
    assert not emulator.requests("CancelRun")
    assert airflow.success == airflow.xcoms["run_id"]


@pytest.mark.parametrize("mode", WAITING_MODES)
def test_a_run_that_fails_before_the_timeout_is_reported_as_failed_and_not_as_timed_out(
    mode: str, emulator: Control, airflow: Airflow
) -> None:
    emulator.next_run(outcome="ERRORED", pending=0, running=2)
    with pytest.raises(HexRunFailed, match=r"^Hex run ERRORED"):
        finish(airflow.attempt(), **SOON, **WAITING_MODES[mode])
    assert not emulator.requests("CancelRun")


def test_a_run_that_completes_before_the_execution_timeout_of_a_deferred_task_is_a_success(
    emulator: Control, airflow: Airflow
) -> None:
    emulator.next_run(pending=0, running=2)
    options: dict[str, Any] = {"poll_interval": 60, "execution_timeout": timedelta(seconds=3), "deferrable": True}
    assert finish(airflow.attempt(), **options)["status"] == "COMPLETED"


@pytest.mark.parametrize("mode", WAITING_MODES)
@pytest.mark.parametrize(
    "fault", [{"status": 500}, {"status": 429, "headers": {"Retry-After": "2"}}, {"drop": True}, {"truncate": True}]
)
def test_a_last_poll_that_fails_for_a_moment_is_tried_again(
    fault: dict[str, Any], mode: str, emulator: Control, airflow: Airflow
) -> None:
    emulator.next_run(pending=0, running=2)
    emulator.fault("GetRunStatus", times=2, **fault)
    emulator.fault("GetProjectRuns", times=2, **fault)
    assert finish(airflow.attempt(), **SOON, **WAITING_MODES[mode])["status"] == "COMPLETED"


@pytest.mark.parametrize("mode", WAITING_MODES)
@pytest.mark.parametrize(
    ("fault", "why"),
    [
        ({"status": 500, "body": {"reason": "Oops"}}, r"500: 'Oops'"),
        ({"status": 429, "headers": {"Retry-After": "60"}}, r"(429|the rate limit allows no request)"),
    ],
    ids=["500", "429"],
)
def test_a_timeout_stands_if_the_last_poll_is_not_possible_and_says_why(
    fault: dict[str, Any], why: str, mode: str, emulator: Control, airflow: Airflow
) -> None:
    keep_runs(emulator)
    emulator.fault("GetRunStatus", times=None, **fault)
    emulator.fault("GetProjectRuns", times=None, **fault)
    expected = rf"no poll of the run succeeded\. A last poll was not possible: .*{why}.* The run was cancelled\."
    with pytest.raises(HexRunTimeout, match=expected):
        finish(airflow.attempt(), **{**SOON, "timeout": 1}, **WAITING_MODES[mode])
    assert statuses(emulator) == [CANCELLED]


@CANCEL_OR_NOT
@pytest.mark.parametrize("mode", WAITING_MODES)
def test_a_run_that_completes_just_before_its_cancel_is_a_success(
    mode: str, cancel: bool, emulator: Control, airflow: Airflow
) -> None:
    keep_runs(emulator)
    end_when_a_timeout_is_reached("COMPLETED", emulator, airflow)
    returned = finish(airflow.attempt(), timeout=0.5, cancel_on_timeout=cancel, **WAITING_MODES[mode])
    assert returned["status"] == "COMPLETED"
    assert len(emulator.requests("CancelRun")) == cancel
    assert airflow.success == airflow.xcoms["run_id"]


@CANCEL_OR_NOT
@pytest.mark.parametrize("mode", WAITING_MODES)
def test_a_run_that_fails_just_before_its_cancel_is_reported_as_failed(
    mode: str, cancel: bool, emulator: Control, airflow: Airflow
) -> None:
    keep_runs(emulator)
    end_when_a_timeout_is_reached("ERRORED", emulator, airflow)
    with pytest.raises(HexRunFailed, match=r"^Hex run ERRORED") as raised:
        finish(airflow.attempt(), timeout=0.5, cancel_on_timeout=cancel, **WAITING_MODES[mode])
    assert airflow.record["failure"] == str(raised.value)


@CANCEL_OR_NOT
@pytest.mark.parametrize("status", ["COMPLETED", "ERRORED", LEFT_RUNNING])
def test_a_run_is_polled_a_last_time_if_no_triggerer_was_there_to_do_it(
    status: str, cancel: bool, emulator: Control, airflow: Airflow
) -> None:
    keep_runs(emulator)
    context = airflow.attempt()
    defer(context, cancel_on_timeout=cancel)
    emulator.set_status(emulator.runs()[0]["runId"], status)

    def resume() -> Any:
        task = operator(deferrable=True, cancel_on_timeout=cancel)
        return task.resume_execution("__fail__", {"error": DEFERRAL_TIMEOUT}, context)

    if status == "COMPLETED":
        assert resume()["status"] == "COMPLETED"
        assert airflow.success == airflow.xcoms["run_id"]
    elif status == "ERRORED":
        with pytest.raises(HexRunFailed, match=r"^Hex run ERRORED"):
            resume()
    else:
        with pytest.raises(Exception, match="The run was cancelled" if cancel else "The run continues"):
            resume()


@CANCEL_OR_NOT
def test_an_execution_timeout_in_a_worker_says_that_the_run_had_completed_and_the_retry_takes_its_result(
    cancel: bool, emulator: Control, airflow: Airflow
) -> None:
    keep_runs(emulator)
    with (
        interrupted_when(lambda: emulator.requests("GetRunStatus"), end_and_time_out("COMPLETED", emulator)),
        pytest.raises(AirflowTaskTimeout, match=r"Timeout\. The run had already COMPLETED\. .*Run: http\S+$"),
    ):
        operator(cancel_on_timeout=cancel).execute(airflow.attempt())
    assert operator().execute(airflow.attempt())["runId"] == emulator.runs()[0]["runId"]
    assert starts(emulator) == 1


@CANCEL_OR_NOT
def test_an_execution_timeout_in_a_worker_says_how_the_run_had_failed(
    cancel: bool, emulator: Control, airflow: Airflow
) -> None:
    keep_runs(emulator)
    with (
        interrupted_when(lambda: emulator.requests("GetRunStatus"), end_and_time_out("ERRORED", emulator)),
        pytest.raises(AirflowTaskTimeout, match=r"Timeout\. The run had already ended ERRORED\. .*Run: http\S+$"),
    ):
        operator(cancel_on_timeout=cancel).execute(airflow.attempt())
    assert "failure" in airflow.record


def end_and_time_out(status: str, emulator: Control) -> Callable[[], None]:
    """Return what ends the run, and then does what Airflow does at the ``execution_timeout``."""

    def act() -> None:
        emulator.set_status(emulator.runs()[0]["runId"], status)
        raise AirflowTaskTimeout("Timeout.")

    return act
