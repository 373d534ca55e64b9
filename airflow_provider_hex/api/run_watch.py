"""Waiting for one run: what each poll means, and when to poll next. No I/O, no clock."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from typing import Any

from airflow_provider_hex.api import error_messages, poll_schedule, run_lines, steps
from airflow_provider_hex.api.errors import HexError, HexRateLimited, HexRunTimeout, add_sentence
from airflow_provider_hex.api.models import Run, RunStatus
from airflow_provider_hex.api.poll_schedule import UNKNOWN, EndForecast
from airflow_provider_hex.api.steps import Steps

log = logging.getLogger(__name__)

NEW_FOR = 60.0
"""Seconds after its start for which Hex may not show a run yet."""
LAST_POLL_WITHIN = 30.0
"""Seconds beyond a wait's timeout within which its last poll must be possible."""
HEARTBEAT = 60.0
"""Seconds between two log lines that show that a wait goes on."""
_EARLY = 1.0
"""Seconds by which a sleep may end too early for a heartbeat."""
_LAST_POLLS = 4
"""How often the last poll is tried if transient errors make it fail."""
_LAST_POLL_PAUSE = 1.0
"""Seconds between two of these tries."""


class RunWatch:
    """What is known of a run that a task waits for. In its methods, ``now`` is the time in epoch seconds.

    :param started_at: when the wait began, in epoch seconds.
    :param poll_interval: seconds between two polls. Default: see :func:`poll_schedule.next_poll_delay`.
    :param timeout: maximum seconds to wait, counted from ``started_at``. Default: no timeout.
    :param new_until: until when Hex may not show the run yet, in epoch seconds. Default: it shows the run.
    """

    def __init__(
        self,
        project_id: str,
        run_id: str,
        *,
        started_at: float,
        poll_interval: float | None = None,
        timeout: float | None = None,
        new_until: float = 0.0,
    ) -> None:
        self.project_id = project_id
        self.run_id = run_id
        self.started_at = started_at
        self.poll_interval = poll_interval
        self.timeout = timeout
        self.new_until = new_until
        self._run: Run | None = None
        self._polled_at = self._known_at = -math.inf
        self._error: HexError | None = None
        self._last_polls = 0

    def poll(self, now: float) -> Steps[Run]:
        """Return the procedure that polls the run."""
        self.polling(now)
        return steps.poll(self.project_id, self.run_id, is_new=now < self.new_until)

    def polling(self, now: float) -> None:
        """Record that the run is about to be polled."""
        self._polled_at, self._error = now, None

    def not_polled(self) -> None:
        """Record that the run is still to be polled, because a list did not have it, or the rate limit allows none."""
        self._polled_at = self._known_at

    def polled(self, run: Run) -> bool:
        """Record the run as Hex reports it, and log a new status.

        :return: whether it has ended.
        """
        if self._run is None or self._run["status"] != run["status"]:
            waited = None if self._run is None else self._polled_at - self.started_at
            log.info("%s", run_lines.status_line(run, waited))
        self._run, self._known_at = run, self._polled_at
        return RunStatus.of(run).is_terminal

    def poll_failed(self, error: HexError) -> None:
        """Record that a poll failed, and log a transient error.

        :param error: why it failed. If Hex said when to try again, the next poll waits for that.
        :raises HexError: the error itself with the run named, if it is permanent.
        """
        if not error.transient:
            add_sentence(error, "This ends the wait for the run.")
            run_lines.name_run(error, self.known_run)
            raise error
        log_transient_error(error)
        self._error = error
        if self._polled_at >= self.deadline:
            self._last_polls += 1

    @property
    def known_run(self) -> Mapping[str, Any]:
        """The run as last polled, or its ids if no poll succeeded."""
        return self._run or {"projectId": self.project_id, "runId": self.run_id}

    def until_heartbeat(self, now: float) -> float:
        """Return the seconds until the next log line that shows that the wait goes on: one comes each minute."""
        left = HEARTBEAT - (now - self.started_at) % HEARTBEAT
        return left if left > _EARLY else left + HEARTBEAT

    def heartbeat(self, now: float) -> None:
        """Log that the wait goes on, and for how long it has."""
        log.info("%s", run_lines.status_line(self._run, now - self.started_at, now - self._known_at))

    def first_poll(self, now: float) -> float:
        """Return when to poll first, in epoch seconds: soon after the wait began, but neither late nor before now."""
        due = self.started_at + poll_schedule.next_poll_delay(0.0, poll_interval=self.poll_interval)
        return max(now, min(due, self.deadline))

    def expected_delay(self, now: float, forecast: EndForecast) -> float:
        """Return for how long the run will have ended, on average, if it had not when it was last polled.

        :param forecast: how long runs of the project take.
        """
        since = max(self._polled_at - self.started_at, 0.0)
        return forecast.expected_delay(since, max(now - self.started_at, since))

    def pause(
        self,
        now: float,
        *,
        at_least: float = 0.0,
        spaced: float = 0.0,
        forecast: EndForecast = UNKNOWN,
        stretch: float = 1.0,
    ) -> float:
        """Return the seconds until the next poll. The last one is when the timeout is reached, or soon after.

        :param at_least: seconds for which the rate limit allows no poll.
        :param spaced: seconds until polls are evenly spread over the rate limit. The last poll does not wait for it.
        :param forecast: how long runs of the project take.
        :param stretch: factor for a pause that the user did not choose.
        :raises HexRunTimeout: the timeout is reached, and the run was polled since, or cannot be.
        """
        if self._error is not None:  # Hex may ask for a delay
            at_least = max(at_least, self._polled_at + (self._error.retry_after or 0.0) - now)
        if now >= self.deadline:
            return self._pause_before_last_poll(now, at_least)
        waited = now - self.started_at
        pause = poll_schedule.next_poll_delay(waited, poll_interval=self.poll_interval, forecast=forecast)
        pause = max(pause * (1.0 if self.poll_interval else stretch), at_least, spaced)
        return min(pause, self.deadline - now)

    def _pause_before_last_poll(self, now: float, at_least: float) -> float:
        pause = max(at_least, _LAST_POLL_PAUSE) if self._last_polls else at_least
        is_possible = self._last_polls < _LAST_POLLS and now + pause <= self.deadline + LAST_POLL_WITHIN
        if self._known_at >= self.deadline or not is_possible:
            raise self.timed_out()
        return pause

    def left(self, now: float) -> float | None:
        """Return the seconds until the timeout, None if there is none."""
        return None if self.timeout is None else self.deadline - now

    def timed_out(self) -> HexRunTimeout:
        """Return the error for a wait whose timeout is reached."""
        why = self.why_not_polled() if self._known_at < self.deadline else ""
        return error_messages.run_timeout(self.project_id, self.run_id, self._run, self.timeout or 0.0, why)

    def why_not_polled(self) -> str:
        """Return why the last poll was not possible."""
        if self._error is not None:
            return str(self._error)
        if self._polled_at > self._known_at:
            return f"Hex did not respond within {LAST_POLL_WITHIN:g} s."
        return f"the rate limit allows no request within {LAST_POLL_WITHIN:g} s."

    @property
    def deadline(self) -> float:
        """When the timeout is reached, in epoch seconds; infinity if there is none."""
        return math.inf if self.timeout is None else self.started_at + self.timeout


def log_transient_error(error: HexError) -> None:
    """Log that a poll failed, and will be retried.

    :param error: why it failed.
    """
    if isinstance(error, HexRateLimited):  # a reason to wait, and regular where processes share a token
        log.info("A poll was rate-limited, and will be retried. %s", error)
    else:
        log.warning("A poll failed, and will be retried. %s", error)


def require_completed(run: Run) -> Run:
    """Return a run that has completed.

    :raises HexRunFailed: it is in any other state.
    """
    if not RunStatus.of(run).is_success:
        raise error_messages.run_failed(run)
    return run
