"""How a task hands its wait for a run to the trigger, and takes it back: one deferral, one event."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NoReturn, cast

from airflow_provider_hex.api.errors import HexError, HexRateLimited
from airflow_provider_hex.api.models import Run, RunStatus
from airflow_provider_hex.api.run_watch import require_completed
from airflow_provider_hex.version_compat import shortest_deferral

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import BaseOperator

_GRACE = timedelta(minutes=1)
"""What Airflow gives the trigger beyond its own time: only a triggerer that is down uses it up."""


def first_limit(timeout: float | None, execution_timeout: timedelta | None) -> float | None:
    """Return the seconds until the first of a task's two time limits, None if it has neither."""
    limits = [] if timeout is None else [timeout]
    if execution_timeout is not None:
        limits.append(execution_timeout.total_seconds())
    return min(limits, default=None)


def defer(
    task: BaseOperator,
    *,
    hex_conn_id: str,
    project_id: str,
    run_id: str,
    poll_interval: float | None,
    timeout: float | None,
    cancel_on_kill: bool,
) -> NoReturn:
    """Let the triggerer wait for a run; the task goes on in its ``execute_complete``.

    :param poll_interval: see ``HexRunTrigger``.
    :param timeout: seconds from now after which the trigger ends the wait. If no triggerer does, Airflow does
        so a minute later. (Airflow 3 does not enforce ``execution_timeout`` on a deferred task by itself.)
    :param cancel_on_kill: whether the run is the task's own, and must not outlive it.
    """
    from airflow_provider_hex.triggers.hex import HexRunTrigger  # brings httpx, which DAG files do without

    task.defer(
        trigger=HexRunTrigger(
            hex_conn_id=hex_conn_id,
            project_id=project_id,
            run_id=run_id,
            poll_interval=poll_interval,
            timeout=timeout,
            cancel_on_kill=cancel_on_kill,
        ),
        method_name="execute_complete",
        timeout=None if timeout is None else timedelta(seconds=timeout) + _GRACE,
    )


def defer_start(
    task: BaseOperator,
    *,
    hex_conn_id: str,
    refusal: HexRateLimited,
    began: float,
    timeout: float | None,
    came_back: bool,
) -> NoReturn:
    """Let the triggerer wait until there may be room for a run; the task goes on in its ``retry_start``.

    :param refusal: how Hex has refused the run.
    :param began: when the task began, in epoch seconds.
    :param timeout: seconds from then on after which the wait ends.
    :param came_back: whether the task has waited so before.
    """
    from airflow_provider_hex.triggers.start import HexStartTrigger  # brings httpx, as above

    now = time.time()
    left = None if timeout is None else max(began + timeout - now, 0.0)
    task.log.info(
        "%s The task gives its worker back, and asks again when it is its turn: in %.0f s at the earliest, %s.",
        refusal,
        refusal.retry_after or 0.0,
        "without an end" if left is None else f"and for {left:.0f} s at the most",
    )
    task.defer(
        trigger=HexStartTrigger(
            hex_conn_id=hex_conn_id,
            began=began,
            refusal=refusal.to_dict(),
            not_before=now + (refusal.retry_after or 0.0),
            until=None if left is None else now + left,
            came_back=came_back,
        ),
        method_name="retry_start",
        timeout=None if left is None else timedelta(seconds=left) + _GRACE,
    )


async def let_worker_end(deferred_at: float) -> None:
    """Wait until the worker of a task that was deferred then has had its time to end, so that Airflow can resume it."""
    await asyncio.sleep(max(deferred_at + shortest_deferral() - time.time(), 0.0))


def may_start(began: float) -> dict[str, Any]:
    """Say that it is the turn of a task that began then, in epoch seconds (``dag.test`` forgets deferral kwargs)."""
    return {"may_start": {"began": began}}


def turn_to_start(event: Any) -> float:
    """Return when the task began, of an event that says that it is its turn.

    :raises HexError: for any other event.
    """
    if isinstance(event, Mapping):
        turn, error = event.get("may_start"), event.get("error")
        if isinstance(error, Mapping):
            raise HexError.from_dict(dict(error))
        if isinstance(turn, Mapping) and isinstance(turn.get("began"), (int, float)):
            return float(turn["began"])
    raise HexError(f"The wait for room to start a Hex run came back with {event!r}. No run was started.")


def ended(run: Run) -> dict[str, Any]:
    """Say that the run has ended, in whatever way."""
    return {"run": run}


def failed(error: HexError) -> dict[str, Any]:
    """Say that the wait is over without the run's end."""
    return {"error": error.to_dict()}


def completed_run(event: Any, run_id: str) -> Run:
    """Return the completed run that an event tells of; nothing else is a success.

    :param event: what the resumed task was given.
    :param run_id: the run that was waited for.
    :raises HexRunFailed: the run ended in another way.
    :raises HexError: the wait failed, or the event is not one of this module's, about this run.
    """
    if isinstance(event, Mapping):
        error, run = event.get("error"), event.get("run")
        if isinstance(error, Mapping):
            raise HexError.from_dict(dict(error))
        if isinstance(run, Mapping) and RunStatus.of(run).is_terminal and _same(run.get("runId"), run_id):
            return require_completed(cast(Run, dict(run)))
    raise HexError(
        f"The wait for Hex run {run_id} came back with {event!r}, which does not say how the run ended. "
        "Look at the run in Hex, and clear the task to run the project again."
    )


def _same(one: object, other: object) -> bool:
    return str(one).lower() == str(other).lower()
