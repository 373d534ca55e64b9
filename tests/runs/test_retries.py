"""What an attempt does with the run that the previous attempt recorded: after a retry, and after a clear."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import pytest

from airflow_provider_hex.airflow_compat import AirflowFailException
from airflow_provider_hex.api.errors import HexError, HexForbidden, HexInvalidInput, HexRunFailed, HexServerError
from hex_emulator.client import Control
from hex_emulator.emulator import VanishedStatus
from tests.conftest import PROJECT, PROJECTS, connect
from tests.runs.conftest import (
    CANCELLED,
    LEFT_RUNNING,
    LEFT_TO_RETRY,
    MODES,
    WAITING_MODES,
    Airflow,
    defer,
    finish,
    keep_runs,
    operator,
    starts,
    statuses,
)

GONE = ["gone: 403", "gone: 404", "gone: 422"]
FAILED = ["ERRORED", "KILLED", "UNABLE_TO_ALLOCATE_KERNEL"]
OTHER_PROJECT = PROJECTS["Warehouse health"]


@pytest.fixture
def run(emulator: Control, airflow: Airflow) -> dict[str, Any]:
    """The run of a first attempt, which died while it waited. The run keeps running."""
    keep_runs(emulator)
    defer(airflow.attempt())
    (started,) = emulator.runs()
    return started


def end(run: dict[str, Any], status: str, emulator: Control) -> None:
    """End a run with a status, or make Hex forget it, and respond with a status to requests about it."""
    if status.startswith("gone"):
        emulator.set_vanished(cast("VanishedStatus", int(status[-3:])))
        emulator.remove_run(run["runId"])
    else:
        emulator.set_status(run["runId"], status)


@pytest.mark.parametrize("mode", MODES)
def test_a_retry_re_attaches_to_a_run_that_has_not_ended(
    mode: str, run: dict[str, Any], emulator: Control, airflow: Airflow
) -> None:
    airflow.on_store = lambda method, value: (
        emulator.set_status(run["runId"], "COMPLETED") if method == "set" and "run" in value else None
    )
    returned = finish(airflow.attempt(), **MODES[mode])
    assert returned["runId"] == run["runId"]
    assert returned["runUrl"] == run["runUrl"]
    if mode != "start-only":
        assert returned["status"] == "COMPLETED"
    assert airflow.published == {"run_id": run["runId"], "run_url": run["runUrl"]}
    assert starts(emulator) == 1
    assert not emulator.requests("CancelRun")
    assert airflow.success == run["runId"]


def test_a_retry_re_attaches_to_a_run_whose_status_is_unknown_to_the_provider(
    run: dict[str, Any], emulator: Control, airflow: Airflow
) -> None:
    emulator.set_status(run["runId"], "PONDERING")
    defer(airflow.attempt())
    assert airflow.xcoms["run_id"] == run["runId"]
    assert starts(emulator) == 1


def test_a_second_retry_re_attaches_too(run: dict[str, Any], emulator: Control, airflow: Airflow) -> None:
    for _ in range(2):
        defer(airflow.attempt())
    assert airflow.record["run"]["runId"] == run["runId"]
    assert starts(emulator) == 1


@pytest.mark.parametrize("mode", MODES)
def test_a_retry_takes_the_result_of_a_run_that_has_completed(
    mode: str, run: dict[str, Any], emulator: Control, airflow: Airflow
) -> None:
    emulator.set_status(run["runId"], "COMPLETED")
    returned: Any = operator(**MODES[mode]).execute(airflow.attempt())  # without a deferral
    assert returned["runId"] == run["runId"]
    assert returned["status"] == "COMPLETED"
    assert airflow.published == {"run_id": run["runId"], "run_url": run["runUrl"]}
    assert starts(emulator) == 1
    assert len(emulator.requests("GetRunStatus")) == 1
    assert airflow.success == run["runId"]


@pytest.mark.parametrize("mode", MODES)
def test_a_retry_takes_the_result_of_an_attempt_that_died_before_airflow_had_its_success(
    mode: str, emulator: Control, airflow: Airflow
) -> None:
    run_id = finish(airflow.attempt(), **MODES[mode])["runId"]
    assert finish(airflow.attempt(), **MODES[mode])["runId"] == run_id
    assert starts(emulator) == 1


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("status", [*FAILED, *GONE])
def test_a_retry_after_a_failed_run_starts_another_and_names_the_failed_one(
    status: str, mode: str, run: dict[str, Any], emulator: Control, airflow: Airflow, logged: Callable[[], str]
) -> None:
    end(run, status, emulator)
    returned = finish(airflow.attempt(), **MODES[mode])
    assert returned["runId"] == emulator.runs()[-1]["runId"] != run["runId"]
    assert starts(emulator) == 2
    assert len(emulator.requests("CancelRun")) == (status in GONE)
    found = "gone, or the token's owner has no access to it" if status in GONE else status
    assert f"The previous attempt's run is {found}: {run['runUrl']}" in logged()


@pytest.mark.parametrize("mode", WAITING_MODES)
@pytest.mark.parametrize("cleared", [False, True], ids=["retried", "cleared"])
def test_an_attempt_after_one_that_recorded_the_failure_starts_a_run_without_a_poll(
    cleared: bool, mode: str, emulator: Control, airflow: Airflow, logged: Callable[[], str]
) -> None:
    emulator.next_run(outcome="ERRORED", pending=0, running=0)
    with pytest.raises(HexRunFailed):
        finish(airflow.attempt(), **MODES[mode])
    if cleared:
        airflow.clear()
    polls = len(emulator.requests("GetRunStatus"))
    operator(wait_for_completion=False).execute(airflow.attempt())
    failed, new = emulator.runs()
    assert airflow.xcoms["run_id"] == new["runId"]
    assert len(emulator.requests("GetRunStatus")) == polls
    log = logged()
    assert "Starting another run, because the previous attempt's run failed. Hex run ERRORED after " in log
    assert f"Run: {failed['runUrl']}" in log


@pytest.mark.parametrize("mode", MODES)
def test_a_task_that_is_cleared_after_its_success_runs_the_project_again_without_a_poll_of_the_old_run(
    mode: str, emulator: Control, airflow: Airflow
) -> None:
    first = finish(airflow.attempt(), **MODES[mode])
    airflow.clear()
    before = len(emulator.requests())
    assert finish(airflow.attempt(), **MODES[mode])["runId"] != first["runId"]
    assert starts(emulator) == 2
    assert not any(first["runId"] in request["path"] for request in emulator.requests()[before:])


@pytest.mark.parametrize("mode", WAITING_MODES)
@pytest.mark.parametrize("attempts", [1, 2])
def test_after_a_clear_the_previous_run_is_cancelled_and_another_started(
    attempts: int, mode: str, run: dict[str, Any], emulator: Control, airflow: Airflow, logged: Callable[[], str]
) -> None:
    airflow.clear()
    for _ in range(attempts - 1):
        airflow.attempt()  # dies before it does anything
    finish(airflow.attempt(), **MODES[mode])
    assert statuses(emulator) == [CANCELLED, "COMPLETED"]
    assert len(emulator.requests("CancelRun")) == 1
    log = logged()
    assert f"Cancelling the previous run, because the task was cleared: {run['runUrl']}" in log
    assert "The run was cancelled." in log


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("status", ["COMPLETED", *FAILED, *GONE])
def test_after_a_clear_the_result_of_a_run_that_has_ended_is_not_taken(
    status: str, mode: str, run: dict[str, Any], emulator: Control, airflow: Airflow
) -> None:
    end(run, status, emulator)
    airflow.clear()
    assert finish(airflow.attempt(), **MODES[mode])["runId"] != run["runId"]
    assert starts(emulator) == 2
    assert len(emulator.requests("CancelRun")) == (status in GONE and mode != "start-only")


def test_after_a_clear_a_task_that_does_not_wait_leaves_the_previous_run_running(
    run: dict[str, Any], emulator: Control, airflow: Airflow
) -> None:
    airflow.clear()
    operator(wait_for_completion=False).execute(airflow.attempt())
    assert len(emulator.runs()) == 2
    assert not emulator.requests("CancelRun")


def test_after_a_clear_a_previous_run_that_cannot_be_cancelled_fails_the_task_and_stays_recorded(
    run: dict[str, Any], emulator: Control, airflow: Airflow
) -> None:
    airflow.clear()
    emulator.fault("CancelRun", status=403, times=None)
    with pytest.raises(HexForbidden):
        operator().execute(airflow.attempt())
    assert airflow.record["run"]["runId"] == run["runId"]
    assert len(emulator.runs()) == 1


@pytest.mark.parametrize("status", ["RUNNING", "COMPLETED"])
def test_a_retry_does_not_re_attach_to_a_run_of_another_project(
    status: str, run: dict[str, Any], emulator: Control, airflow: Airflow
) -> None:
    emulator.set_status(run["runId"], status)
    finish(airflow.attempt(), project_id=OTHER_PROJECT)
    assert [run["projectId"] for run in emulator.runs()] == [PROJECT, OTHER_PROJECT]
    assert statuses(emulator) == [CANCELLED if status == "RUNNING" else "COMPLETED", "COMPLETED"]


@pytest.mark.parametrize("status", [401, 403])
def test_a_last_attempt_cancels_a_run_that_it_may_not_poll(
    status: int, run: dict[str, Any], emulator: Control, airflow: Airflow
) -> None:
    for call in ("GetRunStatus", "GetProject"):
        emulator.fault(call, status=status, times=None)
    with pytest.raises(HexError) as raised:
        operator().execute(airflow.attempt())
    assert raised.value.status == status
    assert isinstance(raised.value, AirflowFailException)
    assert str(raised.value).endswith(f"Run: {run['runUrl']}")
    assert "The run was cancelled." in str(raised.value)
    assert statuses(emulator) == [CANCELLED]
    assert "failure" in airflow.record
    assert starts(emulator) == 1


@pytest.mark.parametrize("status", [401, 403])
def test_a_last_attempt_that_may_neither_poll_nor_cancel_the_run_keeps_it_recorded(
    status: int, run: dict[str, Any], emulator: Control, airflow: Airflow
) -> None:
    emulator.fault("*", status=status, times=None)
    with pytest.raises(HexError) as raised:
        operator().execute(airflow.attempt())
    assert raised.value.status == status
    assert isinstance(raised.value, AirflowFailException)
    assert "The run could not be cancelled and may still be running: " in str(raised.value)
    assert str(raised.value).endswith(f"Run: {run['runUrl']}")
    assert statuses(emulator) == [LEFT_RUNNING]
    assert airflow.record["run"]["runId"] == run["runId"]


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize("cleared", [False, True], ids=["retried", "cleared"])
def test_a_run_that_an_attempt_may_not_poll_is_left_to_the_retry(
    cleared: bool, status: int, run: dict[str, Any], emulator: Control, airflow: Airflow
) -> None:
    for call in ("GetRunStatus", "GetProject"):
        emulator.fault(call, status=status, times=None)
    if cleared:
        airflow.clear()  # which gives the task a retry again
    else:
        airflow.max_tries = 2
    with pytest.raises(HexError) as raised:
        operator().execute(airflow.attempt())
    assert raised.value.status == status
    assert not isinstance(raised.value, AirflowFailException)
    assert str(raised.value).endswith(f"Run: {run['runUrl']}")
    assert LEFT_TO_RETRY in str(raised.value)
    assert airflow.record["run"]["runId"] == run["runId"]
    assert starts(emulator) == 1
    assert not emulator.requests("CancelRun")


@pytest.mark.parametrize("mode", WAITING_MODES)
@pytest.mark.parametrize("fault", [{"status": 500}, {"drop": True}])
def test_a_retry_re_attaches_to_a_run_whose_poll_fails_for_a_moment(
    fault: dict[str, Any],
    mode: str,
    run: dict[str, Any],
    emulator: Control,
    airflow: Airflow,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    connect(monkeypatch, {"retry_for": 0.01}, host=emulator.url)
    emulator.fault("GetRunStatus", **fault)
    emulator.fault("GetProjectRuns", **fault)
    airflow.on_store = lambda method, value: emulator.set_status(run["runId"], "COMPLETED") if method == "set" else None
    returned = finish(airflow.attempt(), **MODES[mode])
    assert (returned["runId"], returned["status"]) == (run["runId"], "COMPLETED")
    assert airflow.published == {"run_id": run["runId"], "run_url": run["runUrl"]}
    assert starts(emulator) == 1


def test_after_a_clear_a_previous_run_whose_poll_fails_for_a_moment_is_cancelled(
    run: dict[str, Any], emulator: Control, airflow: Airflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect(monkeypatch, {"retry_for": 0.01}, host=emulator.url)
    emulator.fault("GetRunStatus", status=500)
    airflow.clear()
    operator(wait_for_completion=True).execute(airflow.attempt())
    assert statuses(emulator) == [CANCELLED, "COMPLETED"]


def test_after_a_clear_a_previous_run_stays_recorded_while_hex_is_down(
    run: dict[str, Any], emulator: Control, airflow: Airflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect(monkeypatch, {"retry_for": 0.01}, host=emulator.url)
    emulator.fault("*", status=500, times=None)
    airflow.clear()
    with pytest.raises(HexServerError):
        operator().execute(airflow.attempt())
    assert airflow.record["run"]["runId"] == run["runId"]
    assert starts(emulator) == 1


def test_a_retry_of_a_task_that_is_not_durable_starts_another_run(
    run: dict[str, Any], emulator: Control, airflow: Airflow
) -> None:
    finish(airflow.attempt(), durable=False)
    assert starts(emulator) == 2


def test_a_retry_without_a_task_state_store_starts_another_run(emulator: Control, airflow: Airflow) -> None:
    airflow.has_store = False
    for _ in range(2):
        finish(airflow.attempt())
    assert starts(emulator) == 2


def test_a_retry_re_attaches_though_the_project_id_is_in_capitals_now(
    run: dict[str, Any], emulator: Control, airflow: Airflow
) -> None:
    defer(airflow.attempt(), project_id=PROJECT.upper())
    assert airflow.xcoms["run_id"] == run["runId"]
    assert len(emulator.runs()) == 1


@pytest.mark.parametrize(("max_tries", "is_final"), [(1, True), (2, False)])
def test_a_run_stays_recorded_while_the_connection_is_invalid(
    max_tries: int,
    is_final: bool,
    emulator: Control,
    airflow: Airflow,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    airflow.max_tries = max_tries
    keep_runs(emulator)
    defer(airflow.attempt())
    (run,) = emulator.runs()
    connect(monkeypatch, password="", host=emulator.url)
    with pytest.raises(HexInvalidInput, match="no token") as raised:
        operator(deferrable=True).execute(airflow.attempt())
    outcome = "The run could not be cancelled and may still be running: " if is_final else LEFT_TO_RETRY
    assert str(raised.value).endswith(f"Run: {run['runUrl']}")
    assert outcome in str(raised.value)
    assert isinstance(raised.value, AirflowFailException) is is_final
    connect(monkeypatch, host=emulator.url)
    defer(airflow.attempt())
    assert airflow.xcoms["run_id"] == run["runId"]
    assert len(emulator.runs()) == 1
