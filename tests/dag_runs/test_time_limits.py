"""``timeout``, ``execution_timeout`` and ``soft_fail``, for each way in which a task can wait for a run."""

from __future__ import annotations

import pytest
from airflow import __version__

from hex_emulator.client import Control
from tests.dag_runs.conftest import RunDag

OPERATOR = ["operator_in_worker", "operator_deferred"]
NOT_IN_3_0 = pytest.mark.skipif(
    __version__.startswith("3.0."), reason="dag.test() of Airflow 3.0 gives a sensor the date of its first poke as text"
)
SENSOR = ["sensor_poke", pytest.param("sensor_reschedule", marks=NOT_IN_3_0), "sensor_deferred"]


@pytest.fixture(autouse=True)
def _endless_run(emulator: Control) -> None:
    emulator.next_run(timeline=[("RUNNING", None)])


@pytest.mark.parametrize("way", OPERATOR)
def test_an_operators_timeout_cancels_the_run_and_reports_it(way: str, run_dag: RunDag, emulator: Control) -> None:
    outcome = run_dag(f"{way}_for_a_second")
    assert outcome.states["wait"] == "failed"
    (run,) = emulator.runs()
    assert run["status"] == "KILLED"
    error = outcome.errors["wait"]
    assert "still RUNNING" in error
    assert run["runUrl"] in error
    assert "Trace id: " in error
    assert "The run was cancelled." in error


@pytest.mark.parametrize("way", OPERATOR)
def test_an_operators_timeout_can_leave_the_run(way: str, run_dag: RunDag, emulator: Control) -> None:
    outcome = run_dag(f"{way}_leaving_it")
    assert outcome.states["wait"] == "failed"
    assert emulator.runs()[0]["status"] == "RUNNING"
    assert not emulator.requests("CancelRun")
    assert "The run continues" in outcome.errors["wait"]


@pytest.mark.parametrize("way", OPERATOR)
def test_a_failed_cancel_does_not_hide_the_timeout(way: str, run_dag: RunDag, emulator: Control) -> None:
    emulator.fault("CancelRun", times=None, status=403, body={"reason": "No", "traceId": "t-403"})
    outcome = run_dag(f"{way}_for_a_second")
    assert outcome.states["wait"] == "failed"
    error = outcome.errors["wait"]
    assert "still RUNNING" in error
    assert "could not be cancelled" in error
    assert "t-403" in error


@pytest.mark.parametrize("way", OPERATOR)
def test_an_execution_timeout_cancels_the_run(way: str, run_dag: RunDag, emulator: Control) -> None:
    outcome = run_dag(f"{way}_with_an_execution_timeout")
    assert outcome.states["wait"] == "failed"
    (run,) = emulator.runs()
    assert run["status"] == "KILLED"
    assert len(emulator.requests("CancelRun")) == 1


@pytest.mark.parametrize("way", SENSOR)
def test_a_sensors_timeout_fails_it_and_leaves_the_run(way: str, run_dag: RunDag, emulator: Control) -> None:
    outcome = run_dag(f"{way}_for_a_second")
    assert outcome.states["wait"] == "failed"
    (run,) = emulator.runs()
    assert run["status"] == "RUNNING"
    assert run["runUrl"] in outcome.errors["wait"]
    assert "Trace id: " in outcome.errors["wait"]


@pytest.mark.parametrize("way", SENSOR)
def test_a_soft_sensors_timeout_skips_it(way: str, run_dag: RunDag, emulator: Control) -> None:
    assert run_dag(f"{way}_softly").states["wait"] == "skipped"


@pytest.mark.parametrize("way", SENSOR)
def test_a_soft_sensor_of_a_failed_run_is_skipped(way: str, run_dag: RunDag, emulator: Control) -> None:
    emulator.reset()
    emulator.next_run(outcome="ERRORED", pending=0, running=0)
    assert run_dag(f"{way}_softly").states["wait"] == "skipped"


@pytest.mark.parametrize("way", SENSOR)
@pytest.mark.parametrize("after", [0, 1], ids=["at-once", "while-it-waits"])
@pytest.mark.parametrize("status", [401, 403, 404, 422])
def test_a_soft_sensor_that_may_not_poll_or_whose_run_is_gone_fails(
    status: int, after: int, way: str, run_dag: RunDag, emulator: Control
) -> None:
    emulator.fault("GetRunStatus", after=after, times=None, status=status)
    assert run_dag(f"{way}_softly_for_long").states["wait"] == "failed"


@pytest.mark.parametrize("way", [*OPERATOR, *SENSOR])
def test_a_run_that_has_completed_when_the_timeout_is_reached_is_a_success(
    way: str, run_dag: RunDag, emulator: Control
) -> None:
    emulator.reset()
    emulator.next_run(pending=0, running=25)  # 2.5 s of the machine's clock
    outcome = run_dag(f"{way}_polling_at_the_timeout_only")
    assert outcome.states["wait"] == "success"
    assert outcome.returned["wait"]["status"] == "COMPLETED"


@pytest.mark.parametrize("way", ["sensor_poke", "sensor_deferred"])
def test_a_sensors_execution_timeout_fails_it(way: str, run_dag: RunDag, emulator: Control) -> None:
    outcome = run_dag(f"{way}_with_an_execution_timeout")
    assert outcome.states["wait"] == "failed"
    assert emulator.runs()[0]["status"] == "RUNNING"
    if "wait" in outcome.errors:  # Airflow 2 fails a deferred task without calling its callback
        assert emulator.runs()[0]["runId"] in outcome.errors["wait"]


def test_time_between_reschedules_does_not_count_as_execution(run_dag: RunDag, emulator: Control) -> None:
    emulator.reset()
    emulator.next_run(pending=0, running=60)  # six seconds of the machine's clock, twice the execution_timeout
    assert run_dag("sensor_reschedule_with_an_execution_timeout").states["wait"] == "success"
