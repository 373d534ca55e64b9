"""Many tasks at once, against Hex's limits as documented: 60 requests and 20 starts a minute, 60 starts an hour and
25 kernels. What the emulator received shows whether the provider lives well with them."""

import pytest

from tests.load.conftest import PROJECTS, RIVALS, RIVALS_PROJECT, Load
from tests.load.outcome import Outcome
from tests.load.rival import rival

pytestmark = [pytest.mark.system, pytest.mark.timeout(1200)]

ONE_EACH = [["COMPLETED"]]


def assert_a_hundred_succeeded_without_pestering_hex(outcome: Outcome) -> None:
    assert outcome.tasks == {"success": 100}
    assert outcome.runs_of(PROJECTS) == ONE_EACH * 100
    assert outcome.most_kernels <= 25
    assert outcome.starts_refused <= 1.5 * 100
    assert outcome.worker_processes <= 4 * 100


def test_25_projects_at_once_take_30_status_requests_a_minute(load: Load) -> None:
    load.release("projects_25", running=100)
    outcome = load.end(seconds=420)
    assert outcome.tasks == {"success": 25}
    assert outcome.runs_of(PROJECTS[:25]) == ONE_EACH * 25
    assert outcome.most_kernels == 25
    assert outcome.looks_refused == 0
    assert outcome.most_looks_a_minute <= 30


def test_25_runs_of_one_project_take_12_status_requests_a_minute(load: Load) -> None:
    load.release("one_project_25", running=100)
    outcome = load.end(seconds=420)
    assert outcome.tasks == {"success": 25}
    assert outcome.runs_of(PROJECTS[:1]) == [["COMPLETED"] * 25]
    assert outcome.most_kernels == 25
    assert outcome.most_looks_a_minute <= 12


def test_25_worker_processes_at_once_leave_no_run_behind(load: Load) -> None:
    load.release("workers_25", running=100)
    outcome = load.end(seconds=600)
    assert outcome.tasks == {"success": 25}
    assert outcome.runs_of(PROJECTS[:25]) == ONE_EACH * 25
    assert outcome.most_kernels == 25


def test_100_tasks_at_once_wait_for_their_turn(load: Load) -> None:
    load.release("projects_100", running=600, speed=30)
    assert_a_hundred_succeeded_without_pestering_hex(load.end(seconds=900))


def test_100_tasks_at_once_leave_another_client_its_half(load: Load) -> None:
    load.hex.next_run(RIVALS_PROJECT, pending=0, running=24 * 60, times=1000)
    load.release("projects_100", running=600, speed=40)
    with rival(load.hex, RIVALS.token, RIVALS_PROJECT):
        outcome = load.end(seconds=900)
    assert_a_hundred_succeeded_without_pestering_hex(outcome)


def test_a_triggerer_that_is_killed_with_25_deferred_tasks_loses_none_and_starts_none_twice(load: Load) -> None:
    load.release("projects_25", running=600, speed=5)
    load.wait_for_states("25 deferred tasks", {"deferred"}, seconds=120)
    load.airflow.kill("triggerer")
    outcome = load.end(seconds=420)
    assert outcome.tasks == {"success": 25}
    assert outcome.runs_of(PROJECTS[:25]) == ONE_EACH * 25
