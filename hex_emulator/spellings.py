"""How an answer tells what is left of a limit. Hex sends such headers, but does not say how they are named.

| spelling | headers |
| --- | --- |
| `retry-after` | `Retry-After` in seconds, on 429 only |
| `retry-after-date` | `Retry-After` as an HTTP date, on 429 only |
| `ratelimit` | `RateLimit-Limit`, `-Remaining` and `-Reset`, the last in seconds to go |
| `x-ratelimit-epoch` | `X-RateLimit-*`, the reset in epoch seconds |
| `x-ratelimit-seconds` | `X-RateLimit-*`, the reset in seconds to go |

Seconds to go are real ones, since a client sleeps real ones (but the emulator's own while its time stands still).
A date or an epoch is so many seconds from the emulator's present, which each answer's `Date` tells.
"""

from collections.abc import Sequence
from datetime import datetime
from math import ceil

from hex_emulator.clock import Clock, http_date
from hex_emulator.limits import Quota, Spelling


def rate_limit_headers(spellings: Sequence[Spelling], quota: Quota, clock: Clock, now: datetime) -> dict[str, str]:
    seconds = clock.real_seconds(quota.ends - now)
    to_go = ceil(seconds)
    at = ceil(now.timestamp() + seconds)
    headers = {
        "retry-after": _retry_after(quota, str(to_go)),
        "retry-after-date": _retry_after(quota, http_date(at)),
        "ratelimit": _counts("RateLimit", quota, to_go),
        "x-ratelimit-epoch": _counts("X-RateLimit", quota, at),
        "x-ratelimit-seconds": _counts("X-RateLimit", quota, to_go),
    }
    return {name: value for spelling in spellings for name, value in headers[spelling].items()}


def _retry_after(quota: Quota, when: str) -> dict[str, str]:
    return {"Retry-After": when} if quota.refuses else {}


def _counts(prefix: str, quota: Quota, reset: int) -> dict[str, str]:
    return {
        f"{prefix}-Limit": str(quota.limit),
        f"{prefix}-Remaining": str(max(0, quota.remaining)),
        f"{prefix}-Reset": str(reset),
    }
