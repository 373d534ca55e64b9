"""Hex, or the way to it, fails for a while; or it takes longer than the task has time."""

import time
from collections.abc import Callable

import pytest

from demo.waiting import wait_for
from tests.chaos.scenario import Scenario

pytestmark = [pytest.mark.system, pytest.mark.timeout(400)]

BOTH_WAYS = pytest.mark.parametrize("dag_id", ["worker", "deferred"])
A_MINUTE = 60.0
FAILURES = pytest.mark.parametrize("failure", [{"drop": True}, {"status": 500}], ids=["unreachable", "500s"])


def for_a_minute(scenario: Scenario, failure: dict[str, object], meanwhile: Callable[[], object]) -> None:
    """All calls fail for a minute, from now on."""
    scenario.hex_does_wrong(times=None, **failure)
    end = time.monotonic() + A_MINUTE
    meanwhile()
    wait_for("the end of the minute", lambda: time.monotonic() > end or None, A_MINUTE + 10)
    scenario.hex.clear_faults()


@FAILURES
@BOTH_WAYS
def test_hex_fails_for_a_minute_while_the_run_is_started(
    scenario: Scenario, dag_id: str, failure: dict[str, object]
) -> None:
    scenario.each_run_takes(3)
    for_a_minute(scenario, failure, lambda: scenario.begin(dag_id))
    scenario.ends("success", seconds=150)
    scenario.has_runs("COMPLETED")


@FAILURES
@BOTH_WAYS
def test_hex_fails_for_a_minute_while_the_run_is_waited_for(
    scenario: Scenario, dag_id: str, failure: dict[str, object]
) -> None:
    scenario.each_run_takes(10)
    scenario.begin_and_wait(dag_id)
    for_a_minute(scenario, failure, lambda: None)
    scenario.ends("success", seconds=150)
    scenario.has_runs("COMPLETED")
    scenario.nothing_was_cancelled()


def test_hex_fails_for_a_minute_while_a_retry_looks_for_its_run(scenario: Scenario) -> None:
    scenario.each_run_takes(100)
    scenario.begin_and_wait("worker")
    for_a_minute(scenario, {"drop": True}, scenario.kill_the_task_process)
    scenario.ends("success", seconds=150)
    scenario.has_runs("COMPLETED")


@BOTH_WAYS
def test_the_answer_to_the_start_is_lost(scenario: Scenario, dag_id: str) -> None:
    scenario.each_run_takes(8)
    scenario.hex_does_wrong("RunProject", drop=True, apply=True)
    scenario.begin(dag_id)
    scenario.ends("success")
    scenario.has_runs("COMPLETED")
    assert len(scenario.requests("RunProject")) == 1


@BOTH_WAYS
def test_a_status_from_the_future(scenario: Scenario, dag_id: str) -> None:
    scenario.each_run_takes(600)
    run = scenario.begin_and_wait(dag_id)
    scenario.hex.set_status(run, "DREAMING")
    looks = scenario.looks(run)
    scenario.wait("two more looks", lambda: scenario.looks(run) > looks + 1)
    scenario.hex.set_status(run, "COMPLETED")
    scenario.ends("success")
    scenario.has_runs("COMPLETED")


@pytest.mark.parametrize(
    "dag_id", ["worker_timeout", "deferred_timeout", "worker_execution_timeout", "deferred_execution_timeout"]
)
def test_the_time_is_up(scenario: Scenario, dag_id: str) -> None:
    scenario.each_run_takes(600)
    scenario.begin(dag_id)
    scenario.ends("failed")
    scenario.has_runs("KILLED")
    assert scenario.runs()[0]["runUrl"] in scenario.error
    assert "The run was cancelled." in scenario.error


def test_the_time_is_up_and_the_run_is_to_go_on(scenario: Scenario) -> None:
    scenario.each_run_takes(600)
    scenario.leaves_on_purpose = 1
    scenario.begin("timeout_that_leaves")
    scenario.ends("failed")
    scenario.has_runs("RUNNING")
    assert "The run goes on, as cancel_on_timeout is off." in scenario.error
    scenario.nothing_was_cancelled()


def test_the_time_is_up_in_the_middle_of_the_start(scenario: Scenario) -> None:
    scenario.each_run_takes(600)
    scenario.hex_does_wrong("RunProject", apply=True, delay=60)
    scenario.begin("worker_execution_timeout")
    scenario.ends("failed")
    scenario.has_runs("KILLED")


@BOTH_WAYS
@pytest.mark.parametrize(
    "failure",
    [{"status": 500, "times": 1}, {"drop": True, "apply": True}, {"status": 422, "apply": True}],
    ids=["500-once", "answer-lost", "422-as-it-has-ended"],
)
def test_the_cancel_meets_a_blip(scenario: Scenario, dag_id: str, failure: dict[str, object]) -> None:
    scenario.each_run_takes(600)
    scenario.begin_and_wait(dag_id)
    scenario.hex_does_wrong("CancelRun", **failure)
    scenario.mark("failed")
    scenario.has_runs("KILLED")
    scenario.ends("failed")
