"""A worker is killed, at each point of a run's life. The task's next attempt continues with the same run."""

import pytest

from tests.chaos.scenario import Scenario, before_records, needs_record

pytestmark = [pytest.mark.system, pytest.mark.timeout(1200)]


def test_killed_before_the_start_request_starts_one_run(scenario: Scenario) -> None:
    scenario.each_run_takes(3)
    scenario.start("worker", held=True)
    scenario.wait_until_held()
    scenario.kill_task_process()
    scenario.unhold()
    scenario.assert_completed_by_one_run()


def test_killed_during_a_start_request_that_never_takes_effect_starts_one_run(scenario: Scenario) -> None:
    scenario.each_run_takes(3)
    scenario.fault("RunProject", drop=True, delay=60)
    scenario.start("worker")
    scenario.wait_until("a start request", lambda: scenario.requests("RunProject"))
    scenario.kill_task_process()
    scenario.assert_completed_by_one_run()


@needs_record
def test_killed_during_a_start_request_that_takes_effect_late_starts_one_run(scenario: Scenario) -> None:
    scenario.each_run_takes(8)
    scenario.fault("RunProject", delay=60)  # it takes effect when the client closes the connection
    scenario.start("worker")
    scenario.wait_until("a start request", lambda: scenario.requests("RunProject"))
    scenario.kill_task_process()
    scenario.assert_completed_by_one_run()


@needs_record
@pytest.mark.parametrize("dag_id", ["worker", "deferred", "adopting", "start_only"])
def test_killed_before_the_run_is_recorded_starts_one_run(scenario: Scenario, dag_id: str) -> None:
    scenario.each_run_takes(8)
    scenario.fault("RunProject", apply=True, delay=60)
    scenario.start(dag_id)
    scenario.wait_until("a run", scenario.runs)
    scenario.kill_task_process()
    scenario.assert_completed_by_one_run()


@needs_record
def test_killed_before_the_run_is_recorded_with_options_fails_and_names_the_run(scenario: Scenario) -> None:
    """Another client may have started that run, so the task fails without a retry."""
    scenario.each_run_takes(20)
    scenario.fault("RunProject", apply=True, delay=60)
    scenario.start("with_options")
    scenario.wait_until("a run", scenario.runs)
    scenario.kill_task_process()
    scenario.assert_task_ends("failed")
    assert scenario.runs()[0]["runUrl"] in scenario.error()
    assert "Cancel in Hex the run that this task may have started" in scenario.error()
    scenario.assert_runs("COMPLETED")


@needs_record
def test_killed_after_the_run_is_recorded_re_attaches(scenario: Scenario) -> None:
    scenario.each_run_takes(10)
    scenario.start("worker")
    scenario.wait_until("a published run", scenario.published_run)
    scenario.kill_task_process()
    scenario.assert_completed_by_one_run()


@needs_record
def test_killed_while_waiting_re_attaches(scenario: Scenario) -> None:
    scenario.each_run_takes(600)
    run = scenario.start_and_wait("worker")
    scenario.kill_task_process()
    assert scenario.wait_until_waiting(attempt=2) == run
    scenario.complete(run)
    scenario.assert_completed_by_one_run()
    scenario.assert_nothing_cancelled()


@before_records
def test_killed_while_waiting_starts_a_second_run_before_airflow_3_3(scenario: Scenario) -> None:
    scenario.most_runs_at_once, scenario.left_running = 2, 1
    scenario.each_run_takes(6000)
    first = scenario.start_and_wait("worker")
    scenario.kill_task_process()
    second = scenario.wait_until_waiting(attempt=2)
    assert second != first
    scenario.complete(second)
    scenario.assert_task_ends("success")
    scenario.assert_runs("RUNNING", "COMPLETED")


@needs_record
def test_killed_while_waiting_takes_the_result_of_a_run_that_has_completed(scenario: Scenario) -> None:
    scenario.each_run_takes(600)
    run = scenario.start_and_wait("worker")
    scenario.hold()
    scenario.kill_task_process()
    scenario.wait_until_held()
    scenario.complete(run)
    scenario.unhold()
    scenario.assert_completed_by_one_run()


@needs_record
@pytest.mark.parametrize("status", ["ERRORED", "KILLED", "UNABLE_TO_ALLOCATE_KERNEL"])
def test_killed_while_waiting_starts_another_run_after_one_that_failed(scenario: Scenario, status: str) -> None:
    scenario.each_run_takes(600)
    run = scenario.start_and_wait("worker")
    scenario.hold()
    scenario.kill_task_process()
    scenario.wait_until_held()
    scenario.hex.set_status(run, status)
    scenario.unhold()
    scenario.complete(scenario.wait_until_waiting(attempt=2))
    scenario.assert_task_ends("success")
    scenario.assert_runs(status, "COMPLETED")
    assert scenario.runs()[0]["runUrl"] in scenario.log(attempt=2)


@needs_record
def test_killed_when_it_resumes_after_its_deferral_takes_the_result(scenario: Scenario) -> None:
    scenario.each_run_takes(600)
    run = scenario.start_and_wait("deferred")
    scenario.hold()
    scenario.complete(run)
    scenario.wait_until_held()
    scenario.kill_task_process()
    scenario.unhold()
    scenario.assert_completed_by_one_run()


@needs_record
def test_8_of_25_mapped_tasks_are_killed_while_waiting_and_re_attach(scenario: Scenario) -> None:
    scenario.most_runs_at_once = 25
    scenario.each_run_takes(45)
    scenario.start("mapped")
    scenario.kill_waiting_mapped_tasks(8)
    scenario.wait_for_all_tasks()
    assert set(scenario.states()) == {"success"}
    scenario.assert_runs(*["COMPLETED"] * 25)
    scenario.assert_nothing_cancelled()


@needs_record
def test_a_worker_that_is_lost_in_the_last_attempt_leaves_no_run_running(scenario: Scenario) -> None:
    """The DAG processor cancels the run when Airflow has missed the heartbeats."""
    scenario.each_run_takes(600)
    scenario.start_and_wait("last_attempt")
    scenario.kill_worker()
    scenario.assert_task_ends("failed")
    scenario.assert_runs("KILLED")
