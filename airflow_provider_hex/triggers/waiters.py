"""The waits of a poller, grouped by project."""

from __future__ import annotations

import asyncio
import contextvars
import copy
from collections.abc import Iterable

from airflow_provider_hex.api.errors import HexError
from airflow_provider_hex.api.models import Run
from airflow_provider_hex.api.run_watch import RunWatch, duration

_KEPT_DURATIONS = 50
"""How many durations of a project's past runs are kept."""


class Project:
    """A project with the tasks that wait for its runs, and how long its past runs took."""

    def __init__(self, project_id: str) -> None:
        self.id = project_id
        self.waiters: set[Waiter] = set()
        self.listed_at: float | None = None
        self._durations: dict[str, float] = {}  # by run id, the newest run last

    @property
    def needs_list(self) -> bool:
        """Whether to poll the list: for several runs at once, or once for how long past runs took."""
        return len(self.waiters) > 1 or self.listed_at is None

    @property
    def durations(self) -> list[float]:
        """The seconds that past runs took."""
        return list(self._durations.values())

    def learn(self, runs: Iterable[Run]) -> None:
        """Record how long runs took that have ended.

        :param runs: in the order of Hex's lists, the newest first.
        """
        for run in reversed(list(runs)):
            run_id, seconds = run["runId"].lower(), duration(run)
            if seconds is not None and run_id not in self._durations:
                self._durations[run_id] = seconds
        for run_id in list(self._durations)[:-_KEPT_DURATIONS]:
            del self._durations[run_id]


class Waiter:
    """One wait for one run.

    :param watch: the run, and what is known of it.
    :param project: its project.
    """

    def __init__(self, watch: RunWatch, project: Project) -> None:
        self.watch = watch
        self.project = project
        self.run_id = watch.run_id.lower()
        self.ended: asyncio.Future[Run] = asyncio.get_running_loop().create_future()
        self._context = contextvars.copy_context()  # Airflow finds a trigger's own log by it

    def polled(self, run: Run) -> None:
        """Record the run as Hex reports it. The wait ends when the run has ended."""
        if self._context.run(self.watch.polled, run) and not self.ended.done():
            self.ended.set_result(run)

    def poll_failed(self, error: HexError) -> None:
        """Record that a poll failed. A permanent error ends the wait."""
        own = copy.copy(error)  # a sentence that names this wait's run is added to its message
        try:
            self._context.run(self.watch.poll_failed, own)
        except HexError as permanent:
            self._end_with(permanent)

    def fail(self, error: Exception) -> None:
        """End the wait with an error."""
        if isinstance(error, HexError):
            self.poll_failed(error)
        self._end_with(error)

    def timed_out(self) -> None:
        """End the wait, because its timeout is reached."""
        self._end_with(self.watch.timed_out())

    def _end_with(self, error: Exception) -> None:
        if not self.ended.done():
            self.ended.set_exception(error)
