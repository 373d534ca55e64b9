"""Hex's limits on requests, as its answers tell them. Pure: the time is a parameter."""

from __future__ import annotations

import math
import re
from collections import deque
from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime

WINDOW = 60.0
"""Seconds for which Hex's limit of 60 requests lasts."""
LONGEST_LIMIT = 3600.0
"""Seconds for which Hex's longest limit lasts: 60 runs an hour. No header is believed beyond it."""

_ROUNDED = 1.0
"""Seconds by which a minute may end later than it seems: headers tell whole ones, and requests take their time."""
_BLIND_PAUSE = 10.0
"""Seconds until the next request after a 429 that does not say how long its limit lasts."""
_EARLIEST_EPOCH = 1e9
_EARLIEST_EPOCH_MS = 1e12


class RateLimiter:
    """Keeps one client's requests within the limits: its own, and what Hex's answers say of Hex's.

    RunProject and GetChartImageFromRun have limits of their own besides, so what an answer to one of them says
    counts for requests of the same name alone.

    :param per_minute: how many requests go out in a minute at the most.
    """

    def __init__(self, per_minute: int) -> None:
        self._sent: deque[float] = deque(maxlen=per_minute)
        self._not_before: dict[str, float] = {}

    def pause(self, name: str, now: float) -> float:
        """Return the seconds for which a request of this name has to wait."""
        until = self._not_before.get(_limit_of(name), now)
        if len(self._sent) == self._sent.maxlen:
            until = max(until, min(self._sent[0], now) + WINDOW + _ROUNDED)  # they count when they arrive
        return max(until - now, 0.0)

    def sent(self, now: float) -> None:
        """Take note of a request."""
        self._sent.append(now)

    def learned(self, name: str, headers: Mapping[str, str], now: float, status: int = 200) -> None:
        """Take note of an answer: how many requests Hex says are left, and until when.

        If none is left, the next one waits for the reset. If going on as in the last minute would use up what is
        left, that is spread over the time until the reset.
        """
        values = _limit_headers(headers)
        left = _number(values.get("remaining", ""))
        reset = _seconds(values.get("reset", ""), _own_clock(headers, now))
        recent = sum(moment > now - WINDOW for moment in self._sent)
        pause = 0.0
        if status == 429:
            asked = retry_after(headers, now)
            pause = _BLIND_PAUSE if asked is None else asked
        elif left is not None and reset is not None:
            reset = min(reset, LONGEST_LIMIT if name == "RunProject" else WINDOW)
            if left <= 0:
                pause = reset + _ROUNDED
            elif left * WINDOW < recent * reset:
                pause = reset / left
        self._not_before[_limit_of(name)] = now + pause


def retry_after(headers: Mapping[str, str], now: float, status: int = 429) -> float | None:
    """Return the seconds that an answer asks to wait, or None if it does not, or makes no sense.

    ``Retry-After`` counts first, then, for a 429, the reset of ``RateLimit-*`` and ``X-RateLimit-*``; each in
    seconds, epoch seconds or as a date. Epochs and dates are held against the answer's own ``Date``, so that a clock
    that is wrong, here or there, does no harm.

    :param headers: an answer's headers, in any letter case.
    :param now: the time in epoch seconds.
    :param status: the answer's status.
    """
    values = _limit_headers(headers)
    hex_now = _own_clock(headers, now)
    asked = _seconds(values.get("retryafter", ""), hex_now)
    return _seconds(values.get("reset", ""), hex_now) if asked is None and status == 429 else asked


def clock_ahead(headers: Mapping[str, str], now: float) -> float | None:
    """Return by how many seconds Hex's clock is ahead of ours, to about a second; None if it does not say."""
    date = next((value for name, value in headers.items() if name.lower() == "date"), "")
    told = _date(date)
    return None if told is None else told - now


def _limit_of(name: str) -> str:
    return name if name in ("RunProject", "GetChartImageFromRun") else "requests"


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


def _own_clock(headers: Mapping[str, str], now: float) -> float:
    return now + (clock_ahead(headers, now) or 0.0)
