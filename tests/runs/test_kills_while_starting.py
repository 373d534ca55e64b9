"""What happens to the run when a task is killed before it waits for the run: in every step of a start."""

from __future__ import annotations

import time
from contextlib import suppress

import pytest

from airflow_provider_hex.airflow_compat import TaskDeferred
from airflow_provider_hex.api.errors import HexError
from hex_emulator.client import Control
from tests.conftest import connect
from tests.runs.conftest import (
    CANCELLED,
    LEFT_RUNNING,
    MODES,
    Airflow,
    defer,
    interrupted_when,
    keep_runs,
    operator,
    starts,
    statuses,
)

HANDED_ON = ("deferred", "start-only")
"""The modes in which the task's process ends before the run does."""
WHILE_STARTING = r"The task was killed while it started the run\."
CANCELLED_WHILE_STARTING = rf"{WHILE_STARTING}.*The run was cancelled\."


@pytest.mark.parametrize("mode", HANDED_ON)
@pytest.mark.parametrize("state", ["failed", "success", "restarting"])
def test_a_task_that_a_user_ended_during_the_start_is_not_deferred_and_cancels_its_run(
    state: str, mode: str, emulator: Control, airflow: Airflow
) -> None:
    keep_runs(emulator)
    airflow.state = state
    with pytest.raises(HexError, match=CANCELLED_WHILE_STARTING):
        operator(**MODES[mode]).execute(airflow.attempt())
    assert statuses(emulator) == [CANCELLED]
    assert "failure" in airflow.record


@pytest.mark.parametrize("mode", HANDED_ON)
def test_a_task_that_was_superseded_during_the_start_leaves_the_run_to_the_other_attempt(
    mode: str, emulator: Control, airflow: Airflow
) -> None:
    keep_runs(emulator)
    context = airflow.attempt()
    push = context["ti"].xcom_push
    context["ti"].xcom_push = lambda key, value: (push(key, value), airflow.attempt())
    outcome = "The run continues, because another attempt of the task waits for it"
    with pytest.raises(HexError, match=rf"{WHILE_STARTING}.*{outcome}"):
        operator(**MODES[mode]).execute(context)
    assert statuses(emulator) == [LEFT_RUNNING]
    assert set(airflow.record) == {"max_tries", "run", "started_at"}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("has_store", [True, False], ids=["store", "no-store"])
def test_a_kill_before_hex_responds_to_the_request_cancels_the_run(
    has_store: bool, mode: str, emulator: Control, airflow: Airflow
) -> None:
    keep_runs(emulator)
    emulator.fault("RunProject", delay=2, apply=True)
    airflow.state, airflow.has_store = "failed", has_store
    task, context = operator(**MODES[mode]), airflow.attempt()
    with (
        interrupted_when(lambda: emulator.runs(), task.on_kill),
        pytest.raises(HexError, match=CANCELLED_WHILE_STARTING),
    ):
        task.execute(context)
    assert statuses(emulator) == [CANCELLED]


def test_a_kill_during_the_start_grace_does_not_wait_for_its_end(
    emulator: Control, airflow: Airflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect(monkeypatch, {"start_grace": 60}, host=emulator.url)
    emulator.clock(speed=1)
    keep_runs(emulator)
    emulator.fault("RunProject", status=500, apply=True)
    airflow.state = "failed"
    task, context, began = operator(), airflow.attempt(), time.monotonic()
    with (
        interrupted_when(lambda: emulator.requests("RunProject"), task.on_kill),
        pytest.raises(HexError, match=CANCELLED_WHILE_STARTING),
    ):
        task.execute(context)
    assert time.monotonic() - began < 30
    assert statuses(emulator) == [CANCELLED]
    assert starts(emulator) == 1


def test_a_kill_during_the_start_grace_of_a_start_without_a_run_does_not_start_one(
    emulator: Control, airflow: Airflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect(monkeypatch, {"start_grace": 60}, host=emulator.url)
    emulator.fault("RunProject", status=500)
    task, context = operator(), airflow.attempt()
    with (
        interrupted_when(lambda: emulator.requests("RunProject"), task.on_kill),
        pytest.raises(HexError, match=WHILE_STARTING),
    ):
        task.execute(context)
    assert starts(emulator) == 1
    assert set(airflow.record) == {"max_tries", "request"}  # the grace was not over, so a run may still appear


def test_a_kill_while_a_rate_limited_task_waits_starts_nothing(emulator: Control, airflow: Airflow) -> None:
    emulator.fault("RunProject", status=429, headers={"Retry-After": "60"})
    task, context, began = operator(timeout=600), airflow.attempt(), time.monotonic()
    with (
        interrupted_when(lambda: emulator.requests("RunProject"), task.on_kill),
        pytest.raises(HexError, match=WHILE_STARTING),
    ):
        task.execute(context)
    assert time.monotonic() - began < 30
    assert not emulator.runs()
    assert not airflow.records


def test_a_kill_while_a_retry_polls_the_previous_run_cancels_it(emulator: Control, airflow: Airflow) -> None:
    keep_runs(emulator)
    defer(airflow.attempt())
    emulator.fault("GetRunStatus", delay=0.5)
    airflow.state = "failed"
    task, context = operator(), airflow.attempt()
    with (
        interrupted_when(lambda: emulator.requests("GetRunStatus"), task.on_kill),
        pytest.raises(HexError, match=r"was killed.*The run was cancelled\."),
    ):
        task.execute(context)
    assert statuses(emulator) == [CANCELLED]


@pytest.mark.parametrize("superseded", [False, True], ids=["retry-left", "superseded"])
def test_a_process_that_no_user_ended_leaves_the_previous_run_running(
    superseded: bool, emulator: Control, airflow: Airflow
) -> None:
    airflow.max_tries = 2
    keep_runs(emulator)
    defer(airflow.attempt())
    emulator.fault("GetRunStatus", delay=0.5)
    task, context = operator(), airflow.attempt()

    def kill() -> None:
        if superseded:
            airflow.attempt()
        task.on_kill()

    with interrupted_when(lambda: emulator.requests("GetRunStatus"), kill), pytest.raises(HexError, match="was killed"):
        task.execute(context)
    assert statuses(emulator) == [LEFT_RUNNING]


def test_a_task_that_was_killed_before_it_is_executed_starts_nothing(emulator: Control, airflow: Airflow) -> None:
    task = operator()
    task.on_kill()
    with pytest.raises(HexError, match=r"killed while it started the run\."):
        task.execute(airflow.attempt())
    assert not emulator.requests()


@pytest.mark.parametrize("mode", HANDED_ON)
@pytest.mark.parametrize("has_store", [True, False], ids=["store", "no-store"])
@pytest.mark.parametrize("state", ["running", "failed"])
def test_a_kill_after_the_task_has_ended_or_was_deferred_cancels_nothing(
    state: str, has_store: bool, mode: str, emulator: Control, airflow: Airflow
) -> None:
    airflow.has_store = has_store
    task = operator(**MODES[mode])
    with suppress(TaskDeferred):
        task.execute(airflow.attempt())
    airflow.state = state
    task.on_kill()
    assert not emulator.requests("CancelRun")
