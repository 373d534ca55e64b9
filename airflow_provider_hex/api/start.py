"""Starting a run so that it is never started twice, whatever becomes of the answer. No I/O.

RunProject has no idempotency key. When no clear answer came to it, a run may exist or not: then the project's runs
of since the request are looked at, and the rules below decide.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from airflow_provider_hex.api import explain, protocol
from airflow_provider_hex.api.errors import HexError, HexStartUnknown, HexStartUnsettled
from airflow_provider_hex.api.models import Run, StartedRun
from airflow_provider_hex.api.protocol import Call
from airflow_provider_hex.api.steps import Pause, Steps

log = logging.getLogger(__name__)

IfStartUnclear = Literal["settle", "adopt", "fail"]
"""What to do when no clear answer came to RunProject and its outcome has to be found out:

* ``settle``: no run since then → start again; exactly one, and nothing tells it from any other run of the project
  (no inputs, no saved view, all options at Hex's default) → take it; else fail.
* ``adopt``: the same, but exactly one run is taken whatever the options, as nobody else starts this project by API.
* ``fail``: never start again nor take a run.
"""


@dataclass(frozen=True)
class Asked:
    """A RunProject that went out.

    :param at: when, in epoch seconds.
    :param interchangeable: whether it asked for nothing that would tell its run from others of the project.
    """

    at: float
    interchangeable: bool


_MOST_STARTS = 3
_CLOCKS_DIFFER = 2.0
"""Seconds by which two clocks seem to differ that do not: ``Date`` tells whole seconds."""
_CLOCKS_MAY_DIFFER = 60.0
"""The same where Hex does not tell its time."""


def start(
    call: Call[StartedRun], project_id: str, *, if_start_unclear: IfStartUnclear, grace: float
) -> Steps[StartedRun]:
    """Start a run, and settle what happened if that is not clear.

    :param call: the RunProject.
    :param if_start_unclear: see :data:`IfStartUnclear`.
    :param grace: seconds after which a run that was started shows in the list of the project's runs.
    :raises HexStartUnknown: what happened could not be found out, or is not allowed to be acted upon.
    :raises HexError: it is certain that no run was started, and the start may be tried again later.
    """
    since, starts = None, 0
    while True:
        starts += 1
        try:
            started: StartedRun = yield call
            return started
        except HexError as error:
            if not error.may_have_acted:
                raise
            since = since or error.sent_at or 0.0
            log.warning("%s Whether that started a run is looked up in %.0f s.", error, grace)
            asked = Asked(since, interchangeable=not call.body)
            try:
                found = yield from settle(project_id, asked, error, if_start_unclear=if_start_unclear, grace=grace)
            except HexStartUnknown:
                raise
            except HexError as failure:
                doubt = f"the project's runs cannot be looked at. {failure}"
                raise explain.start_unknown(error, [], doubt, HexStartUnsettled) from error
            if found is not None:
                return found
            if starts == _MOST_STARTS:
                raise
            log.warning("No run was started. The project is started again.")


def settle(
    project_id: str,
    asked: Asked,
    error: HexError,
    *,
    if_start_unclear: IfStartUnclear,
    grace: float,
    until: float | None = None,
    is_candidate: Callable[[Run], bool] = lambda run: True,
) -> Steps[StartedRun | None]:
    """Find out what came of a RunProject whose answer nobody got, and return its run; None if it started none.

    :param error: what came instead of an answer.
    :param until: when the request must have reached Hex, if it ever did, in epoch seconds. Default: now.
    :param is_candidate: whether a run of since then is worth being found. Default: any is.
    :raises HexStartUnknown: it could not be found out, or is not allowed to be acted upon.
    :raises HexError: the project's runs cannot be looked at.
    """
    yield Pause(grace)
    found = [run for run in (yield from _runs_between(project_id, asked.at, until)) if is_candidate(run)]
    if found or if_start_unclear == "fail":
        return _adopted(asked, error, found, if_start_unclear)
    return None


def _adopted(asked: Asked, error: HexError, found: Sequence[Run], if_start_unclear: IfStartUnclear) -> StartedRun:
    """Return the one run that the request must have started.

    :raises HexStartUnknown: if there is none such.
    """
    if if_start_unclear == "fail":
        doubt = "neither is a run to be taken for it, nor is it to be sent again (if_start_unclear='fail')."
    elif len(found) > 1:
        doubt = "several runs of the project were started by API since."
    elif not asked.interchangeable and if_start_unclear != "adopt":
        doubt = "one run of the project was started by API since, but perhaps by others, with other inputs or options."
    else:
        log.warning("%s was started since, and is taken for the run of this task.", explain.describe(found[0]))
        return _as_started(found[0])
    raise explain.start_unknown(error, found, doubt)


def _runs_between(project_id: str, since: float, until: float | None) -> Steps[list[Run]]:
    """Return the runs that were started by API between two times, in epoch seconds of our own clock.

    Page by page, until a page shows that the list is sorted and all further runs are older.
    """
    found: list[Run] = []
    call: Call[protocol.Page[Run]] | None = protocol.get_project_runs(project_id, trigger="API")
    while call is not None:
        page: protocol.Page[Run] = yield call
        ahead = page.clock_ahead
        differ = _CLOCKS_MAY_DIFFER if ahead is None else _CLOCKS_DIFFER
        earliest = since + (ahead or 0.0) - differ
        latest = math.inf if until is None else until + (ahead or 0.0) + differ
        found += [run for run in page.items if earliest <= (_began(run) or earliest) <= latest]
        known = [moment for run in page.items if (moment := _began(run)) is not None]
        sorted_and_past = known == sorted(known, reverse=True) and bool(known) and known[-1] < earliest
        call = None if sorted_and_past else page.next
    return found


def _began(run: Mapping[str, Any]) -> float | None:
    """Return the first moment that Hex tells of a run, in its epoch seconds; None if it tells of none."""
    events = run.get("stateEvents")
    told = (
        [event.get("timestamp") for event in events if isinstance(event, Mapping)] if isinstance(events, list) else []
    )
    moments = [_epoch(text) for text in (*told, run.get("startTime"), run.get("endTime"))]
    return min((moment for moment in moments if moment is not None), default=None)


def _epoch(text: Any) -> float | None:
    try:
        moment = datetime.fromisoformat(text)
        return moment.timestamp() if moment.tzinfo else None
    except (TypeError, ValueError, OverflowError):
        return None


def _as_started(run: Run) -> StartedRun:
    """Return what RunProject would have answered, as far as a run tells."""
    same = ("projectId", "runId", "runUrl", "traceId", "projectVersion", "notifications")
    started: Any = {name: run[name] for name in same if name in run}  # type: ignore[literal-required]
    return started  # type: ignore[no-any-return]
