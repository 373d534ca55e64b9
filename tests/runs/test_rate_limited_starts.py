"""A deferrable task that is rate-limited waits in the triggerer for a slot, and then starts its run."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from airflow_provider_hex.airflow_compat import TaskDeferred
from airflow_provider_hex.triggers import events
from airflow_provider_hex.triggers.hex import HexRunTrigger, HexStartTrigger
from hex_emulator.client import Control
from tests.conftest import DEFERRAL_TIMEOUT
from tests.runs.conftest import Airflow, defer, operator


def rate_limited(emulator: Control, context: Any, **options: Any) -> tuple[TaskDeferred, HexStartTrigger]:
    """Execute a task while all kernels are in use. Return its deferral, and the deferral's trigger."""
    emulator.limits(kernels=0)
    deferral = defer(context, **options)
    assert isinstance(deferral.trigger, HexStartTrigger)
    return deferral, deferral.trigger


def resume(context: Any, began: float, **options: Any) -> TaskDeferred:
    """Resume the task with a slot in the start queue, and return its next deferral."""
    with pytest.raises(TaskDeferred) as deferred:
        operator(deferrable=True, **options).resume_execution(
            "retry_start", {"event": events.slot_acquired(began)}, context
        )
    return deferred.value


@pytest.mark.parametrize("options", [{}, {"wait_for_completion": False}])
def test_a_rate_limited_task_is_deferred_and_frees_its_worker_slot(
    options: dict[str, Any], emulator: Control, airflow: Airflow
) -> None:
    deferral, _ = rate_limited(emulator, airflow.attempt(), timeout=600, **options)
    assert deferral.method_name == "retry_start"
    assert deferral.timeout == pytest.approx(timedelta(seconds=660), abs=timedelta(seconds=60))
    assert [request["call"] for request in emulator.requests()] == ["RunProject"]
    assert not emulator.runs()


def test_the_log_says_what_the_task_waits_for_and_how_long(
    emulator: Control, airflow: Airflow, logged: Callable[[], str]
) -> None:
    rate_limited(emulator, airflow.attempt(), timeout=600)
    log = logged()
    assert "All of Hex's kernels are in use" in log
    assert "Waiting in the triggerer for a slot to start the run: at least 0 s, at most " in log


def test_with_a_slot_the_task_starts_its_run_and_its_timeout_still_counts_from_its_beginning(
    emulator: Control, airflow: Airflow
) -> None:
    context = airflow.attempt()
    rate_limited(emulator, context)
    emulator.limits(kernels=25)
    trigger = resume(context, time.time() - 500, timeout=600).trigger
    assert isinstance(trigger, HexRunTrigger)
    assert trigger.timeout == pytest.approx(70, abs=30)
    assert airflow.xcoms["run_id"] == emulator.runs()[0]["runId"]


def test_a_task_that_is_rate_limited_again_says_that_it_has_waited_before(emulator: Control, airflow: Airflow) -> None:
    context = airflow.attempt()
    _, first = rate_limited(emulator, context)
    assert not first.requeued
    second = resume(context, first.began).trigger
    assert isinstance(second, HexStartTrigger)
    assert second.requeued
    assert second.began == first.began


@pytest.mark.parametrize("failure", [DEFERRAL_TIMEOUT, "Trigger failure"])
def test_a_wait_for_a_slot_that_airflow_ended_cancels_nothing(
    failure: str, emulator: Control, airflow: Airflow
) -> None:
    context = airflow.attempt()
    rate_limited(emulator, context)
    with pytest.raises(Exception, match=failure):
        operator(deferrable=True).resume_execution("__fail__", {"error": failure}, context)
    assert not emulator.requests("CancelRun")
