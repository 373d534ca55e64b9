"""A run that is gone, or that Hex does not show: 403, 404 or 422. No run is left running because of that."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from airflow_provider_hex.airflow_compat import AirflowFailException
from airflow_provider_hex.api.errors import HexRequestRejected, HexRunGone
from hex_emulator.client import Control
from hex_emulator.emulator import VanishedStatus
from tests.conftest import DEFERRAL_TIMEOUT, PROJECT, PROJECTS
from tests.runs.conftest import (
    CANCELLED,
    GONE,
    LEFT_RUNNING,
    WAITING_MODES,
    Airflow,
    defer,
    finish,
    interrupted_when,
    keep_runs,
    operator,
    starts,
    statuses,
)

OTHER_PROJECT = PROJECTS["Warehouse health"]
NO_RETRY_FINDS_IT = pytest.mark.parametrize("options", [{}, {"durable": False}], ids=["last-attempt", "not-durable"])


def hide_runs(emulator: Control, status: int, times: int | None = None) -> None:
    """Let Hex not show its runs."""
    emulator.fault("GetRunStatus", status=status, times=times)
    emulator.fault("GetProjectRuns", status=status, times=times)


@NO_RETRY_FINDS_IT
@pytest.mark.parametrize("mode", WAITING_MODES)
@pytest.mark.parametrize("status", GONE)
def test_a_run_that_hex_does_not_show_is_cancelled_if_no_attempt_will_find_it(
    status: int, mode: str, options: dict[str, Any], emulator: Control, airflow: Airflow
) -> None:
    airflow.max_tries = 1 if options else 0
    keep_runs(emulator)
    hide_runs(emulator, status)
    with pytest.raises(HexRunGone, match=rf"is gone, or .* with {status}.*The run was cancelled\.") as raised:
        finish(airflow.attempt(), **options, **WAITING_MODES[mode])
    assert not isinstance(raised.value, AirflowFailException)  # a retry starts another run
    assert statuses(emulator) == [CANCELLED]


@NO_RETRY_FINDS_IT
@pytest.mark.parametrize("mode", WAITING_MODES)
@pytest.mark.parametrize("status", GONE)
def test_a_run_that_is_gone_counts_as_cancelled_and_the_error_says_so(
    status: VanishedStatus, mode: str, options: dict[str, Any], emulator: Control, airflow: Airflow
) -> None:
    airflow.max_tries = 1 if options else 0
    emulator.set_vanished(status)
    keep_runs(emulator)
    context = airflow.attempt()
    push = context["ti"].xcom_push

    def push_and_remove(key: str, value: Any) -> None:
        push(key, value)
        if key == "run_id":
            emulator.remove_run(value)

    context["ti"].xcom_push = push_and_remove
    with pytest.raises(HexRunGone, match=r"The run is gone, or .*, so it counts as cancelled\."):
        finish(context, **options, **WAITING_MODES[mode])
    assert len(emulator.requests("CancelRun")) == 1
    assert options or "failure" in airflow.record


@pytest.mark.parametrize("status", GONE)
def test_a_timeout_of_a_run_that_is_gone_settles_it(
    status: VanishedStatus, emulator: Control, airflow: Airflow
) -> None:
    keep_runs(emulator)
    context = airflow.attempt()
    defer(context)
    emulator.set_vanished(status)
    emulator.remove_run(emulator.runs()[0]["runId"])
    with pytest.raises(Exception, match=rf"{DEFERRAL_TIMEOUT}\. .*so it counts as cancelled\."):
        operator(deferrable=True).resume_execution("__fail__", {"error": DEFERRAL_TIMEOUT}, context)
    assert "failure" in airflow.record


@pytest.mark.parametrize("status", GONE)
def test_a_kill_settles_a_run_that_is_gone(
    status: VanishedStatus, emulator: Control, airflow: Airflow, logged: Callable[[], str]
) -> None:
    keep_runs(emulator)
    airflow.state = "failed"
    emulator.set_vanished(status)
    task, context = operator(), airflow.attempt()

    def remove_and_kill() -> None:
        emulator.remove_run(emulator.runs()[0]["runId"])
        task.on_kill()

    with (
        interrupted_when(lambda: emulator.requests("GetRunStatus"), remove_and_kill),
        pytest.raises(Exception, match=r"so it counts as cancelled\."),
    ):
        task.execute(context)
    assert "so it counts as cancelled." in logged()


@pytest.mark.parametrize("mode", WAITING_MODES)
@pytest.mark.parametrize("cleared", [False, True], ids=["retried", "cleared"])
@pytest.mark.parametrize("status", GONE)
def test_the_next_attempt_cancels_a_run_that_hex_does_not_show_and_starts_another(
    status: int, cleared: bool, mode: str, emulator: Control, airflow: Airflow, logged: Callable[[], str]
) -> None:
    keep_runs(emulator)
    defer(airflow.attempt())
    if cleared:
        airflow.clear()
    hide_runs(emulator, status, times=1)
    finish(airflow.attempt(), **WAITING_MODES[mode])
    assert statuses(emulator) == [CANCELLED, "COMPLETED"]
    assert "Cancelling the previous run, because it may still be running: " in logged()


@pytest.mark.parametrize("status", GONE)
def test_a_retry_takes_the_result_of_a_run_that_turns_out_to_have_completed(
    status: int, emulator: Control, airflow: Airflow
) -> None:
    keep_runs(emulator)
    defer(airflow.attempt())
    emulator.set_status(emulator.runs()[0]["runId"], "COMPLETED")
    hide_runs(emulator, status, times=1)
    assert operator().execute(airflow.attempt())["runId"] == emulator.runs()[0]["runId"]
    assert starts(emulator) == 1


@pytest.mark.parametrize("status", GONE)
def test_a_run_of_a_project_that_the_token_cannot_read_is_left_to_the_retry(
    status: int, emulator: Control, airflow: Airflow
) -> None:
    keep_runs(emulator)
    defer(airflow.attempt())
    airflow.max_tries = 2
    for call in ("GetRunStatus", "GetProject"):
        emulator.fault(call, status=status)
    with pytest.raises(HexRequestRejected, match=r"The token cannot read the project either\.") as raised:
        operator().execute(airflow.attempt())
    assert not isinstance(raised.value, (HexRunGone, AirflowFailException))
    assert statuses(emulator) == [LEFT_RUNNING]
    assert "run" in airflow.record


@pytest.mark.parametrize("status", GONE)
def test_a_task_whose_former_project_is_gone_too_runs_its_new_one(
    status: int, emulator: Control, airflow: Airflow, logged: Callable[[], str]
) -> None:
    keep_runs(emulator)
    defer(airflow.attempt())
    for call in ("GetRunStatus", "GetProject", "CancelRun"):
        emulator.fault(call, project_id=PROJECT, status=status, times=None)
    assert finish(airflow.attempt(), project_id=OTHER_PROJECT)["projectId"] == OTHER_PROJECT
    assert "The token cannot read the project either." in logged()
