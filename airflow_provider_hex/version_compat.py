"""Where supported versions of Airflow behave differently. Names that moved are in :mod:`.airflow_compat`."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

from airflow_provider_hex.airflow_compat import AIRFLOW_V_3_0_PLUS, AIRFLOW_V_3_2_PLUS, AIRFLOW_V_3_3_PLUS, conf

if TYPE_CHECKING:
    from airflow.triggers.base import BaseTrigger

    from airflow_provider_hex.airflow_compat import Context

T = TypeVar("T")

REPORTS_LOST_WORKERS = AIRFLOW_V_3_3_PLUS
"""Whether a task's ``on_failure_callback`` can find its run after its worker was lost: the DAG processor calls it."""

_ON_KILL_TIMEOUT = 30.0
"""Seconds after which a trigger's ``on_kill`` is ended, as Airflow 3.3 does by default."""


def context_of_deferred_timeout() -> Context | None:
    """Return the context of a deferred task whose ``on_kill`` is called although it was not resumed.

    Airflow 2 does so when the ``execution_timeout`` is reached. Airflow 3 always resumes a task first.
    """
    if AIRFLOW_V_3_0_PLUS:
        return None
    from airflow_provider_hex.airflow_compat import AirflowException, get_current_context

    try:
        context: Context = get_current_context()
    except (AirflowException, RuntimeError):  # no task is running
        return None
    return context if getattr(context["ti"], "next_method", None) else None


def first_poke(context: Context) -> datetime | None:
    """Return when a sensor in ``mode="reschedule"`` poked first, None if it does so now."""
    ti: Any = context["ti"]
    date: datetime | None
    if AIRFLOW_V_3_0_PLUS:
        date = ti.get_first_reschedule_date(context)
    else:
        from airflow.sensors.base import _orig_start_date  # type: ignore[import-not-found]

        date = _orig_start_date(
            dag_id=ti.dag_id, task_id=ti.task_id, run_id=ti.run_id, map_index=ti.map_index, try_number=ti.try_number
        )
    return date


RESUMES_RETRIES = AIRFLOW_V_3_0_PLUS and not AIRFLOW_V_3_2_PLUS
_ATTEMPT = "hex_attempt"


def publish_attempt(ti: Any) -> None:
    """Push the number of an attempt that is about to be deferred as an XCom, for :func:`is_of_previous_attempt`.

    Airflow 3.0, and the first releases of 3.1, resume a retry where the failed attempt was resumed, with the event or
    the failure of that attempt. They keep its XComs then.
    """
    if RESUMES_RETRIES:
        ti.xcom_push(key=_ATTEMPT, value=ti.try_number)


def is_of_previous_attempt(ti: Any) -> bool:
    """Whether a task is resumed with the event or the failure of its previous attempt."""
    if not RESUMES_RETRIES:
        return False
    attempt = ti.xcom_pull(task_ids=ti.task_id, key=_ATTEMPT, map_indexes=ti.map_index)
    return attempt not in (None, ti.try_number)


def is_deferral_timeout(error: BaseException) -> bool:
    """Whether Airflow ended a deferral because its timeout was reached."""
    if AIRFLOW_V_3_0_PLUS:
        from airflow_provider_hex.airflow_compat import TaskDeferralTimeout

        return isinstance(error, TaskDeferralTimeout)
    return str(error) == "Trigger/execution timeout"  # Airflow 2 has one class for all that may end a deferral


def min_deferral() -> float:
    """Return the seconds for which a task should stay deferred at least.

    Airflow 3 may see the exit of the deferring process ``[workers] min_heartbeat_interval`` seconds late. If the task
    has been resumed by then, Airflow takes that for the exit of the resumed process, and fails the task.
    """
    interval: float = conf.getfloat("workers", "min_heartbeat_interval", fallback=5.0)
    return 1.4 * interval if AIRFLOW_V_3_0_PLUS else 0.0


async def call_on_kill(trigger: BaseTrigger) -> None:
    """Call ``on_kill`` of a trigger that is being cancelled. Airflow itself does so from 3.3 on.

    It is not called when the triggerer stops, or when Airflow resumes the task because its timeout was reached.
    Another triggerer may have the trigger now: ``on_kill`` has to check that, as on 3.3. Errors are logged.
    """
    if AIRFLOW_V_3_3_PLUS or _loop_is_ending() or _has_timed_out(trigger):
        return

    try:
        await trigger.on_kill()
    except Exception as error:
        trigger.log.warning("The run may still be running, because on_kill of %r failed: %r", trigger, error)


async def uninterrupted(work: Coroutine[Any, Any, None]) -> None:
    """Run a trigger's ``on_kill`` to its end, although Airflow cancels the trigger again every second.

    :param work: what to do.
    :raises TimeoutError: it took longer than 30 s.
    """

    async def bounded() -> None:
        async with asyncio.timeout(_ON_KILL_TIMEOUT):
            await work

    task = asyncio.create_task(bounded())
    _uninterrupted.add(task)  # the event loop itself keeps no task alive
    task.add_done_callback(_uninterrupted.discard)
    while not task.done():
        with suppress(asyncio.CancelledError):
            await asyncio.wait({task})
    task.result()


_uninterrupted: set[asyncio.Task[None]] = set()


def _loop_is_ending() -> bool:
    return all(task.cancelling() for task in asyncio.all_tasks())


def _has_timed_out(trigger: BaseTrigger) -> bool:
    until: datetime | None = (
        getattr(trigger, "timeout_after", None)
        if AIRFLOW_V_3_0_PLUS
        else getattr(trigger.task_instance, "trigger_timeout", None)  # it includes execution_timeout
    )
    return until is not None and until.replace(tzinfo=until.tzinfo or UTC).timestamp() < time.time()


async def ask_airflow(question: Callable[[], T]) -> T:
    """Call a function that blocks from a trigger: it asks Airflow for a state, an XCom or a connection.

    If the caller is cancelled, the call still receives its response: Airflow before 3.2 would take it for the response
    to the next request.
    """
    from asgiref.sync import sync_to_async

    return await asyncio.shield(sync_to_async(question, thread_sensitive=False)())


def state_of(ti: Any) -> str | None:
    """Return the current state of a task instance, None if it has none or was deleted."""
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
    """Return an XCom of a trigger's task instance, None if there is none."""
    from airflow_provider_hex.airflow_compat import XCom

    return XCom.get_one(key=key, dag_id=ti.dag_id, task_id=ti.task_id, run_id=ti.run_id, map_index=ti.map_index)
