"""What a cancelled trigger does about its run, where Airflow does not call ``on_kill`` by itself: before 3.3."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.providers.common.compat.version_compat import AIRFLOW_V_3_0_PLUS, AIRFLOW_V_3_3_PLUS

from airflow_provider_hex import version_compat
from airflow_provider_hex.hooks.hex import HexHook
from airflow_provider_hex.triggers.hex import HexRunTrigger
from hex_emulator.client import Control
from tests.conftest import PROJECT

NAMES = {"dag_id": "killed", "run_id": "manual", "task_id": "wait", "map_index": -1}
TaskIs = Callable[..., Any]
Written = Callable[[], str]

on_airflow_2 = pytest.mark.skipif(AIRFLOW_V_3_0_PLUS, reason="Airflow 2 alone")


@pytest.fixture(scope="session")
def _task() -> Any:
    """A task instance in Airflow 2's database, as its triggerer hands it to triggers."""
    from airflow.models import DAG
    from airflow.operators.empty import EmptyOperator
    from airflow.utils import db, timezone
    from airflow.utils.session import create_session
    from airflow.utils.types import DagRunType

    db.upgradedb()
    with DAG(NAMES["dag_id"], schedule=None) as dag:
        EmptyOperator(task_id=NAMES["task_id"])
    with create_session() as session:
        dag.sync_to_db(session=session)
        run = dag.create_dagrun(
            run_id=NAMES["run_id"],
            run_type=DagRunType.MANUAL,
            state="running",
            execution_date=timezone.utcnow(),
            data_interval=(timezone.utcnow(), timezone.utcnow()),
            session=session,
        )
        return run.get_task_instance(NAMES["task_id"], session=session)


def task_in_database(task: Any, state: str | None, told: str | None, gone: bool, time_is_up: bool) -> Any:
    from airflow.models.xcom import XCom
    from airflow.utils import timezone
    from airflow.utils.session import create_session

    with create_session() as session:
        task.state = state
        task.trigger_timeout = timezone.utcnow() + timedelta(seconds=-1 if time_is_up else 60)
        waiting = session.merge(task)
        XCom.clear(dag_id=task.dag_id, task_id=task.task_id, run_id=task.run_id, session=session)
        if told:
            XCom.set("run_id", told, dag_id=task.dag_id, task_id=task.task_id, run_id=task.run_id, session=session)
        session.flush()
        if gone:
            session.delete(waiting)
    return task


class Supervisor:
    """What answers to a triggerer of Airflow 3."""

    def __init__(self, states: dict[str, str | None], told: str | None) -> None:
        self.states = states
        self.told = told

    def send(self, message: Any) -> Any:
        from airflow.sdk.execution_time.comms import TaskStatesResult, XComResult

        assert {name: getattr(message, name) for name in ("dag_id", "map_index")} == {
            "dag_id": "killed",
            "map_index": -1,
        }
        if type(message).__name__ == "GetTaskStates":
            return TaskStatesResult(task_states={"manual": self.states})
        return XComResult(key=message.key, value=self.told)


@pytest.fixture
def task_is(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> TaskIs:
    """Say what Airflow knows of the task: its state, and the run that it told of last. Returns the task."""
    monkeypatch.setattr(version_compat, "AIRFLOW_V_3_3_PLUS", False)

    def know(state: str | None, told: str | None = None, *, gone: bool = False, time_is_up: bool = False) -> Any:
        if not AIRFLOW_V_3_0_PLUS:
            return task_in_database(request.getfixturevalue("_task"), state, told, gone, time_is_up)
        from airflow.sdk.execution_time import task_runner

        supervisor = Supervisor({} if gone else {NAMES["task_id"]: state}, told)
        monkeypatch.setattr(task_runner, "SUPERVISOR_COMMS", supervisor, raising=False)
        return SimpleNamespace(**NAMES)

    return know


@pytest.fixture
def written(caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]) -> Written:
    """What was logged: Airflow 3's loggers print, Airflow 2's log."""
    caplog.set_level(logging.INFO)
    return lambda: "".join(capsys.readouterr()) + caplog.text


@pytest.fixture
def run_id(emulator: Control) -> str:
    emulator.next_run(pending=0, running=6000)
    return HexHook().run_project(PROJECT)["runId"]


def trigger(run_id: str, task: Any, **options: Any) -> HexRunTrigger:
    options = {"cancel_on_kill": True, **options}
    waiting = HexRunTrigger(hex_conn_id="hex_default", project_id=PROJECT, run_id=run_id, poll_interval=0.05, **options)
    waiting.task_instance = task
    return waiting


async def running(waiting: HexRunTrigger, emulator: Control) -> asyncio.Task[list[Any]]:
    """The trigger runs, and has looked at its run."""

    async def run() -> list[Any]:
        return [event async for event in waiting.run()]

    task = asyncio.create_task(run())
    async with asyncio.timeout(20):
        while not emulator.requests("GetProjectRuns"):
            await asyncio.sleep(0.02)
    return task


def cancel(waiting: HexRunTrigger, emulator: Control) -> None:
    """Cancel a trigger that waits until it is gone, as Airflow does, which takes a second where this takes 50 ms."""

    async def cancelling() -> None:
        task = await running(waiting, emulator)
        async with asyncio.timeout(20):
            while not task.done():
                task.cancel()
                await asyncio.wait({task}, timeout=0.05)
        assert task.cancelled()

    asyncio.run(cancelling())


def cancels(emulator: Control) -> int:
    return len(emulator.requests("CancelRun"))


@pytest.mark.parametrize(
    "state", ["failed", "success", "skipped", "up_for_retry", None, "scheduled", "queued", "running"]
)
def test_a_task_that_does_not_wait_any_more_was_killed(
    emulator: Control, run_id: str, task_is: TaskIs, state: str | None
) -> None:
    cancel(trigger(run_id, task_is(state, told=run_id)), emulator)
    assert [run["status"] for run in emulator.runs()] == ["KILLED"]
    assert cancels(emulator) == 1


def test_a_task_that_still_waits_for_the_run_is_another_triggerers_now(
    emulator: Control, run_id: str, task_is: TaskIs
) -> None:
    cancel(trigger(run_id, task_is("deferred", told=run_id)), emulator)
    assert cancels(emulator) == 0


@pytest.mark.parametrize("told", ["another", None])
def test_a_task_that_was_cleared_and_waits_for_something_else_has_left_the_run(
    emulator: Control, run_id: str, task_is: TaskIs, told: str | None
) -> None:
    cancel(trigger(run_id, task_is("deferred", told=told)), emulator)
    assert [run["status"] for run in emulator.runs()] == ["KILLED"]


def test_a_task_that_was_deleted_has_left_the_run(emulator: Control, run_id: str, task_is: TaskIs) -> None:
    cancel(trigger(run_id, task_is("deferred", told=run_id, gone=True)), emulator)
    assert [run["status"] for run in emulator.runs()] == ["KILLED"]


def test_a_run_that_is_not_the_tasks_own_goes_on(emulator: Control, run_id: str, task_is: TaskIs) -> None:
    cancel(trigger(run_id, task_is("failed", told=run_id), cancel_on_kill=False), emulator)
    assert cancels(emulator) == 0


@on_airflow_2
def test_a_task_whose_time_is_up_sees_to_its_run_by_itself(emulator: Control, run_id: str, task_is: TaskIs) -> None:
    cancel(trigger(run_id, task_is("scheduled", told=run_id, time_is_up=True)), emulator)
    assert cancels(emulator) == 0


def test_what_cannot_be_found_out_cancels_nothing_and_is_logged(
    emulator: Control, run_id: str, task_is: TaskIs, written: Written
) -> None:
    task_is("failed")
    cancel(trigger(run_id, None), emulator)
    assert cancels(emulator) == 0
    assert f"may still be going: on_kill of <{HexRunTrigger.__module__}" in written()


def test_the_end_of_the_triggerer_cancels_nothing_and_asks_nothing(
    emulator: Control, run_id: str, task_is: TaskIs, written: Written
) -> None:
    waiting = trigger(run_id, task_is("failed", told=run_id))
    asyncio.run(running(waiting, emulator))
    assert cancels(emulator) == 0
    assert "on_kill" not in written()


def test_a_slow_hex_is_waited_for_though_airflow_cancels_the_trigger_again(
    emulator: Control, run_id: str, task_is: TaskIs, written: Written
) -> None:
    emulator.fault("CancelRun", delay=0.5)
    cancel(trigger(run_id, task_is("failed", told=run_id)), emulator)
    assert f"The task was killed, and its Hex run {run_id} cancelled." in written()
    assert cancels(emulator) == 1


def test_a_hex_that_does_not_answer_holds_nobody_up_for_long(
    emulator: Control, run_id: str, task_is: TaskIs, written: Written, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(version_compat, "_KILL_WITHIN", 0.5)
    emulator.fault("CancelRun", delay=15)
    began = time.monotonic()
    cancel(trigger(run_id, task_is("failed", told=run_id)), emulator)
    assert time.monotonic() - began < 10
    assert "may still be going" in written()


def test_a_hex_that_refuses_is_logged_and_nothing_else(
    emulator: Control, run_id: str, task_is: TaskIs, written: Written
) -> None:
    emulator.fault("CancelRun", status=403, body={"reason": "No."})
    cancel(trigger(run_id, task_is("failed", told=run_id)), emulator)
    assert "failed: HexForbidden" in written()


def test_a_question_to_airflow_goes_on_though_nobody_waits_for_the_answer_any_more() -> None:
    """As a triggerer of Airflow 3.0 or 3.1 would take the answer for that to its next question."""
    from asgiref.sync import async_to_sync

    async def asking() -> None:
        answered = asyncio.Event()

        async def answer() -> None:
            await asyncio.sleep(0.2)
            answered.set()

        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await version_compat.ask_airflow(async_to_sync(answer))
        async with asyncio.timeout(10):
            await answered.wait()

    asyncio.run(asking())


@pytest.mark.skipif(not AIRFLOW_V_3_3_PLUS, reason="Airflow 3.3 and later")
def test_from_3_3_on_a_cancelled_trigger_leaves_it_to_airflow(
    emulator: Control, run_id: str, task_is: TaskIs, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = task_is("failed", told=run_id)
    monkeypatch.setattr(version_compat, "AIRFLOW_V_3_3_PLUS", AIRFLOW_V_3_3_PLUS)
    cancel(trigger(run_id, task), emulator)
    assert cancels(emulator) == 0
    asyncio.run(trigger(run_id, task).on_kill())
    assert cancels(emulator) == 1
