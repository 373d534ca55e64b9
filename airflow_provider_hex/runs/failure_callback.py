"""The ``on_failure_callback`` that the operator adds to the user's.

Airflow calls it in two places:

* in the DAG processor, if the worker was lost in the last attempt. Airflow notices that some minutes later
  (``[scheduler] task_instance_heartbeat_timeout``), or at once if the executor reports it.
* in the worker, if the task fails by itself. It has released its run then. But the attempt may have failed before it
  executed the operator, or a retry policy may have failed the task in spite of its retries.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any

from airflow_provider_hex.api.run_lines import link_to
from airflow_provider_hex.hooks.hex import HexHook
from airflow_provider_hex.runs.disposition import Disposition
from airflow_provider_hex.runs.release import release_run
from airflow_provider_hex.runs.run_store import RunStore
from airflow_provider_hex.triggers.run_xcom import pull_run
from airflow_provider_hex.version_compat import state_of

if TYPE_CHECKING:
    from airflow_provider_hex.airflow_compat import Context
    from airflow_provider_hex.operators.hex import HexRunProjectOperator

log = logging.getLogger(__name__)

_MAX_WAIT = 20.0
"""Seconds until Airflow has certainly failed the task: it may request the callback before that."""


def cancel_run_left_running(context: Context) -> None:
    """Cancel the run of a task that failed for good while its run continues, unless another attempt owns it.

    :param context: the context of the callback. The task's templates may not be rendered.
    """
    task: HexRunProjectOperator = context["ti"].task  # type: ignore[assignment]
    if task._task_run is not None:
        task._task_run.failed_for_good()
        return
    in_worker = context["ti"].state == "failed"  # the DAG processor sets no state, and cannot read the record
    run = _recorded_run(task, context) if in_worker else _published_run(task, context)
    if run is not None:
        release = release_run(Disposition.CANCEL, HexHook(task.render_template(task.hex_conn_id, context)), run)
        log.warning("The task failed. %s Run: %s", release.sentence, link_to(run))


def _recorded_run(task: HexRunProjectOperator, context: Context) -> dict[str, Any] | None:
    """Return the run that is left to this attempt, None if there is none. Only the latest attempt finds it."""
    record = RunStore(context, durable=task.durable).load()
    return None if record is None or record.success or record.failure else record.run


def _published_run(task: HexRunProjectOperator, context: Context) -> dict[str, Any] | None:
    """Return the run that the task has published, None if there is none, or if the task was cleared and runs again."""
    ti: Any = context["ti"]
    run = pull_run(ti, task.render_template(task.project_id, context))
    return run if run and _has_failed(ti) else None


def _has_failed(ti: Any) -> bool:
    until = time.monotonic() + _MAX_WAIT
    while (state := state_of(ti)) == "running" and time.monotonic() < until:
        time.sleep(1.0)
    return state == "failed"
