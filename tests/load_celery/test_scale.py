"""A hundred tasks with Celery. In the middle of their runs, the machines of one triggerer and of one worker fail."""

import time
from typing import Any

import pytest

from demo.waiting import wait_for
from tests.load.conftest import TASK, WITHIN, Load
from tests.load.outcome import LoadOutcome
from tests.load_celery.conftest import PROJECTS_USED, SPEED, TASKS, TASKS_EACH, WORKERS

pytestmark = [pytest.mark.system, pytest.mark.timeout(3600)]

HALF_AN_HOUR = 30 * 60.0


def test_100_tasks_start_one_run_each_although_a_triggerer_and_a_worker_are_killed(load: Load) -> None:
    began = time.monotonic()
    load.start("scale", running=HALF_AN_HOUR, speed=SPEED)
    wait_for("a third of the tasks have succeeded", lambda: load.states()["success"] > 33 or None, WITHIN, pause=1)
    runs = wait_for("tasks that wait in what will be killed", lambda: runs_at_risk(load), WITHIN, pause=1)
    load.airflow.processes.kill(WORKERS[0])
    load.airflow.processes.kill("triggerer")
    outcome = load.finish()
    tasks = task_instances(load)
    print(table(outcome, tasks, time.monotonic() - began))
    assert outcome.tasks == {"success": len(TASKS)}
    assert started(outcome) == len(TASKS)
    assert outcome.runs_of(PROJECTS_USED) == [["COMPLETED"] * TASKS_EACH] * len(PROJECTS_USED)
    assert any(tasks[index]["try_number"] > 1 for index in runs)  # some may have ended just before the kill
    assert {index: published_run(load, index) for index in runs} == runs
    assert outcome.most_kernels <= 25
    assert outcome.status_requests_limited <= 0.1 * len(outcome.status_requests)


def runs_at_risk(load: Load) -> dict[int, str] | None:
    """The runs that tasks in the first worker wait for, by map index; None if it or the first triggerer has none."""
    tasks = task_instances(load)
    first_triggerer = min(job["id"] for job in load.airflow.api.jobs("TriggererJob"))
    if not any((task["trigger"] or {}).get("triggerer_id") == first_triggerer for task in tasks.values()):
        return None
    processes = {process.pid for process in load.airflow.processes.process(WORKERS[0]).children(recursive=True)}
    in_worker = [index for index, task in tasks.items() if task["state"] == "running" and task["pid"] in processes]
    runs = {index: published_run(load, index) for index in in_worker if not TASKS[index]["deferrable"]}
    return {index: run for index, run in runs.items() if run} or None


def task_instances(load: Load) -> dict[int, dict[str, Any]]:
    """The tasks by map index."""
    return {task["map_index"]: task for task in load.airflow.api.task_instances(load.dag_id, load.run_id)}


def published_run(load: Load, map_index: int) -> str | None:
    """The run id in a task's XCom."""
    run_id: str | None = load.airflow.api.xcom(load.dag_id, load.run_id, TASK, "run_id", map_index)
    return run_id


def started(outcome: LoadOutcome) -> int:
    """How many runs Hex has started for the provider."""
    return sum(request["call"] == "RunProject" and request["status"] == 201 for request in outcome.requests)


def table(outcome: LoadOutcome, tasks: dict[int, dict[str, Any]], seconds: float) -> str:
    status_requests, limited = len(outcome.status_requests), outcome.status_requests_limited
    figures = {
        "tasks that succeeded": f"{outcome.tasks['success']} of {len(TASKS)}",
        "attempts": sum(task["try_number"] for task in tasks.values()),
        "worker processes": outcome.worker_processes,
        "runs started": started(outcome),
        "RunProject rate-limited": outcome.starts_limited,
        "kernels at once": outcome.most_kernels,
        "status requests": status_requests,
        "status requests rate-limited": f"{limited} ({limited / status_requests:.1%})",
        "minutes": f"{seconds / 60:.1f}",
    }
    return "\n".join(["| | |", "| --- | --: |", *(f"| {name} | {figure} |" for name, figure in figures.items())])
