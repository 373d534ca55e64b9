"""Waiting for one run: what to make of each look at it, and when to look next. No I/O, no clock."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from airflow_provider_hex.api import error_messages, poll_schedule
from airflow_provider_hex.api.errors import HexError, HexRunTimeout, add_sentence
from airflow_provider_hex.api.models import Run, RunStatus

log = logging.getLogger(__name__)


class RunWatch:
    """What is known of a run that somebody waits for.

    :param started_at: when the waiting began, in epoch seconds.
    :param poll_interval: seconds between two looks; by default :func:`poll_schedule.next_poll_delay` chooses.
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
            log.info("%s is %s%s.", error_messages.describe(run), run["status"], known)
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

    def first_look(self, now: float) -> float:
        """Return the time of the first look: soon after the waiting began, now if that is longer ago."""
        return max(now, self.started_at + poll_schedule.next_poll_delay(0.0, poll_interval=self.poll_interval))

    def pause(self, now: float, at_least: float = 0.0, past: Sequence[float] = (), stretch: float = 1.0) -> float:
        """Return the seconds until the next look.

        :param at_least: seconds for which the client's pace allows none.
        :param past: the seconds that runs of the project have taken, as far as they are known.
        :param stretch: by how much to lengthen a pause that the user did not choose.
        :raises HexRunTimeout: if the time is up.
        """
        pause = poll_schedule.next_poll_delay(now - self.started_at, poll_interval=self.poll_interval, past=past)
        pause = max(pause * (1.0 if self.poll_interval else stretch), self._retry_after or 0.0, at_least)
        left = self.left(now)
        if left is not None and left <= 0:
            raise self.timed_out()
        return pause if left is None else min(pause, left)

    def left(self, now: float) -> float | None:
        """Return the seconds that are left of the time, None if there is no end."""
        return None if self.timeout is None else self.started_at + self.timeout - now

    def timed_out(self) -> HexRunTimeout:
        """Return the error of a wait whose time is up."""
        return error_messages.run_timeout(self.project_id, self.run_id, self._run, self.timeout or 0.0)


def duration(run: Run) -> float | None:
    """Return the seconds that a run took, None if it has not ended or Hex does not say."""
    elapsed = run.get("elapsedTime")
    known = RunStatus.of(run).is_terminal and isinstance(elapsed, (int, float)) and not isinstance(elapsed, bool)
    return elapsed / 1000 if known and elapsed is not None else None


def require_completed(run: Run) -> Run:
    """Return a run that has completed.

    :raises HexRunFailed: for one in any other state.
    """
    if not RunStatus.of(run).is_success:
        raise error_messages.run_failed(run)
    return run
