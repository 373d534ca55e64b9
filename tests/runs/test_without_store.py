"""What happens to the run where Airflow has no task state store (before 3.3), so that no retry can find it."""

from __future__ import annotations

import re
from typing import Any

import pytest

from hex_emulator.client import Control
from tests.conftest import DEFERRAL_TIMEOUT
from tests.runs.conftest import CANCELLED, Airflow, defer, keep_runs, operator, statuses


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
