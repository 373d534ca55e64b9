"""Each course that a run can take, for each way in which a task can wait for it."""

from __future__ import annotations

import pytest

from airflow_provider_hex.airflow_compat import AIRFLOW_V_3_3_PLUS
from hex_emulator.client import Control
from tests.conftest import PROJECT
from tests.dag_runs.conftest import RunDag

WAYS_TO_WAIT = ["operator_in_worker", "operator_deferred", "sensor_poke", "sensor_reschedule", "sensor_deferred"]
FAILURES = ["ERRORED", "KILLED", "UNABLE_TO_ALLOCATE_KERNEL"]


@pytest.fixture(params=WAYS_TO_WAIT)
def dag_id(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def the_run(emulator: Control) -> dict[str, str]:
    """Return the only run, which must have ended."""
    (run,) = emulator.runs()
    assert len(emulator.requests("RunProject")) == 1
    assert run["status"] not in ("PENDING", "RUNNING")
    return run


def test_a_completed_run_is_a_success_and_is_returned(dag_id: str, run_dag: RunDag, emulator: Control) -> None:
    emulator.next_run(pending=0.5, running=1)
    outcome = run_dag(dag_id)
    assert outcome.states["wait"] == "success"
    returned = outcome.returned["wait"]
    assert returned["status"] == "COMPLETED"
    assert returned["runId"] == the_run(emulator)["runId"]
    assert returned["projectId"] == PROJECT


@pytest.mark.parametrize("status", FAILURES)
def test_a_run_that_does_not_complete_fails_the_task_and_is_named(
    status: str, dag_id: str, run_dag: RunDag, emulator: Control
) -> None:
    emulator.next_run(outcome=status, pending=0.5, running=1)
    outcome = run_dag(dag_id)
    assert outcome.states["wait"] == "failed"
    run = the_run(emulator)
    assert f"Hex run {status}" in outcome.errors["wait"]
    assert run["runUrl"] in outcome.errors["wait"]
    assert "Trace id: " in outcome.errors["wait"]


def test_a_run_with_an_unknown_status_is_polled_on(dag_id: str, run_dag: RunDag, emulator: Control) -> None:
    emulator.next_run(timeline=[("PENDING", 1), ("PONDERING", 3), ("RUNNING", 1), ("COMPLETED", None)])
    outcome = run_dag(dag_id)
    assert outcome.states["wait"] == "success"
    assert outcome.returned["wait"]["status"] == "COMPLETED"


def test_an_unknown_status_that_stays_is_no_success(dag_id: str, run_dag: RunDag, emulator: Control) -> None:
    emulator.next_run(timeline=[("PENDING", 1), ("COMPLETED_WITH_WARNINGS", None)])
    outcome = run_dag(f"{dag_id}_for_a_second")
    assert outcome.states["wait"] == "failed"


@pytest.mark.parametrize("status", ["PENDING", "RUNNING"])
def test_a_run_that_does_not_end_is_a_timeout(status: str, dag_id: str, run_dag: RunDag, emulator: Control) -> None:
    emulator.next_run(timeline=[(status, None)])
    outcome = run_dag(f"{dag_id}_for_a_second")
    assert outcome.states["wait"] == "failed"
    (run,) = emulator.runs()
    if dag_id.startswith("operator"):
        assert run["status"] == "KILLED"
        assert run["runUrl"] in outcome.errors["wait"]
        assert "The run was cancelled." in outcome.errors["wait"]
    else:
        assert run["status"] == status


def test_a_run_that_is_gone_fails_the_task(dag_id: str, run_dag: RunDag, emulator: Control) -> None:
    emulator.next_run(timeline=[("RUNNING", None)])
    emulator.fault("GetRunStatus", after=1, times=None, status=404, body={"reason": "Not found", "traceId": "t-404"})
    outcome = run_dag(dag_id)
    assert outcome.states["wait"] == "failed"
    assert "404" in outcome.errors["wait"]
    assert "t-404" in outcome.errors["wait"]
    assert emulator.runs()[0]["runId"] in outcome.errors["wait"]


@pytest.mark.parametrize(
    "fault",
    [
        {"truncate": True},
        {"status": 200, "body": "<html><body>Bad day</body></html>", "content_type": "text/html"},
        {"status": 200, "body": ""},
        {"status": 502, "body": "<html>Bad gateway</html>", "content_type": "text/html"},
        {"status": 500, "body": {"reason": "Oops", "traceId": "t-500"}},
        {"status": 429, "body": {"reason": "Too many requests"}, "headers": {"Retry-After": "0"}},
        {"drop": True},
    ],
    ids=["truncated", "html", "empty", "502", "500", "429", "dropped"],
)
def test_a_transient_error_while_waiting_is_retried(
    fault: dict[str, object], dag_id: str, run_dag: RunDag, emulator: Control
) -> None:
    emulator.next_run(pending=0.5, running=1)
    emulator.fault("GetRunStatus", times=2, **fault)  # type: ignore[arg-type]
    outcome = run_dag(dag_id)
    assert outcome.states["wait"] == "success"
    assert the_run(emulator)["status"] == "COMPLETED"


def test_a_response_about_another_run_is_not_accepted(dag_id: str, run_dag: RunDag, emulator: Control) -> None:
    other = emulator.start_run(PROJECT)
    emulator.set_status(other["runId"], "COMPLETED")
    emulator.next_run(timeline=[("RUNNING", 5), ("ERRORED", None)])
    emulator.fault(
        "GetRunStatus",
        times=2,
        status=200,
        body={"runId": other["runId"], "projectId": PROJECT, "status": "COMPLETED", "runUrl": "u", "traceId": "t"},
    )
    outcome = run_dag(dag_id)
    assert outcome.states["wait"] == "failed"
    assert "Hex run ERRORED" in outcome.errors["wait"]


@pytest.mark.parametrize("status", [401, 403])
def test_a_token_that_stops_working_ends_the_wait(status: int, dag_id: str, run_dag: RunDag, emulator: Control) -> None:
    emulator.next_run(timeline=[("RUNNING", None)])
    emulator.fault("GetRunStatus", after=1, times=None, status=status, body={"reason": "No", "traceId": "t-4"})
    outcome = run_dag(dag_id)
    assert outcome.states["wait"] == "failed"
    assert str(status) in outcome.errors["wait"]
    assert "t-4" in outcome.errors["wait"]
    assert "token" in outcome.errors["wait"]


OPERATORS, SENSORS = WAYS_TO_WAIT[:2], WAYS_TO_WAIT[2:]


@pytest.mark.parametrize("status", [401, 403, 404, 422])
@pytest.mark.parametrize(
    ("call", "dag_id"),
    [("RunProject", dag_id) for dag_id in WAYS_TO_WAIT] + [("GetRunStatus", dag_id) for dag_id in SENSORS],
)
def test_a_permanent_error_is_not_retried(
    call: str, status: int, dag_id: str, run_dag: RunDag, emulator: Control
) -> None:
    emulator.next_run(timeline=[("RUNNING", None)])
    emulator.fault(call, times=None, status=status, body={"reason": "No"})
    outcome = run_dag(f"{dag_id}_with_retries")
    failed = "start" if (call, dag_id[:6]) == ("RunProject", "sensor") else "wait"
    assert outcome.states[failed] == "failed"
    assert f"Hex responded to {call}" in outcome.errors[failed]
    assert len(emulator.requests("RunProject")) == len(emulator.requests(call)) == 1


@pytest.mark.parametrize("status", [401, 403, 422])
@pytest.mark.parametrize("dag_id", OPERATORS)
def test_no_second_run_is_started_while_the_first_cannot_be_polled(
    dag_id: str, status: int, run_dag: RunDag, emulator: Control
) -> None:
    emulator.next_run(timeline=[("RUNNING", None)])
    for call in ("GetRunStatus", "GetProject"):
        emulator.fault(call, times=None, status=status, body={"reason": "No"})
    outcome = run_dag(f"{dag_id}_with_retries")
    assert outcome.states["wait"] == "failed"
    assert "Hex responded to GetRunStatus" in outcome.errors["wait"]
    assert len(emulator.requests("RunProject")) == 1


@pytest.mark.parametrize("dag_id", OPERATORS)
@pytest.mark.parametrize("status", [403, 404, 422])
def test_a_run_that_is_gone_is_followed_by_another(
    status: int, dag_id: str, run_dag: RunDag, emulator: Control
) -> None:
    emulator.next_run(timeline=[("RUNNING", None)])
    emulator.next_run(pending=0, running=1)
    polls = 2 if AIRFLOW_V_3_3_PLUS else 1  # a retry that has a record of the run polls it once more
    emulator.fault("GetRunStatus", times=polls, status=status)
    emulator.fault("GetProjectRuns", times=1, status=status)
    outcome = run_dag(f"{dag_id}_with_retries")
    assert outcome.states["wait"] == "success"
    assert len(emulator.requests("RunProject")) == 2
    assert [run["status"] for run in emulator.runs()] == ["KILLED", "COMPLETED"]
