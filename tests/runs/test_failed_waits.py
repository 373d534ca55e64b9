"""Waits that end without the run's end: what becomes of the run, and what of the task's retry."""

from __future__ import annotations

from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_hex.api.errors import HexError
from hex_emulator.client import Control
from tests.runs.conftest import WAYS, Airflow, begin, finish, going, interrupted_when, operator, statuses

WAITS = {name: WAYS[name] for name in ("waiting", "deferrable")}


@pytest.mark.parametrize("way", WAITS)
@pytest.mark.parametrize("status", [401, 403])
def test_a_run_that_may_not_be_looked_at_is_left_to_the_retry(
    status: int, way: str, emulator: Control, airflow: Airflow
) -> None:
    """By then somebody may have put a valid token into the connection."""
    going(emulator)
    emulator.fault("GetRunStatus", status=status)
    emulator.fault("GetProjectRuns", status=status)
    with pytest.raises(HexError) as raised:
        finish(airflow.attempt(), **WAITS[way])
    assert not isinstance(raised.value, AirflowFailException)
    assert raised.value.status == status
    assert "the task's next attempt looks for it." in str(raised.value)
    (run,) = emulator.runs()
    assert run["runId"] in str(raised.value)
    assert not emulator.requests("CancelRun")
    emulator.clear_faults()
    emulator.set_status(run["runId"], "COMPLETED")
    assert finish(airflow.attempt(), **WAITS[way])["runId"] == run["runId"]


@pytest.mark.parametrize("way", WAITS)
@pytest.mark.parametrize("options", [{}, {"durable": False}], ids=["last-attempt", "not-durable"])
def test_a_run_that_may_not_be_looked_at_is_cancelled_if_no_attempt_will_find_it(
    options: dict[str, Any], way: str, emulator: Control, airflow: Airflow
) -> None:
    airflow.max_tries = 1 if options else 0
    going(emulator)
    emulator.fault("GetRunStatus", status=403)
    emulator.fault("GetProjectRuns", status=403)
    with pytest.raises(AirflowFailException, match=r"403.*The run was cancelled\."):
        finish(airflow.attempt(), **options, **WAITS[way])
    assert statuses(emulator) == ["KILLED"]


@pytest.mark.parametrize("way", WAITS)
def test_after_a_run_that_vanished_in_the_wait_the_retry_starts_another(
    way: str, emulator: Control, airflow: Airflow
) -> None:
    going(emulator)
    context = airflow.attempt()
    pushed = context["ti"].xcom_push

    def push(key: str, value: Any) -> None:
        pushed(key, value)
        if key == "run_url":
            emulator.vanish(airflow.xcoms["run_id"])

    context["ti"].xcom_push = push
    with pytest.raises(HexError, match="404") as raised:
        finish(context, **WAITS[way])
    assert not isinstance(raised.value, AirflowFailException)
    assert not emulator.requests("CancelRun")
    finish(airflow.attempt(), **WAITS[way])
    assert len(emulator.requests("RunProject")) == 2


@pytest.mark.parametrize(
    ("failure", "max_tries", "becomes"),
    [
        ("Trigger failure", 1, "RUNNING"),
        ("Trigger failure", 0, "KILLED"),
        ("Trigger timeout", 1, "KILLED"),
        ("Trigger timeout", 0, "KILLED"),
    ],
)
def test_a_deferral_that_failed_leaves_the_run_to_a_retry_but_not_one_whose_time_is_up(
    failure: str, max_tries: int, becomes: str, emulator: Control, airflow: Airflow
) -> None:
    going(emulator)
    airflow.max_tries = max_tries
    context = airflow.attempt()
    begin(context)
    with pytest.raises(Exception, match=failure):
        operator(deferrable=True).resume_execution("__fail__", {"error": failure}, context)
    assert statuses(emulator) == [becomes]
    assert set(airflow.record) == {"max_tries", "run" if becomes == "RUNNING" else "failure"}


def test_a_task_that_cannot_tell_of_its_run_leaves_it_to_a_retry(emulator: Control, airflow: Airflow) -> None:
    going(emulator)
    context = airflow.attempt()
    pushed = context["ti"].xcom_push

    def fail(key: str, value: Any) -> None:
        raise ConnectionError("Airflow does not answer.")

    context["ti"].xcom_push = fail
    with pytest.raises(ConnectionError, match=r"the task's next attempt looks for it"):
        operator().execute(context)
    context["ti"].xcom_push = pushed
    begin(airflow.attempt())
    assert len(emulator.runs()) == 1


def test_a_run_whose_cancel_fails_stays_noted_and_the_error_says_so(emulator: Control, airflow: Airflow) -> None:
    going(emulator)
    airflow.max_tries = 0
    emulator.fault("CancelRun", times=None, status=403, body={"reason": "No", "traceId": "t-403"})
    with pytest.raises(HexError, match=r"its time was up.*could not be cancelled and may still be going\..*t-403"):
        operator(timeout=0.3).execute(airflow.attempt())
    assert set(airflow.record) == {"max_tries", "run"}


@pytest.mark.parametrize("state", ["failed", "success", "restarting"])
def test_a_run_that_fails_to_be_watched_after_a_kill_is_cancelled_once(
    state: str, emulator: Control, airflow: Airflow
) -> None:
    going(emulator)
    airflow.state = state
    task, context = operator(), airflow.attempt()
    with interrupted_when(lambda: emulator.requests("GetRunStatus"), task.on_kill), pytest.raises(HexError):
        task.execute(context)
    assert len(emulator.requests("CancelRun")) == 1
