"""What an operator is executed with that a user's code calls by itself, as in ``operator.execute({})``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from airflow_provider_hex.airflow_compat import BaseOperator, Context


class NoTaskInstance:
    """Stands for the task instance where there is none: nothing is published, and there is no retry."""

    map_index = -1
    try_number, max_tries = 1, 0

    def __init__(self, task_id: str) -> None:
        self.task_id = task_id

    def xcom_push(self, key: str, value: Any) -> None:
        """Publish nothing."""

    def xcom_pull(self, task_ids: str, key: str, map_indexes: int) -> None:
        """Return nothing."""


def own_context(task: BaseOperator, context: Context | None, earlier: Any = None) -> Context:
    """Return the context if it is the task's own, and otherwise one without a task instance and a task state store.

    The XComs and the record of a task lead to one run. So another operator that the task executes must not use them,
    and nor must the same operator when it is executed a second time.

    :param task: the operator that is executed.
    :param context: what it is executed with: perhaps nothing, or the context of another task.
    :param earlier: the task instance that it was executed for before, if it was.
    """
    ti: Any = (context or {}).get("ti")
    is_own = ti is not None and ti is not earlier and ti.task_id == task.task_id
    if context is not None and is_own and type(context.get("task", task)) is type(task):  # others may use its id, too
        return context
    return cast("Context", {"ti": NoTaskInstance(task.task_id)})
