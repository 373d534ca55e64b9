"""Hex, or the connection to it, fails for a while, or the run takes longer than the task has time."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from airflow_provider_hex.airflow_compat import AIRFLOW_V_3_0_PLUS
from demo.waiting import wait_for
from tests.chaos.scenario import WITHIN, Scenario, both_modes, needs_record

pytestmark = [pytest.mark.system, pytest.mark.timeout(1200)]

A_MINUTE = 60.0
each_time_limit = pytest.mark.parametrize(
    "dag_id", ["worker_timeout", "deferred_timeout", "worker_execution_timeout", "deferred_execution_timeout"]
)


@needs_record
@pytest.mark.parametrize("failure", [{"drop": True}, {"status": 500}], ids=["unreachable", "500s"])
def test_hex_fails_for_a_minute(scenarios: Callable[..., Scenario], failure: dict[str, Any]) -> None:
    """During a start, a wait, and a retry's search for its run; in workers, and deferred."""
    starting = {dag_id: scenarios("starting", dag_id) for dag_id in ("worker", "deferred")}
    waiting = {dag_id: scenarios("waiting", dag_id) for dag_id in ("worker", "deferred")}
    retried = scenarios("retried")
    everyone = [*starting.values(), *waiting.values(), retried]
    for scenario in everyone:
        scenario.each_run_takes(30)
    for dag_id, scenario in waiting.items():
        scenario.start_and_wait(dag_id)
    retried.start_and_wait("worker")

    for scenario in everyone:
        scenario.fault(times=None, **failure)
    end = time.monotonic() + A_MINUTE
    for dag_id, scenario in starting.items():
        scenario.start(dag_id)
    retried.kill_task_process()
    wait_for("the end of the minute", lambda: time.monotonic() > end or None, WITHIN)
    retried.hex.clear_faults()

    for scenario in everyone:
        scenario.assert_completed_by_one_run()
        scenario.assert_nothing_cancelled()


@both_modes
def test_a_lost_response_to_a_start_request_starts_one_run(scenario: Scenario, dag_id: str) -> None:
    scenario.each_run_takes(8)
    scenario.fault("RunProject", drop=True, apply=True)
    scenario.start(dag_id)
    scenario.assert_completed_by_one_run()
    assert len(scenario.requests("RunProject")) == 1


@both_modes
def test_a_run_with_an_unknown_status_is_polled_on(scenario: Scenario, dag_id: str) -> None:
    scenario.each_run_takes(600)
    run = scenario.start_and_wait(dag_id)
    scenario.hex.set_status(run, "DREAMING")
    scenario.wait_for_polls(run, 2)
    scenario.complete(run)
    scenario.assert_completed_by_one_run()


@each_time_limit
def test_a_timeout_cancels_the_run(scenario: Scenario, dag_id: str) -> None:
    scenario.each_run_takes(600)
    scenario.start(dag_id)
    scenario.assert_task_ends("failed")
    scenario.assert_runs("KILLED")
    assert scenario.runs()[0]["runUrl"] in scenario.error()
    assert "The run was cancelled." in scenario.error()


@each_time_limit
def test_a_timeout_leaves_the_run_running_if_cancel_on_timeout_is_off(scenario: Scenario, dag_id: str) -> None:
    scenario.each_run_takes(6000)
    scenario.left_running = 1
    scenario.start(f"{dag_id}_no_cancel")
    scenario.assert_task_ends("failed")
    scenario.assert_runs("RUNNING")
    if AIRFLOW_V_3_0_PLUS or dag_id != "deferred_execution_timeout":  # there Airflow 2 ends the task by itself
        assert "The run continues, because cancel_on_timeout is False." in scenario.error()
    scenario.assert_nothing_cancelled()


def test_a_timeout_during_the_start_request_cancels_the_run(scenario: Scenario) -> None:
    scenario.each_run_takes(600)
    scenario.fault("RunProject", apply=True, delay=60)
    scenario.start("worker_execution_timeout")
    scenario.assert_task_ends("failed")
    scenario.assert_runs("KILLED")


@both_modes
@pytest.mark.parametrize(
    "failure",
    [{"status": 500, "times": 1}, {"drop": True, "apply": True}, {"status": 422, "apply": True}],
    ids=["500-once", "response-lost", "422-as-it-has-ended"],
)
def test_a_cancel_that_fails_once_cancels_the_run(scenario: Scenario, dag_id: str, failure: dict[str, object]) -> None:
    scenario.each_run_takes(600)
    scenario.start_and_wait(dag_id)
    scenario.fault("CancelRun", **failure)
    scenario.mark("failed")
    scenario.assert_runs("KILLED")
    scenario.assert_task_ends("failed")


def test_a_slow_cancel_of_a_deferred_tasks_run_is_not_interrupted(scenario: Scenario) -> None:
    """Airflow cancels a trigger again and again until it has ended, also while its on_kill works."""
    scenario.each_run_takes(600)
    scenario.start_and_wait("deferred")
    scenario.fault("CancelRun", drop=True, delay=5)
    scenario.mark("failed")
    scenario.assert_runs("KILLED")
    scenario.assert_task_ends("failed")


@needs_record
def test_a_retry_finds_the_run_of_a_start_that_its_first_attempt_could_not_reconcile(scenario: Scenario) -> None:
    """The response is lost, and Hex stays unavailable for longer than the connection's retry_for."""
    connection = scenario.create_connection(retry_for=3)
    scenario.each_run_takes(30)
    scenario.fault("RunProject", drop=True, apply=True)
    scenario.fault("GetProjectRuns", drop=True, times=None)
    scenario.start("worker", connection=connection)
    scenario.wait_until("a run", scenario.runs)
    scenario.hold()
    scenario.wait_until_held()
    scenario.hex.clear_faults()
    scenario.unhold()
    scenario.assert_completed_by_one_run()
