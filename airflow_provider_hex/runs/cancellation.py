"""Cancelling a run for a task that ends."""

from __future__ import annotations

from contextlib import closing

from airflow_provider_hex.api import steps
from airflow_provider_hex.hooks.hex import HexHook


def cancel_run(hook: HexHook, project_id: str, run_id: str) -> tuple[bool, str]:
    """Cancel a run with a client of its own, since a signal may have interrupted the task's in a request.

    :param hook: the task's hook.
    :param project_id: the project.
    :param run_id: the run.
    :return: whether the run was cancelled, and a sentence that says so. An error here never hides the one before.
    """
    try:
        with closing(hook.new_client()) as client:
            client.carry_out(steps.cancel(project_id, run_id))
    except Exception as error:
        return False, f"The run could not be cancelled and may still be running: {error}"
    return True, "The run was cancelled."
