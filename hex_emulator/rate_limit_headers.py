"""The headers in which a response reports a rate limit. Hex sends some, but does not document their names.

| style | headers |
| --- | --- |
| ``retry-after`` | ``Retry-After`` in seconds, with 429 only |
| ``retry-after-date`` | ``Retry-After`` as an HTTP date, with 429 only |
| ``ratelimit`` | ``RateLimit-Limit``, ``-Remaining`` and ``-Reset``, the last in seconds from now |
| ``x-ratelimit-epoch`` | ``X-RateLimit-*``, the reset in seconds since 1970 |
| ``x-ratelimit-seconds`` | ``X-RateLimit-*``, the reset in seconds from now |

Seconds are real ones, since a client sleeps for real ones (but emulated ones while time stands still). A date or an
epoch is so many seconds after the emulated time, which is in each response's ``Date``.
"""

from collections.abc import Sequence
from datetime import datetime
from math import ceil

from hex_emulator.clock import Clock, http_date
from hex_emulator.limits import HeaderStyle, Quota


def rate_limit_headers(styles: Sequence[HeaderStyle], quota: Quota, clock: Clock, now: datetime) -> dict[str, str]:
    """Return the headers that report a rate limit.

    :param styles: which headers.
    :param quota: the rate limit.
    :param clock: the emulated clock, for its speed.
    :param now: the emulated time.
    :returns: the headers.
    """
    real_seconds = clock.real_seconds(quota.ends - now)
    seconds = ceil(real_seconds)
    epoch = ceil(now.timestamp() + real_seconds)
    headers = {
        "retry-after": _retry_after(quota, str(seconds)),
        "retry-after-date": _retry_after(quota, http_date(epoch)),
        "ratelimit": _counts("RateLimit", quota, seconds),
        "x-ratelimit-epoch": _counts("X-RateLimit", quota, epoch),
        "x-ratelimit-seconds": _counts("X-RateLimit", quota, seconds),
    }
    return {name: value for style in styles for name, value in headers[style].items()}


def _retry_after(quota: Quota, when: str) -> dict[str, str]:
    return {"Retry-After": when} if quota.is_exceeded else {}


def _counts(prefix: str, quota: Quota, reset: int) -> dict[str, str]:
    return {
        f"{prefix}-Limit": str(quota.limit),
        f"{prefix}-Remaining": str(max(0, quota.remaining)),
        f"{prefix}-Reset": str(reset),
    }
