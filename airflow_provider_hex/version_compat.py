"""Where supported versions of Airflow differ, and ``airflow.providers.common.compat`` does not hide it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.providers.common.compat.version_compat import AIRFLOW_V_3_0_PLUS

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context


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
