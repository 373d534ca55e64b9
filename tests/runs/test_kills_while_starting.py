"""What becomes of the run when a task is killed before it waits for it: in every step of a start."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import TaskDeferred

from airflow_provider_hex.api.errors import HexError
from hex_emulator.client import Control
from tests.conftest import connect
from tests.runs.conftest import CANCELLED, LEFT, Airflow, begin, going, interrupted_when, operator, statuses


@pytest.mark.parametrize("options", [{"deferrable": True}, {"wait_for_completion": False}])
@pytest.mark.parametrize("state", ["failed", "success", "restarting"])
def test_a_task_that_was_killed_meanwhile_is_not_deferred_but_cancels_its_run(
    state: str, options: dict[str, Any], emulator: Control, airflow: Airflow
) -> None:
    going(emulator)
    airflow.state = state
    with pytest.raises(HexError, match=r"killed while it started the run\..*The run was cancelled\."):
        operator(**options).execute(airflow.attempt())
    assert statuses(emulator) == [CANCELLED]
    assert "failure" in airflow.record


@pytest.mark.parametrize("options", [{"deferrable": True}, {"wait_for_completion": False}])
def test_a_task_that_another_attempt_has_followed_meanwhile_leaves_it_the_run(
    options: dict[str, Any], emulator: Control, airflow: Airflow
) -> None:
    going(emulator)
    context = airflow.attempt()
    pushed = context["ti"].xcom_push
    context["ti"].xcom_push = lambda key, value: (pushed(key, value), airflow.attempt())
    with pytest.raises(HexError, match=r"killed while it started the run\..*the task's next attempt looks for it"):
        operator(**options).execute(context)
    assert statuses(emulator) == [LEFT]
    assert set(airflow.record) == {"max_tries", "run"}


@pytest.mark.parametrize("options", [{}, {"deferrable": True}, {"wait_for_completion": False}])
def test_a_kill_while_the_request_is_out_cancels_the_run_that_it_makes(
    options: dict[str, Any], emulator: Control, airflow: Airflow
) -> None:
    going(emulator)
    emulator.fault("RunProject", delay=0.5, apply=True)
    airflow.state = "failed"
    task, context = operator(**options), airflow.attempt()
    with (
        interrupted_when(lambda: emulator.runs(), task.on_kill),
        pytest.raises(HexError, match=r"killed while it started the run\..*The run was cancelled\."),
    ):
        task.execute(context)
    assert statuses(emulator) == [CANCELLED]


def test_a_kill_during_a_lost_starts_grace_does_not_wait_for_its_end(
    emulator: Control, airflow: Airflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect(monkeypatch, {"start_grace": 60}, host=emulator.url)
    emulator.clock(speed=1)
    going(emulator)
    emulator.fault("RunProject", status=500, apply=True)
    airflow.state = "failed"
    task, context, began = operator(), airflow.attempt(), time.monotonic()
    with (
        interrupted_when(lambda: emulator.requests("RunProject"), task.on_kill),
        pytest.raises(HexError, match=r"killed while it started the run\..*The run was cancelled\."),
    ):
        task.execute(context)
    assert time.monotonic() - began < 5
    assert statuses(emulator) == [CANCELLED]
    assert len(emulator.requests("RunProject")) == 1


def test_a_kill_during_the_grace_of_a_start_without_a_run_does_not_start_again(
    emulator: Control, airflow: Airflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect(monkeypatch, {"start_grace": 60}, host=emulator.url)
    emulator.fault("RunProject", status=500)
    task, context = operator(), airflow.attempt()
    with (
        interrupted_when(lambda: emulator.requests("RunProject"), task.on_kill),
        pytest.raises(HexError, match="killed while it started the run"),
    ):
        task.execute(context)
    assert len(emulator.requests("RunProject")) == 1
    assert set(airflow.record) == {"max_tries", "request"}  # the grace was not over: the run may show yet


def test_a_kill_while_a_limit_is_waited_for_starts_nothing(emulator: Control, airflow: Airflow) -> None:
    emulator.fault("RunProject", status=429, headers={"Retry-After": "60"})
    task, context, began = operator(timeout=600), airflow.attempt(), time.monotonic()
    with (
        interrupted_when(lambda: emulator.requests("RunProject"), task.on_kill),
        pytest.raises(HexError, match="killed while it started the run"),
    ):
        task.execute(context)
    assert time.monotonic() - began < 5
    assert not emulator.runs()
    assert not airflow.records


def test_a_kill_while_a_retry_looks_for_the_run_of_before_cancels_it(emulator: Control, airflow: Airflow) -> None:
    going(emulator)
    begin(airflow.attempt())
    emulator.fault("GetRunStatus", delay=0.5)
    airflow.state = "failed"
    task, context = operator(), airflow.attempt()
    with (
        interrupted_when(lambda: emulator.requests("GetRunStatus"), task.on_kill),
        pytest.raises(HexError, match=r"was killed.*The run was cancelled\."),
    ):
        task.execute(context)
    assert statuses(emulator) == [CANCELLED]


@pytest.mark.parametrize("followed", [False, True], ids=["retry-to-come", "followed"])
def test_a_process_that_has_to_go_while_it_looks_for_the_run_of_before_leaves_it(
    followed: bool, emulator: Control, airflow: Airflow
) -> None:
    airflow.max_tries = 2
    going(emulator)
    begin(airflow.attempt())
    emulator.fault("GetRunStatus", delay=0.5)
    task, context = operator(), airflow.attempt()

    def kill() -> None:
        if followed:
            airflow.attempt()
        task.on_kill()

    with interrupted_when(lambda: emulator.requests("GetRunStatus"), kill), pytest.raises(HexError, match="was killed"):
        task.execute(context)
    assert statuses(emulator) == [LEFT]


@pytest.mark.parametrize("state", ["running", "failed"])
def test_a_kill_after_the_run_was_handed_on_cancels_nothing(state: str, emulator: Control, airflow: Airflow) -> None:
    task = operator(deferrable=True)
    with suppress(TaskDeferred):
        task.execute(airflow.attempt())
    airflow.state = state
    task.on_kill()
    assert not emulator.requests("CancelRun")
