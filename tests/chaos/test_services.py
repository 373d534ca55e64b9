"""A part of Airflow is killed or frozen while a task waits for its run. The run continues, and so does the wait."""

from contextlib import suppress

import psutil
import pytest

from airflow_provider_hex.airflow_compat import AIRFLOW_V_3_3_PLUS
from tests.chaos.freezing import another_triggerer, frozen
from tests.chaos.scenario import WITHIN, Scenario, needs_record

pytestmark = [pytest.mark.system, pytest.mark.timeout(1200)]


def complete(scenario: Scenario, run: str) -> None:
    scenario.complete(run)
    scenario.assert_completed_by_one_run()
    scenario.assert_nothing_cancelled()


@pytest.mark.parametrize("how", ["kill", "restart"])
def test_a_new_triggerer_polls_the_run_of_the_old_one(scenario: Scenario, how: str) -> None:
    scenario.each_run_takes(600)
    run = scenario.start_and_wait("deferred")
    getattr(scenario.airflow, how)("triggerer")
    scenario.wait_for_polls(run)
    complete(scenario, run)


def test_a_triggerer_that_was_frozen_while_another_took_over_cancels_nothing(scenario: Scenario) -> None:
    scenario.each_run_takes(600)
    run = scenario.start_and_wait("deferred")
    with another_triggerer(scenario.airflow):
        with frozen(scenario.airflow.processes.process("triggerer")):
            scenario.wait_for_polls(run)
        message = "on_kill" if AIRFLOW_V_3_3_PLUS else "The task still waits for Hex run"
        scenario.wait_until("the end of the first one's trigger", lambda: message in scenario.log())
        complete(scenario, run)


def test_a_deferred_task_survives_a_restart_of_the_scheduler(scenario: Scenario) -> None:
    scenario.each_run_takes(600)
    run = scenario.start_and_wait("deferred")
    scenario.airflow.restart("scheduler")
    complete(scenario, run)


def test_a_task_in_a_worker_survives_a_restart_of_the_scheduler(scenario: Scenario) -> None:
    """The scheduler ends when its worker has."""
    scenario.each_run_takes(12)
    scenario.start_and_wait("worker")
    scenario.airflow.restart("scheduler")
    scenario.assert_completed_by_one_run()
    scenario.assert_nothing_cancelled()


@pytest.mark.parametrize("dag_id", [pytest.param("worker", marks=needs_record), "deferred"])
def test_the_run_continues_when_the_scheduler_and_its_workers_are_killed(scenario: Scenario, dag_id: str) -> None:
    scenario.each_run_takes(600)
    run = scenario.start_and_wait(dag_id)
    scenario.airflow.kill("scheduler")
    if dag_id == "worker":
        assert scenario.wait_until_waiting(attempt=2) == run
    complete(scenario, run)


@needs_record
def test_two_attempts_share_the_run_when_the_scheduler_alone_is_killed(scenario: Scenario) -> None:
    """The worker keeps running, and the new scheduler starts another attempt at the same time."""
    scenario.each_run_takes(600)
    run = scenario.start_and_wait("worker")
    first = scenario.task_process()
    workers = scenario.airflow.processes.process("scheduler").children(recursive=True)
    scenario.airflow.kill_alone("scheduler")
    psutil.wait_procs([first], timeout=WITHIN)
    for worker in workers:  # they share the dead scheduler's database session, which may hold locks
        with suppress(psutil.NoSuchProcess):
            worker.kill()
    assert scenario.wait_until_waiting(attempt=2) == run
    complete(scenario, run)


@needs_record
def test_a_worker_that_was_frozen_while_another_took_over_cancels_nothing(scenario: Scenario) -> None:
    scenario.each_run_takes(600)
    run = scenario.start_and_wait("worker")
    first = scenario.task_process()
    with frozen(*filter(None, [first.parent()])):
        assert scenario.wait_until_waiting(attempt=2) == run
    scenario.wait_until("the end of the first attempt's process", lambda: not first.is_running())
    complete(scenario, run)
