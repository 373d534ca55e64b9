"""Kills while Airflow is slow, while the task's code is being set up, and right before a permanent error."""

from __future__ import annotations

import signal
import threading
import time
from typing import Any

import pytest

try:
    from airflow.sdk import DAG
except ImportError:  # Airflow 2
    from airflow import DAG

from airflow_provider_hex.airflow_compat import AirflowFailException
from airflow_provider_hex.api import tls
from airflow_provider_hex.api.errors import HexError, HexInvalidInput, HexRunFailed, HexUnauthorized
from airflow_provider_hex.operators.hex import HexRunProjectOperator
from airflow_provider_hex.sensors.hex import HexRunSensor
from hex_emulator.client import Control
from tests.conftest import PROJECT
from tests.runs.conftest import CANCELLED, MODES, Airflow, defer, interrupted_when, keep_runs, operator, statuses

HANDED_ON = ("deferred", "start-only")


@pytest.mark.parametrize("mode", HANDED_ON)
def test_a_slow_airflow_does_not_hide_that_a_user_ended_the_task_during_the_start(
    mode: str, emulator: Control, airflow: Airflow
) -> None:
    keep_runs(emulator)
    airflow.state = "failed"
    airflow.on_state = lambda: time.sleep(2)  # longer than a signal handler waits for Airflow
    with pytest.raises(HexError, match=r"was killed while it started the run\."):
        operator(**MODES[mode]).execute(airflow.attempt())
    assert statuses(emulator) == [CANCELLED]


@pytest.mark.parametrize("mode", HANDED_ON)
def test_a_kill_while_a_slow_airflow_is_asked_is_not_lost(mode: str, emulator: Control, airflow: Airflow) -> None:
    keep_runs(emulator)
    airflow.state = "failed"
    asked, killed = threading.Event(), threading.Event()

    def respond_after_the_kill() -> None:
        asked.set()
        killed.wait(60)

    airflow.on_state = respond_after_the_kill
    task, context = operator(**MODES[mode]), airflow.attempt()

    def kill() -> None:
        task.on_kill()
        killed.set()

    with interrupted_when(asked.is_set, kill), pytest.raises(HexError, match="was killed"):
        task.execute(context)
    assert statuses(emulator) == [CANCELLED]


def test_a_kill_while_a_deferred_task_resumes_is_not_lost(emulator: Control, airflow: Airflow) -> None:
    keep_runs(emulator)
    context = airflow.attempt()
    defer(context)
    task = operator(deferrable=True)

    def kill(method: str, value: Any) -> None:
        airflow.on_store = lambda method, value: None
        airflow.state = "failed"
        task.on_kill()

    airflow.on_store = kill
    event = {"error": HexUnauthorized("The token was rejected.").to_dict()}
    with pytest.raises(HexUnauthorized, match=r"The run was cancelled\."):
        task.resume_execution("execute_complete", {"event": event}, context)
    assert statuses(emulator) == [CANCELLED]


def test_a_resumed_task_releases_its_own_run_though_a_superseded_attempt_published_another(
    emulator: Control, airflow: Airflow
) -> None:
    """Airflow lets an attempt that was thought dead, and wakes up, push XComs."""
    keep_runs(emulator)
    airflow.max_tries = 0
    context = airflow.attempt()
    defer(context)
    airflow.xcoms.update(run_id=PROJECT, run_url="https://hex.test/another")
    event = {"error": HexUnauthorized("The token was rejected.").to_dict()}
    with pytest.raises(HexUnauthorized, match=r"The run was cancelled\.") as raised:
        operator(deferrable=True).resume_execution("execute_complete", {"event": event}, context)
    assert statuses(emulator) == [CANCELLED]
    assert emulator.runs()[0]["runUrl"] in str(raised.value)


def test_a_kill_while_the_trusted_authorities_are_loaded_cancels_the_previous_run(
    emulator: Control, airflow: Airflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The signal handler needs them, too, for the client that cancels the run."""
    keep_runs(emulator)
    defer(airflow.attempt())
    airflow.state = "failed"
    task, load = operator(), tls._context
    kills: list[bool] = []

    def load_and_kill(*arguments: Any) -> Any:
        if not kills:
            kills.append(True)
            signal.raise_signal(signal.SIGUSR1)
        return load(*arguments)

    previous = signal.signal(signal.SIGUSR1, lambda number, frame: task.on_kill())
    monkeypatch.setattr(tls, "_context", load_and_kill)
    try:
        with pytest.raises(HexError, match="was killed"):
            task.execute(airflow.attempt())
    finally:
        signal.signal(signal.SIGUSR1, previous)
    assert statuses(emulator) == [CANCELLED]


def kill_before_a_poll(emulator: Control, airflow: Airflow, then: Any) -> pytest.ExceptionInfo[HexError]:
    """Kill a task that waits, as a deploy does; then something happens, and the task polls its run once more."""
    keep_runs(emulator)
    emulator.fault("GetRunStatus", delay=1)
    task, context = operator(), airflow.attempt()

    def kill() -> None:
        task.on_kill()
        then()

    with interrupted_when(lambda: emulator.requests("GetRunStatus"), kill), pytest.raises(HexError) as raised:
        task.execute(context)
    return raised


def test_a_run_that_a_kill_left_to_the_retry_is_retried_after_a_permanent_error(
    emulator: Control, airflow: Airflow
) -> None:
    keep_runs(emulator)
    emulator.fault("GetRunStatus", status=401, delay=1)
    task, context = operator(), airflow.attempt()
    with (
        interrupted_when(lambda: emulator.requests("GetRunStatus"), task.on_kill),
        pytest.raises(HexUnauthorized, match="next attempt re-attaches") as raised,
    ):
        task.execute(context)
    assert not isinstance(raised.value, AirflowFailException)


def test_a_run_that_failed_after_a_kill_left_it_is_not_said_to_continue(emulator: Control, airflow: Airflow) -> None:
    def fail() -> None:
        emulator.set_status(emulator.runs()[0]["runId"], "ERRORED")

    raised = kill_before_a_poll(emulator, airflow, fail)
    if raised.type.__name__ == HexRunFailed.__name__:
        assert "continues" not in str(raised.value)


@pytest.mark.parametrize("kind", [HexRunProjectOperator, HexRunSensor])
def test_an_invalid_argument_of_a_mapped_task_is_a_permanent_error(kind: Any) -> None:
    """Airflow builds a mapped task in the worker, where an ordinary error is retried."""
    more = {"run_id": PROJECT} if kind is HexRunSensor else {}
    with DAG("mapped", schedule=None), pytest.raises(HexInvalidInput) as raised:
        kind(task_id="run", project_id="not-an-id", **more)
    assert isinstance(raised.value, AirflowFailException)
