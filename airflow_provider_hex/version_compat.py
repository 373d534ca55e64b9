"""Where supported versions of Airflow differ, and ``airflow.providers.common.compat`` does not hide it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

from airflow.providers.common.compat.sdk import conf
from airflow.providers.common.compat.version_compat import AIRFLOW_V_3_0_PLUS, AIRFLOW_V_3_3_PLUS

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context
    from airflow.triggers.base import BaseTrigger

T = TypeVar("T")

_KILL_WITHIN = 30.0
"""Seconds that Airflow 3.3 gives a trigger's ``on_kill``, unless it is set otherwise."""


def context_of_deferred_timeout() -> Context | None:
    """Return the context of a deferred task that ``on_kill`` is called for without its being resumed.

    Airflow 2 does so when the ``execution_timeout`` is up; Airflow 3 always resumes a task first.
    """
    if AIRFLOW_V_3_0_PLUS:
        return None
    from airflow.providers.common.compat.sdk import AirflowException, get_current_context

    try:
        context: Context = get_current_context()
    except (AirflowException, RuntimeError):  # no task is running
        return None
    return context if getattr(context["ti"], "next_method", None) else None


def is_deferral_timeout(error: BaseException) -> bool:
    """Whether Airflow ended a deferral because its time was up."""
    try:
        from airflow.sdk.exceptions import TaskDeferralTimeout
    except ImportError:  # Airflow 2 has one error for all that may end a deferral
        return str(error) == "Trigger timeout"
    return isinstance(error, TaskDeferralTimeout)


def min_deferral() -> float:
    """Return the seconds for which a task should stay deferred at least.

    Airflow 3 may notice ``[workers] min_heartbeat_interval`` seconds late that the deferring process has ended. If the
    task goes on by then, it takes that for the end of the process that goes on, and fails the task.
    """
    interval: float = conf.getfloat("workers", "min_heartbeat_interval", fallback=5.0)
    return 1.4 * interval if AIRFLOW_V_3_0_PLUS else 0.0


async def call_on_kill(trigger: BaseTrigger) -> None:
    """Call ``on_kill`` of a trigger that is being cancelled, which Airflow does by itself only from 3.3 on.

    Nothing is called when all of the triggerer ends, or when Airflow 2 resumes the task because its time is up. That
    another triggerer has the trigger now is for ``on_kill`` to notice, as on 3.3. What goes wrong is logged.
    """
    if AIRFLOW_V_3_3_PLUS or _loop_ends() or _time_is_up(trigger.task_instance):
        return

    async def kill() -> None:
        try:
            async with asyncio.timeout(_KILL_WITHIN):
                await trigger.on_kill()
        except Exception as error:
            trigger.log.warning("What the task waited for may still be going: on_kill of %r failed: %r", trigger, error)

    killing = asyncio.create_task(kill())
    while not killing.done():
        with suppress(asyncio.CancelledError):  # Airflow cancels a trigger again every second until it is gone
            await asyncio.wait({killing})


def _loop_ends() -> bool:
    return all(task.cancelling() for task in asyncio.all_tasks())


def _time_is_up(ti: Any) -> bool:
    until: datetime | None = getattr(ti, "trigger_timeout", None)  # on Airflow 2, where it minds the execution_timeout
    return until is not None and until.replace(tzinfo=until.tzinfo or UTC) < datetime.now(UTC)


async def ask_airflow(question: Callable[[], T]) -> T:
    """Ask from a trigger what only a thread of the triggerer can: :func:`state_of`, :func:`xcom_of`.

    If nobody waits for the answer any more, the question goes on: Airflow before 3.2 would take what it is told for
    the answer to its next question.
    """
    from asgiref.sync import sync_to_async

    return await asyncio.shield(sync_to_async(question, thread_sensitive=False)())


def state_of(ti: Any) -> str | None:
    """Return the present state of a trigger's task instance, None if it has none or is gone."""
    if AIRFLOW_V_3_0_PLUS:
        from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance

        states = RuntimeTaskInstance.get_task_states(
            dag_id=ti.dag_id, task_ids=[ti.task_id], run_ids=[ti.run_id], map_index=ti.map_index
        )
        (state,) = states.get(ti.run_id, {}).values() or [None]
    else:
        from airflow.models import TaskInstance

        found = TaskInstance.get_task_instance(ti.dag_id, ti.run_id, ti.task_id, ti.map_index)
        state = None if found is None else found.state
    return None if state is None else str(state)


def xcom_of(ti: Any, key: str) -> Any:
    """Return an XCom of a trigger's task instance."""
    from airflow.providers.common.compat.sdk import XCom

    return XCom.get_one(key=key, dag_id=ti.dag_id, task_id=ti.task_id, run_id=ti.run_id, map_index=ti.map_index)
