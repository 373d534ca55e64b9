"""The waits of a poller, grouped by project."""

from __future__ import annotations

import asyncio
import contextvars
import copy
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from airflow_provider_hex.api.connection_name import name_connection
from airflow_provider_hex.api.errors import HexError
from airflow_provider_hex.api.models import Run, duration
from airflow_provider_hex.api.poll_schedule import EndForecast
from airflow_provider_hex.api.run_watch import RunWatch

_KEPT_DURATIONS = 25
"""How many durations of a project's past runs are kept."""


class Project:
    """A project with the tasks that wait for its runs, and how long its past runs took."""

    def __init__(self, project_id: str) -> None:
        self.id = project_id
        self.waiters: set[Waiter] = set()
        self.is_listed = False
        self.forecast = EndForecast()
        self._durations: dict[str, float] = {}  # by run id, the newest run last

    def polls(self) -> Iterator[Poll]:
        """Yield the polls that are to be made: one for all runs that the list has, and one for each other run."""
        waiting = [waiter for waiter in self.waiters if not waiter.ended.done()]
        listed = [waiter for waiter in waiting if not waiter.is_unlisted]
        if listed:
            yield Poll(self, listed, is_list=len(listed) > 1 or not self.is_listed)
        for waiter in waiting:
            if waiter.is_unlisted:
                yield Poll(self, [waiter], is_list=False)

    def learn(self, runs: Iterable[Run]) -> None:
        """Record how long runs took that have ended.

        :param runs: in the order of Hex's lists, the newest first.
        """
        self.is_listed = True
        count = len(self._durations)
        for run in reversed(list(runs)):
            run_id, seconds = run["runId"].lower(), duration(run)
            if seconds is not None and run_id not in self._durations:
                self._durations[run_id] = seconds
        if len(self._durations) == count:
            return
        for run_id in list(self._durations)[:-_KEPT_DURATIONS]:
            del self._durations[run_id]
        self.forecast = EndForecast(list(self._durations.values()))


@dataclass(frozen=True)
class Poll:
    """One request, a poll of the runs of these waits.

    :param project: their project.
    :param waiters: the waits.
    :param is_list: whether to poll the project's list: for several runs at once, or once for how long past runs took.
    """

    project: Project
    waiters: list[Waiter]
    is_list: bool

    @property
    def due(self) -> float:
        """When the first of the runs is to be polled, in epoch seconds."""
        return min(waiter.due for waiter in self.waiters)

    @property
    def last_due(self) -> float:
        """When it is due as a last poll, in epoch seconds: there is little time for it, and a wait has few."""
        return min(max(waiter.due, waiter.watch.deadline) for waiter in self.waiters)

    def expected_delay(self, now: float) -> float:
        """Return for how long the runs will have ended, on average and in sum."""
        return sum(waiter.watch.expected_delay(now, self.project.forecast) for waiter in self.waiters)


class Waiter:
    """One wait for one run.

    :param watch: the run, and what is known of it.
    :param project: its project.
    :param connection: the id of its connection, which errors name. Others may have the same token. Default: none.
    """

    def __init__(self, watch: RunWatch, project: Project, connection: str = "") -> None:
        self.watch = watch
        self.project = project
        self._connection = connection
        self.run_id = watch.run_id.lower()
        self.due = 0.0
        self.is_unlisted = False
        self.ended: asyncio.Future[Run] = asyncio.get_running_loop().create_future()
        self._context = contextvars.copy_context()  # Airflow finds a trigger's own log by it

    def polled(self, run: Run) -> None:
        """Record the run as Hex reports it. The wait ends when the run has ended."""
        if self._context.run(self.watch.polled, run) and not self.ended.done():
            self.ended.set_result(run)

    def poll_failed(self, error: HexError) -> None:
        """Record that a poll failed. A permanent error ends the wait."""
        own = copy.copy(error)  # a sentence that names this wait's run is added to its message
        name_connection(own, self._connection)
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
