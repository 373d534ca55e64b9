"""A user changes the task's state, or the run in Hex, while a run is being started or waited for."""

import pytest

from airflow_provider_hex.airflow_compat import AIRFLOW_V_3_3_PLUS
from tests.chaos.scenario import Scenario, both_modes, needs_record

pytestmark = [pytest.mark.system, pytest.mark.timeout(1200)]

both_marks = pytest.mark.parametrize("state", ["failed", "success"])


@both_modes
@both_marks
def test_marking_a_waiting_task_cancels_its_run(scenario: Scenario, dag_id: str, state: str) -> None:
    scenario.each_run_takes(600)
    scenario.start_and_wait(dag_id)
    scenario.mark(state)
    scenario.assert_runs("KILLED")
    scenario.assert_task_ends(state)


@both_modes
def test_clearing_a_waiting_task_cancels_its_run_and_starts_another(scenario: Scenario, dag_id: str) -> None:
    if dag_id == "deferred" and not AIRFLOW_V_3_3_PLUS:
        scenario.most_runs_at_once = 2  # Airflow may start the next attempt before it ends the trigger
    scenario.each_run_takes(600)
    first = scenario.start_and_wait(dag_id)
    scenario.clear()
    second = scenario.wait_until_waiting(attempt=2)
    assert second != first
    scenario.complete(second)
    scenario.assert_task_ends("success")
    scenario.assert_runs("KILLED", "COMPLETED")


@both_modes
def test_failing_the_dag_run_of_a_waiting_task_cancels_its_run(scenario: Scenario, dag_id: str) -> None:
    scenario.each_run_takes(600)
    scenario.start_and_wait(dag_id)
    scenario.fail_dag_run()
    scenario.assert_runs("KILLED")
    scenario.assert_task_ends("failed")


@both_modes
@both_marks
def test_marking_a_task_that_is_starting_a_run_cancels_it(scenario: Scenario, dag_id: str, state: str) -> None:
    scenario.start_during_start_request(dag_id)
    scenario.mark(state)
    scenario.assert_runs("KILLED")
    scenario.assert_task_ends(state)


@both_modes
def test_failing_the_dag_run_of_a_task_that_is_starting_a_run_cancels_it(scenario: Scenario, dag_id: str) -> None:
    scenario.start_during_start_request(dag_id)
    scenario.fail_dag_run()
    scenario.assert_runs("KILLED")
    scenario.assert_task_ends("failed")


@both_modes
def test_clearing_a_task_that_is_starting_a_run_cancels_it_and_starts_another(scenario: Scenario, dag_id: str) -> None:
    scenario.start_during_start_request(dag_id)
    scenario.clear()
    scenario.complete(scenario.wait_until_waiting(attempt=2))
    scenario.assert_task_ends("success")
    scenario.assert_runs("KILLED", "COMPLETED")


def test_marking_a_task_that_is_reconciling_an_ambiguous_start_cancels_the_run(scenario: Scenario) -> None:
    scenario.each_run_takes(600)
    scenario.fault("RunProject", drop=True, apply=True)
    scenario.fault("GetProjectRuns", delay=2)
    scenario.start("worker")
    scenario.wait_until("a run", scenario.runs)
    scenario.mark("failed")
    scenario.assert_runs("KILLED")
    scenario.assert_task_ends("failed")


@both_modes
def test_clearing_a_task_that_has_ended_starts_another_run(scenario: Scenario, dag_id: str) -> None:
    scenario.each_run_takes(3)
    scenario.start(dag_id)
    scenario.assert_task_ends("success")
    scenario.wait_until("the end of the DAG run", scenario.dag_run_is_over)  # just before it, Airflow ignores a clear
    scenario.clear()
    scenario.wait_until("a second attempt", lambda: scenario.task()["try_number"] == 2)
    scenario.assert_task_ends("success")
    scenario.assert_runs("COMPLETED", "COMPLETED")


@both_modes
def test_a_run_that_is_cancelled_in_hex_is_followed_by_another(scenario: Scenario, dag_id: str) -> None:
    scenario.each_run_takes(600)
    first = scenario.start_and_wait(dag_id)
    scenario.hex.set_status(first, "KILLED")
    scenario.complete(scenario.wait_until_waiting(attempt=2))
    scenario.assert_task_ends("success")
    scenario.assert_runs("KILLED", "COMPLETED")
    assert scenario.runs()[0]["runUrl"] in scenario.log(attempt=2 if AIRFLOW_V_3_3_PLUS else 1)
    scenario.assert_nothing_cancelled()


@both_modes
def test_a_run_that_is_gone_is_followed_by_another(scenario: Scenario, dag_id: str) -> None:
    scenario.each_run_takes(600)
    first = scenario.start_and_wait(dag_id)
    scenario.hex.remove_run(first)
    scenario.complete(scenario.wait_until_waiting(attempt=2))
    scenario.assert_completed_by_one_run()


@needs_record
@both_modes
def test_a_retry_with_a_new_token_re_attaches_after_the_old_token_is_revoked(scenario: Scenario, dag_id: str) -> None:
    scenario.each_run_takes(600)
    connection = scenario.create_connection()
    run = scenario.start_and_wait(dag_id, connection=connection)
    scenario.hold()
    scenario.fault(status=401, times=None)
    scenario.wait_until_held()
    scenario.replace_token(connection)
    scenario.hex.clear_faults()
    scenario.unhold()
    assert scenario.wait_until_waiting(attempt=2) == run
    scenario.complete(run)
    scenario.assert_completed_by_one_run()
    assert {request["token"] for request in scenario.requests("GetRunStatus")} == {"old", "new"}
