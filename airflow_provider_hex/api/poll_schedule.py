"""When a run may have ended, so when to poll it. No I/O, no clock.

``docs/benchmarks.md`` shows the delays and requests that result.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

SHORTEST_PAUSE = 2.0
"""Minimum seconds between two polls where the end of the run is likely, unless the user chose fewer."""
LONGEST_PAUSE = 4.0
"""Seconds between two polls where the end of the run is unlikely, if the rate limit allows them."""

_WORTH_A_POLL = 0.001
"""The end is likely if a run is expected to have ended by this many seconds, on average, after the shortest pause."""
_VARIATION = 0.25
"""A single past run suggests that the next one takes up to this share less or more, all equally likely."""
_USUAL = 100.0
"""The median of the seconds that a run takes, where nothing is known."""
_UNLIKE = 0.1
"""The minimum share of runs that are unlike all past runs of their project."""


class EndForecast:
    """What is known about how long the runs of a project take.

    A single past run suggests that the next one takes from a quarter less to a quarter more; of several, each suggests
    a narrower range. A run may also be unlike all past ones: then, as for a project without past runs, the longer it
    has taken, the longer it may still take.

    :param past: how long past runs took, in seconds, in any order. Invalid values are ignored.
    """

    def __init__(self, past: Sequence[float] = ()) -> None:
        known = [length for length in past if 0 < length < math.inf]
        varies = _VARIATION / max(len(known), 1) ** 0.2  # Scott's rule
        ranges = [(length * (1 - varies), length * (1 + varies)) for length in known]
        self._ranges = [(shortest, longest) for shortest, longest in ranges if shortest < longest < math.inf]
        self._unlike = max(1.0, _UNLIKE * len(self._ranges))

    def expected_delay(self, since: float, until: float) -> float:
        """Return for how long a run will have ended at some moment, on average, if it has not ended before.

        Where runs end at a rate of h per second, this is about h/2 times the square of the seconds in between.

        :param since: seconds after its start at which the run had not ended.
        :param until: the moment, in seconds after its start.
        """
        # One that is unlike past runs still runs after t seconds with a probability of 1 / (1 + t / _USUAL).
        scale = since + _USUAL
        alive = self._unlike * _USUAL / scale
        delay = alive * (until - since - scale * math.log1p((until - since) / scale))
        for shortest, longest in self._ranges:
            if since < longest:
                first, last = max(shortest, since), min(longest, until)
                alive += (longest - first) / (longest - shortest)
                if first < last:
                    delay += (last - first) * (until - (first + last) / 2) / (longest - shortest)
        return delay / alive


UNKNOWN = EndForecast()
"""The forecast for a project without past runs."""


def next_poll_delay(waited: float, *, poll_interval: float | None = None, forecast: EndForecast = UNKNOWN) -> float:
    """Return the seconds until a run may be polled again, if the rate limit allows it.

    A user's ``poll_interval`` is used as it is. Without one, the pause is 2 seconds if the run may soon have ended, and
    4 seconds if that is unlikely. Where many runs are waited for, the rate limit makes the pauses longer, and those
    runs are polled first whose :meth:`EndForecast.expected_delay` is the greatest.

    :param waited: seconds since the wait for the run began.
    :param poll_interval: seconds between two polls, if the user chose them.
    :param forecast: how long runs of the project take.
    """
    if poll_interval is not None:
        return poll_interval
    waited = max(0.0, waited)
    delay = forecast.expected_delay(waited, waited + SHORTEST_PAUSE)
    return SHORTEST_PAUSE if delay >= _WORTH_A_POLL else LONGEST_PAUSE
