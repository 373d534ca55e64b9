"""What a task attempt does about the run that the previous attempt recorded."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from enum import Enum
from typing import TYPE_CHECKING, Any

from airflow_provider_hex.api import start, steps
from airflow_provider_hex.api.error_messages import outcome_of_cancel
from airflow_provider_hex.api.errors import HexError, HexRequestRejected, HexRunGone
from airflow_provider_hex.api.ids import known_project_id
from airflow_provider_hex.api.models import RunStatus
from airflow_provider_hex.api.run_lines import link_to
from airflow_provider_hex.api.start import OnAmbiguousStart, StartRequest

if TYPE_CHECKING:
    from airflow_provider_hex.api.client import HexClient
    from airflow_provider_hex.api.models import Run, StartedRun
    from airflow_provider_hex.runs.run_store import Record

log = logging.getLogger(__name__)

_MAX_CLOCK_SKEW = 10.0
"""Seconds by which the clocks of two workers may differ."""


class Recovery(Enum):
    """What to do about the previous attempt's run."""

    REATTACH = "re-attach"
    """Wait for it, or take its result if it has completed."""
    CANCEL_AND_START = "cancel it and start another"
    START = "start another"


def decide(run: Mapping[str, Any] | None, *, is_retry: bool, same_project: bool, wait_for_completion: bool) -> Recovery:
    """Decide what to do about the previous attempt's run. Pure.

    :param run: the run as Hex reports it, without a status if Hex did not respond; None if it is gone.
    :param is_retry: whether this attempt is a retry of that one, and the task was not cleared in between.
    :param same_project: whether the task still runs the same project: its id may be a template.
    :param wait_for_completion: whether the task waits for its run.
    """
    if run is None:  # or the token's owner has no access to it, so it may still be running
        is_superfluous = wait_for_completion or (is_retry and same_project)
        return Recovery.CANCEL_AND_START if is_superfluous else Recovery.START
    status = RunStatus.of(run)
    if is_retry and same_project and (status.is_success or not status.is_terminal):
        return Recovery.REATTACH
    if not status.is_terminal and wait_for_completion:
        return Recovery.CANCEL_AND_START
    return Recovery.START


class RunRecovery:
    """Recovers the previous attempt's run, or cancels it.

    :param client: a client for the task's connection.
    :param record: what the previous attempt recorded.
    :param project_id: the project that the task runs now.
    :param on_ambiguous_start: see :data:`~airflow_provider_hex.api.start.OnAmbiguousStart`.
    :param wait_for_completion: whether the task waits for its run.
    :param is_new: whether the run was started so recently that Hex may not show it yet.
    """

    def __init__(
        self,
        client: HexClient,
        record: Record,
        *,
        project_id: str,
        on_ambiguous_start: OnAmbiguousStart,
        wait_for_completion: bool,
        is_new: bool = False,
    ) -> None:
        self._client = client
        self._record = record
        self._project_id = known_project_id(project_id)
        self._on_ambiguous_start = on_ambiguous_start
        self._wait_for_completion = wait_for_completion
        self._is_new = is_new

    def previous_run(self) -> Mapping[str, Any] | None:
        """Return the previous attempt's run, None if it has none that matters.

        :raises HexAmbiguousStart: it is unknown which run the previous attempt started, if any.
        """
        if self._record.failure:
            log.info("Starting another run, because the previous attempt's run failed. %s", self._record.failure)
            return None
        if self._record.success and not self._record.is_retry:
            log.info("Starting another run, because the task was cleared after its success.")
            return None
        return self._record.run or self._reconciled()

    def resolve(self, known: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """Return the previous attempt's run if this attempt is to re-attach to it, None if it is to start another.

        :param known: the run, as far as it is known.
        :raises HexError: the run could neither be polled nor cancelled.
        """
        project_id = known.get("projectId", self._project_id)
        same_project = project_id.lower() == self._project_id.lower()
        run = self._poll(project_id, known, same_project)
        action = decide(
            run,
            is_retry=self._record.is_retry,
            same_project=same_project,
            wait_for_completion=self._wait_for_completion,
        )
        status = "gone, or the token's owner has no access to it" if run is None else run.get("status", "unknown")
        log.info("The previous attempt's run is %s: %s", status, link_to(known))
        if action is Recovery.REATTACH:
            log.info("Re-attaching to it.")
            return run
        if action is Recovery.CANCEL_AND_START:
            ended = self._cancel(project_id, known, is_gone=run is None)
            if ended and self._record.is_retry and same_project and RunStatus.of(ended).is_success:
                return ended
        return None

    def _cancel(self, project_id: str, known: Mapping[str, Any], *, is_gone: bool) -> Run | None:
        """Cancel the previous run. Return it if it had ended.

        :raises HexError: it could not be cancelled, and is not gone.
        """
        why = "its project changed" if self._record.is_retry else "the task was cleared"
        why = "it may still be running" if is_gone else why
        log.warning("Cancelling the previous run, because %s: %s", why, link_to(known))
        try:
            found = self._client.carry_out(steps.cancel(project_id, known["runId"], is_new=self._is_new))
        except HexRequestRejected as error:
            if not is_gone:
                raise
            log.warning("%s", error)
            return None
        log.info("%s", outcome_of_cancel(found))
        return None if isinstance(found, HexRunGone) else found

    def _reconciled(self) -> StartedRun | None:
        """Return the run that the previous attempt's RunProject started, None if there is none to consider."""

        def is_candidate(run: Run) -> bool:
            status = RunStatus.of(run)
            if run["runId"] == self._record.earlier_run_id:
                return False
            return not status.is_terminal or (self._record.is_retry and status.is_success)

        if self._record.request is None:
            return None
        return reconcile(
            self._client,
            self._record.project_id or self._project_id,
            self._record.request,
            self._on_ambiguous_start,
            is_candidate=is_candidate,
            clock_skew=_MAX_CLOCK_SKEW,
        )

    def _poll(self, project_id: str, known: Mapping[str, Any], same_project: bool) -> Mapping[str, Any] | None:
        """Return the run as it is now, None if it is gone, and as it was recorded if Hex does not respond."""
        try:
            return self._client.carry_out(steps.poll(project_id, known["runId"], is_new=self._is_new))
        except HexError as error:
            # The project may be gone too. If the task runs another one now, that must not end it for ever.
            is_rejected = isinstance(error, HexRequestRejected) and error.status in steps.MAY_BE_GONE
            is_gone = isinstance(error, HexRunGone) or (is_rejected and not same_project)
            if not is_gone and not error.transient:
                raise
            log.warning("%s", error)
            return known if error.transient else None


def reconcile(
    client: HexClient,
    project_id: str,
    request: StartRequest,
    on_ambiguous_start: OnAmbiguousStart,
    is_candidate: Callable[[Run], bool],
    clock_skew: float = 0.0,
) -> StartedRun | None:
    """Find the run of a RunProject whose response was lost.

    :param client: a client for the task's connection.
    :param project_id: the project that the request was for.
    :param request: the request.
    :param on_ambiguous_start: see :data:`~airflow_provider_hex.api.start.OnAmbiguousStart`.
    :param is_candidate: whether a run counts.
    :param clock_skew: seconds by which this machine's clock may differ from the sender's.
    :return: the run, None if the request started none.
    :raises HexAmbiguousStart: it is unknown which run it started, if any.
    """
    sent = datetime.fromtimestamp(request.sent_at, UTC).isoformat(timespec="seconds")
    error = HexError(
        f"RunProject for project {known_project_id(project_id)} was sent at {sent}, and its response was lost."
    )
    procedure = start.reconcile(
        project_id,
        StartRequest(request.sent_at - clock_skew, request.default_options),
        error,
        until=request.sent_at + client.config.read_timeout + clock_skew,
        on_ambiguous_start=on_ambiguous_start,
        grace=max(request.sent_at + client.config.start_grace - time.time(), 0.0),
        is_candidate=is_candidate,
    )
    return client.carry_out(procedure)
