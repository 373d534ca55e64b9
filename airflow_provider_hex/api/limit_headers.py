"""What the headers of Hex's responses report about its rate limits. Pure: ``now`` is the time in epoch seconds.

No such header is documented, and no client has found one. All that are in common use are read, in
any letter case.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from http import HTTPStatus

WINDOW = 60.0
"""Seconds in which Hex counts requests, for most of its limits."""
LONGEST_LIMIT = 3600.0
"""Seconds for which Hex's longest limits last, those of an hour. A longer delay in a header is cut to this."""
ROUNDING = 1.0
"""Seconds by which a window may end later than it seems: headers are in whole seconds, and requests take time."""

_EARLIEST_EPOCH = 1e9
_EARLIEST_EPOCH_MS = 1e12


def retry_after(headers: Mapping[str, str], now: float, status: int = HTTPStatus.TOO_MANY_REQUESTS) -> float | None:
    """Return the seconds to wait that a response asks for, None if it asks for none or is invalid.

    ``Retry-After`` counts first, then, for a 429, the reset of ``RateLimit-*`` and ``X-RateLimit-*``; each in
    seconds, epoch seconds or as a date. Epochs and dates are compared with the response's own ``Date``, so that a
    wrong clock on either side does not matter.

    :param status: the response's status.
    """
    values = _limit_headers(headers)
    hex_now = _hex_clock(headers, now)
    asked = _seconds(values.get("retryafter", ""), hex_now)
    if asked is None and status == HTTPStatus.TOO_MANY_REQUESTS:
        return _seconds(values.get("reset", ""), hex_now)
    return asked


def clock_ahead(headers: Mapping[str, str], now: float, sent_at: float | None = None) -> float | None:
    """Return the seconds by which Hex's clock is ahead of ours, to about a second; None if Hex does not say.

    :param sent_at: when the request was sent, in epoch seconds. Hex dated the response after that, and perhaps long
        before ``now``: the smallest difference that is possible counts. Default: now.
    """
    date = next((value for name, value in headers.items() if name.lower() == "date"), "")
    hex_now = _date(date)
    if hex_now is None:
        return None
    return max(hex_now - now, min(hex_now - (now if sent_at is None else sent_at), 0.0))


def reported_pause(headers: Mapping[str, str], now: float, recent: int, longest: float) -> float:
    """Return the seconds until the next request that a response reports.

    If none is left, the next one waits for the reset. If requests at the rate of the last minute would use up
    those that are left, they are spread over the time until the reset.

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
        return reset + ROUNDING
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
