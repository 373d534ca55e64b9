"""Hex's rate limits, which count groups of calls apart from each other. Pure: the time is a parameter.

Hex's reference of 2026 allows 30 requests a minute and 1800 an hour about runs, and fewer of others, but says that the
numbers may vary; its overview of 2025 allows 60 a minute of all calls together. No header of them is documented, and no
client has found one. So a client sends few enough for both, reads every known header, and needs none.
See https://learn.hex.tech/docs/api/api-overview.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict, deque
from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from threading import Lock

WINDOW = 60.0
"""Seconds in which Hex counts requests, for most of its limits."""
LONGEST_LIMIT = 3600.0
"""Seconds for which Hex's longest limits last, those of an hour. A longer delay in a header is cut to this."""

_ROUNDING = 1.0
"""Seconds by which a window may end later than it seems: headers are in whole seconds, and requests take time."""
_DEFAULT_PAUSE = 10.0
"""Seconds until the next request after a 429 that does not report when its limit ends; twice as many after another."""
_EARLIEST_EPOCH = 1e9
_EARLIEST_EPOCH_MS = 1e12

_GROUPS = {
    "GetRunStatus": "hex-api",
    "GetProjectRuns": "hex-api",
    "GetProject": "hex-api",
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

    :param per_minute: the maximum number of requests of a group in a minute. All groups together send at most twice
        as many.
    """

    def __init__(self, per_minute: int) -> None:
        self._lock = Lock()
        self._sent: deque[float] = deque(maxlen=2 * per_minute)
        self._groups: dict[str, _Group] = defaultdict(lambda: _Group(per_minute))

    def pause(self, name: str, now: float) -> float:
        """Return the seconds until a request may be sent.

        :param name: the operation's name in Hex's reference.
        :param now: the time in epoch seconds.
        """
        with self._lock:
            group = self._group(name)
            _cut_future(self._sent, now)
            group.cut_future(now)
            until = max(group.not_before, _free(group.sent, now), _free(self._sent, now))
        return max(until - now, 0.0)

    def sent(self, name: str, now: float) -> None:
        """Record that a request is sent.

        :param name: the operation's name in Hex's reference.
        :param now: the time in epoch seconds.
        """
        with self._lock:
            self._sent.append(now)
            self._group(name).sent.append(now)

    def learned(
        self, name: str, headers: Mapping[str, str], now: float, status: int = 200, sent_at: float | None = None
    ) -> None:
        """Record what a response reports about the limit: how many requests are left, and until when.

        If none is left, the next one waits for the reset. If requests at the rate of the last minute would use up
        those that are left, they are spread over the time until the reset.

        :param name: the operation's name in Hex's reference.
        :param headers: the response's headers, in any letter case.
        :param now: the time in epoch seconds.
        :param status: the response's status.
        :param sent_at: when the request was sent, in epoch seconds. If that was before a 429 of the group came, the
            response does not shorten the pause. Default: now.
        """
        longest = LONGEST_LIMIT if name == "RunProject" else WINDOW
        with self._lock:
            self._group(name).learned(headers, now, status, longest, now if sent_at is None else sent_at)

    def _group(self, name: str) -> _Group:
        return self._groups[_GROUPS.get(name, "other")]


class _Group:
    """The calls that share a limit: when they were sent, and when the next may be."""

    def __init__(self, per_minute: int) -> None:
        self.sent: deque[float] = deque(maxlen=per_minute)
        self.not_before = 0.0
        self._rate_limited = 0
        self._rate_limited_at = 0.0

    def cut_future(self, now: float) -> None:
        """Cut times that are further ahead than possible, because the clock was set back, so that they pass."""
        _cut_future(self.sent, now)
        self.not_before = min(self.not_before, now + LONGEST_LIMIT + _ROUNDING)
        self._rate_limited_at = min(self._rate_limited_at, now)

    def learned(self, headers: Mapping[str, str], now: float, status: int, longest: float, sent_at: float) -> None:
        """See :meth:`RateLimiter.learned`. A reset after more than ``longest`` seconds is cut."""
        if status == HTTPStatus.TOO_MANY_REQUESTS:
            if now >= self.not_before or not self._rate_limited:  # else it was sent at the same time as another 429
                self._rate_limited += 1
            self._rate_limited_at = now
            asked = retry_after(headers, now)
            self.not_before = max(self.not_before, now + (self._default_pause() if asked is None else asked))
            return
        recent = sum(moment > now - WINDOW for moment in self.sent)
        pause = _pause_after(headers, now, recent, longest)
        until = now + pause if pause else 0.0
        if sent_at < self._rate_limited_at:
            self.not_before = max(self.not_before, until)
        else:
            self.not_before, self._rate_limited = until, 0

    def _default_pause(self) -> float:
        """Return the seconds to wait where Hex does not say: a part of a minute, then a minute each time."""
        return min(_DEFAULT_PAUSE * 2.0 ** min(self._rate_limited - 1, 10), WINDOW)


def _free(sent: deque[float], now: float) -> float:
    """Return when the next request is within the maximum for a minute, in epoch seconds."""
    if len(sent) < (sent.maxlen or 0):
        return now
    return sent[0] + WINDOW + _ROUNDING  # Hex counts them when they arrive


def _cut_future(sent: deque[float], now: float) -> None:
    for index, moment in enumerate(sent):
        sent[index] = min(moment, now)


def retry_after(headers: Mapping[str, str], now: float, status: int = HTTPStatus.TOO_MANY_REQUESTS) -> float | None:
    """Return the seconds to wait that a response asks for, None if it asks for none or is invalid.

    ``Retry-After`` counts first, then, for a 429, the reset of ``RateLimit-*`` and ``X-RateLimit-*``; each in
    seconds, epoch seconds or as a date. Epochs and dates are compared with the response's own ``Date``, so that a
    wrong clock on either side does not matter.

    :param headers: the response's headers, in any letter case.
    :param now: the time in epoch seconds.
    :param status: the response's status.
    """
    values = _limit_headers(headers)
    hex_now = _hex_clock(headers, now)
    asked = _seconds(values.get("retryafter", ""), hex_now)
    if asked is None and status == HTTPStatus.TOO_MANY_REQUESTS:
        return _seconds(values.get("reset", ""), hex_now)
    return asked


def clock_ahead(headers: Mapping[str, str], now: float) -> float | None:
    """Return the seconds by which Hex's clock is ahead of ours, to about a second; None if Hex does not say.

    :param headers: a response's headers, in any letter case.
    :param now: the time in epoch seconds.
    """
    date = next((value for name, value in headers.items() if name.lower() == "date"), "")
    hex_now = _date(date)
    return None if hex_now is None else hex_now - now


def _pause_after(headers: Mapping[str, str], now: float, recent: int, longest: float) -> float:
    """Return the seconds until the next request that a response reports.

    :param recent: how many requests were sent in the last minute.
    :param longest: the seconds for which the limit lasts at most.
    """
    values = _limit_headers(headers)
    left = _number(values.get("remaining", ""))
    reset = _seconds(values.get("reset", ""), _hex_clock(headers, now))
    if left is None or reset is None:
        return 0.0
    reset = min(reset, longest)
    if left <= 0:
        return reset + _ROUNDING
    return reset / left if left * WINDOW < recent * reset else 0.0


def _limit_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Return ``retryafter``, ``remaining`` and ``reset`` from whichever headers carry them.

    The names are not documented: ``RateLimit-Reset``, ``X-RateLimit-Reset``, ``X-Rate-Limit-Reset`` and the
    one header ``RateLimit`` of the newer standard drafts (``remaining=0, reset=7`` or ``"default";r=0;t=7``).
    """
    values: dict[str, str] = {}
    for name, value in headers.items():
        plain = name.lower().replace("-", "").removeprefix("x")
        if plain == "ratelimit":
            values |= {_LONG[key]: text for key, text in re.findall(r"\b(remaining|reset|r|t)=(\d+)", value)}
        elif plain.startswith("ratelimit") or plain == "retryafter":
            values[plain.removeprefix("ratelimit")] = value
    return values


_LONG = {"remaining": "remaining", "r": "remaining", "reset": "reset", "t": "reset"}


def _seconds(value: str, now: float) -> float | None:
    """Read seconds to go, epoch seconds or milliseconds, or a date; None for anything else."""
    number = _number(value)
    if number is None:
        moment = _date(value)
        number = None if moment is None else moment - now
    elif number >= _EARLIEST_EPOCH:
        number = number / (1000 if number >= _EARLIEST_EPOCH_MS else 1) - now
    return None if number is None else min(max(number, 0.0), LONGEST_LIMIT)


def _number(value: str) -> float | None:
    try:
        number = float(value)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _date(value: str) -> float | None:
    try:
        moment = parsedate_to_datetime(value)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None


def _hex_clock(headers: Mapping[str, str], now: float) -> float:
    return now + (clock_ahead(headers, now) or 0.0)
