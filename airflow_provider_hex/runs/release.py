"""Releasing a run whose task ends before it: carrying out what was decided."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from airflow_provider_hex.api import steps
from airflow_provider_hex.hooks.hex import HexHook
from airflow_provider_hex.runs.disposition import Disposition

_LEFT = {
    Disposition.LEAVE_TO_RETRY: "The run continues, and the task's next attempt re-attaches to it.",
    Disposition.LEAVE_TO_OTHER_ATTEMPT: "The run continues, because another attempt of the task waits for it.",
    Disposition.LEAVE_RUNNING: "The run continues, because cancel_on_timeout is False.",
}


@dataclass(frozen=True)
class Release:
    """What happened to a run.

    :param disposition: what was decided.
    :param cancelled: whether the run was cancelled.
    :param sentence: says what happened.
    """

    disposition: Disposition
    cancelled: bool
    sentence: str


def release_run(disposition: Disposition, hook: HexHook, run: Mapping[str, Any]) -> Release:
    """Cancel a run or leave it, as was decided.

    A signal may have interrupted the task's client in a request, so this takes another client. An error here is part of
    the sentence, and never hides the error that led here.

    :param disposition: what was decided.
    :param hook: the task's hook.
    :param run: the run, with its project.
    """
    if disposition is not Disposition.CANCEL:
        return Release(disposition, cancelled=False, sentence=_LEFT[disposition])
    try:
        with closing(hook.new_client()) as client:
            client.carry_out(steps.cancel(run["projectId"], run["runId"]))
    except Exception as error:
        failure = f"The run could not be cancelled and may still be running: {error}"
        return Release(disposition, cancelled=False, sentence=failure)
    return Release(disposition, cancelled=True, sentence="The run was cancelled.")
