"""What becomes of a Hex run on Airflow 2 when a user, a time limit or a failing machine gets in the way of its task."""

import pytest

from tests.chaos_2.conftest import Scenario

pytestmark = [pytest.mark.system, pytest.mark.timeout(300)]

BOTH_WAYS = pytest.mark.parametrize("way", ["worker", "deferred"])


@BOTH_WAYS
def test_a_task_that_is_marked_failed_cancels_its_run(scenario: Scenario, way: str) -> None:
    scenario.begin_and_wait(way)
    scenario.mark_failed()
    scenario.has_runs("KILLED")
    scenario.ends("failed")


@BOTH_WAYS
def test_a_task_that_is_cleared_cancels_its_run_and_starts_another(scenario: Scenario, way: str) -> None:
    first = scenario.begin_and_wait(way)
    scenario.clear()
    scenario.wait("the cancel", lambda: scenario.statuses()[0] == "KILLED")
    second = scenario.wait_for_a_waiting_task(attempt=2)
    assert second != first
    scenario.hex.set_status(second, "COMPLETED")
    scenario.ends("success")
    scenario.has_runs("KILLED", "COMPLETED")


@BOTH_WAYS
def test_a_dag_run_that_is_marked_failed_cancels_its_tasks_run(scenario: Scenario, way: str) -> None:
    scenario.begin_and_wait(way)
    scenario.fail_the_dag_run()
    scenario.has_runs("KILLED")
    scenario.ends("failed")


@BOTH_WAYS
@pytest.mark.parametrize("limit", ["timeout", "execution_timeout"])
def test_a_task_whose_time_is_up_cancels_its_run(scenario: Scenario, way: str, limit: str) -> None:
    scenario.begin_and_wait(f"{way}_with_a{'n' * (limit[0] == 'e')}_{limit}")
    scenario.has_runs("KILLED")
    scenario.ends("failed")


@BOTH_WAYS
def test_a_task_that_may_not_cancel_leaves_its_run_when_its_time_is_up(scenario: Scenario, way: str) -> None:
    scenario.begin_and_wait(f"{way}_leaving_it")
    scenario.ends("failed")
    scenario.nothing_was_cancelled()
    scenario.has_runs("RUNNING")


def test_a_triggerer_that_is_restarted_goes_on_watching(scenario: Scenario) -> None:
    run_id = scenario.begin_and_wait("deferred")
    scenario.airflow.restart("triggerer")
    goes_on_to_its_end(scenario, run_id)


def test_a_triggerer_that_is_killed_has_its_runs_watched_by_the_next(scenario: Scenario) -> None:
    run_id = scenario.begin_and_wait("deferred")
    scenario.airflow.kill("triggerer")
    goes_on_to_its_end(scenario, run_id)


def test_a_triggerer_that_wakes_up_after_another_took_over_cancels_nothing(scenario: Scenario) -> None:
    run_id = scenario.begin_and_wait("deferred")
    with scenario.airflow.another_triggerer():
        with scenario.airflow.frozen("triggerer"):
            scenario.wait_for_another_look(run_id)
        scenario.wait("the sleeper's notice", lambda: "The task still waits for its Hex run" in scenario.log())
        goes_on_to_its_end(scenario, run_id)


def goes_on_to_its_end(scenario: Scenario, run_id: str) -> None:
    scenario.wait_for_another_look(run_id)
    scenario.hex.set_status(run_id, "COMPLETED")
    scenario.ends("success")
    scenario.nothing_was_cancelled()
    scenario.has_runs("COMPLETED")


def test_before_airflow_3_3_the_retry_of_a_killed_process_starts_a_second_run_and_the_first_goes_on(
    scenario: Scenario,
) -> None:
    first = scenario.begin_and_wait("worker_with_a_retry")
    scenario.kill_the_task_process()
    second = scenario.wait_for_a_waiting_task(attempt=2)
    assert second != first
    scenario.hex.set_status(second, "COMPLETED")
    scenario.ends("success")
    scenario.has_runs("RUNNING", "COMPLETED")
