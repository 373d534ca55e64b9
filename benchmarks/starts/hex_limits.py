"""Hex's limits of starts, as models, and the earliest starts that they allow."""

from __future__ import annotations

import heapq
import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

MINUTE, HOUR = 60.0, 3600.0


@dataclass(frozen=True)
class Limits:
    """What Hex allows.

    :param per_minute: starts a minute, None for any number.
    :param per_hour: starts an hour, None for any number.
    :param kernels: runs at the same time, None for any number.
    :param sliding: whether a start counts for a minute or an hour; else all of them count until the end of a window
        that begins with its first start.
    :param headers: whether a 429 has the header ``Retry-After``.
    """

    per_minute: int | None
    per_hour: int | None
    kernels: int | None = None
    sliding: bool = True
    headers: bool = False


@dataclass(frozen=True)
class Refusal:
    """A refused start.

    :param status: 429 for a rate limit, 503 for the kernel limit.
    :param retry_after: seconds until the limit ends, None if Hex does not say.
    """

    status: int
    retry_after: float | None = None


class Window:
    """A limit of starts in a time."""

    def __init__(self, count: int, seconds: float, *, sliding: bool) -> None:
        self._count, self._seconds, self._sliding = count, seconds, sliding
        self._started: deque[float] = deque()

    def free_at(self) -> float:
        """Return when the limit allows the next start."""
        if len(self._started) < self._count:
            return -math.inf
        return self._started[-self._count if self._sliding else 0] + self._seconds

    def start(self, now: float) -> None:
        """Count a start."""
        if not self._sliding and self._started and now >= self._started[0] + self._seconds:
            self._started.clear()
        self._started.append(now)


class Hex:
    """Hex, as far as it concerns starts: it allows them, or refuses them.

    :param limits: what it allows.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        per = ((limits.per_minute, MINUTE), (limits.per_hour, HOUR))
        self._windows = [Window(count, seconds, sliding=limits.sliding) for count, seconds in per if count]
        self._ends: list[float] = []
        self.started: list[float] = []
        self.refused = 0
        self.silence = 0.0
        """The longest time without a start in which one was possible."""
        self._possible = 0.0

    def start(self, now: float, length: float) -> Refusal | None:
        """Start a run if the limits allow it.

        :param now: the time.
        :param length: how long the run takes.
        """
        free = max((window.free_at() for window in self._windows), default=-math.inf)
        if free > now:
            self.refused += 1
            return Refusal(429, free - now if self._limits.headers else None)
        if self._kernel_free_at(now) > now:
            self.refused += 1
            return Refusal(503)
        self.silence = max(self.silence, now - self._possible)
        for window in self._windows:
            window.start(now)
        heapq.heappush(self._ends, now + length)
        self.started.append(now)
        self._possible = self.possible_at(now)
        return None

    def possible_at(self, now: float) -> float:
        """Return when the next start is possible."""
        return max([now, self._kernel_free_at(now), *(window.free_at() for window in self._windows)])

    def _kernel_free_at(self, now: float) -> float:
        while self._ends and self._ends[0] <= now:
            heapq.heappop(self._ends)
        kernels = self._limits.kernels
        return now if kernels is None or len(self._ends) < kernels else self._ends[0]


def earliest(limits: Limits, lengths: Sequence[float]) -> list[float]:
    """Return the earliest starts of runs of these lengths that the limits allow, with all known and no delay."""
    hex_, now = Hex(limits), 0.0
    for length in lengths:
        now = hex_.possible_at(now)
        hex_.start(now, length)
    return hex_.started
