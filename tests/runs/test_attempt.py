"""What Airflow says about an attempt: was it ended by a user or superseded, and does a retry follow."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from airflow_provider_hex.runs.attempt import Attempt
from airflow_provider_hex.runs.disposition import AttemptStatus
from airflow_provider_hex.runs.run_store import RunStore
from tests.runs.conftest import Airflow

RUN = {"projectId": "p", "runId": "r"}
ENDED = ["failed", "success", "skipped", "upstream_failed", "removed", "restarting"]
NOT_ENDED = ["running", "deferred", "queued", "scheduled", "up_for_retry", None]
NO_RESPONSE = ConnectionError("Airflow does not respond.")


def new_attempt(airflow: Airflow, *, durable: bool = True) -> Attempt:
    """Begin an attempt that has recorded its run."""
    context = airflow.attempt()
    store = RunStore(context, durable=durable)
    store.record_run(RUN)
    return Attempt(context["ti"], store)


@pytest.mark.parametrize("state", ENDED)
@pytest.mark.parametrize("superseded", [False, True], ids=["latest", "superseded"])
def test_an_attempt_whose_task_was_ended_or_cleared_was_ended_by_a_user(
    superseded: bool, state: str, airflow: Airflow
) -> None:
    attempt = new_attempt(airflow)
    airflow.state = state
    if superseded:
        airflow.attempt()
    assert attempt.status() is AttemptStatus.ENDED_BY_USER


@pytest.mark.parametrize("state", NOT_ENDED)
def test_an_attempt_that_another_one_followed_is_superseded(state: str | None, airflow: Airflow) -> None:
    attempt = new_attempt(airflow)
    airflow.state = state
    airflow.attempt()
    assert attempt.status() is AttemptStatus.SUPERSEDED


@pytest.mark.parametrize("state", [*NOT_ENDED, NO_RESPONSE])
def test_the_latest_attempt_is_current_unless_its_task_was_ended(state: Any, airflow: Airflow) -> None:
    attempt = new_attempt(airflow)
    airflow.state = state
    assert attempt.status() is AttemptStatus.CURRENT


@pytest.mark.parametrize("has_store", [True, False], ids=["not-durable", "no-store"])
@pytest.mark.parametrize(
    ("state", "status"), [("running", AttemptStatus.CURRENT), ("failed", AttemptStatus.ENDED_BY_USER)]
)
def test_without_the_record_only_the_state_counts(
    state: str, status: AttemptStatus, has_store: bool, airflow: Airflow
) -> None:
    airflow.has_store = has_store
    attempt = new_attempt(airflow, durable=not has_store)
    airflow.state = state
    airflow.attempt()
    assert attempt.status() is status


def test_the_status_is_current_if_the_task_state_store_does_not_respond(airflow: Airflow) -> None:
    def fail(method: str, value: Any) -> None:
        raise NO_RESPONSE

    attempt = new_attempt(airflow)
    airflow.on_store = fail
    assert attempt.status() is AttemptStatus.CURRENT


def test_the_status_is_unknown_if_airflow_is_too_slow(airflow: Airflow) -> None:
    attempt = new_attempt(airflow)
    responds = threading.Event()
    airflow.on_store = lambda method, value: responds.wait(60)
    try:
        assert attempt.status_in_time() is AttemptStatus.UNKNOWN
    finally:
        responds.set()


@pytest.mark.parametrize("state", [*NOT_ENDED, *ENDED, NO_RESPONSE])
@pytest.mark.parametrize(("max_tries", "expected"), [(0, False), (1, True), (2, True)])
def test_a_retry_finds_the_record_if_the_task_has_a_retry_left(
    max_tries: int, expected: bool, state: Any, airflow: Airflow
) -> None:
    airflow.max_tries = max_tries
    attempt = new_attempt(airflow)
    airflow.state = state
    assert attempt.retry_finds_record is expected


@pytest.mark.parametrize("has_store", [True, False], ids=["not-durable", "no-store"])
def test_no_retry_finds_a_record_that_there_is_not(has_store: bool, airflow: Airflow) -> None:
    airflow.has_store = has_store
    assert not new_attempt(airflow, durable=not has_store).retry_finds_record


def test_the_last_attempt_has_no_retry(airflow: Airflow) -> None:
    new_attempt(airflow)
    assert not new_attempt(airflow).retry_finds_record
