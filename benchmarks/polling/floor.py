"""The least delay that any choice of polls could have, if the odds of every run's length were known.

For a price per poll, the best moments follow backwards from the longest run (dynamic programming over a grid of
moments). A higher price means fewer polls; the price is chosen so that they are as many as those of the policy that
is compared with the floor.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist, fmean

from benchmarks.polling import workload

_NORMAL = NormalDist()
_MOMENTS = 240
_EDGE = 3.5
"""Sigmas beyond which a run's length is neglected."""


@dataclass(frozen=True)
class Odds:
    """What is known of a run's length: a mix of projects, each a log-normal beside its quick failures."""

    projects: tuple[tuple[float, float], ...]

    def moments(self) -> list[float]:
        """Return a grid that is fine where runs may end."""
        lengths = {workload.QUICK[0] * (workload.QUICK[1] / workload.QUICK[0]) ** (step / 30) for step in range(31)}
        per_project = max(_MOMENTS // len(self.projects), 4)
        for usual, spread in self.projects:
            steps = (2 * _EDGE * step / per_project - _EDGE for step in range(per_project + 1))
            lengths |= {usual * math.exp(spread * step) for step in steps}
        return [0.0, *sorted(lengths)]

    def until(self, moment: float, power: int) -> float:
        """Return the mean of length**power (-1, 0 or 1) over the runs that end by the moment, as a share of all."""
        if moment <= 0.0:
            return 0.0
        slow = fmean(_log_normal(moment, usual, spread, power) for usual, spread in self.projects)
        quick = _log_uniform(moment, *workload.QUICK, power)
        return workload.QUICK_FAILURES * quick + (1 - workload.QUICK_FAILURES) * slow


def _log_normal(moment: float, usual: float, spread: float, power: int) -> float:
    z = math.log(moment / usual) / spread
    return math.exp(power * math.log(usual) + (power * spread) ** 2 / 2) * _NORMAL.cdf(z - power * spread)


def _log_uniform(moment: float, low: float, high: float, power: int) -> float:
    moment, scale = min(max(moment, low), high), math.log(high / low)
    return math.log(moment / low) / scale if power == 0 else (moment**power - low**power) / (power * scale)


class Best:
    """The best moments to poll runs of the same odds.

    :param share: count the delay as a share of the run's length, not in seconds.
    """

    def __init__(self, odds: Odds, *, share: bool) -> None:
        self._moments = odds.moments()
        ended = [odds.until(moment, 0) for moment in self._moments]
        low = [odds.until(moment, -1 if share else 0) for moment in self._moments]
        high = [odds.until(moment, 0 if share else 1) for moment in self._moments]
        self._left = [1.0 - share_ended for share_ended in ended]
        count = len(self._moments)
        self._late = [
            [self._moments[k] * (low[k] - low[j]) - (high[k] - high[j]) for k in range(count)] for j in range(count)
        ]

    def polls_and_delay(self, price: float) -> tuple[float, float]:
        """Return the polls per run and the mean delay.

        :param price: the delay that a poll is worth, in seconds or as a share.
        """
        last = len(self._moments) - 1
        best = [(0.0, 0.0, 0.0)] * (last + 1)
        k = last
        for j in range(last - 1, -1, -1):
            late, toll = self._late[j], price * self._left[j]
            # The earlier a poll, the earlier the next one: no later k can be the best one any more.
            costs = [late[k] + best[k][0] for k in range(j + 1, k + 1)]
            k = j + 1 + costs.index(min(costs))
            best[j] = (toll + late[k] + best[k][0], self._left[j] + best[k][1], late[k] + best[k][2])
        return best[0][1:]


def floor(odds: Sequence[Best], polls: float) -> float:
    """Return the least mean delay at so many polls per run."""
    low, high = 1e-5, 1e3
    for _ in range(18):
        price = math.sqrt(low * high)
        took, delay = (fmean(values) for values in zip(*(one.polls_and_delay(price) for one in odds), strict=True))
        low, high = (price, high) if took > polls else (low, price)
    return delay


def _spaced(between: tuple[float, float], count: int) -> list[float]:
    low, high = between
    return [low * (high / low) ** ((step + 0.5) / count) for step in range(count)]


@lru_cache
def known(*, share: bool) -> tuple[Best, ...]:
    """Return the odds where each project's own are known: 10 kinds of projects stand for all."""
    return tuple(Best(Odds((project,)), share=share) for project in _projects(2, 5))


@lru_cache
def unknown(*, share: bool) -> tuple[Best, ...]:
    """Return the odds where the mix is known, but not which project a run belongs to."""
    return (Best(Odds(tuple(_projects(10, 5))), share=share),)


def _projects(steps: int, spreads: int) -> list[tuple[float, float]]:
    """Return projects that stand for the mix, as many of each kind as are among five."""
    return [
        (usual, spread)
        for share, between in workload.KINDS
        for usual in _spaced(between, round(share * 5) * steps)
        for spread in _spaced(workload.SPREAD, spreads)
    ]
