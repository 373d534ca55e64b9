"""Timeouts in every step of an attempt: its run is found and cancelled, whatever is recorded."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_hex.airflow_compat import AirflowTaskTimeout
from airflow_provider_hex.api.errors import HexRunFailed, HexRunTimeout
from hex_emulator.client import Control
from tests.conftest import connect
from tests.runs.conftest import (
    CANCELLED,
    LEFT_RUNNING,
    MODES,
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


def time_out() -> None:
    """Do what Airflow does in a task whose ``execution_timeout`` is reached."""
    raise AirflowTaskTimeout("Timeout.")


@pytest.fixture
def real_time(emulator: Control) -> None:
    """Keep Hex's clock in real time, because runs since a request are distinguished from older ones by their time."""
    emulator.clock(speed=1)


@pytest.mark.parametrize("max_tries", [0, 1], ids=["last-attempt", "retry-left"])
@pytest.mark.parametrize("mode", WAITING_MODES)
def test_a_run_that_has_not_ended_after_the_timeout_is_cancelled(
    mode: str, max_tries: int, emulator: Control, airflow: Airflow
) -> None:
    keep_runs(emulator)
    airflow.max_tries = max_tries
    with pytest.raises(
        HexRunTimeout,
        match=r"Timed out after [\d.]+ s of waiting: the run is still RUNNING\. The task's timeout is 0\.3 s, counted "
        r"from the start of the attempt\. The run was cancelled\. Trace id: \w+\. Run: http\S+$",
    ):
        finish(airflow.attempt(), timeout=0.3, **MODES[mode])
    assert statuses(emulator) == [CANCELLED]
    assert "failure" in airflow.record


@pytest.mark.parametrize("max_tries", [0, 1], ids=["last-attempt", "retry-left"])
def test_a_run_that_has_not_ended_after_the_execution_timeout_is_cancelled(
    max_tries: int, emulator: Control, airflow: Airflow
) -> None:
    keep_runs(emulator)
    airflow.max_tries = max_tries
    with (
        interrupted_when(lambda: emulator.requests("GetRunStatus"), time_out),
        pytest.raises(AirflowTaskTimeout, match=r"Timeout\. The run was cancelled\..* Run: http\S+$"),
    ):
        operator().execute(airflow.attempt())
    assert statuses(emulator) == [CANCELLED]
    assert "failure" in airflow.record


def test_an_execution_timeout_during_the_cancel_of_a_run_that_timed_out_does_not_leave_it_running(
    emulator: Control, airflow: Airflow
) -> None:
    keep_runs(emulator)
    emulator.fault("CancelRun", delay=20, drop=True)
    with (
        interrupted_when(lambda: emulator.requests("CancelRun"), time_out),
        pytest.raises(AirflowTaskTimeout, match=r"Timeout\. The run was cancelled\..* Run: http\S+$") as raised,
    ):
        operator(timeout=0.3).execute(airflow.attempt())
    assert isinstance(raised.value.__cause__, HexRunTimeout)
    assert statuses(emulator) == [CANCELLED]
    assert "failure" in airflow.record


@pytest.mark.parametrize(
    ("status", "why"), [(500, r"A last poll was not possible: .* 500"), (404, r"Hex run .* is gone, or .* with 404")]
)
def test_a_run_that_is_not_cancelled_is_not_said_to_continue_if_the_last_poll_fails(
    status: int, why: str, emulator: Control, airflow: Airflow
) -> None:
    keep_runs(emulator)
    airflow.on_state = lambda: emulator.fault(
        "GetRunStatus", status=status, times=None
    )  # it is read before the release
    with pytest.raises(
        HexRunTimeout, match=rf"because cancel_on_timeout is False.*may still be running: {why}"
    ) as raised:
        finish(airflow.attempt(), timeout=0.5, cancel_on_timeout=False)
    assert "The run continues" not in str(raised.value)


def test_an_execution_timeout_during_the_release_leaves_a_run_that_is_not_to_be_cancelled(
    emulator: Control, airflow: Airflow
) -> None:
    keep_runs(emulator)
    emulator.fault("GetRunStatus", after=1, delay=20)
    with (
        interrupted_when(lambda: len(emulator.requests("GetRunStatus")) > 1, time_out),
        pytest.raises(AirflowTaskTimeout, match=r"because cancel_on_timeout is False\. .*Run: http\S+$"),
    ):
        operator(timeout=1, poll_interval=60, cancel_on_timeout=False).execute(airflow.attempt())
    assert statuses(emulator) == [LEFT_RUNNING]


@pytest.mark.parametrize("mode", WAITING_MODES)
def test_the_retry_re_attaches_to_a_run_that_a_timeout_does_not_cancel(
    mode: str, emulator: Control, airflow: Airflow
) -> None:
    keep_runs(emulator)
    with pytest.raises(HexRunTimeout, match=r"The run continues, because cancel_on_timeout is False\."):
        finish(airflow.attempt(), timeout=0.3, cancel_on_timeout=False, **MODES[mode])
    (run,) = emulator.runs()
    assert run["status"] == LEFT_RUNNING
    assert airflow.record["run"]["runId"] == run["runId"]
    emulator.set_status(run["runId"], "COMPLETED")
    assert finish(airflow.attempt(), **MODES[mode])["runId"] == run["runId"]


@pytest.mark.usefixtures("real_time")
@pytest.mark.parametrize("mode", MODES)
def test_a_timeout_before_hex_responds_finds_the_run_and_cancels_it(
    mode: str, emulator: Control, airflow: Airflow
) -> None:
    keep_runs(emulator)
    emulator.fault("RunProject", delay=10, apply=True)
    with (
        interrupted_when(lambda: emulator.runs(), time_out),
        pytest.raises(AirflowTaskTimeout, match=r"Timeout\. The run was cancelled\. .*Run: http\S+$") as raised,
    ):
        operator(**MODES[mode]).execute(airflow.attempt())
    (run,) = emulator.runs()
    assert run["runUrl"] in str(raised.value)
    assert run["status"] == CANCELLED
    assert starts(emulator) == 1


@pytest.mark.usefixtures("real_time")
def test_the_retry_after_that_starts_another_run(emulator: Control, airflow: Airflow) -> None:
    keep_runs(emulator)
    emulator.fault("RunProject", delay=10, apply=True)
    with interrupted_when(lambda: emulator.runs(), time_out), pytest.raises(AirflowTaskTimeout):
        operator().execute(airflow.attempt())
    defer(airflow.attempt())
    assert len(emulator.runs()) == 2
    assert airflow.xcoms["run_id"] == emulator.runs()[1]["runId"]


def test_a_timeout_before_hex_responds_leaves_no_record_if_the_request_started_no_run(
    emulator: Control, airflow: Airflow
) -> None:
    emulator.fault("RunProject", delay=10, drop=True)
    with (
        interrupted_when(lambda: emulator.requests("RunProject"), time_out),
        pytest.raises(AirflowTaskTimeout, match=r"Timeout\. No run was started\."),
    ):
        operator().execute(airflow.attempt())
    assert not airflow.records
    assert not emulator.requests("CancelRun")


@pytest.mark.usefixtures("real_time")
def test_a_run_that_something_else_may_have_started_is_listed_and_not_cancelled(
    emulator: Control, airflow: Airflow
) -> None:
    keep_runs(emulator)
    emulator.fault("RunProject", delay=10, apply=True)
    with (
        interrupted_when(lambda: emulator.runs(), time_out),
        pytest.raises(AirflowTaskTimeout, match=r"Timeout\. .*perhaps with other inputs or options") as raised,
    ):
        operator(input_params={"region": "EMEA"}).execute(airflow.attempt())
    assert emulator.runs()[0]["runUrl"] in str(raised.value)
    assert statuses(emulator) == [LEFT_RUNNING]
    assert set(airflow.record) == {"max_tries", "request"}  # Airflow retries after this error


@pytest.mark.usefixtures("real_time")
def test_a_run_that_cannot_be_found_for_a_moment_is_left_to_the_retry(
    emulator: Control, airflow: Airflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect(monkeypatch, {"retry_for": 0.01}, host=emulator.url)
    keep_runs(emulator)
    emulator.fault("RunProject", delay=10, apply=True)
    emulator.fault("GetProjectRuns", status=500, times=None)
    with (
        interrupted_when(lambda: emulator.runs(), time_out),
        pytest.raises(AirflowTaskTimeout, match=r"Timeout\. Hex responded to GetProjectRuns .* with 500"),
    ):
        operator().execute(airflow.attempt())
    emulator.clear_faults()
    assert set(airflow.record) == {"max_tries", "request"}
    defer(airflow.attempt())
    assert len(emulator.runs()) == 1
    assert airflow.xcoms["run_id"] == emulator.runs()[0]["runId"]


@pytest.mark.usefixtures("real_time")
def test_a_timeout_before_hex_responds_leaves_the_run_running_without_cancel_on_timeout(
    emulator: Control, airflow: Airflow
) -> None:
    keep_runs(emulator)
    emulator.fault("RunProject", delay=10, apply=True)
    with interrupted_when(lambda: emulator.runs(), time_out), pytest.raises(AirflowTaskTimeout, match="Timeout"):
        operator(cancel_on_timeout=False).execute(airflow.attempt())
    assert statuses(emulator) == [LEFT_RUNNING]
    assert airflow.records


@pytest.mark.usefixtures("real_time")
def test_a_timeout_before_hex_responds_leaves_the_run_to_another_attempt_that_has_published_it(
    emulator: Control, airflow: Airflow
) -> None:
    keep_runs(emulator)
    emulator.fault("RunProject", delay=10, apply=True)
    context = airflow.attempt()

    def time_out_after_re_attaching() -> None:
        airflow.attempt()
        airflow.xcoms["run_id"] = emulator.runs()[0]["runId"]
        time_out()

    with (
        interrupted_when(lambda: emulator.runs(), time_out_after_re_attaching),
        pytest.raises(AirflowTaskTimeout, match=r"because another attempt of the task waits for it\. .*Run: "),
    ):
        operator().execute(context)
    assert statuses(emulator) == [LEFT_RUNNING]


def time_out_when_recording(what: str) -> Any:
    return lambda method, value: time_out() if method == "set" and what in value else None


@pytest.mark.parametrize("mode", MODES)
def test_a_timeout_while_the_success_is_recorded_does_not_fail_the_task(
    mode: str, emulator: Control, airflow: Airflow
) -> None:
    airflow.on_store = time_out_when_recording("success")
    assert finish(airflow.attempt(), **MODES[mode])["runId"] == airflow.xcoms["run_id"]
    assert not emulator.requests("CancelRun")


@pytest.mark.parametrize("mode", WAITING_MODES)
def test_a_timeout_while_the_failure_of_the_run_is_recorded_does_not_hide_it(
    mode: str, emulator: Control, airflow: Airflow
) -> None:
    emulator.next_run(outcome="ERRORED", pending=0, running=0)
    airflow.on_store = time_out_when_recording("failure")
    with pytest.raises(HexRunFailed, match=r"^Hex run ERRORED"):
        finish(airflow.attempt(), **MODES[mode])


def test_a_timeout_before_the_request_is_sent_sends_nothing(emulator: Control, airflow: Airflow) -> None:
    airflow.on_store = lambda method, value: time_out() if method == "set" else None
    with pytest.raises(AirflowTaskTimeout, match=r"^Timeout\.$"):
        operator().execute(airflow.attempt())
    assert not emulator.requests()


def test_a_timeout_while_a_rate_limited_task_waits_leaves_no_record(emulator: Control, airflow: Airflow) -> None:
    emulator.fault("RunProject", status=429, headers={"Retry-After": "60"})
    with (
        interrupted_when(lambda: emulator.requests("RunProject") and not airflow.records, time_out),
        pytest.raises(AirflowTaskTimeout, match=r"^Timeout\.$"),
    ):
        operator(timeout=600).execute(airflow.attempt())
    assert not airflow.records
    assert [request["call"] for request in emulator.requests()] == ["RunProject"]


def test_a_timeout_while_the_last_attempt_polls_the_previous_run_cancels_it(
    emulator: Control, airflow: Airflow
) -> None:
    keep_runs(emulator)
    defer(airflow.attempt())
    emulator.fault("GetRunStatus", delay=10)
    with (
        interrupted_when(lambda: emulator.requests("GetRunStatus"), time_out),
        pytest.raises(AirflowTaskTimeout, match=r"Timeout\."),
    ):
        operator().execute(airflow.attempt())
    assert statuses(emulator) == [CANCELLED]
