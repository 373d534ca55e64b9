"""When to poll a run again, and which run to poll next. No I/O, no clock.

``docs/benchmarks.md`` shows the delays and requests that result.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Sequence
from typing import Generic, TypeVar

from airflow_provider_hex.api.rate_limit import WINDOW

K = TypeVar("K", bound=Hashable)

SHORTEST_PAUSE = 2.0
"""Minimum seconds between two polls, unless the user chose fewer."""
LONGEST_PAUSE = 120.0
"""Maximum seconds between two polls, where nothing is known about how long the run may still take."""
SHARE = 0.1
"""The pause as a share of the time waited, where nothing is known."""

EXPECTED_DELAY = 1.0
"""A poll is worth its request when a run is expected to have ended this many seconds ago, on average."""
_VARIATION = tuple(1.0 + step / 40 for step in range(-10, 11))
"""What a past run suggests for the next one: a quarter shorter to a quarter longer, all equally likely."""


def next_poll_delay(waited: float, *, poll_interval: float | None = None, past: Sequence[float] = ()) -> float:
    """Return the seconds until a run should be polled again.

    A user's ``poll_interval`` is used as it is. Without one, and without past runs, the pause is a tenth of the time
    waited, from 2 to 120 seconds: a quick failure is seen quickly, and the end of an hour's run a minute late on
    average.

    With past runs, the next poll is when the expected delay reaches :data:`EXPECTED_DELAY`. The expected delay at a
    moment is how long ago this run has ended by then, as a mean over the past runs that took longer than this one has
    been waited for. So there are few polls while the run is unlikely to have ended, and many when it is likely.
    (Where runs end at a rate of h per second, the pause becomes √(2/h) seconds, so that polls are traded for
    delay at the same price everywhere.) Each past run stands for many, from a quarter shorter to a quarter longer.

    A run may also be unlike all past ones. So the pause is never longer than the time waited times the share of past
    runs that took longer, unless it would be without them: where the rate limit allows it, the end of a run is seen
    by twice its length. After the longest of the past runs, the pause is as if there were none.

    :param waited: seconds since the wait for the run began.
    :param poll_interval: seconds between two polls, if the user chose them.
    :param past: how long past runs of the project took, in seconds, in any order. Invalid values are ignored.
    """
    if poll_interval is not None:
        return poll_interval
    waited = max(0.0, waited)
    by_default = min(max(SHARE * waited, SHORTEST_PAUSE), LONGEST_PAUSE)
    lengths = [length * factor for length in past if 0 < length < math.inf for factor in _VARIATION]
    ahead = sorted(length - waited for length in lengths if length > waited)
    if not ahead:
        return by_default
    longest = max(by_default, waited * (len(ahead) / len(lengths)))
    return max(SHORTEST_PAUSE, min(longest, _until_mean_delay(ahead, EXPECTED_DELAY)))


def _until_mean_delay(ends: Sequence[float], seconds: float) -> float:
    """Return when runs that end at these sorted moments will have ended this many seconds ago, on average."""
    enough = seconds * len(ends)
    when = math.inf
    for ended, (end, following) in enumerate(zip(ends, [*ends[1:], math.inf], strict=True), 1):
        enough += end  # after this end and before the following one: ended * when - sum of the ends = enough
        when = enough / ended
        if when <= following:
            break
    return when


def min_spacing(per_minute: int) -> float:
    """Return the minimum seconds between two requests: half of an even spacing of the rate limit.

    Without it, many waits that begin together use up the requests of a minute at once, and no run's end is seen for
    the rest of that minute.

    :param per_minute: the requests in a minute, as for :class:`rate_limit.RateLimiter`.
    """
    return WINDOW / per_minute / 2


class PollQueue(Generic[K]):
    """Which run to poll next: an urgent one, and else the most overdue.

    So each waits at most for the urgent polls, and for one poll of every other run.
    """

    def __init__(self) -> None:
        self._due: dict[K, float] = {}

    def put(self, key: K, due: float) -> None:
        """Add a run, or change when it is due.

        :param key: the run.
        :param due: when to poll it, in epoch seconds. Never in the past, or others may starve.
        """
        self.drop(key)  # so that it goes behind those that are due at the same time
        self._due[key] = due

    def drop(self, key: K) -> None:
        """Remove a run, if it is in the queue.

        :param key: the run.
        """
        self._due.pop(key, None)

    def next(self, is_urgent: Callable[[K, float], bool] = lambda key, due: False) -> tuple[K, float] | None:
        """Return the run that is to be polled first and when, in epoch seconds; None if the queue is empty.

        :param is_urgent: whether a run that is due at this time comes before all others. If that is so for long, the
            others starve. Default: none does.
        """
        return min(self._due.items(), key=lambda item: (not is_urgent(*item), item[1]), default=None)
