"""What a cancelled trigger does with its run before Airflow 3.3, which does not call ``on_kill`` by itself."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from airflow_provider_hex import version_compat
from airflow_provider_hex.airflow_compat import (
    AIRFLOW_V_3_0_PLUS,
    AIRFLOW_V_3_3_PLUS,
    AirflowException,
    BaseOperator,
)
from airflow_provider_hex.hooks.hex import HexHook
from airflow_provider_hex.triggers.hex import HexRunTrigger
from hex_emulator.client import Control
from tests.conftest import DEFERRAL_TIMEOUT, PROJECT

NAMES: dict[str, Any] = {"dag_id": "killed", "run_id": "manual", "task_id": "wait", "map_index": -1}
SetTask = Callable[..., Any]
Logged = Callable[[], str]

on_airflow_2 = pytest.mark.skipif(AIRFLOW_V_3_0_PLUS, reason="Airflow 2 only")


@pytest.fixture(scope="session")
def _task() -> Any:
    """A task instance in Airflow 2's database, as its triggerer passes it to triggers."""
    from airflow.models.dag import DAG
    from airflow.utils import db
    from airflow.utils.session import create_session
    from airflow.utils.types import DagRunType

    db.upgradedb()
    now = datetime.now(UTC)
    with DAG(NAMES["dag_id"], schedule=None) as dag:  # noqa: AIR311
        BaseOperator(task_id=NAMES["task_id"])
    with create_session() as session:
        dag.sync_to_db(session=session)
        run = dag.create_dagrun(
            run_id=NAMES["run_id"],
            run_type=DagRunType.MANUAL,
            state="running",
            execution_date=now,
            data_interval=(now, now),
            session=session,
        )
        return run.get_task_instance(NAMES["task_id"], session=session)


def update_database(task: Any, state: str | None, published: str | None, gone: bool, timed_out: bool) -> Any:
    """Give a task instance this state in Airflow 2's database, and the XCom of its run; or delete it. Return it."""
    from airflow.models.xcom import XCom
    from airflow.utils.session import create_session

    with create_session() as session:
        task.state = state
        task.trigger_timeout = datetime.now(UTC) + timedelta(seconds=-1 if timed_out else 60)
        waiting = session.merge(task)
        XCom.clear(dag_id=task.dag_id, task_id=task.task_id, run_id=task.run_id, session=session)
        if published:
            XCom.set("run_id", published, dag_id=task.dag_id, task_id=task.task_id, run_id=task.run_id, session=session)
        session.flush()
        if gone:
            session.delete(waiting)
    return task


class Supervisor:
    """The process that responds to a triggerer of Airflow 3. It reads connections from the environment."""

    def __init__(self, states: dict[str, str | None], published: str | None) -> None:
        self.states = states
        self.published = published

    def send(self, message: Any) -> Any:
        from airflow.sdk.execution_time.comms import ConnectionResult, TaskStatesResult, XComResult

        if type(message).__name__ == "MaskSecret":
            return None
        if type(message).__name__ == "GetConnection":  # of Airflow 3.0
            fields = json.loads(os.environ[f"AIRFLOW_CONN_{message.conn_id.upper()}"])
            return ConnectionResult(conn_id=message.conn_id, **fields | {"extra": json.dumps(fields["extra"])})
        assert {name: getattr(message, name) for name in ("dag_id", "map_index")} == {
            "dag_id": "killed",
            "map_index": -1,
        }
        if type(message).__name__ == "GetTaskStates":
            return TaskStatesResult(task_states={"manual": self.states})
        return XComResult(key=message.key, value=self.published)


@pytest.fixture
def set_task(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> SetTask:
    """Sets what Airflow knows about the task: its state, and the run that it published. Returns the task."""
    monkeypatch.setattr(version_compat, "AIRFLOW_V_3_3_PLUS", False)

    def set_to(state: str | None, published: str | None = None, *, gone: bool = False, timed_out: bool = False) -> Any:
        if not AIRFLOW_V_3_0_PLUS:
            return update_database(request.getfixturevalue("_task"), state, published, gone, timed_out)
        from airflow.sdk.execution_time import task_runner

        supervisor = Supervisor({} if gone else {NAMES["task_id"]: state}, published)
        monkeypatch.setattr(task_runner, "SUPERVISOR_COMMS", supervisor, raising=False)
        return SimpleNamespace(**NAMES)

    return set_to


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
    """Run the trigger, and return its asyncio task once it has polled its run."""

    async def run() -> list[Any]:
        return [event async for event in waiting.run()]

    task = asyncio.create_task(run())
    async with asyncio.timeout(60):
        while not emulator.requests("GetProjectRuns"):
            await asyncio.sleep(0.02)
    return task


def cancel(waiting: HexRunTrigger, emulator: Control) -> None:
    """Cancel a waiting trigger again and again until it has ended: every 50 ms, where Airflow does so every second."""

    async def cancelling() -> None:
        task = await running(waiting, emulator)
        async with asyncio.timeout(60):
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
def test_the_run_of_a_task_that_is_no_longer_deferred_is_cancelled(
    emulator: Control, run_id: str, set_task: SetTask, state: str | None
) -> None:
    cancel(trigger(run_id, set_task(state, published=run_id)), emulator)
    assert [run["status"] for run in emulator.runs()] == ["KILLED"]
    assert cancels(emulator) == 1


def test_the_run_of_a_task_that_is_deferred_in_another_triggerer_is_left_running(
    emulator: Control, run_id: str, set_task: SetTask
) -> None:
    cancel(trigger(run_id, set_task("deferred", published=run_id)), emulator)
    assert cancels(emulator) == 0


@pytest.mark.parametrize("published", ["another", None])
def test_the_run_of_a_task_that_was_cleared_and_waits_for_something_else_is_cancelled(
    emulator: Control, run_id: str, set_task: SetTask, published: str | None
) -> None:
    cancel(trigger(run_id, set_task("deferred", published=published)), emulator)
    assert [run["status"] for run in emulator.runs()] == ["KILLED"]


def test_the_run_of_a_task_that_was_deleted_is_cancelled(emulator: Control, run_id: str, set_task: SetTask) -> None:
    cancel(trigger(run_id, set_task("deferred", published=run_id, gone=True)), emulator)
    assert [run["status"] for run in emulator.runs()] == ["KILLED"]


def test_the_run_is_left_running_without_cancel_on_kill(emulator: Control, run_id: str, set_task: SetTask) -> None:
    cancel(trigger(run_id, set_task("failed", published=run_id), cancel_on_kill=False), emulator)
    assert cancels(emulator) == 0


def test_a_task_that_has_timed_out_releases_its_run_itself(emulator: Control, run_id: str, set_task: SetTask) -> None:
    waiting = trigger(run_id, set_task("scheduled", published=run_id, timed_out=True))
    waiting.timeout_after = datetime.now(UTC) - timedelta(seconds=1)  # as the triggerer of Airflow 3 sets it
    cancel(waiting, emulator)
    assert cancels(emulator) == 0


@on_airflow_2
def test_the_end_of_a_deferral_by_airflow_2_is_known_as_a_timeout(set_task: SetTask) -> None:
    from airflow.jobs.job import Job
    from airflow.jobs.scheduler_job_runner import SchedulerJobRunner

    task = set_task("deferred", timed_out=True)
    SchedulerJobRunner(Job()).check_trigger_timeouts()  # type: ignore[no-untyped-call]
    task.refresh_from_db()
    with pytest.raises(AirflowException, match=DEFERRAL_TIMEOUT) as raised:
        BaseOperator(task_id="wait").resume_execution(task.next_method, task.next_kwargs, {})
    assert version_compat.is_deferral_timeout(raised.value)


def test_an_error_while_airflow_is_asked_cancels_nothing_and_is_logged(
    emulator: Control, run_id: str, set_task: SetTask, logged: Logged
) -> None:
    set_task("failed")
    cancel(trigger(run_id, None), emulator)
    assert cancels(emulator) == 0
    assert f"The run may still be running, because on_kill of <{HexRunTrigger.__module__}" in logged()


def test_the_end_of_the_triggerer_cancels_nothing_and_does_not_call_on_kill(
    emulator: Control, run_id: str, set_task: SetTask, logged: Logged
) -> None:
    waiting = trigger(run_id, set_task("failed", published=run_id))
    asyncio.run(running(waiting, emulator))
    assert cancels(emulator) == 0
    assert "on_kill" not in logged()


def test_a_slow_cancel_is_waited_for_though_airflow_cancels_the_trigger_again(
    emulator: Control, run_id: str, set_task: SetTask, logged: Logged
) -> None:
    emulator.fault("CancelRun", delay=0.5)
    cancel(trigger(run_id, set_task("failed", published=run_id)), emulator)
    line = next(line for line in logged().splitlines() if "The task was killed. The run was cancelled. Run: " in line)
    assert run_id in line
    assert cancels(emulator) == 1


def test_a_cancel_without_a_response_is_given_up_after_a_while(
    emulator: Control, run_id: str, set_task: SetTask, logged: Logged, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(version_compat, "_ON_KILL_TIMEOUT", 0.5)
    emulator.fault("CancelRun", delay=60)
    began = time.monotonic()
    cancel(trigger(run_id, set_task("failed", published=run_id)), emulator)
    assert time.monotonic() - began < 30
    assert "The run may still be running, because on_kill of" in logged()


def test_a_rejected_cancel_is_logged(emulator: Control, run_id: str, set_task: SetTask, logged: Logged) -> None:
    emulator.fault("CancelRun", status=403, body={"reason": "No."})
    cancel(trigger(run_id, set_task("failed", published=run_id)), emulator)
    assert "failed: HexForbidden" in logged()


def test_a_request_to_airflow_continues_though_its_response_is_no_longer_waited_for() -> None:
    """A triggerer of Airflow 3.0 or 3.1 would take the response for that to its next request."""
    from asgiref.sync import async_to_sync

    async def send() -> None:
        abandoned, responded = asyncio.Event(), asyncio.Event()

        async def respond() -> None:
            await abandoned.wait()
            responded.set()

        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await version_compat.ask_airflow(async_to_sync(respond))
        abandoned.set()
        async with asyncio.timeout(60):
            await responded.wait()

    asyncio.run(send())


@pytest.mark.skipif(not AIRFLOW_V_3_3_PLUS, reason="Airflow 3.3 and later")
def test_from_airflow_3_3_on_a_cancelled_trigger_leaves_on_kill_to_airflow(
    emulator: Control, run_id: str, set_task: SetTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = set_task("failed", published=run_id)
    monkeypatch.setattr(version_compat, "AIRFLOW_V_3_3_PLUS", AIRFLOW_V_3_3_PLUS)
    cancel(trigger(run_id, task), emulator)
    assert cancels(emulator) == 0
    asyncio.run(trigger(run_id, task).on_kill())
    assert cancels(emulator) == 1
