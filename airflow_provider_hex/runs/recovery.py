"""What the attempt of a task before the present one has left, and what becomes of it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airflow_provider_hex.api import error_messages
from airflow_provider_hex.api.errors import HexAmbiguousStart, HexError, HexNotFound, HexRequestRejected, add_sentence
from airflow_provider_hex.api.models import RunStatus
from airflow_provider_hex.api.start import OnAmbiguousStart, StartRequest, reconcile

if TYPE_CHECKING:
    from airflow_provider_hex.api.models import Run, StartedRun
    from airflow_provider_hex.hooks.hex import HexHook
    from airflow_provider_hex.runs.run_store import Left, RunStore

log = logging.getLogger(__name__)

_MACHINES_DIFFER = 10.0
"""Seconds by which the clocks of two workers may differ."""


class RunRecovery:
    """The attempt of a task before the present one.

    :param claim: the present attempt's, which tells what the other has noted.
    :param project_id: the project that the task runs now.
    :param on_ambiguous_start: see :data:`~airflow_provider_hex.api.start.OnAmbiguousStart`.
    :param waits: whether the task waits for its run, so that the run must not outlive it.
    """

    def __init__(
        self, hook: HexHook, claim: RunStore, *, project_id: str, on_ambiguous_start: OnAmbiguousStart, waits: bool
    ) -> None:
        self._hook = hook
        self._claim = claim
        self._project_id = project_id
        self._if_start_unclear = on_ambiguous_start
        self._waits = waits
        self.left_run: Mapping[str, Any] | None = None

    def run(self) -> Mapping[str, Any] | None:
        """Return its run, if the present attempt is to have it; see to it that no other is left going.

        :raises HexAmbiguousStart: it asked for a run, and whether it got one could not be settled.
        :raises HexError: its run can neither be looked at nor cancelled.
        """
        if (left := self._claim.left()) is None:
            return None
        if left.over:
            log.info("The attempt before this one has ended, and this one starts a run of its own: %s", left.over)
            return None
        self.left_run = left.run or self._settled(left)
        return None if self.left_run is None else self._taken_over(left, self.left_run)

    def _settled(self, left: Left) -> StartedRun | None:
        def is_candidate(run: Run) -> bool:
            status = RunStatus.of(run)
            return not status.is_terminal or (left.retried and status.is_success)

        if left.asked is None:
            return None
        project_id = left.asked_for or self._project_id
        try:
            return settled(self._hook, project_id, left.asked, self._if_start_unclear, is_candidate, _MACHINES_DIFFER)
        except HexAmbiguousStart:
            self._claim.drop()  # now that somebody is told
            raise

    def _taken_over(self, left: Left, known: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """Return the run if it is to be the present attempt's. If it goes on and is not, cancel it."""
        what, project_id = error_messages.describe(known), known.get("projectId", self._project_id)
        run = self._look(project_id, known, what)
        if run is None:
            return None
        status, is_going = run.get("status", "of an unknown state"), not RunStatus.of(run).is_terminal
        if (
            left.retried
            and project_id.lower() == self._project_id.lower()
            and (is_going or RunStatus.of(run).is_success)
        ):
            log.info("%s of the attempt before this one is %s, and is this one's now.", what, status)
            return run
        if is_going and self._waits:
            self._hook.cancel_run(project_id, run["runId"])
            log.warning("%s, of before the task was cleared or changed, was %s, and is cancelled.", what, status)
        else:
            log.info("%s of the attempt before this one is %s. This one starts its own.", what, status)
        return None

    def _look(self, project_id: str, known: Mapping[str, Any], what: str) -> Mapping[str, Any] | None:
        """Return the run as it is now, None if it is gone."""
        try:
            return self._hook.get_run(project_id, known["runId"])
        except HexNotFound as error:
            log.warning("%s of the attempt before this one is gone: %s", what, error)
            return None
        except HexRequestRejected as error:
            add_sentence(error, f"{what} of the attempt before this one may still be going.")
            if self._claim.has_next_attempt:
                raise error from error
            raise
        except HexError as error:
            if not error.transient:
                raise
            log.warning("%s", error)
            return known


def settled(
    hook: HexHook,
    project_id: str,
    asked: StartRequest,
    on_ambiguous_start: OnAmbiguousStart,
    is_candidate: Callable[[Run], bool] = lambda run: True,
    clocks_differ: float = 0.0,
) -> StartedRun | None:
    """Return the run of a RunProject whose answer nobody got, None if it started none.

    :param is_candidate: whether a run is worth being found.
    :param clocks_differ: seconds by which this machine's clock may differ from that of whoever asked.
    :raises HexAmbiguousStart: that could not be found out.
    """
    at = datetime.fromtimestamp(asked.at, UTC).isoformat(timespec="seconds")
    error = HexError(f"RunProject for project {project_id} was sent at {at}, and nobody got its answer.")
    grace = max(asked.at + hook.config.start_grace - time.time(), 0.0)
    steps = reconcile(
        project_id,
        StartRequest(asked.at - clocks_differ, asked.default_options),
        error,
        until=asked.at + hook.config.read_timeout + clocks_differ,
        on_ambiguous_start=on_ambiguous_start,
        grace=grace,
        is_candidate=is_candidate,
    )
    return hook.client.carry_out(steps)
