"""Hex's rate limits of one token's owner, for all processes together. A request that is rate-limited counts, too."""

from __future__ import annotations

import math

STATUS_CALLS = ("GetRunStatus", "GetProjectRuns", "GetProject")


class Window:
    """A limit of requests in a window from the first request on.

    :param most: the requests that it allows.
    :param seconds: how long it lasts.
    """

    def __init__(self, most: int, seconds: float) -> None:
        self._most, self._seconds = most, seconds
        self._opened, self._count = -math.inf, 0

    def allows(self, now: float) -> bool:
        """Count a request, and return whether it is within the limit."""
        if now - self._opened >= self._seconds:
            self._opened, self._count = now, 0
        self._count += 1
        return self._count <= self._most


class Limits:
    """The limits of a year.

    :param year: 2026: 30 status requests a minute and 1,800 an hour, and 60 requests a minute of all calls.
        2025: the last one only.
    """

    def __init__(self, year: int) -> None:
        self._all = Window(60, 60.0)
        self._status = [Window(30, 60.0), Window(1800, 3600.0)] if year >= 2026 else []

    def allows(self, call: str, now: float) -> bool:
        """Count a request, and return whether its response is anything but 429."""
        windows = [self._all, *(self._status if call in STATUS_CALLS else [])]
        counted = [window.allows(now) for window in windows]
        return all(counted)
