"""The XComs by which a task publishes its run, and by which its trigger recognises it.

A task pushes ``run_id`` and ``run_url`` before it defers. They serve its users, its link *Hex run*, and its trigger: a
task that is deferred with another ``run_id``, or no longer deferred, does not wait for this trigger's run any more.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from airflow_provider_hex.version_compat import state_of, xcom_of

log = logging.getLogger(__name__)

RUN_ID = "run_id"
RUN_URL = "run_url"


def push_run(ti: Any, run: Mapping[str, Any]) -> None:
    """Publish a task's run.

    :param ti: the task instance, as Airflow passes it to the task.
    :param run: the run, as Hex describes it.
    """
    ti.xcom_push(key=RUN_ID, value=run["runId"])
    if run.get("runUrl"):
        ti.xcom_push(key=RUN_URL, value=run["runUrl"])


def push_link(ti: Any, url: str) -> None:
    """Publish the URL of a sensor's run, from which Airflow's UI makes the link *Hex run*. A failure is only logged.

    :param ti: the task instance, as Airflow passes it to the task.
    :param url: the URL.
    """
    try:
        ti.xcom_push(key=RUN_URL, value=url)
    except Exception as error:
        log.warning("The link to the run may be missing, because its URL could not be pushed: %r", error)


def published_run_id(ti: Any) -> str | None:
    """Return the id of the run that a task has published, None if it has published none.

    :param ti: the task instance, as Airflow passes it to the task.
    """
    run_id: str | None = _pull(ti, RUN_ID)
    return run_id


def pull_run(ti: Any, project_id: str) -> dict[str, Any] | None:
    """Return the run that a task published before it was deferred, None if it has published none."""
    run_id, run_url = published_run_id(ti), _pull(ti, RUN_URL)
    return None if run_id is None else {"projectId": project_id, "runId": run_id, "runUrl": run_url}


def task_waits_for(ti: Any, run_id: str) -> bool:
    """Whether a trigger's task is deferred, and waits for this run. Blocking: ask it from a thread.

    :param ti: the task instance, as Airflow passes it to the trigger.
    :param run_id: the trigger's run.
    """
    return state_of(ti) == "deferred" and bool(xcom_of(ti, RUN_ID) == run_id)


def _pull(ti: Any, key: str) -> Any:
    return ti.xcom_pull(task_ids=ti.task_id, key=key, map_indexes=ti.map_index)
