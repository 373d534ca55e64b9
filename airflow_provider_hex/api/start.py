"""Starting a run so that it is never started twice. No I/O.

RunProject has no idempotency key. If its response is lost, or is a 5xx, a run may exist or not: the start is ambiguous.
It is reconciled with the list of the project's runs since the request.
See https://learn.hex.tech/docs/api/api-reference#operation/RunProject.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, cast

from airflow_provider_hex.api import error_messages, protocol
from airflow_provider_hex.api.call import Call, Page
from airflow_provider_hex.api.errors import HexAmbiguousStart, HexError, HexUnreconciledStart
from airflow_provider_hex.api.models import Run, StartedRun
from airflow_provider_hex.api.run_lines import link_to
from airflow_provider_hex.api.steps import Pause, Steps

log = logging.getLogger(__name__)

OnAmbiguousStart = Literal["reconcile", "adopt", "fail"]
"""What to do about a RunProject whose outcome is unknown:

* ``reconcile``: if no run of the project was started by API since then, start again. If there is exactly one, and the
  request had default options (no inputs, no saved view, everything at Hex's default), re-attach to it. Else fail.
* ``adopt``: the same, but re-attach to exactly one run with any options, because nothing else starts it by API.
* ``fail``: never start again, and re-attach to no run.
"""


@dataclass(frozen=True)
class StartRequest:
    """A RunProject that was sent.

    :param sent_at: when, in epoch seconds.
    :param default_options: whether it had default options, so that any other run with them has the same result.
    """

    sent_at: float
    default_options: bool


_MAX_STARTS = 3
_DATE_PRECISION = 2.0
"""Seconds by which equal clocks may seem to differ: the ``Date`` header has whole seconds."""
_UNKNOWN_CLOCK = 60.0
"""Seconds by which the clocks may differ where Hex sends no ``Date``."""
_MAX_STATUS_REQUESTS = 5
"""Maximum number of runs whose times are requested one by one. Any other run with too few times counts."""
_LONGEST_PENDING = 3600.0
"""Seconds for which a run may be ``PENDING``, while it waits for a kernel. It has no ``startTime`` until then."""


def start(
    call: Call[StartedRun],
    project_id: str,
    *,
    on_ambiguous_start: OnAmbiguousStart,
    grace: float,
    is_candidate: Callable[[Run], bool] = lambda run: True,
) -> Steps[StartedRun]:
    """Start a run with a RunProject ``call``, and reconcile the start if it is ambiguous.

    :param on_ambiguous_start: see :data:`OnAmbiguousStart`.
    :param grace: seconds after which a new run shows in the list of the project's runs.
    :param is_candidate: whether a run counts. Default: every run does.
    :return: Hex's response, or the same fields of the run that was found.
    :raises HexAmbiguousStart: the start could not be reconciled, or must not be.
    :raises HexError: no run was started, and the start may be tried again later.
    """
    first_sent_at, starts = None, 0
    while True:
        starts += 1
        try:
            return cast("StartedRun", (yield call))
        except HexError as error:
            if not error.may_have_acted:
                raise
            first_sent_at = first_sent_at or error.sent_at or 0.0
            log.warning("It is unknown whether a run was started. %s", error)
            log.info("Listing the project's runs in %.0f s, to find out whether a run was started.", grace)
            request = StartRequest(first_sent_at, default_options=not call.body)
            try:
                run = yield from reconcile(
                    project_id,
                    request,
                    error,
                    on_ambiguous_start=on_ambiguous_start,
                    grace=grace,
                    is_candidate=is_candidate,
                )
            except HexAmbiguousStart:
                raise
            except HexError as failure:
                doubt = f"the project's runs cannot be listed. {failure}"
                raise error_messages.ambiguous_start(error, [], doubt, HexUnreconciledStart) from None
            if run is not None:
                return run
            if starts == _MAX_STARTS:
                raise
            log.warning("No run was started. Sending RunProject again.")


def reconcile(
    project_id: str,
    request: StartRequest,
    error: HexError,
    *,
    on_ambiguous_start: OnAmbiguousStart,
    grace: float,
    until: float | None = None,
    is_candidate: Callable[[Run], bool] = lambda run: True,
) -> Steps[StartedRun | None]:
    """Find the run of an ambiguous start.

    :param request: the RunProject.
    :param error: the error of that request.
    :param on_ambiguous_start: see :data:`OnAmbiguousStart`.
    :param grace: seconds to wait before the runs are listed.
    :param until: when the request must have reached Hex, in epoch seconds. Default: now. A run that started up to an
        hour later counts too, unless Hex shows that it was created later: it may have been ``PENDING`` until then.
    :param is_candidate: whether a run counts. Default: every run does.
    :return: the run, None if the request started none.
    :raises HexAmbiguousStart: it is not certain which run it is, or ``on_ambiguous_start`` is ``fail``.
    :raises HexError: the project's runs cannot be listed.
    """
    yield Pause(grace)
    status_requests = 0 if on_ambiguous_start == "fail" else _MAX_STATUS_REQUESTS
    found = yield from _runs_between(project_id, request.sent_at, until, is_candidate, status_requests)
    if found or on_ambiguous_start == "fail":
        return _adopted(request, error, found, on_ambiguous_start)
    return None


def _adopted(
    request: StartRequest, error: HexError, found: Sequence[Run], on_ambiguous_start: OnAmbiguousStart
) -> StartedRun:
    """Return the one run that the request must have started.

    :raises HexAmbiguousStart: it is not certain which one that is.
    """
    if on_ambiguous_start == "fail":
        doubt = "with on_ambiguous_start='fail', the task re-attaches to no run, and does not send the request again."
    elif len(found) > 1:
        doubt = "several runs of the project were started by API since then."
    elif not request.default_options and on_ambiguous_start != "adopt":
        doubt = "one run of the project was started by API since then, perhaps with other inputs or options."
    else:
        log.warning("Re-attaching to the one run that was started since then: %s", link_to(found[0]))
        return _as_started(found[0])
    raise error_messages.ambiguous_start(error, found, doubt)


def _runs_between(
    project_id: str, since: float, until: float | None, is_candidate: Callable[[Run], bool], status_requests: int
) -> Steps[list[Run]]:
    """Return the runs that may have been started by API between two times, in epoch seconds of this machine's clock.

    It reads pages until one shows that the list is sorted and all further runs are older.

    :param status_requests: for how many runs at most to request the status, if the list does not show whether they
        count.
    """
    listed: list[tuple[Run, float, float]] = []
    call: Call[Page[Run]] | None = protocol.get_project_runs(project_id, trigger="API")
    while call is not None:
        page: Page[Run] = yield call
        earliest, latest = _on_hex_clock(since, until, page.clock_ahead)
        listed += [(run, earliest, latest) for run in page.items if is_candidate(run)]
        call = None if _is_past(page.items, earliest) else page.next
    return (yield from _created_between(project_id, listed, status_requests))


def _on_hex_clock(since: float, until: float | None, ahead: float | None) -> tuple[float, float]:
    """Return the earliest and the latest time that two times of this machine's clock may be on Hex's clock.

    :param ahead: the seconds by which Hex's clock is ahead of ours, None if Hex did not say.
    """
    tolerance = _UNKNOWN_CLOCK if ahead is None else _DATE_PRECISION
    shift = ahead or 0.0
    return since + shift - tolerance, math.inf if until is None else until + shift + tolerance


def _created_between(
    project_id: str, listed: Sequence[tuple[Run, float, float]], status_requests: int
) -> Steps[list[Run]]:
    """Return the runs that may have been created between two times.

    If a run's times in the list do not show whether it counts, its status is requested with its ``stateEvents``. If
    they do not show it either, it counts.

    :param listed: each run with its earliest and its latest time.
    """
    found: list[Run] = []
    for run, earliest, latest in listed:
        counts = _is_between(run, earliest, latest)
        if counts is None and status_requests > 0:
            status_requests -= 1
            try:
                status: Run = yield protocol.get_run(project_id, run["runId"], expanded=True)
                counts = _is_between(status, earliest, latest)
            except HexError as error:
                if error.transient:  # it was retried for long, and so would the others be
                    status_requests = 0
        if counts is not False:
            found.append(run)
    return found


def _is_between(run: Run, earliest: float, latest: float) -> bool | None:
    """Return whether a run may have been created between two times, None if its times do not show it.

    A run is created at the first of its ``stateEvents``. Its ``startTime`` may be up to :data:`_LONGEST_PENDING` later.
    """
    began = _began(run)
    if began is None:
        return None
    if earliest <= began <= latest:
        return True
    return False if began < earliest or began > latest + _LONGEST_PENDING or _state_times(run) else None


def _is_past(runs: Sequence[Run], earliest: float) -> bool:
    """Return whether these runs are sorted, the newest first, and reach back beyond a time."""
    known = [moment for run in runs if (moment := _began(run)) is not None]
    return bool(known) and known == sorted(known, reverse=True) and known[-1] < earliest


def _began(run: Mapping[str, Any]) -> float | None:
    """Return the earliest time that Hex gives for a run, in epoch seconds of its clock; None if it gives none."""
    times = (*_state_times(run), _epoch(run.get("startTime")), _epoch(run.get("endTime")))
    return min((moment for moment in times if moment is not None), default=None)


def _state_times(run: Mapping[str, Any]) -> list[float]:
    """Return the times of a run's ``stateEvents``, in epoch seconds of Hex's clock."""
    events = run.get("stateEvents")
    found = [event for event in events if isinstance(event, Mapping)] if isinstance(events, list) else []
    return [moment for event in found if (moment := _epoch(event.get("timestamp"))) is not None]


def _epoch(text: Any) -> float | None:
    try:
        moment = datetime.fromisoformat(text)
        return moment.timestamp() if moment.tzinfo else None
    except (TypeError, ValueError, OverflowError):
        return None


def _as_started(run: Run) -> StartedRun:
    """Return the response that RunProject would have had, as far as the run shows it."""
    same = ("projectId", "runId", "runUrl", "traceId", "projectVersion", "notifications")
    return cast("StartedRun", {name: value for name, value in run.items() if name in same})
