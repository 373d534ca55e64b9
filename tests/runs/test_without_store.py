"""What happens to the run where Airflow has no task state store (before 3.3), so that no retry can find it."""

from __future__ import annotations

import re
from typing import Any

import pytest

from airflow_provider_hex import version_compat
from airflow_provider_hex.airflow_compat import AirflowException, TaskDeferred
from hex_emulator.client import Control
from tests.conftest import DEFERRAL_TIMEOUT
from tests.runs.conftest import CANCELLED, Airflow, defer, keep_runs, operator, starts, statuses


@pytest.fixture(autouse=True)
def _no_store(airflow: Airflow) -> None:
    airflow.has_store = False


def test_a_task_that_cannot_publish_its_run_cancels_it(emulator: Control, airflow: Airflow) -> None:
    def fail(key: str, value: Any) -> None:
        raise ConnectionError("Airflow does not respond.")

    keep_runs(emulator)
    context = airflow.attempt()
    context["ti"].xcom_push = fail
    with pytest.raises(ConnectionError, match=r"not respond\. The run was cancelled\. .*Run: http\S+$"):
        operator().execute(context)
    assert statuses(emulator) == [CANCELLED]


def test_a_kill_after_the_task_has_succeeded_cancels_nothing(emulator: Control, airflow: Airflow) -> None:
    emulator.next_run(pending=0, running=0)
    task = operator()
    task.execute(airflow.attempt())
    task.on_kill()
    assert not emulator.requests("CancelRun")


@pytest.mark.parametrize("failure", [DEFERRAL_TIMEOUT, "Trigger failure"])
def test_a_deferral_that_airflow_ended_cancels_the_run(failure: str, emulator: Control, airflow: Airflow) -> None:
    """As when the trigger crashed, or the deferral reached its timeout."""
    keep_runs(emulator)
    context = airflow.attempt()
    defer(context)
    (run,) = emulator.runs()
    url = re.escape(run["runUrl"])
    with pytest.raises(Exception, match=rf"{failure}\. The run was cancelled\. Run: {url}$"):
        operator(deferrable=True).resume_execution("__fail__", {"error": failure}, context)
    assert statuses(emulator) == [CANCELLED]


@pytest.mark.parametrize("way", ["failed", "crashed", "timed-out"])
def test_a_retry_that_airflow_resumes_with_the_end_of_the_failed_attempt_starts_another_run(
    way: str, emulator: Control, airflow: Airflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As Airflow 3.0 does, which keeps the XComs of the failed attempt then."""
    monkeypatch.setattr(version_compat, "RESUMES_RETRIES", True)
    keep_runs(emulator, times=2)

    def resume(context: Any) -> Any:
        return operator(deferrable=True).resume_execution(method, kwargs, context)

    context = airflow.attempt()
    method = defer(context).method_name
    (run,) = emulator.runs()
    kwargs: dict[str, Any] = {"event": {"run": {**run, "status": "ERRORED"}}}
    if way != "failed":
        method, kwargs = "__fail__", {"error": DEFERRAL_TIMEOUT if way == "timed-out" else "Trigger failure"}
    with pytest.raises(AirflowException, match=run["runId"]):
        resume(context)
    kept = dict(airflow.xcoms)
    context = airflow.attempt()
    airflow.xcoms.update(kept)
    with pytest.raises(TaskDeferred):
        resume(context)
    assert airflow.xcoms["run_id"] == emulator.runs()[1]["runId"]
    with pytest.raises(AirflowException, match=airflow.xcoms["run_id"]):
        resume(context)  # with its own end
    assert starts(emulator) == 2
