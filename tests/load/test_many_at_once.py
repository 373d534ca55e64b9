"""Many tasks at once, against Hex's documented limits.

These are 60 requests, 30 status requests and 20 starts a minute, 1800 status requests and 60 starts an hour, and 25
kernels, without a header that reports them. The requests that the emulator received show whether the provider respects
them.
"""

import pytest

from tests.load.conftest import OTHERS, OTHERS_PROJECT, PROJECTS, Load
from tests.load.outcome import LoadOutcome
from tests.load.rival import another_client

pytestmark = [pytest.mark.system, pytest.mark.timeout(3600)]

ONE_EACH = [["COMPLETED"]]
A_MINUTE = 60.0


def assert_100_succeeded_within_limits(outcome: LoadOutcome) -> None:
    assert outcome.tasks == {"success": 100}
    assert outcome.runs_of(PROJECTS) == ONE_EACH * 100
    assert outcome.most_kernels <= 25
    assert outcome.starts_limited <= 1.5 * 100
    assert outcome.worker_processes <= 4 * 100


def test_25_projects_at_once_take_30_status_requests_a_minute(load: Load) -> None:
    load.start("projects_25")
    load.complete_runs(25, after=A_MINUTE)
    outcome = load.finish()
    assert outcome.tasks == {"success": 25}
    assert outcome.runs_of(PROJECTS[:25]) == ONE_EACH * 25
    assert outcome.status_requests_limited == 0
    assert outcome.most_status_requests_a_minute <= 30


def test_25_runs_of_one_project_are_polled_together(load: Load) -> None:
    load.start("one_project_25")
    load.complete_runs(25, after=A_MINUTE)
    outcome = load.finish()
    assert outcome.tasks == {"success": 25}
    assert outcome.runs_of(PROJECTS[:1]) == [["COMPLETED"] * 25]
    assert outcome.status_requests_limited == 0
    assert outcome.most_status_requests_a_minute <= 30
    assert sum(request["call"] == "GetRunStatus" for request in outcome.status_requests) <= 25


def test_25_tasks_in_workers_start_one_run_each(load: Load) -> None:
    load.start("workers_25")
    load.complete_runs(25)
    outcome = load.finish()
    assert outcome.tasks == {"success": 25}
    assert outcome.runs_of(PROJECTS[:25]) == ONE_EACH * 25


def test_100_tasks_at_once_wait_in_the_start_queue(load: Load) -> None:
    load.start("projects_100", running=600, speed=30)
    assert_100_succeeded_within_limits(load.finish())


def test_100_tasks_at_once_leave_another_client_half_of_the_limits(load: Load) -> None:
    load.hex.next_run(OTHERS_PROJECT, pending=0, running=24 * 60, times=1000)
    load.start("projects_100", running=600, speed=40)
    with another_client(load.hex, OTHERS.token, OTHERS_PROJECT):
        outcome = load.finish()
    assert_100_succeeded_within_limits(outcome)


def test_a_killed_triggerer_with_25_deferred_tasks_loses_none_and_starts_no_run_twice(load: Load) -> None:
    load.start("projects_25", speed=5)
    load.wait_for_states("25 deferred tasks", {"deferred"})
    load.airflow.kill("triggerer")
    load.complete_runs(25)
    outcome = load.finish()
    assert outcome.tasks == {"success": 25}
    assert outcome.runs_of(PROJECTS[:25]) == ONE_EACH * 25
