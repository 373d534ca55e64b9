"""What happens to the run when Airflow ends the process of a task that waits: Airflow says whether that is a kill."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from airflow_provider_hex.api.errors import HexError
from demo.waiting import wait_for
from hex_emulator.client import Control
from tests.runs.conftest import (
    CANCELLED,
    LEFT_RUNNING,
    Airflow,
    finish,
    interrupted_when,
    keep_runs,
    operator,
    statuses,
)

NO_RESPONSE = ConnectionError("Airflow does not respond.")


def kill_while_it_waits(
    emulator: Control, airflow: Airflow, before: Callable[[], object] = lambda: None, **options: Any
) -> str:
    """Kill a task that waits for its run, right after ``before`` was called. Return the message of the task's error."""
    keep_runs(emulator)
    task, context = operator(**options), airflow.attempt()

    def kill() -> None:
        before()
        task.on_kill()

    with (
        interrupted_when(lambda: emulator.requests("GetRunStatus"), kill),
        pytest.raises(HexError, match=r"The task was killed while it waited for the run|Hex run KILLED") as raised,
    ):
        task.execute(context)
    return str(raised.value)


@pytest.mark.parametrize("state", ["failed", "success", "skipped", "removed", "restarting"])
@pytest.mark.parametrize("superseded", [False, True], ids=["current", "superseded"])
def test_a_task_that_a_user_ended_or_cleared_cancels_its_run(
    superseded: bool, state: str, emulator: Control, airflow: Airflow, logged: Callable[[], str]
) -> None:
    airflow.state = state
    message = kill_while_it_waits(emulator, airflow, airflow.attempt if superseded else lambda: None)
    assert "The run was cancelled." in message
    assert statuses(emulator) == [CANCELLED]
    assert len(emulator.requests("CancelRun")) == 1
    (run,) = emulator.runs()
    assert f"The task was killed. The run was cancelled. Run: {run['runUrl']}" in logged()


@pytest.mark.parametrize("state", ["running", "queued", "scheduled", "deferred", None])
def test_an_attempt_that_was_superseded_leaves_the_run_to_the_other_attempt(
    state: str | None, emulator: Control, airflow: Airflow, logged: Callable[[], str]
) -> None:
    airflow.state, airflow.max_tries = state, 0
    outcome = "The run continues, because another attempt of the task waits for it."
    assert outcome in kill_while_it_waits(emulator, airflow, airflow.attempt)
    assert outcome in logged()
    assert statuses(emulator) == [LEFT_RUNNING]
    assert not emulator.requests("CancelRun")
    assert set(airflow.record) == {"max_tries", "run", "started_at"}


@pytest.mark.parametrize(
    ("max_tries", "state", "status"),
    [
        (1, "running", LEFT_RUNNING),
        (0, "running", CANCELLED),
        (1, NO_RESPONSE, LEFT_RUNNING),
        (0, NO_RESPONSE, CANCELLED),
    ],
)
def test_a_process_that_no_user_ended_leaves_the_run_to_a_retry_if_there_is_one(
    max_tries: int, state: Any, status: str, emulator: Control, airflow: Airflow
) -> None:
    airflow.state, airflow.max_tries = state, max_tries
    message = kill_while_it_waits(emulator, airflow)
    assert statuses(emulator) == [status]
    assert len(emulator.requests("CancelRun")) == (status == CANCELLED)
    if status == LEFT_RUNNING:
        assert "The run continues, and the task's next attempt re-attaches to it." in message


def test_the_retry_waits_for_the_run_that_was_left_to_it(emulator: Control, airflow: Airflow) -> None:
    kill_while_it_waits(emulator, airflow)
    emulator.set_status(emulator.runs()[0]["runId"], "COMPLETED")
    assert finish(airflow.attempt())["runId"] == emulator.runs()[0]["runId"]
    assert len(emulator.runs()) == 1


@pytest.mark.parametrize(
    ("has_store", "options"), [(True, {"durable": False}), (False, {})], ids=["not-durable", "no-store"]
)
def test_a_run_without_a_record_is_cancelled(
    has_store: bool, options: dict[str, Any], emulator: Control, airflow: Airflow
) -> None:
    airflow.has_store = has_store
    kill_while_it_waits(emulator, airflow, **options)
    assert statuses(emulator) == [CANCELLED]
    assert len(emulator.requests("CancelRun")) == 1


@pytest.mark.parametrize(("state", "status"), [("running", LEFT_RUNNING), ("failed", CANCELLED)])
def test_a_kill_while_the_task_holds_the_lock_of_its_connection_to_airflow_does_not_deadlock(
    state: str, status: str, emulator: Control, airflow: Airflow
) -> None:
    """A task holds a lock while it sends a request to Airflow, and the signal may come in that moment."""
    keep_runs(emulator)
    task, context, lock = operator(), airflow.attempt(), threading.Lock()
    airflow.state = state
    is_held, killed = threading.Event(), threading.Event()

    def push(key: str, value: Any) -> None:
        with lock:
            is_held.set()
            wait_for("the kill", lambda: killed.is_set() or None, seconds=60, pause=0.01)

    def kill() -> None:
        task.on_kill()
        assert lock.locked()
        killed.set()

    def use_store(method: str, value: Any) -> None:
        with lock:
            pass

    context["ti"].xcom_push, airflow.on_store = push, use_store
    with interrupted_when(is_held.is_set, kill), pytest.raises(HexError, match="was killed"):
        task.execute(context)
    assert statuses(emulator) == [status]


def test_a_kill_while_airflow_is_slow_releases_the_run_after_the_signal_handler(
    emulator: Control, airflow: Airflow
) -> None:
    keep_runs(emulator)
    task, context = operator(), airflow.attempt()
    airflow.state = "failed"
    in_handler, responds = threading.Event(), threading.Event()
    airflow.on_state = lambda: in_handler.is_set() and responds.wait(60)
    requests_in_handler: list[Any] = []

    def kill() -> None:
        in_handler.set()
        task.on_kill()
        requests_in_handler.extend(emulator.requests("CancelRun"))
        responds.set()

    with interrupted_when(lambda: emulator.requests("GetRunStatus"), kill), pytest.raises(HexError, match="was killed"):
        task.execute(context)
    assert not requests_in_handler
    assert statuses(emulator) == [CANCELLED]


@pytest.mark.parametrize("max_tries", [1, 0])
def test_a_run_is_cancelled_if_airflow_stays_too_slow_to_say_whether_a_user_ended_the_task(
    max_tries: int, emulator: Control, airflow: Airflow
) -> None:
    airflow.max_tries = max_tries
    responds = threading.Event()

    def stop_responding() -> None:
        airflow.on_store = lambda method, value: responds.wait(60) if method == "get" else None

    try:
        kill_while_it_waits(emulator, airflow, stop_responding)
    finally:
        responds.set()
    assert statuses(emulator) == [CANCELLED]


def test_a_kill_in_the_middle_of_a_request_cancels_the_run(emulator: Control, airflow: Airflow) -> None:
    airflow.state = "failed"
    emulator.fault("GetRunStatus", delay=1)
    kill_while_it_waits(emulator, airflow)
    assert statuses(emulator) == [CANCELLED]
