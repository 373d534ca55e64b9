"""The payloads of the triggers' events: what the triggers report, and how the resumed task reads it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from airflow_provider_hex.api.errors import HexError
from airflow_provider_hex.api.models import Run, RunStatus
from airflow_provider_hex.api.run_watch import require_completed


def run_ended(run: Run) -> dict[str, Any]:
    """Return the payload that reports a run that has ended, completed or not."""
    return {"run": run}


def failed(error: HexError) -> dict[str, Any]:
    """Return the payload that reports an error."""
    return {"error": error.to_dict()}


def slot_acquired(began: float) -> dict[str, Any]:
    """Return the payload that lets a task send RunProject again.

    :param began: when the task began, in epoch seconds. (``dag.test`` drops the kwargs of a deferral.)
    """
    return {"slot_acquired": {"began": began}}


def completed_run(event: Any, run_id: str) -> Run:
    """Return the completed run that an event reports; nothing else is a success.

    :param event: the payload that Airflow passes to the resumed task.
    :param run_id: the run that the task waits for.
    :raises HexRunFailed: the run ended, but not as ``COMPLETED``.
    :raises HexError: the wait failed, or the event is not one of this module's, about this run.
    """
    if isinstance(event, Mapping):
        _raise_reported(event)
        run = event.get("run")
        if isinstance(run, Mapping) and RunStatus.of(run).is_terminal and _same(run.get("runId"), run_id):
            return require_completed(cast(Run, dict(run)))
    raise HexError(
        f"The trigger's event does not report how Hex run {run_id} ended: {event!r}. "
        "Check the run in Hex, then clear the task to run the project again."
    )


def began_of(event: Any) -> float:
    """Return when the task began, from an event of :func:`slot_acquired`.

    :param event: the payload that Airflow passes to the resumed task.
    :raises HexError: the event reports an error, or is of another kind.
    """
    if isinstance(event, Mapping):
        _raise_reported(event)
        slot = event.get("slot_acquired")
        if isinstance(slot, Mapping) and isinstance(slot.get("began"), (int, float)):
            return float(slot["began"])
    raise HexError(f"No run was started, because the trigger's event is not from the start queue: {event!r}.")


def _raise_reported(event: Mapping[str, Any]) -> None:
    error = event.get("error")
    if isinstance(error, Mapping):
        raise HexError.from_dict(dict(error))


def _same(one: object, other: object) -> bool:
    return str(one).lower() == str(other).lower()
