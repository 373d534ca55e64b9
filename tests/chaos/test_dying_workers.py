"""A worker dies, at each point of a run's life. The task's next attempt carries on with the same run."""

import pytest

from tests.chaos.scenario import Scenario

pytestmark = [pytest.mark.system, pytest.mark.timeout(300)]


def test_killed_before_the_start(scenario: Scenario) -> None:
    scenario.each_run_takes(3)
    scenario.begin("worker", held=True)
    scenario.wait_for_the_held()
    scenario.kill_the_task_process()
    scenario.let_go()
    scenario.ends("success")
    scenario.has_runs("COMPLETED")


def test_killed_while_it_asks_and_hex_never_hears(scenario: Scenario) -> None:
    scenario.each_run_takes(3)
    scenario.hex_does_wrong("RunProject", drop=True, delay=60)
    scenario.begin("worker")
    scenario.wait("a request to start", lambda: scenario.requests("RunProject"))
    scenario.kill_the_task_process()
    scenario.ends("success")
    scenario.has_runs("COMPLETED")


def test_killed_while_it_asks_and_hex_hears_late(scenario: Scenario) -> None:
    scenario.each_run_takes(8)
    scenario.hex_does_wrong("RunProject", delay=60)  # it has its effect when the client hangs up
    scenario.begin("worker")
    scenario.wait("a request to start", lambda: scenario.requests("RunProject"))
    scenario.kill_the_task_process()
    scenario.ends("success")
    scenario.has_runs("COMPLETED")


@pytest.mark.parametrize("dag_id", ["worker", "deferred", "adopting", "start_only"])
def test_killed_between_the_start_and_the_note_of_it(scenario: Scenario, dag_id: str) -> None:
    scenario.each_run_takes(8)
    scenario.hex_does_wrong("RunProject", apply=True, delay=60)
    scenario.begin(dag_id)
    scenario.wait("a run", scenario.runs)
    scenario.kill_the_task_process()
    scenario.ends("success")
    scenario.has_runs("COMPLETED")


def test_killed_between_with_options_that_tell_runs_apart(scenario: Scenario) -> None:
    """Whose run it is cannot be known, so the task fails without a retry, and names it. It ends by itself."""
    scenario.each_run_takes(20)
    scenario.hex_does_wrong("RunProject", apply=True, delay=60)
    scenario.begin("with_options")
    scenario.wait("a run", scenario.runs)
    scenario.kill_the_task_process()
    scenario.ends("failed")
    assert scenario.runs()[0]["runUrl"] in scenario.error
    assert "cancel in Hex the run that this task may have left" in scenario.error
    scenario.has_runs("COMPLETED")


def test_killed_right_after_the_note(scenario: Scenario) -> None:
    scenario.each_run_takes(10)
    scenario.begin("worker")
    scenario.wait("word of the run", scenario.told_run)
    scenario.kill_the_task_process()
    scenario.ends("success")
    scenario.has_runs("COMPLETED")


def test_killed_while_it_waits(scenario: Scenario) -> None:
    scenario.each_run_takes(15)
    run = scenario.begin_and_wait("worker")
    scenario.kill_the_task_process()
    assert scenario.wait_for_a_waiting_task(attempt=2) == run
    scenario.ends("success")
    scenario.has_runs("COMPLETED")
    scenario.nothing_was_cancelled()


def test_killed_while_it_waits_and_the_run_completes_meanwhile(scenario: Scenario) -> None:
    scenario.each_run_takes(600)
    run = scenario.begin_and_wait("worker")
    scenario.hold()
    scenario.kill_the_task_process()
    scenario.wait_for_the_held()
    scenario.hex.set_status(run, "COMPLETED")
    scenario.let_go()
    scenario.ends("success")
    scenario.has_runs("COMPLETED")


@pytest.mark.parametrize("how", ["ERRORED", "KILLED", "UNABLE_TO_ALLOCATE_KERNEL"])
def test_killed_while_it_waits_and_the_run_ends_badly_meanwhile(scenario: Scenario, how: str) -> None:
    scenario.each_run_takes(600)
    run = scenario.begin_and_wait("worker")
    scenario.hold()
    scenario.kill_the_task_process()
    scenario.wait_for_the_held()
    scenario.hex.set_status(run, how)
    scenario.hex.next_run(scenario.project, pending=0, running=2)
    scenario.let_go()
    second = scenario.wait_for_a_waiting_task(attempt=2)
    scenario.hex.set_status(second, "COMPLETED")
    scenario.ends("success")
    scenario.has_runs(how, "COMPLETED")
    assert scenario.runs()[0]["runUrl"] in scenario.log(attempt=2)


def test_killed_when_it_goes_on_after_the_deferral(scenario: Scenario) -> None:
    scenario.each_run_takes(600)
    run = scenario.begin_and_wait("deferred")
    scenario.hold()
    scenario.hex.set_status(run, "COMPLETED")
    scenario.wait_for_the_held()
    scenario.kill_the_task_process()
    scenario.let_go()
    scenario.ends("success")
    scenario.has_runs("COMPLETED")


def test_a_third_of_25_mapped_tasks_is_killed_while_they_wait(scenario: Scenario) -> None:
    scenario.at_once = 25
    scenario.each_run_takes(45)
    scenario.begin("mapped")
    killed = scenario.kill_task_processes_that_wait(8)
    assert len(killed) == 8
    scenario.end_all_tasks(seconds=280)
    assert set(scenario.states()) == {"success"}
    assert len(scenario.runs()) == 25
    scenario.has_runs(*["COMPLETED"] * 25)
    scenario.nothing_was_cancelled()
