"""When to look at a run again, and whose turn it is. No I/O, no clock.

``docs/benchmarks.md`` shows what that comes to.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from typing import Generic, TypeVar

from airflow_provider_hex.api.rate_limit import WINDOW

K = TypeVar("K", bound=Hashable)

SHORTEST_PAUSE = 2.0
LONGEST_PAUSE = 120.0
"""Seconds between two looks at the most, where nothing is known of how long the run may still take."""
SHARE = 0.1
"""The pause as a share of the time waited, where nothing is known."""

LOOK_WORTH = 1.0
"""Seconds for which a run has to be expected to have lain ended and unseen before a look is worth its request."""
_STANDS_FOR = tuple(1.0 + step / 40 for step in range(-10, 11))
"""What a past run tells of the next one: it may take a quarter less to a quarter more, all of that alike."""


def next_poll_delay(waited: float, *, poll_interval: float | None = None, past: Sequence[float] = ()) -> float:
    """Return the seconds until a run should be looked at again.

    A user's ``poll_interval`` is obeyed. Without one, and knowing nothing of past runs, the pause is a tenth of the
    time waited, from 2 to 120 seconds: a quick failure shows quickly, an hour's run a minute late on average.

    Past runs tell more. Of those that took longer than this one has been waited for, how long would each have lain
    ended and unseen by a given moment? The next look is when the mean of that reaches :data:`LOOK_WORTH`: few looks
    while none could have ended, many when most do. (Where runs end at a rate of h per second, the pause so becomes
    √(2/h) seconds, which trades looks for delay at the same price everywhere.) Each past run stands for many,
    from a quarter shorter to a quarter longer.

    A run may also be like none before. So the pause is never longer than the time waited times the share of past
    runs that took longer, unless it would be without knowing them: where the budget allows, a run is known to have
    ended by twice its length, and after the longest of them it is as if there were none.

    :param waited: seconds since somebody began to wait for the run.
    :param poll_interval: seconds between two looks, where the user chose them.
    :param past: how long past runs of its project took, in seconds, in any order; what makes no sense is ignored.
    """
    if poll_interval is not None:
        return poll_interval
    waited = max(0.0, waited)
    unknowing = min(max(SHARE * waited, SHORTEST_PAUSE), LONGEST_PAUSE)
    lengths = [length * share for length in past if 0 < length < math.inf for share in _STANDS_FOR]
    ahead = sorted(length - waited for length in lengths if length > waited)
    if not ahead:
        return unknowing
    longest = max(unknowing, waited * (len(ahead) / len(lengths)))
    return max(SHORTEST_PAUSE, min(longest, _until_unseen(ahead, LOOK_WORTH)))


def _until_unseen(ends: Sequence[float], seconds: float) -> float:
    """Return when runs that end at these moments, in order, will have lain unseen for so many seconds, on average."""
    enough = seconds * len(ends)
    when = math.inf
    for ended, (end, following) in enumerate(zip(ends, [*ends[1:], math.inf], strict=True), 1):
        enough += end  # after this end and before the following one: ended * when - sum of the ends = enough
        when = enough / ended
        if when <= following:
            break
    return when


def apart(per_minute: int) -> float:
    """Return the seconds that two requests should be apart: half of what would spread the budget evenly.

    Without it, many who begin to wait together use up a minute's budget at once, and nobody sees anything for
    the rest of that minute.

    :param per_minute: the budget, as for :class:`rate_limit.RateLimiter`.
    """
    return WINDOW / per_minute / 2


class Schedule(Generic[K]):
    """Whose turn it is: always whoever is most overdue, so that nobody waits for more than one turn of each other."""

    def __init__(self) -> None:
        self._due: dict[K, float] = {}

    def put(self, key: K, due: float) -> None:
        """Take note of when somebody is to be looked at, in place of what was known.

        :param due: when, in epoch seconds. Never in the past, or others may starve.
        """
        self.drop(key)  # and so to the end of those who are due at the same time
        self._due[key] = due

    def drop(self, key: K) -> None:
        """Forget somebody, who need not be known."""
        self._due.pop(key, None)

    def next(self) -> tuple[K, float] | None:
        """Return who is most overdue, or will be due first, and when; None when nobody waits."""
        return min(self._due.items(), key=lambda item: item[1], default=None)
