"""Hex, or the way to it, fails for a while; or it takes longer than the task has time."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from demo.waiting import wait_for
from tests.chaos.scenario import Scenario

pytestmark = [pytest.mark.system, pytest.mark.timeout(400)]

BOTH_WAYS = pytest.mark.parametrize("dag_id", ["worker", "deferred"])
A_MINUTE = 60.0


@pytest.mark.parametrize("failure", [{"drop": True}, {"status": 500}], ids=["unreachable", "500s"])
def test_hex_fails_for_a_minute(scenarios: Callable[..., Scenario], failure: dict[str, Any]) -> None:
    """In the middle of a start, of a wait, and of a retry's look for its run; in workers, and deferred."""
    starting = {dag_id: scenarios("starting", dag_id) for dag_id in ("worker", "deferred")}
    waiting = {dag_id: scenarios("waiting", dag_id) for dag_id in ("worker", "deferred")}
    retried = scenarios("retried")
    everybody = [*starting.values(), *waiting.values(), retried]
    for scenario in everybody:
        scenario.each_run_takes(30)
    for dag_id, scenario in waiting.items():
        scenario.begin_and_wait(dag_id)
    retried.begin_and_wait("worker")

    for scenario in everybody:
        scenario.hex_does_wrong(times=None, **failure)
    end = time.monotonic() + A_MINUTE
    for dag_id, scenario in starting.items():
        scenario.begin(dag_id)
    retried.kill_the_task_process()
    wait_for("the end of the minute", lambda: time.monotonic() > end or None, A_MINUTE + 10)
    scenario.hex.clear_faults()

    for scenario in everybody:
        scenario.ends("success", seconds=150)
        scenario.has_runs("COMPLETED")
        scenario.nothing_was_cancelled()


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


def test_hex_is_gone_for_longer_than_a_start_is_settled(scenario: Scenario) -> None:
    """The answer is lost, and so is Hex, for longer than the connection's retry_for. The retry finds the run."""
    connection = scenario.connection_of_its_own(retry_for=3)
    scenario.each_run_takes(30)
    scenario.hex_does_wrong("RunProject", drop=True, apply=True)
    scenario.hex_does_wrong("GetProjectRuns", drop=True, times=None)
    scenario.begin("worker", connection=connection)
    scenario.wait("a run", scenario.runs)
    scenario.hold()
    scenario.wait_for_the_held()
    scenario.hex.clear_faults()
    scenario.let_go()
    scenario.ends("success")
    scenario.has_runs("COMPLETED")
