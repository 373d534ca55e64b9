"""The words for a run in log lines and messages.

Airflow's log view makes a link of everything from ``http`` to the next white space, and cuts lines at the right edge.
So the news comes first, and a run's URL stands at the end.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from airflow_provider_hex.api.errors import replace_message
from airflow_provider_hex.api.ids import known_project_id
from airflow_provider_hex.api.models import RunStatus, duration


def link_to(run: Mapping[str, Any]) -> str:
    """Return a run's URL, or its ids if Hex has not sent its URL. It belongs at the end of a line."""
    project_id = known_project_id(str(run.get("projectId")))
    return str(run.get("runUrl") or f"{run.get('runId')} of project {project_id}")


def name_run(error: BaseException, run: Mapping[str, Any]) -> None:
    """Name a run at the end of an error's message: by its URL, so that Airflow's log view shows a link.

    :param error: the error, of ours or of Airflow's.
    :param run: the run, as far as it is known. Its trace id is added if the message has none.
    """
    message, trace_id = _BY_IDS.sub("", str(error)), run.get("traceId")
    trace = f" Trace id: {trace_id}." if trace_id and "Trace id:" not in message else ""
    name = f"Run: {link_to(run)}"
    replace_message(error, f"{message}{trace} {name}".strip(), name)


def is_named_in(message: str, run: Mapping[str, Any]) -> bool:
    """Whether a message has the run's URL, or its id if the URL is not known. The letter case does not count.

    :param run: the run, as far as it is known.
    """
    return str(run.get("runUrl") or run.get("runId")).lower() in message.lower()


_BY_IDS = re.compile(r" ?Run: \S+ of project \S+$")


def status_line(run: Mapping[str, Any] | None, waited: float | None, polled_ago: float = 0.0) -> str:
    """Return the log line for a run's status. The first and the last line of a wait have the run's URL.

    :param run: the run as last polled, None if no poll succeeded.
    :param waited: seconds since the wait began, None in its first line.
    :param polled_ago: seconds since that poll. Default: it was just now.
    """
    if run is None:
        return f"Hex run of unknown status after {waited or 0.0:.0f} s of waiting"
    status = RunStatus.of(run)
    line = f"Hex run {run.get('status')}"
    if status is RunStatus.UNKNOWN:
        line += " (a status that this provider does not know)"
    if status.is_terminal:
        return f"{line}{after(run)}: {link_to(run)}"
    if waited is None:
        return f"{line}: {link_to(run)}"
    stale = f", when last polled {polled_ago:.0f} s ago" if polled_ago > _STALE else ""
    return f"{line} after {max(waited, 0.0):.0f} s of waiting{stale}"


_STALE = 60.0
"""Seconds after which a poll is so old that the line says so."""


def after(run: Mapping[str, Any]) -> str:
    """Return how long a run took, as in `` after 3 s``; empty if Hex does not say."""
    seconds = duration(run)
    return "" if seconds is None else f" after {in_seconds(seconds)}"


def in_seconds(seconds: float) -> str:
    """Return a duration such as ``63.5 s``."""
    return f"{seconds:.1f}".removesuffix(".0") + " s"
