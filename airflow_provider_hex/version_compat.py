"""Where supported versions of Airflow differ, and ``airflow.providers.common.compat`` does not hide it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

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


def state_of(ti: Any) -> str | None:
    """Return the present state of a trigger's task instance, from a thread of the triggerer (Airflow 3.3 and later)."""
    from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance

    states = RuntimeTaskInstance.get_task_states(
        dag_id=ti.dag_id, task_ids=[ti.task_id], run_ids=[ti.run_id], map_index=ti.map_index
    )
    (state,) = states.get(ti.run_id, {}).values() or [None]
    return None if state is None else str(state)


def xcom_of(ti: Any, key: str) -> Any:
    """Return an XCom of a trigger's task instance, from a thread of the triggerer (Airflow 3.3 and later)."""
    from airflow.sdk.execution_time.xcom import XCom

    return XCom.get_one(key=key, dag_id=ti.dag_id, task_id=ti.task_id, run_id=ti.run_id, map_index=ti.map_index)
