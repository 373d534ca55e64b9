"""Waiting for one run: what to make of each look at it, and when to look next. No I/O, no clock."""

from __future__ import annotations

import logging

from airflow_provider_hex.api import explain, limits
from airflow_provider_hex.api.errors import HexError, add_sentence
from airflow_provider_hex.api.models import Run, RunStatus

log = logging.getLogger(__name__)


class RunWatch:
    """What is known of a run that somebody waits for.

    :param started_at: when the waiting began, in epoch seconds.
    :param poll_interval: seconds between two looks; by default :func:`limits.next_poll` chooses.
    :param timeout: seconds to wait at the most, counted from ``started_at``; by default there is no end.
    """

    def __init__(
        self,
        project_id: str,
        run_id: str,
        *,
        started_at: float,
        poll_interval: float | None = None,
        timeout: float | None = None,
    ) -> None:
        self.project_id = project_id
        self.run_id = run_id
        self.started_at = started_at
        self.poll_interval = poll_interval
        self.timeout = timeout
        self._run: Run | None = None
        self._retry_after: float | None = None

    def saw(self, run: Run) -> bool:
        """Take note of a look at the run, and return whether it has ended."""
        if self._run is None or self._run["status"] != run["status"]:
            known = "" if RunStatus.of(run) is not RunStatus.UNKNOWN else ", a status that is not known here"
            log.info("%s is %s%s.", explain.describe(run), run["status"], known)
        self._run, self._retry_after = run, None
        return RunStatus.of(run).is_terminal

    def missed(self, error: HexError) -> None:
        """Take note of a look that failed.

        :raises HexError: the error itself, unless it is one that passes.
        """
        if not error.transient:
            url = f" The run: {self._run['runUrl']}." if self._run and self._run.get("runUrl") else ""
            add_sentence(error, f"It ends the wait for run {self.run_id}.{url}")
            raise error
        log.warning("Looking at Hex run %s failed; it will be looked at again. %s", self.run_id, error)
        self._retry_after = error.retry_after

    def pause(self, now: float, at_least: float = 0.0) -> float:
        """Return the seconds until the next look.

        :param at_least: seconds for which the client's pace allows none.
        :raises HexRunTimeout: if the time is up.
        """
        waited = now - self.started_at
        pause = limits.next_poll(waited, self.poll_interval, max(self._retry_after or 0.0, at_least))
        if self.timeout is None:
            return pause
        if waited >= self.timeout:
            raise explain.run_timeout(self.project_id, self.run_id, self._run, self.timeout)
        return min(pause, self.timeout - waited)


def require_completed(run: Run) -> Run:
    """Return a run that has completed.

    :raises HexRunFailed: for one in any other state.
    """
    if not RunStatus.of(run).is_success:
        raise explain.run_failed(run)
    return run
