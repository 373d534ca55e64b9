"""Waiting for runs in virtual time, as the published provider does it and as this one does."""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterable
from dataclasses import dataclass

from airflow_provider_hex.api.poll_schedule import PollQueue, min_spacing, next_poll_delay
from airflow_provider_hex.api.rate_limit import RateLimiter
from benchmarks.polling.workload import Run

PER_MINUTE = 30
"""The provider's own limit; the rest of Hex's 60 is for starting runs, and for other clients."""


@dataclass
class Waited:
    """How a wait for a run went.

    :param run: the run.
    :param requests: requests about it. A list counts once, for the run that was due.
    :param polls: how often its status was seen.
    :param late: seconds from its end until that was seen; None if the wait failed by a 429.
    """

    run: Run
    requests: int = 0
    polls: int = 0
    late: float | None = None


class Limit:
    """The limit of 2025: 60 requests a minute over all calls of a token, in a window from the first request on."""

    def __init__(self, per_window: int = 60, window: float = 60.0) -> None:
        self._per_window, self._window = per_window, window
        self._opened = -window
        self._count = 0

    def allows(self, now: float) -> bool:
        """Count a request, and return whether its response is anything but 429."""
        if now - self._opened >= self._window:
            self._opened, self._count = now, 0
        self._count += 1
        return self._count <= self._per_window


def fixed(runs: Iterable[Run], interval: float) -> list[Waited]:
    """Wait as the published provider does: each task polls alone, at a fixed interval, until the first 429."""
    limit, waits = Limit(), [Waited(run) for run in runs]
    events = [(wait.run.start, number, True) for number, wait in enumerate(waits)]
    heapq.heapify(events)
    while events:
        now, number, starts = heapq.heappop(events)
        wait = waits[number]
        wait.requests += not starts
        if not limit.allows(now):
            continue
        if starts:
            heapq.heappush(events, (now, number, False))
            continue
        wait.polls += 1
        if wait.run.end <= now:
            wait.late = now - wait.run.end
        else:
            heapq.heappush(events, (now + interval, number, False))
    return waits


def ours(runs: Iterable[Run], *, with_history: bool) -> list[Waited]:
    """Wait as this provider does: one poller, the real poll queue and rate limiter, and Hex's limit.

    :param with_history: whether it uses how long past runs took, which the lists show.
    """
    waits = [Waited(run) for run in runs]
    poller = _Poller(with_history)
    starting = sorted(waits, key=lambda wait: wait.run.start, reverse=True)
    now = 0.0
    while starting or poller.queue.next():
        at = poller.next_at(now)
        if starting and starting[-1].run.start <= at:
            wait = starting.pop()
            now = max(now, wait.run.start)
            if poller.limit.allows(now):
                poller.add(wait)
        else:
            now = at
            poller.poll(now)
    return waits


class _Poller:
    def __init__(self, with_history: bool) -> None:
        self.queue: PollQueue[int] = PollQueue()
        self.limiter = RateLimiter(PER_MINUTE)
        self.limit = Limit()
        self._with_history = with_history
        self._last = -math.inf
        self._waits: dict[int, Waited] = {}
        self._past: dict[int, tuple[float, ...]] = {}
        self._started: dict[int, list[Run]] = {}

    def add(self, wait: Waited) -> None:
        self._waits[wait.run.number] = wait
        self._started.setdefault(wait.run.project, []).append(wait.run)
        self._put(wait, wait.run.start)

    def next_at(self, now: float) -> float:
        """Return when the next request is sent."""
        first = self.queue.next()
        if first is None:
            return math.inf
        at = max(now, first[1])
        return max(at + self.limiter.pause("GetRunStatus", at), self._last + min_spacing(PER_MINUTE))

    def poll(self, now: float) -> None:
        """Send one request: about the most overdue run, and about all others of its project."""
        first = self.queue.next()
        assert first is not None
        chosen = self._waits[first[0]]
        project = chosen.run.project
        together = [wait for wait in self._waits.values() if wait.run.project == project]
        self.limiter.sent("GetRunStatus", now)
        self._last = now
        chosen.requests += 1
        if not self.limit.allows(now):
            self._forget(chosen)
            return
        if len(together) > 1 or (self._with_history and project not in self._past):
            ended = (run.length for run in self._started[project] if run.end <= now)
            self._past[project] = (*ended, *chosen.run.past)[:100]
        for wait in together:
            wait.polls += 1
            if wait.run.end <= now:
                wait.late = now - wait.run.end
                self._forget(wait)
            else:
                self._put(wait, now)

    def _put(self, wait: Waited, now: float) -> None:
        past = self._past.get(wait.run.project, ()) if self._with_history else ()
        self.queue.put(wait.run.number, now + next_poll_delay(now - wait.run.start, past=past))

    def _forget(self, wait: Waited) -> None:
        self.queue.drop(wait.run.number)
        del self._waits[wait.run.number]
