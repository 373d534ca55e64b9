"""How a task is deferred to a trigger. :mod:`~airflow_provider_hex.triggers.events` has what the trigger returns."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NoReturn

from airflow_provider_hex.api.errors import HexRateLimited
from airflow_provider_hex.api.ids import known_project_id
from airflow_provider_hex.version_compat import publish_attempt

if TYPE_CHECKING:
    from airflow_provider_hex.airflow_compat import BaseOperator

_DEFERRAL_MARGIN = timedelta(minutes=1)
"""Time beyond the trigger's own timeout after which Airflow ends the deferral. Reached only if no triggerer runs."""


def shorter_timeout(timeout: float | None, execution_timeout: timedelta | None) -> float | None:
    """Return the shorter of a task's two timeouts in seconds, None if it has neither."""
    limits = [] if timeout is None else [timeout]
    if execution_timeout is not None:
        limits.append(execution_timeout.total_seconds())
    return min(limits, default=None)


def defer_wait(
    task: BaseOperator,
    ti: Any,
    *,
    hex_conn_id: str,
    project_id: str,
    run_id: str,
    poll_interval: float | None,
    timeout: float | None,
    cancel_on_kill: bool,
    new_until: float = 0.0,
) -> NoReturn:
    """Wait for a run in the triggerer. The task resumes in its ``execute_complete``.

    :param task: the task.
    :param ti: its instance.
    :param hex_conn_id: the connection.
    :param project_id: the project.
    :param run_id: the run.
    :param poll_interval: see :class:`~airflow_provider_hex.triggers.hex.HexRunTrigger`.
    :param timeout: seconds from now until the trigger ends the wait, None for no timeout. (Airflow 3 does not enforce
        ``execution_timeout`` on a deferred task.)
    :param cancel_on_kill: whether a kill of the task cancels the run.
    :param new_until: see :class:`~airflow_provider_hex.triggers.hex.HexRunTrigger`.
    """
    from airflow_provider_hex.triggers.hex import HexRunTrigger  # a DAG file does not need it

    publish_attempt(ti)
    task.defer(
        trigger=HexRunTrigger(
            hex_conn_id=hex_conn_id,
            project_id=known_project_id(project_id),
            run_id=run_id,
            poll_interval=poll_interval,
            timeout=timeout,
            cancel_on_kill=cancel_on_kill,
            new_until=new_until,
        ),
        method_name="execute_complete",
        timeout=None if timeout is None else timedelta(seconds=timeout) + _DEFERRAL_MARGIN,
    )


def defer_start(
    task: BaseOperator,
    ti: Any,
    *,
    hex_conn_id: str,
    error: HexRateLimited,
    began: float,
    timeout: float | None,
    requeued: bool,
) -> NoReturn:
    """Wait in the triggerer for a slot in the start queue. The task resumes in its ``retry_start``.

    :param task: the task.
    :param ti: its instance.
    :param hex_conn_id: the connection.
    :param error: the rate limit's error.
    :param began: when the task began, in epoch seconds.
    :param timeout: seconds from ``began`` to the timeout, None for none.
    :param requeued: whether the task has acquired a slot before, and was rate-limited again.
    """
    from airflow_provider_hex.triggers.hex import HexStartTrigger  # a DAG file does not need it

    now = time.time()
    not_before = now + (error.retry_after or 0.0)
    until = None if timeout is None else max(began + timeout, now)
    task.log.info(
        "Waiting in the triggerer for a slot to start the run: at least %.0f s, %s. %s",
        not_before - now,
        "without a timeout" if until is None else f"at most {until - now:.0f} s",
        error,
    )
    publish_attempt(ti)
    task.defer(
        trigger=HexStartTrigger(
            hex_conn_id=hex_conn_id,
            began=began,
            error=error.to_dict(),
            not_before=not_before,
            until=until,
            requeued=requeued,
        ),
        method_name="retry_start",
        timeout=None if until is None else timedelta(seconds=until - now) + _DEFERRAL_MARGIN,
    )
