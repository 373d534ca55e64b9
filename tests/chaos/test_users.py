"""A user gets in the way, while a run is being started or waited for. No run is left going."""

import pytest

from tests.chaos.scenario import Scenario

pytestmark = [pytest.mark.system, pytest.mark.timeout(300)]

BOTH_WAYS = pytest.mark.parametrize("dag_id", ["worker", "deferred"])


@BOTH_WAYS
@pytest.mark.parametrize("state", ["failed", "success"])
def test_marked_while_it_waits(scenario: Scenario, dag_id: str, state: str) -> None:
    scenario.each_run_takes(600)
    scenario.begin_and_wait(dag_id)
    scenario.mark(state)
    scenario.has_runs("KILLED")
    scenario.ends(state)


@BOTH_WAYS
def test_cleared_while_it_waits(scenario: Scenario, dag_id: str) -> None:
    scenario.each_run_takes(600)
    first = scenario.begin_and_wait(dag_id)
    scenario.clear()
    second = scenario.wait_for_a_waiting_task(attempt=2)
    assert second != first
    scenario.hex.set_status(second, "COMPLETED")
    scenario.ends("success")
    scenario.has_runs("KILLED", "COMPLETED")


@BOTH_WAYS
def test_the_dag_run_fails_while_it_waits(scenario: Scenario, dag_id: str) -> None:
    scenario.each_run_takes(600)
    scenario.begin_and_wait(dag_id)
    scenario.fail_the_dag_run()
    scenario.has_runs("KILLED")
    scenario.ends("failed")


@BOTH_WAYS
@pytest.mark.parametrize("state", ["failed", "success"])
def test_marked_while_it_starts(scenario: Scenario, dag_id: str, state: str) -> None:
    starting(scenario, dag_id)
    scenario.mark(state)
    scenario.has_runs("KILLED")
    scenario.ends(state)


@BOTH_WAYS
def test_the_dag_run_fails_while_it_starts(scenario: Scenario, dag_id: str) -> None:
    starting(scenario, dag_id)
    scenario.fail_the_dag_run()
    scenario.has_runs("KILLED")
    scenario.ends("failed")


@BOTH_WAYS
def test_cleared_while_it_starts(scenario: Scenario, dag_id: str) -> None:
    starting(scenario, dag_id)
    scenario.clear()
    second = scenario.wait_for_a_waiting_task(attempt=2)
    scenario.hex.set_status(second, "COMPLETED")
    scenario.ends("success")
    scenario.has_runs("KILLED", "COMPLETED")


def starting(scenario: Scenario, dag_id: str) -> None:
    """The task has asked for a run, and Hex takes its time."""
    scenario.each_run_takes(600)
    scenario.hex_does_wrong("RunProject", delay=3)
    scenario.begin(dag_id)
    scenario.wait("a request to start", lambda: scenario.requests("RunProject"))


def test_marked_failed_while_a_lost_start_is_being_settled(scenario: Scenario) -> None:
    scenario.each_run_takes(600)
    scenario.hex_does_wrong("RunProject", drop=True, apply=True)
    scenario.hex_does_wrong("GetProjectRuns", delay=2)
    scenario.begin("worker")
    scenario.wait("a run", scenario.runs)
    scenario.mark("failed")
    scenario.has_runs("KILLED")
    scenario.ends("failed")


@BOTH_WAYS
def test_cleared_after_it_has_ended(scenario: Scenario, dag_id: str) -> None:
    scenario.each_run_takes(3)
    scenario.begin(dag_id)
    scenario.ends("success")
    scenario.wait("the end of the DAG run", scenario.dag_run_is_over)  # Airflow forgets a clear a moment before it
    scenario.clear()
    scenario.wait("a second attempt", lambda: scenario.task()["try_number"] == 2)
    scenario.ends("success")
    scenario.has_runs("COMPLETED", "COMPLETED")


@BOTH_WAYS
def test_the_run_is_killed_in_hex(scenario: Scenario, dag_id: str) -> None:
    scenario.each_run_takes(600)
    first = scenario.begin_and_wait(dag_id)
    scenario.hex.set_status(first, "KILLED")
    second = scenario.wait_for_a_waiting_task(attempt=2)
    scenario.hex.set_status(second, "COMPLETED")
    scenario.ends("success")
    scenario.has_runs("KILLED", "COMPLETED")
    assert scenario.runs()[0]["runUrl"] in scenario.log(attempt=2)
    scenario.nothing_was_cancelled()


@BOTH_WAYS
def test_the_run_vanishes(scenario: Scenario, dag_id: str) -> None:
    scenario.each_run_takes(600)
    first = scenario.begin_and_wait(dag_id)
    scenario.hex.vanish(first)
    second = scenario.wait_for_a_waiting_task(attempt=2)
    scenario.hex.set_status(second, "COMPLETED")
    scenario.ends("success")
    scenario.has_runs("COMPLETED")


@BOTH_WAYS
def test_the_token_is_revoked_and_then_replaced(scenario: Scenario, dag_id: str) -> None:
    scenario.each_run_takes(600)
    connection = scenario.connection_of_its_own()
    run = scenario.begin_and_wait(dag_id, connection=connection)
    scenario.hold()
    scenario.hex_does_wrong(status=401, times=None)
    scenario.wait_for_the_held()
    scenario.replace_the_token(connection)
    scenario.hex.clear_faults()
    scenario.let_go()
    assert scenario.wait_for_a_waiting_task(attempt=2) == run
    scenario.hex.set_status(run, "COMPLETED")
    scenario.ends("success")
    scenario.has_runs("COMPLETED")
    assert {request["token"] for request in scenario.requests("GetRunStatus")} == {"old", "new"}
