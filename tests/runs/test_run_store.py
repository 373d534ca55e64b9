"""What an attempt notes for the next one, and how it tells whether a kill is meant for its run."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

from airflow_provider_hex.api.start import StartRequest
from airflow_provider_hex.runs.run_store import RunStore
from tests.runs.conftest import Airflow

RUN = {"projectId": "p", "runId": "r", "runUrl": "https://hex/r", "traceId": "t", "projectVersion": 7}


def claim(airflow: Airflow, **options: Any) -> RunStore:
    return RunStore(airflow.attempt(), **{"durable": True, **options})


def test_there_is_nothing_left_before_the_first_attempt(airflow: Airflow) -> None:
    assert claim(airflow).left() is None


def test_a_run_is_left_by_what_names_it(airflow: Airflow) -> None:
    claim(airflow).took(RUN)
    left = claim(airflow).left()
    assert left is not None
    assert left.run == {"projectId": "p", "runId": "r", "runUrl": "https://hex/r", "traceId": "t"}
    assert (left.asked, left.over, left.retried) == (None, None, True)


def test_what_hex_did_not_tell_of_a_run_is_not_noted(airflow: Airflow) -> None:
    claim(airflow).took({"projectId": "p", "runId": "r", "runUrl": None})
    assert airflow.record["run"] == {"projectId": "p", "runId": "r"}


@pytest.mark.parametrize("default_options", [True, False])
def test_an_intent_is_left_as_it_was_noted(default_options: bool, airflow: Airflow) -> None:
    asked = StartRequest(1_800_000_000.25, default_options)
    claim(airflow).asks("p", asked)
    left = claim(airflow).left()
    assert left is not None
    assert (left.run, left.asked, left.over) == (None, asked, None)


def test_a_request_that_started_no_run_leaves_nothing(airflow: Airflow) -> None:
    first = claim(airflow)
    first.asks("p", StartRequest(1.0, default_options=True))
    first.asks("p", None)
    assert claim(airflow).left() is None


def test_a_run_that_ended_badly_leaves_how(airflow: Airflow) -> None:
    first = claim(airflow)
    first.took(RUN)
    first.ended("It ended ERRORED.")
    left = claim(airflow).left()
    assert left is not None
    assert (left.run, left.asked, left.over) == (None, None, "It ended ERRORED.")


def test_a_cleared_task_is_no_retry_nor_are_the_retries_after_it(airflow: Airflow) -> None:
    claim(airflow).took(RUN)
    airflow.clear()
    for _ in range(2):
        left = claim(airflow).left()
        assert left is not None
        assert not left.retried


def test_a_note_of_another_kind_is_none(airflow: Airflow) -> None:
    second = claim(airflow)
    airflow.records["hex_run"] = '"r"'
    assert second.left() is None


@pytest.mark.parametrize("context", [{}, {"task_state_store": None}], ids=["airflow-2", "no-store"])
def test_without_a_store_nothing_is_kept_and_nothing_fails(context: dict[str, Any], airflow: Airflow) -> None:
    kept = RunStore({"ti": airflow.attempt()["ti"], **context}, durable=True)  # type: ignore[typeddict-item]
    kept.asks("p", StartRequest(1.0, default_options=True))
    kept.took(RUN)
    kept.ended("badly")
    kept.drop()
    airflow.state = "failed"
    assert not kept.is_kept
    assert kept.left() is None
    assert not kept.is_another_attempts()
    assert not kept.is_wanted()
    airflow.state = "running"
    assert kept.is_wanted()


def test_a_task_that_is_not_durable_does_not_touch_the_store(airflow: Airflow) -> None:
    used: list[str] = []
    airflow.on_store = lambda method, value: used.append(method)
    kept = claim(airflow, durable=False)
    kept.asks("p", StartRequest(1.0, default_options=True))
    kept.took(RUN)
    kept.ended("badly")
    kept.drop()
    assert kept.left() is None
    assert kept.is_wanted()
    assert not kept.is_another_attempts()
    assert not used


def test_a_note_before_or_of_a_run_must_succeed_and_one_after_it_need_not(airflow: Airflow) -> None:
    def refuse(method: str, value: Any) -> None:
        raise ConnectionError("No.")

    kept = claim(airflow)
    airflow.on_store = refuse
    kept.drop()
    kept.ended("badly")
    kept.asks("p", None)
    with pytest.raises(ConnectionError):
        kept.asks("p", StartRequest(1.0, default_options=True))
    with pytest.raises(ConnectionError):
        kept.took(RUN)


KILLED = ["failed", "success", "skipped", "upstream_failed", "removed", "restarting"]
ALIVE = ["running", "deferred", "queued", "scheduled", "up_for_retry", None]


@pytest.mark.parametrize("state", KILLED)
@pytest.mark.parametrize("stale", [False, True], ids=["present", "stale"])
def test_a_run_of_a_task_that_was_ended_or_cleared_is_nobody_elses(state: str, stale: bool, airflow: Airflow) -> None:
    kept = claim(airflow)
    kept.took(RUN)
    airflow.state = state
    if stale:
        airflow.attempt()
    assert not kept.is_another_attempts()
    assert not kept.is_wanted()


@pytest.mark.parametrize("state", ALIVE)
def test_a_run_of_an_attempt_that_another_has_followed_is_the_others(state: str | None, airflow: Airflow) -> None:
    kept = claim(airflow)
    kept.took(RUN)
    airflow.state = state
    airflow.attempt()
    assert kept.is_another_attempts()
    assert not kept.is_wanted()


@pytest.mark.parametrize("state", [*ALIVE, ConnectionError("Airflow does not answer.")])
@pytest.mark.parametrize(("max_tries", "another"), [(0, False), (1, True), (2, True)])
def test_a_run_of_the_present_attempt_is_the_next_ones_if_one_will_come(
    max_tries: int, another: bool, state: Any, airflow: Airflow
) -> None:
    airflow.max_tries = max_tries
    kept = claim(airflow)
    kept.took(RUN)
    airflow.state = state
    assert kept.is_another_attempts() is another


def test_a_run_that_no_other_attempt_can_know_is_nobody_elses(airflow: Airflow) -> None:
    kept = claim(airflow)
    kept.asks("p", StartRequest(1.0, default_options=True))
    airflow.attempt()
    assert not kept.is_another_attempts()


def test_a_task_that_comes_back_from_a_deferral_has_its_run(airflow: Airflow) -> None:
    context = airflow.attempt()
    RunStore(context, durable=True).took(RUN)
    assert RunStore(context, durable=True, has_run=True).is_another_attempts()


@pytest.mark.parametrize("state", ALIVE)
def test_a_task_that_nobody_has_ended_is_wanted(state: str | None, airflow: Airflow) -> None:
    kept = claim(airflow)
    kept.took(RUN)
    airflow.state = state
    assert kept.is_wanted()


def test_an_airflow_that_is_slow_is_not_waited_for(airflow: Airflow) -> None:
    kept = claim(airflow)
    kept.took(RUN)
    answers = threading.Event()
    airflow.on_store = lambda method, value: answers.wait(30)
    began = time.monotonic()
    with pytest.raises(TimeoutError):
        kept.is_another_attempts(at_once=True)
    assert time.monotonic() - began < 4
    answers.set()
