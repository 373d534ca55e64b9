"""What an attempt does with the run that the attempt before has noted: after a retry, and after a clear."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_hex.api.errors import HexError, HexForbidden, HexRunFailed, HexServerError
from hex_emulator.client import Control
from tests.conftest import PROJECT, PROJECTS, connect
from tests.runs.conftest import WAYS, Airflow, begin, finish, going, operator, statuses

ENDED_BADLY = ["ERRORED", "KILLED", "UNABLE_TO_ALLOCATE_KERNEL"]
OTHER_PROJECT = PROJECTS["Warehouse health"]


@pytest.fixture
def run(emulator: Control, airflow: Airflow) -> dict[str, Any]:
    """The run of a first attempt, which died while it waited. It goes on."""
    going(emulator)
    begin(airflow.attempt())
    (started,) = emulator.runs()
    return started


def ends_as(status: str, run: dict[str, Any], emulator: Control) -> None:
    if status == "gone":
        emulator.vanish(run["runId"])
    else:
        emulator.set_status(run["runId"], status)


@pytest.mark.parametrize("way", WAYS)
def test_a_run_that_is_going_is_the_retrys_own(
    way: str, run: dict[str, Any], emulator: Control, airflow: Airflow
) -> None:
    airflow.on_store = lambda method, value: (
        emulator.set_status(run["runId"], "COMPLETED") if method == "set" and "run" in value else None
    )
    returned = finish(airflow.attempt(), **WAYS[way])
    assert returned["runId"] == run["runId"]
    assert returned["runUrl"] == run["runUrl"]
    if way != "not-waiting":
        assert returned["status"] == "COMPLETED"
    assert airflow.xcoms == {"run_id": run["runId"], "run_url": run["runUrl"]}
    assert len(emulator.requests("RunProject")) == 1
    assert not emulator.requests("CancelRun")
    assert not airflow.records


def test_a_run_in_a_state_that_is_not_known_is_going(run: dict[str, Any], emulator: Control, airflow: Airflow) -> None:
    emulator.set_status(run["runId"], "PONDERING")
    begin(airflow.attempt())
    assert airflow.xcoms["run_id"] == run["runId"]
    assert len(emulator.requests("RunProject")) == 1


def test_a_second_retry_finds_it_too(run: dict[str, Any], emulator: Control, airflow: Airflow) -> None:
    for _ in range(2):
        begin(airflow.attempt())
    assert airflow.record["run"]["runId"] == run["runId"]
    assert len(emulator.requests("RunProject")) == 1


@pytest.mark.parametrize("way", WAYS)
def test_of_a_run_that_completed_meanwhile_the_retry_takes_the_result(
    way: str, run: dict[str, Any], emulator: Control, airflow: Airflow
) -> None:
    emulator.set_status(run["runId"], "COMPLETED")
    returned: Any = operator(**WAYS[way]).execute(airflow.attempt())  # without a deferral
    assert returned["runId"] == run["runId"]
    assert returned["status"] == "COMPLETED"
    assert airflow.xcoms == {"run_id": run["runId"], "run_url": run["runUrl"]}
    assert len(emulator.requests("RunProject")) == 1
    assert len(emulator.requests("GetRunStatus")) == 1
    assert not airflow.records


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("end", [*ENDED_BADLY, "gone"])
def test_after_a_run_that_ended_badly_the_retry_starts_afresh_and_names_the_old_one(
    end: str, way: str, run: dict[str, Any], emulator: Control, airflow: Airflow, written: Callable[[], str]
) -> None:
    ends_as(end, run, emulator)
    returned = finish(airflow.attempt(), **WAYS[way])
    assert returned["runId"] == emulator.runs()[-1]["runId"] != run["runId"]
    assert len(emulator.requests("RunProject")) == 2
    assert not emulator.requests("CancelRun")
    log = written()
    assert f"Hex run {run['runId']} of project {PROJECT} ({run['runUrl']}" in log
    assert f"is {end}" in log


@pytest.mark.parametrize("way", ["waiting", "deferrable"])
@pytest.mark.parametrize("cleared", [False, True], ids=["retried", "cleared"])
def test_after_an_attempt_that_saw_it_end_badly_the_next_starts_afresh_and_names_the_old_one(
    cleared: bool, way: str, emulator: Control, airflow: Airflow, written: Callable[[], str]
) -> None:
    emulator.next_run(outcome="ERRORED", pending=0, running=0)
    with pytest.raises(HexRunFailed):
        finish(airflow.attempt(), **WAYS[way])
    if cleared:
        airflow.clear()
    looks = len(emulator.requests("GetRunStatus"))
    operator(wait_for_completion=False).execute(airflow.attempt())
    old, new = emulator.runs()
    assert airflow.xcoms["run_id"] == new["runId"]
    assert len(emulator.requests("GetRunStatus")) == looks
    assert f"({old['runUrl']}, trace id {old['traceId']}) ended ERRORED" in written()


def test_a_task_that_is_cleared_after_its_success_runs_the_project_again(emulator: Control, airflow: Airflow) -> None:
    first = finish(airflow.attempt())
    airflow.clear()
    assert finish(airflow.attempt())["runId"] != first["runId"]
    assert len(emulator.requests("RunProject")) == 2


@pytest.mark.parametrize("way", ["waiting", "deferrable"])
@pytest.mark.parametrize("tries_since", [1, 2])
def test_after_a_clear_a_run_that_is_going_is_cancelled_and_another_started(
    tries_since: int, way: str, run: dict[str, Any], emulator: Control, airflow: Airflow, written: Callable[[], str]
) -> None:
    airflow.clear()
    for _ in range(tries_since - 1):
        airflow.attempt()  # dies before it does anything
    finish(airflow.attempt(), **WAYS[way])
    assert statuses(emulator) == ["KILLED", "COMPLETED"]
    assert len(emulator.requests("CancelRun")) == 1
    assert "of before the task was cleared or changed, was RUNNING, and is cancelled." in written()


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("end", ["COMPLETED", *ENDED_BADLY, "gone"])
def test_after_a_clear_the_result_of_a_run_that_has_ended_is_not_taken(
    end: str, way: str, run: dict[str, Any], emulator: Control, airflow: Airflow
) -> None:
    ends_as(end, run, emulator)
    airflow.clear()
    assert finish(airflow.attempt(), **WAYS[way])["runId"] != run["runId"]
    assert len(emulator.requests("RunProject")) == 2
    assert not emulator.requests("CancelRun")


def test_a_task_that_does_not_wait_leaves_the_run_of_before_the_clear_alone(
    run: dict[str, Any], emulator: Control, airflow: Airflow
) -> None:
    airflow.clear()
    operator(wait_for_completion=False).execute(airflow.attempt())
    assert len(emulator.runs()) == 2
    assert not emulator.requests("CancelRun")


def test_after_a_clear_an_old_run_that_cannot_be_cancelled_fails_the_task_and_stays_noted(
    run: dict[str, Any], emulator: Control, airflow: Airflow
) -> None:
    airflow.clear()
    emulator.fault("CancelRun", status=403, times=None)
    with pytest.raises(HexForbidden):
        operator().execute(airflow.attempt())
    assert airflow.record["run"]["runId"] == run["runId"]
    assert len(emulator.runs()) == 1


@pytest.mark.parametrize("end", ["RUNNING", "COMPLETED"])
def test_a_run_of_another_project_is_not_the_retrys(
    end: str, run: dict[str, Any], emulator: Control, airflow: Airflow
) -> None:
    emulator.set_status(run["runId"], end)
    finish(airflow.attempt(), project_id=OTHER_PROJECT)
    assert [run["projectId"] for run in emulator.runs()] == [PROJECT, OTHER_PROJECT]
    assert statuses(emulator) == ["KILLED" if end == "RUNNING" else "COMPLETED", "COMPLETED"]


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize("cleared", [False, True], ids=["retried", "cleared"])
def test_a_run_that_the_token_may_not_look_at_fails_the_task_and_stays_noted_for_a_retry(
    cleared: bool, status: int, run: dict[str, Any], emulator: Control, airflow: Airflow
) -> None:
    emulator.fault("GetRunStatus", status=status, times=None)
    if cleared:
        airflow.clear()  # which gives it a retry again
    with pytest.raises(HexError) as raised:
        operator().execute(airflow.attempt())
    assert raised.value.status == status
    assert isinstance(raised.value, AirflowFailException) is not cleared
    assert str(raised.value).endswith(
        f"Hex run {run['runId']} of project {PROJECT} ({run['runUrl']}, trace id {run['traceId']}) of the attempt "
        "before this one may still be going."
    )
    assert airflow.record["run"]["runId"] == run["runId"]
    assert len(emulator.requests("RunProject")) == 1
    assert not emulator.requests("CancelRun")


@pytest.mark.parametrize("way", ["waiting", "deferrable"])
@pytest.mark.parametrize("fault", [{"status": 500}, {"drop": True}])
def test_a_run_that_cannot_be_looked_at_just_now_is_watched_all_the_same(
    fault: dict[str, Any],
    way: str,
    run: dict[str, Any],
    emulator: Control,
    airflow: Airflow,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    connect(monkeypatch, {"retry_for": 0.01}, host=emulator.url)
    emulator.fault("GetRunStatus", **fault)
    emulator.fault("GetProjectRuns", **fault)
    airflow.on_store = lambda method, value: emulator.set_status(run["runId"], "COMPLETED") if method == "set" else None
    returned = finish(airflow.attempt(), **WAYS[way])
    assert (returned["runId"], returned["status"]) == (run["runId"], "COMPLETED")
    assert airflow.xcoms == {"run_id": run["runId"], "run_url": run["runUrl"]}
    assert len(emulator.requests("RunProject")) == 1


def test_after_a_clear_a_run_that_cannot_be_looked_at_just_now_is_cancelled(
    run: dict[str, Any], emulator: Control, airflow: Airflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect(monkeypatch, {"retry_for": 0.01}, host=emulator.url)
    emulator.fault("GetRunStatus", status=500)
    airflow.clear()
    operator(wait_for_completion=True).execute(airflow.attempt())
    assert statuses(emulator) == ["KILLED", "COMPLETED"]


def test_after_a_clear_an_old_run_that_cannot_be_reached_at_all_stays_noted(
    run: dict[str, Any], emulator: Control, airflow: Airflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect(monkeypatch, {"retry_for": 0.01}, host=emulator.url)
    emulator.fault("*", status=500, times=None)
    airflow.clear()
    with pytest.raises(HexServerError):
        operator().execute(airflow.attempt())
    assert airflow.record["run"]["runId"] == run["runId"]
    assert len(emulator.requests("RunProject")) == 1


def test_a_task_that_is_not_durable_starts_another(run: dict[str, Any], emulator: Control, airflow: Airflow) -> None:
    finish(airflow.attempt(), durable=False)
    assert len(emulator.requests("RunProject")) == 2


def test_where_airflow_has_no_store_a_retry_starts_another(emulator: Control, airflow: Airflow) -> None:
    for _ in range(2):
        context = airflow.attempt()
        del context["task_state_store"]
        finish(context)
    assert len(emulator.requests("RunProject")) == 2


def test_a_projects_id_is_the_same_in_capitals(run: dict[str, Any], emulator: Control, airflow: Airflow) -> None:
    begin(airflow.attempt(), project_id=PROJECT.upper())
    assert airflow.xcoms["run_id"] == run["runId"]
    assert len(emulator.runs()) == 1


@pytest.mark.parametrize(("max_tries", "is_final"), [(1, True), (2, False)])
def test_a_connection_that_is_broken_meanwhile_does_not_lose_the_run(
    max_tries: int,
    is_final: bool,
    emulator: Control,
    airflow: Airflow,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    airflow.max_tries = max_tries
    going(emulator)
    begin(airflow.attempt())
    (run,) = emulator.runs()
    connect(monkeypatch, password="", host=emulator.url)
    with pytest.raises(HexError, match="may still be going") as raised:
        begin(airflow.attempt())
    assert run["runUrl"] in str(raised.value)
    assert isinstance(raised.value, AirflowFailException) is is_final
    connect(monkeypatch, host=emulator.url)
    begin(airflow.attempt())
    assert airflow.xcoms["run_id"] == run["runId"]
    assert len(emulator.runs()) == 1
