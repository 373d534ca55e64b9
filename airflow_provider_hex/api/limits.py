"""When to ask Hex again. Pure: the time is a parameter."""

from __future__ import annotations

import math
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

SHORTEST_POLL = 2.0
LONGEST_POLL = 30.0
LONGEST_LIMIT = 3600.0
"""Seconds for which Hex's longest limit lasts: 60 runs an hour. No header is believed beyond it."""


def retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """Return the seconds that a ``Retry-After`` header asks to wait, or None if none makes sense.

    :param headers: a response's headers.
    :param now: the time in epoch seconds, for a header that names a date.
    """
    value = next((v for k, v in headers.items() if k.lower() == "retry-after"), "").strip()
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(value).timestamp() - now
        except ValueError:
            return None
    return min(max(seconds, 0.0), LONGEST_LIMIT) if math.isfinite(seconds) else None


def next_poll(waited: float, poll_interval: float | None = None, wait_at_least: float | None = None) -> float:
    """Return the seconds until a run should be looked at again.

    Without a ``poll_interval``: a tenth of the time already waited, from 2 to 30 seconds, so that a quick
    failure shows quickly and an hour's run does not use up the limit of 60 requests a minute.

    :param waited: seconds since somebody began to wait for the run.
    :param poll_interval: seconds between two looks, where the user chose them.
    :param wait_at_least: what Hex asked for in its last answer.
    """
    pause = min(max(waited / 10, SHORTEST_POLL), LONGEST_POLL) if poll_interval is None else poll_interval
    return max(pause, wait_at_least or 0.0)
