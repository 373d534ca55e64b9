"""Hex's rate limits, which count groups of calls apart from each other. Pure: the time is a parameter.

Hex's reference of 2026 allows 30 requests a minute and 1800 an hour about runs, and fewer of others, but says that the
numbers may vary; its overview of 2025 allows 60 a minute of all calls together. All processes that use a token share
them. So a client sends few enough for both, spreads its polls evenly, learns its share from 429s, and reads every known
header, but needs none. See https://learn.hex.tech/docs/api/api-overview.
"""

from __future__ import annotations

import random
from collections import defaultdict, deque
from collections.abc import Callable, Mapping
from http import HTTPStatus
from threading import Lock

from airflow_provider_hex.api.limit_headers import LONGEST_LIMIT, ROUNDING, WINDOW, reported_pause, retry_after
from airflow_provider_hex.api.request_rate import RequestRate

_DEFAULT_PAUSE = 10.0
"""Seconds until the next request after a 429 that does not report when its limit ends, if none was accepted in the last
minute; twice as many after another."""
_LONGEST_SPACING = 15.0
"""Maximum seconds between two polls for the reason that Hex fails."""

_STATUS = "hex-api"
_GROUPS = {
    "GetRunStatus": _STATUS,
    "GetProjectRuns": _STATUS,
    "GetProject": _STATUS,
    "Me": "hex-api-30rpm",
    "ListCells": "hex-api-30rpm",
    "RunProject": "hex-run-kernel",
    "GetChartImageFromRun": "hex-chart-image",
}
"""The calls that share a limit, by Hex's name of the group. All other calls are one group."""


class RateLimiter:
    """Keeps one client's requests within the limits: its own, and those that Hex's responses report.

    Each group of calls has its own limits. So status requests go on while starts are rate-limited, and a run can be
    cancelled while status requests are. The methods may be called from several threads.
    ``name`` is an operation's name in Hex's reference, and ``now`` the time in epoch seconds.

    :param per_minute: the maximum number of status requests in a minute, and of all other requests together.
    :param draw: returns a random number from 0 to 1.
    """

    def __init__(self, per_minute: int, draw: Callable[[], float] = random.random) -> None:
        self._lock = Lock()
        self._others: deque[float] = deque(maxlen=per_minute)
        self._groups: dict[str, _Group] = defaultdict(lambda: _Group(per_minute, draw))

    def pause(self, name: str, now: float) -> float:
        """Return the seconds until a request may be sent."""
        with self._lock:
            return max(self._not_before(name, now) - now, 0.0)

    def poll_pause(self, name: str, now: float, demand: int = 1) -> float:
        """Return the seconds until a poll should be sent, so that polls are spread evenly over the limit.

        Polls are further apart if Hex accepts fewer, because other processes use the token too, and while it fails.

        :param demand: how many polls wait, see :class:`RequestRate`.
        """
        with self._lock:
            self._group(name).rate.demand = demand
            return max(self._not_before(name, now) - now, self._group(name).spaced() - now, 0.0)

    def sent(self, name: str, now: float) -> None:
        """Record that a request is sent."""
        with self._lock:
            group = self._group(name)
            _append(group.sent, now)
            if group is not self._groups[_STATUS]:
                _append(self._others, now)

    def failed(self, name: str) -> None:
        """Record that no response came to a request."""
        with self._lock:
            self._group(name).failures += 1

    def learned(
        self, name: str, headers: Mapping[str, str], now: float, status: int = 200, sent_at: float | None = None
    ) -> None:
        """Record a response: whether it was rate-limited, and what its headers report about the limit.

        :param headers: the response's headers, in any letter case.
        :param status: the response's status.
        :param sent_at: when the request was sent, in epoch seconds. If that was before a 429 of the group came, the
            response does not shorten the pause. Default: now.
        """
        longest = LONGEST_LIMIT if name == "RunProject" else WINDOW
        with self._lock:
            self._group(name).learned(headers, now, status, longest, now if sent_at is None else sent_at)

    def _not_before(self, name: str, now: float) -> float:
        group = self._group(name)
        group.cut_future(now)
        _cut_future(self._others, now)
        shared = now if group is self._groups[_STATUS] else _free(self._others, now)
        return max(group.not_before, _free(group.sent, now), shared)

    def _group(self, name: str) -> _Group:
        return self._groups[_GROUPS.get(name, "other")]


class _Group:
    """The calls that share a limit: when they were sent, and when the next may be."""

    def __init__(self, per_minute: int, draw: Callable[[], float]) -> None:
        self.sent: deque[float] = deque(maxlen=per_minute)
        self.not_before = 0.0
        self.failures = 0
        self._accepted: deque[float] = deque(maxlen=per_minute)
        self.rate = RequestRate(per_minute, draw)
        self._rate_limited = 0
        self._rate_limited_at = 0.0

    def spaced(self) -> float:
        """Return when the next request is evenly spaced, in epoch seconds."""
        if not self.sent:
            return 0.0
        spacing = self.rate.spacing
        if self.failures > 1:
            spacing = max(spacing, min(spacing * 2.0 ** min(self.failures - 1, 10), _LONGEST_SPACING))
        return self.sent[-1] + spacing

    def cut_future(self, now: float) -> None:
        """Cut times that are further ahead than possible, because the clock was set back, so that they pass."""
        _cut_future(self.sent, now)
        _cut_future(self._accepted, now)
        self.not_before = min(self.not_before, now + LONGEST_LIMIT + ROUNDING)
        self._rate_limited_at = min(self._rate_limited_at, now)

    def learned(self, headers: Mapping[str, str], now: float, status: int, longest: float, sent_at: float) -> None:
        """See :meth:`RateLimiter.learned`. A reset after more than ``longest`` seconds is cut."""
        if status == HTTPStatus.TOO_MANY_REQUESTS:
            self._learned_429(headers, now)
            return
        self.failures = self.failures + 1 if status >= HTTPStatus.INTERNAL_SERVER_ERROR else 0
        _append(self._accepted, now)
        self.rate.accepted()
        recent = sum(moment > now - WINDOW for moment in self.sent)
        pause = reported_pause(headers, now, recent, longest)
        until = now + pause if pause else 0.0
        if sent_at < self._rate_limited_at:
            self.not_before = max(self.not_before, until)
        else:
            self.not_before, self._rate_limited = until, 0

    def _learned_429(self, headers: Mapping[str, str], now: float) -> None:
        recent = [moment for moment in self._accepted if moment > now - WINDOW]
        asked = retry_after(headers, now)
        if now >= self.not_before or not self._rate_limited:  # else it was sent at the same time as another 429
            self._rate_limited += 1
            if asked is None:  # else Hex says when to go on, and there is nothing to learn
                self.rate.rate_limited(len(recent))
        self._rate_limited_at, self.failures = now, 0
        until = now + self._default_pause(recent, now) if asked is None else now + asked
        self.not_before = max(self.not_before, until)

    def _default_pause(self, recent: list[float], now: float) -> float:
        """Return the seconds to wait where Hex does not say: as for a minute's limit, then a minute each time."""
        if recent:
            return recent[0] + WINDOW + ROUNDING - now
        return min(_DEFAULT_PAUSE * 2.0 ** min(self._rate_limited - 1, 10), WINDOW)


def _free(sent: deque[float], now: float) -> float:
    """Return when the next request is within the maximum for a minute, in epoch seconds."""
    if len(sent) < (sent.maxlen or 0):
        return now
    return sent[0] + WINDOW + ROUNDING  # Hex counts them when they arrive


def _cut_future(moments: deque[float], now: float) -> None:
    if moments and moments[-1] > now:
        for index, moment in enumerate(moments):
            moments[index] = min(moment, now)


def _append(moments: deque[float], now: float) -> None:
    _cut_future(moments, now)
    moments.append(now)
