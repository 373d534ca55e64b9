"""Releasing a run whose task ends before it: carrying out what was decided."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow_provider_hex.api import steps
from airflow_provider_hex.api.error_messages import how_it_ended, outcome_of_cancel
from airflow_provider_hex.api.errors import HexRunGone
from airflow_provider_hex.api.models import Run, RunStatus
from airflow_provider_hex.api.waiting import last_poll
from airflow_provider_hex.runs.disposition import Disposition

if TYPE_CHECKING:
    from airflow_provider_hex.hooks.hex import HexHook

_LEFT = {
    Disposition.LEAVE_TO_RETRY: "The run continues, and the task's next attempt re-attaches to it.",
    Disposition.LEAVE_TO_OTHER_ATTEMPT: "The run continues, because another attempt of the task waits for it.",
    Disposition.LEAVE_RUNNING: "The run continues, because cancel_on_timeout is False.",
}
_NOT_CANCELLED = "The run was not cancelled, because cancel_on_timeout is False, and may still be running:"
"""What is said before the reason why a run that was left running could not be polled."""
GONE_TO_RETRY = "The task's next attempt polls the run again, and starts another if it is still gone."
"""What is said of a run that is gone, in place of the sentence of ``LEAVE_TO_RETRY``."""


@dataclass(frozen=True)
class Release:
    """What happened to a run.

    :param disposition: what was decided.
    :param sentence: says what happened.
    :param is_settled: whether the run was cancelled, ended in another way than ``COMPLETED``, or is gone.
    :param ended: the run, if it had ended before it could be released.
    """

    disposition: Disposition
    sentence: str
    is_settled: bool = False
    ended: Run | None = None


def release_run(disposition: Disposition, hook: HexHook, run: Mapping[str, Any], *, is_new: bool = False) -> Release:
    """Cancel a run or leave it, as was decided.

    A signal may have interrupted the task's client in a request, so this takes another client. An error here is part of
    the sentence, and never hides the error that led here.

    :param disposition: what was decided.
    :param hook: the task's hook.
    :param run: the run, with its project.
    :param is_new: whether the run was started so recently that Hex may not show it yet.
    """
    if disposition is Disposition.LEAVE_RUNNING:
        return _leave_running(hook, run)
    if disposition is not Disposition.CANCEL:
        return Release(disposition, _LEFT[disposition])
    try:
        with closing(hook.new_client()) as client:
            found = client.carry_out(steps.cancel(run["projectId"], run["runId"], is_new=is_new))
    except Exception as error:
        return Release(disposition, f"The run could not be cancelled and may still be running: {error}")
    ended = None if found is None or isinstance(found, HexRunGone) else found
    completed = ended is not None and RunStatus.of(ended).is_success
    return Release(disposition, outcome_of_cancel(found), is_settled=not completed, ended=ended)


def _leave_running(hook: HexHook, run: Mapping[str, Any]) -> Release:
    """Poll a run that is not to be cancelled a last time."""
    disposition = Disposition.LEAVE_RUNNING
    try:
        with closing(hook.new_client()) as client:
            polled = last_poll(client, run["projectId"], run["runId"])
    except Exception as error:
        return Release(disposition, f"{_NOT_CANCELLED} {error}")
    status = RunStatus.of(polled)
    if not status.is_terminal:
        return Release(disposition, _LEFT[disposition])
    return Release(disposition, how_it_ended(polled), is_settled=not status.is_success, ended=polled)
