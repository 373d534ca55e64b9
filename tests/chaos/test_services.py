"""A part of Airflow dies or stands still, while a run is watched. It goes on being watched, once."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psutil
import pytest

from demo.local_airflow import AIRFLOW
from demo.ports import Ports
from tests.chaos.scenario import Scenario

pytestmark = [pytest.mark.system, pytest.mark.timeout(400)]

BOTH_WAYS = pytest.mark.parametrize("dag_id", ["worker", "deferred"])


@pytest.mark.parametrize("how", ["kill", "restart"])
def test_the_triggerer_is_replaced(scenario: Scenario, how: str) -> None:
    scenario.each_run_takes(600)
    run = scenario.begin_and_wait("deferred")
    getattr(scenario.airflow, how)("triggerer")
    looks = scenario.looks(run)
    scenario.wait("a look by the new triggerer", lambda: scenario.looks(run) > looks)
    scenario.hex.set_status(run, "COMPLETED")
    scenario.ends("success")
    scenario.has_runs("COMPLETED")
    scenario.nothing_was_cancelled()


def test_the_triggerer_freezes_beside_a_second_one_and_wakes(scenario: Scenario) -> None:
    airflow = scenario.airflow
    log_port = f"AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT={Ports.free().trigger_logs}"
    scenario.each_run_takes(600)
    run = scenario.begin_and_wait("deferred")
    airflow.processes.start("triggerer-2", ("env", log_port, *AIRFLOW, "triggerer"))
    try:
        with frozen(airflow.processes.process("triggerer")):
            looks = scenario.looks(run)
            scenario.wait("a look by the second triggerer", lambda: scenario.looks(run) > looks)
        scenario.wait("the first one's on_kill", lambda: "on_kill" in scenario.log())
        scenario.hex.set_status(run, "COMPLETED")
        scenario.ends("success")
    finally:
        airflow.processes.stop("triggerer-2")
    scenario.has_runs("COMPLETED")
    scenario.nothing_was_cancelled()


def test_the_scheduler_is_restarted_while_the_task_is_deferred(scenario: Scenario) -> None:
    scenario.each_run_takes(600)
    run = scenario.begin_and_wait("deferred")
    scenario.airflow.restart("scheduler")
    scenario.hex.set_status(run, "COMPLETED")
    scenario.ends("success")
    scenario.has_runs("COMPLETED")
    scenario.nothing_was_cancelled()


def test_the_scheduler_is_restarted_and_waits_for_its_worker(scenario: Scenario) -> None:
    scenario.each_run_takes(12)
    scenario.begin_and_wait("worker")
    scenario.airflow.restart("scheduler")
    scenario.ends("success")
    scenario.has_runs("COMPLETED")
    scenario.nothing_was_cancelled()


@BOTH_WAYS
def test_the_scheduler_is_killed_with_all_its_workers(scenario: Scenario, dag_id: str) -> None:
    scenario.each_run_takes(600)
    run = scenario.begin_and_wait(dag_id)
    scenario.airflow.kill("scheduler")
    if dag_id == "worker":
        assert scenario.wait_for_a_waiting_task(attempt=2) == run
    scenario.hex.set_status(run, "COMPLETED")
    scenario.ends("success")
    scenario.has_runs("COMPLETED")
    scenario.nothing_was_cancelled()


def test_the_scheduler_alone_is_killed_so_that_two_attempts_race(scenario: Scenario) -> None:
    """The worker outlives the scheduler, and the next one starts another attempt beside it."""
    scenario.each_run_takes(600)
    run = scenario.begin_and_wait("worker")
    first = scenario.task_process()
    workers = scenario.airflow.processes.process("scheduler").children(recursive=True)
    scenario.airflow.kill_alone("scheduler")
    psutil.wait_procs([first], timeout=60)
    for worker in workers:  # they share the dead scheduler's database session, which may hold locks
        with suppress(psutil.NoSuchProcess):
            worker.kill()
    assert scenario.wait_for_a_waiting_task(attempt=2) == run
    scenario.hex.set_status(run, "COMPLETED")
    scenario.ends("success")
    scenario.has_runs("COMPLETED")
    scenario.nothing_was_cancelled()


def test_a_worker_freezes_until_another_has_its_task_and_wakes(scenario: Scenario) -> None:
    scenario.each_run_takes(600)
    run = scenario.begin_and_wait("worker")
    first = scenario.task_process()
    with frozen(*filter(None, [first.parent()])):
        assert scenario.wait_for_a_waiting_task(attempt=2) == run
    scenario.wait("the end of the first attempt's process", lambda: not first.is_running())
    scenario.hex.set_status(run, "COMPLETED")
    scenario.ends("success")
    scenario.has_runs("COMPLETED")
    scenario.nothing_was_cancelled()


@contextmanager
def frozen(*services: psutil.Process) -> Iterator[None]:
    """Processes that stand still with all their children, as when their machine sleeps."""
    processes = [process for service in services for process in (service, *service.children(recursive=True))]
    for process in processes:
        process.suspend()
    try:
        yield
    finally:
        for process in processes:
            process.resume()
