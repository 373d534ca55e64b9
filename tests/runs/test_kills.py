"""What becomes of the run when the task's process is told to end: Airflow says whether that is meant for the run."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from airflow_provider_hex.api.errors import HexError
from demo.waiting import wait_for
from hex_emulator.client import Control
from tests.runs.conftest import CANCELLED, LEFT, Airflow, finish, going, interrupted_when, operator, statuses


def killed_while_it_waits(emulator: Control, airflow: Airflow, happens: Callable[[], object], **options: Any) -> str:
    """Kill a task that waits for its run, just after something has happened in Airflow; return what the task says."""
    going(emulator)
    task, context = operator(**options), airflow.attempt()

    def kill() -> None:
        happens()
        task.on_kill()

    with (
        interrupted_when(lambda: emulator.requests("GetRunStatus"), kill),
        pytest.raises(HexError, match=r"The task was killed while it waited for the run|ended KILLED") as raised,
    ):
        task.execute(context)
    return str(raised.value)


def nothing() -> None: ...


@pytest.mark.parametrize("state", ["failed", "success", "skipped", "removed", "restarting"])
@pytest.mark.parametrize("followed", [False, True], ids=["present", "followed"])
def test_a_task_that_was_ended_or_cleared_cancels_its_run(
    followed: bool, state: str, emulator: Control, airflow: Airflow, written: Callable[[], str]
) -> None:
    airflow.state = state
    killed_while_it_waits(emulator, airflow, airflow.attempt if followed else nothing)
    assert statuses(emulator) == [CANCELLED]
    assert len(emulator.requests("CancelRun")) == 1
    log = written()
    assert f"The task was killed. Hex run {emulator.runs()[0]['runId']}" in log
    assert "The run was cancelled." in log


@pytest.mark.parametrize("state", ["running", "queued", "scheduled", "deferred", None])
def test_a_process_that_another_attempt_has_followed_leaves_the_run_alone(
    state: str | None, emulator: Control, airflow: Airflow, written: Callable[[], str]
) -> None:
    airflow.state, airflow.max_tries = state, 0
    killed_while_it_waits(emulator, airflow, airflow.attempt)
    assert statuses(emulator) == [LEFT]
    assert not emulator.requests("CancelRun")
    assert set(airflow.record) == {"max_tries", "run"}
    assert "the task's next attempt looks for it." in written()


@pytest.mark.parametrize(
    ("max_tries", "state", "becomes"),
    [
        (1, "running", LEFT),
        (0, "running", CANCELLED),
        (1, ConnectionError("Airflow does not answer."), LEFT),
        (0, ConnectionError("Airflow does not answer."), CANCELLED),
    ],
)
def test_a_process_that_has_to_go_leaves_the_run_to_a_retry_if_there_is_one(
    max_tries: int, state: Any, becomes: str, emulator: Control, airflow: Airflow
) -> None:
    airflow.state, airflow.max_tries = state, max_tries
    killed_while_it_waits(emulator, airflow, nothing)
    assert statuses(emulator) == [becomes]
    assert len(emulator.requests("CancelRun")) == (becomes == CANCELLED)


def test_what_a_process_leaves_the_retry_watches(emulator: Control, airflow: Airflow) -> None:
    killed_while_it_waits(emulator, airflow, nothing)
    emulator.set_status(emulator.runs()[0]["runId"], "COMPLETED")
    assert finish(airflow.attempt())["runId"] == emulator.runs()[0]["runId"]
    assert len(emulator.runs()) == 1


def test_where_nothing_is_noted_the_run_is_cancelled(emulator: Control, airflow: Airflow) -> None:
    killed_while_it_waits(emulator, airflow, nothing, durable=False)
    assert statuses(emulator) == [CANCELLED]


@pytest.mark.parametrize(("state", "becomes"), [("running", LEFT), ("failed", CANCELLED)])
def test_a_kill_in_the_middle_of_a_word_with_airflow_comes_to_an_end(
    state: str, becomes: str, emulator: Control, airflow: Airflow
) -> None:
    """What a task says to Airflow it says under a lock, and the signal comes while it holds it."""
    going(emulator)
    task, context, lock = operator(), airflow.attempt(), threading.Lock()
    airflow.state = state
    talking = threading.Event()
    took: list[float] = []

    def talk(key: str, value: Any) -> None:
        with lock:
            talking.set()
            wait_for("the kill", lambda: took or None, seconds=20, pause=0.01)

    def kill() -> None:
        began = time.monotonic()
        task.on_kill()
        took.append(time.monotonic() - began)

    def ask(method: str, value: Any) -> None:
        with lock:
            pass

    context["ti"].xcom_push, airflow.on_store = talk, ask
    with interrupted_when(talking.is_set, kill), pytest.raises(HexError, match="was killed"):
        task.execute(context)
    assert took[0] < 4
    assert statuses(emulator) == [becomes]


def test_a_kill_while_airflow_is_slow_is_seen_to_by_the_task_itself(emulator: Control, airflow: Airflow) -> None:
    going(emulator)
    task, context = operator(), airflow.attempt()
    airflow.state = "failed"
    slow = threading.Event()
    airflow.on_store = lambda method, value: slow.wait(30) if method == "get" and task._killed else None
    took: list[float] = []

    def kill() -> None:
        began = time.monotonic()
        task.on_kill()
        took.append(time.monotonic() - began)
        slow.set()

    with interrupted_when(lambda: emulator.requests("GetRunStatus"), kill), pytest.raises(HexError, match="was killed"):
        task.execute(context)
    assert took[0] < 4
    assert statuses(emulator) == [CANCELLED]


@pytest.mark.parametrize("max_tries", [1, 0])
def test_an_airflow_that_stays_slow_may_have_been_told_to_kill_the_task(
    max_tries: int, emulator: Control, airflow: Airflow
) -> None:
    airflow.max_tries = max_tries
    end = threading.Event()

    def stall() -> None:
        airflow.on_store = lambda method, value: end.wait(30) if method == "get" else None

    try:
        killed_while_it_waits(emulator, airflow, stall)
    finally:
        end.set()
    assert statuses(emulator) == [CANCELLED]


def test_a_kill_in_the_middle_of_a_request_cancels_the_run(emulator: Control, airflow: Airflow) -> None:
    airflow.state = "failed"
    emulator.fault("GetRunStatus", delay=1)
    killed_while_it_waits(emulator, airflow, nothing)
    assert statuses(emulator) == [CANCELLED]
