"""For a minute after its start, Hex may not show a run: a rejection of a poll is transient, and the run is not gone."""

from __future__ import annotations

import time
from typing import Any

import pytest

from airflow_provider_hex.api import run_watch
from airflow_provider_hex.api.errors import HexError, HexRunGone
from hex_emulator.client import Control
from hex_emulator.emulator import VanishedStatus
from tests.runs.conftest import (
    CANCELLED,
    GONE,
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


@pytest.fixture(autouse=True)
def runs_are_new_for_a_minute(no_run_is_new: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_watch, "NEW_FOR", 60.0)


def hide_runs(emulator: Control, status: int, times: int | None) -> None:
    """Let Hex not show its runs, as many times as given."""
    emulator.fault("GetRunStatus", status=status, times=times)
    emulator.fault("GetProjectRuns", status=status, times=1 if times else None)


@pytest.mark.parametrize("mode", WAITING_MODES)
@pytest.mark.parametrize("status", GONE)
def test_a_run_that_hex_shows_after_a_moment_is_waited_for(
    status: int, mode: str, emulator: Control, airflow: Airflow
) -> None:
    hide_runs(emulator, status, times=3)
    emulator.next_run(pending=0, running=0)
    assert finish(airflow.attempt(), **WAITING_MODES[mode])["status"] == "COMPLETED"
    assert starts(emulator) == 1
    assert not emulator.requests("CancelRun")
    assert not emulator.requests("GetProject")


@pytest.mark.parametrize("mode", WAITING_MODES)
@pytest.mark.parametrize("status", GONE)
def test_a_run_that_hex_still_does_not_show_later_is_gone(
    status: int, mode: str, emulator: Control, airflow: Airflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_watch, "NEW_FOR", 1.0)
    hide_runs(emulator, status, times=None)
    keep_runs(emulator)
    with pytest.raises(HexRunGone):
        finish(airflow.attempt(), **WAITING_MODES[mode])
    assert len(emulator.requests("GetRunStatus")) > 2


def test_the_minute_counts_from_the_start_of_the_run_also_for_the_retry(emulator: Control, airflow: Airflow) -> None:
    keep_runs(emulator)
    first = defer(airflow.attempt()).trigger.new_until
    assert 0 < first - time.time() <= 60
    assert defer(airflow.attempt()).trigger.new_until == first
    assert starts(emulator) == 1


@pytest.mark.parametrize("mode", WAITING_MODES)
@pytest.mark.parametrize("status", GONE)
def test_a_retry_re_attaches_to_a_new_run_that_hex_does_not_show_yet(
    status: int, mode: str, emulator: Control, airflow: Airflow
) -> None:
    emulator.next_run(pending=0, running=0)
    defer(airflow.attempt())
    hide_runs(emulator, status, times=3)
    assert finish(airflow.attempt(), **WAITING_MODES[mode])["runId"] == emulator.runs()[0]["runId"]
    assert starts(emulator) == 1


@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize("status", GONE)
def test_a_new_run_is_cancelled_though_hex_does_not_show_it_at_first(
    status: int, times: int, emulator: Control, airflow: Airflow
) -> None:
    keep_runs(emulator)
    task, context = operator(), airflow.attempt()
    airflow.state = "failed"

    def hide_and_kill() -> None:
        for call in ("CancelRun", "GetRunStatus"):
            emulator.fault(call, status=status, times=times)
        task.on_kill()

    with (
        interrupted_when(lambda: emulator.requests("GetRunStatus"), hide_and_kill),
        pytest.raises(HexError, match=r"was killed.*The run was cancelled\."),
    ):
        task.execute(context)
    assert statuses(emulator) == [CANCELLED]
    assert len(emulator.requests("CancelRun")) == times + 1


def test_a_cancel_that_hex_rejects_although_it_shows_the_new_run_is_not_sent_again(
    emulator: Control, airflow: Airflow
) -> None:
    keep_runs(emulator)
    emulator.fault("CancelRun", status=403, times=None)
    with pytest.raises(HexError, match=r"Timed out.*The run could not be cancelled"):
        operator(timeout=0.5).execute(airflow.attempt())
    assert len(emulator.requests("CancelRun")) == 1


@pytest.mark.parametrize("status", GONE)
def test_a_cancel_of_a_new_run_that_hex_does_not_show_does_not_count_as_one(
    status: VanishedStatus, emulator: Control, airflow: Airflow
) -> None:
    keep_runs(emulator)
    airflow.max_tries = 0
    emulator.fault("GetRunStatus", status=status, times=None)
    emulator.fault("CancelRun", status=status, times=None)
    expected = r"Timed out.*The run could not be cancelled and may still be running: Hex responded to CancelRun"
    with pytest.raises(HexError, match=expected):
        operator(timeout=0.5).execute(airflow.attempt())
    assert statuses(emulator) == [LEFT_RUNNING]
    assert "run" in airflow.record
    assert len(emulator.requests("CancelRun")) == 3


@pytest.mark.parametrize("status", GONE)
def test_a_kill_cancels_a_new_run_that_hex_does_not_show_yet(status: int, emulator: Control, airflow: Airflow) -> None:
    keep_runs(emulator)
    airflow.state = "failed"
    emulator.fault("GetRunStatus", status=status, times=None)
    task, context = operator(), airflow.attempt()
    with (
        interrupted_when(lambda: emulator.requests("GetRunStatus"), task.on_kill),
        pytest.raises(HexError, match=r"was killed.*The run was cancelled\."),
    ):
        task.execute(context)


def test_a_deferred_tasks_trigger_knows_until_when_its_run_is_new(emulator: Control, airflow: Airflow) -> None:
    keep_runs(emulator)
    _, arguments = defer(airflow.attempt()).trigger.serialize()
    expected: Any = pytest.approx(time.time() + 60, abs=60)
    assert arguments["new_until"] == expected
