"""What could be done with the same requests, if more were known.

The *oracle* sends a status request every two seconds, as many as Hex's limit allows. It knows the true distribution of
every run's length, where we know some past runs at most, and polls the project whose runs are expected to have ended
for the longest time. That is the best rule known for such problems (a Whittle index), but not proven to be the best.
"""

from __future__ import annotations

import heapq
import math
from bisect import bisect_right
from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import pairwise
from statistics import NormalDist, fmean

from benchmarks.polling import workload
from benchmarks.polling.waited import Outcome, Waited
from benchmarks.polling.workload import Project, Run

SPACING = 2.0
"""Seconds between two requests: 30 a minute."""

_NORMAL = NormalDist()
_STEPS = 400
_LAST = 20_000.0
"""Seconds beyond which no run lasts."""


class Odds:
    """The distribution of a run's length, a mix of projects: each a log-normal beside its quick failures.

    :param projects: the usual length of each project's runs, and the sigma of its logarithm.
    """

    def __init__(self, projects: Sequence[tuple[float, float]]) -> None:
        self._moments = [0.0, *(2.0 * (_LAST / 2.0) ** (step / _STEPS) for step in range(_STEPS + 1))]
        ended = [fmean(_ended(moment, *project) for project in projects) for moment in self._moments]
        self._alive = [1.0 - share for share in ended]
        self._delay = [0.0]  # for how long runs will have ended at each moment, on average
        for (one, other), (before, after) in zip(pairwise(self._moments), pairwise(ended), strict=True):
            self._delay.append(self._delay[-1] + (other - one) * (before + after) / 2)
        self._ended = ended

    def expected_delay(self, since: float, until: float) -> float:
        """Return for how long a run will have ended at a moment, on average, if it has not ended before."""
        alive = self._at(self._alive, since)
        if alive < 1e-9:
            return until - since
        delay = (
            self._at(self._delay, until) - self._at(self._delay, since) - self._at(self._ended, since) * (until - since)
        )
        return max(delay, 0.0) / alive

    def _at(self, values: Sequence[float], moment: float) -> float:
        index = min(bisect_right(self._moments, moment), len(values) - 1)
        low, high = self._moments[index - 1], self._moments[index]
        return values[index - 1] + (values[index] - values[index - 1]) * (moment - low) / (high - low)


def _ended(moment: float, usual: float, spread: float) -> float:
    """Return the share of a project's runs that end by a moment."""
    if moment <= 0:
        return 0.0
    low, high = workload.QUICK
    quick = math.log(min(max(moment, low), high) / low) / math.log(high / low)
    slow = _NORMAL.cdf(math.log(moment / usual) / spread)
    return workload.QUICK_FAILURES * quick + (1 - workload.QUICK_FAILURES) * slow


@lru_cache(maxsize=100_000)
def odds_of(project: Project) -> Odds:
    """Return the distribution of a project's runs."""
    return Odds([(project.usual, project.spread)])


@lru_cache
def odds_of_all() -> Odds:
    """Return the distribution of all runs, where a run's project is not known: 50 projects stand for the mix."""
    return Odds(
        [
            (_spaced(between, (step + 0.5) / count), _spaced(workload.SPREAD, (spread + 0.5) / 5))
            for share, between in workload.KINDS
            for count in [round(share * 10)]
            for step in range(count)
            for spread in range(5)
        ]
    )


def _spaced(between: tuple[float, float], share: float) -> float:
    low, high = between
    return float(low * (high / low) ** share)


def oracle(runs: Sequence[Run], odds: Callable[[Run], Odds]) -> Outcome:
    """Wait for runs.

    :param runs: the runs.
    :param odds: returns the distribution of a run's length.
    """
    waits = [Waited(run) for run in runs]
    starting = [(run.start, number) for number, run in enumerate(runs)]
    heapq.heapify(starting)
    polled: dict[int, float] = {}
    now, requests = 0.0, 0
    while starting or polled:
        if not polled:
            now = max(now, starting[0][0])
        while starting and starting[0][0] <= now:
            moment, number = heapq.heappop(starting)
            polled[number] = moment
        worth: dict[int, float] = {}
        for number, since in polled.items():
            run = runs[number]
            delay = odds(run).expected_delay(since - run.start, now - run.start)
            worth[run.project] = worth.get(run.project, 0.0) + delay
        project = max(worth, key=lambda project: worth[project])
        requests += 1
        for number in [number for number in polled if runs[number].project == project]:
            polled[number] = now
            if runs[number].end <= now:
                waits[number].late = now - runs[number].end
                del polled[number]
        now += SPACING
    return Outcome(waits, requests, 0)
