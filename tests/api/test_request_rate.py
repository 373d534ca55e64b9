"""How processes that share a token without knowing of each other share its rate limit, which only 429s report."""

from __future__ import annotations

import heapq
import math
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from random import Random
from statistics import fmean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_hex.api.config import HexConfig
from airflow_provider_hex.api.rate_limit import RateLimiter
from airflow_provider_hex.api.request_rate import RequestRate

NOW = 1_800_000_000.0
LIMIT = 30
MINUTE = 60.0
FULL = 61 / 25


def test_without_429s_requests_are_evenly_spaced_at_the_maximum_rate() -> None:
    rate = RequestRate(25)
    assert rate.spacing == FULL
    for _ in range(100):
        rate.accepted()
        assert rate.spacing == FULL


def test_after_a_429_the_rate_is_what_hex_accepted_in_the_last_minute_less_a_quarter() -> None:
    rate = RequestRate(25, lambda: 0.5)
    rate.rate_limited(recent=8)
    assert rate.per_minute == 6
    assert rate.spacing == pytest.approx(61 / 6)


def test_a_429_never_raises_the_rate() -> None:
    """A process that sent little in the last minute, or a lot before, learns from its rate."""
    rate = RequestRate(25)
    rate.rate_limited(recent=8)
    rate.rate_limited(recent=20)
    assert rate.per_minute == 4.5


def test_the_rate_is_never_so_low_that_no_poll_is_sent_for_minutes() -> None:
    rate = RequestRate(25, lambda: 1.0)
    for _ in range(100):
        rate.rate_limited(recent=0)
        assert rate.spacing <= 160


def test_the_rate_rises_faster_the_longer_there_was_no_429() -> None:
    rate, gains = RequestRate(25), []
    rate.rate_limited(recent=8)
    for _ in range(30):
        before = rate.per_minute
        rate.accepted()
        gains.append(rate.per_minute - before)
    assert gains == sorted(gains)
    rate.rate_limited(recent=8)
    before = rate.per_minute
    rate.accepted()
    assert rate.per_minute - before == pytest.approx(gains[0])


def test_the_rate_rises_faster_where_more_requests_wait() -> None:
    few, many = RequestRate(25), RequestRate(25)
    many.demand = 25
    for rate in (few, many):
        rate.rate_limited(recent=8)
        rate.accepted()
    assert many.per_minute - 6 == pytest.approx(5 * (few.per_minute - 6))


def test_the_rate_rises_in_proportion_to_the_maximum() -> None:
    low, high = RequestRate(25), RequestRate(1000)
    for rate in (low, high):
        rate.rate_limited(recent=8)
        rate.accepted()
    assert high.per_minute - 6 == pytest.approx(40 * (low.per_minute - 6))


def test_spacings_vary_after_a_429_so_that_processes_do_not_stay_together() -> None:
    low, high = RequestRate(25, lambda: 0.0), RequestRate(25, lambda: 1.0)
    for rate in (low, high):
        rate.rate_limited(recent=8)
    assert low.spacing == pytest.approx(0.7 * 61 / 6)
    assert high.spacing == pytest.approx(1.3 * 61 / 6)


@given(st.integers(1, 6000), st.lists(st.none() | st.integers(0, 6000)), st.integers(1, 1000))
def test_the_rate_never_exceeds_the_maximum(most: int, responses: list[int | None], demand: int) -> None:
    """None stands for a request that was accepted."""
    rate = RequestRate(most)
    rate.demand = demand
    for recent in responses:
        if recent is None:
            rate.accepted()
        else:
            rate.rate_limited(recent)
        assert 0.5 <= rate.per_minute <= most


class FixedWindow:
    """A limit that begins with the first request. Requests that are rate-limited count, too."""

    def __init__(self) -> None:
        self._began, self._count = -math.inf, 0

    def allows(self, now: float) -> bool:
        if now - self._began >= MINUTE:
            self._began, self._count = now, 0
        self._count += 1
        return self._count <= LIMIT


class SlidingWindow:
    """A limit of the requests accepted in the last minute."""

    def __init__(self) -> None:
        self._accepted: deque[float] = deque(maxlen=LIMIT)

    def allows(self, now: float) -> bool:
        if len(self._accepted) == LIMIT and self._accepted[0] > now - MINUTE:
            return False
        self._accepted.append(now)
        return True


Window = FixedWindow | SlidingWindow


@dataclass
class Story:
    """What became of the requests of some processes.

    :param seconds: how long it took.
    :param accepted: when which process had a request accepted.
    :param refused: how many requests were rate-limited.
    """

    seconds: float
    accepted: list[tuple[float, int]] = field(default_factory=list)
    refused: int = 0

    @property
    def shares(self) -> Counter[int]:
        return Counter(process for _, process in self.accepted)

    def in_minute(self, minute: float) -> int:
        return sum(minute * MINUTE <= moment < (minute + 1) * MINUTE for moment, _ in self.accepted)

    def longest_gap(self, process: int) -> float:
        moments = [0.0, *(moment for moment, owner in self.accepted if owner == process), self.seconds]
        return max(later - earlier for earlier, later in pairwise(moments))


def story(
    window: Window, seed: int, minutes: float, demands: Sequence[int], ends: Sequence[float] | None = None
) -> Story:
    """Let processes poll all the time, each with its own rate limiter.

    :param window: Hex's limit.
    :param seed: decides about the processes' random numbers, and when they begin.
    :param minutes: how long.
    :param demands: for each process, how many polls wait.
    :param ends: for each process, after how many minutes it ends. Default: none does.
    """
    random, result = Random(seed), Story(minutes * MINUTE)
    limiters = [RateLimiter(HexConfig.requests_per_minute, random.random) for _ in demands]
    ready = [(random.uniform(0, 10), process) for process in range(len(demands))]
    heapq.heapify(ready)
    while ready[0][0] < result.seconds:
        now, process = heapq.heappop(ready)
        limiter = limiters[process]
        pause = limiter.poll_pause("GetRunStatus", NOW + now, demands[process])
        if not pause:
            limiter.sent("GetRunStatus", NOW + now)
            is_allowed = window.allows(now)
            limiter.learned("GetRunStatus", {}, NOW + now, 200 if is_allowed else 429)
            if is_allowed:
                result.accepted.append((now, process))
            result.refused += not is_allowed
        if ends is None or now < ends[process] * MINUTE:
            heapq.heappush(ready, (now + max(pause, 0.001), process))
    return result


WINDOWS = pytest.mark.parametrize("window", [FixedWindow, SlidingWindow])


@WINDOWS
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("processes", [2, 12])
def test_processes_share_the_limit(window: Callable[[], Window], seed: int, processes: int) -> None:
    """Few requests are refused, little of the limit is unused, and none of the processes starves."""
    shared = story(window(), seed, 20, [1] * processes)
    assert shared.refused <= 0.1 * (shared.refused + len(shared.accepted))
    assert len(shared.accepted) >= 0.75 * LIMIT * 20
    assert max(shared.longest_gap(process) for process in range(processes)) < 400


@WINDOWS
def test_processes_with_the_same_demand_have_similar_shares_in_the_long_run(window: Callable[[], Window]) -> None:
    shares = story(window(), 0, 20 * 60, [1] * 12).shares
    assert max(shares.values()) < 3 * min(shares[process] for process in range(12))


@WINDOWS
def test_a_process_with_a_greater_demand_has_a_greater_share(window: Callable[[], Window]) -> None:
    """On average of a few hours. The others do not starve."""
    shares = Counter[int]()
    for seed in range(4):
        shares += story(window(), seed, 60, [25] + [1] * 5).shares
    others = [shares[process] for process in range(1, 6)]
    assert shares[0] > 1.25 * fmean(others)
    assert min(others) > 4 * 60


@WINDOWS
@pytest.mark.parametrize("seed", range(3))
def test_a_process_that_is_alone_again_returns_to_the_full_rate(window: Callable[[], Window], seed: int) -> None:
    alone = story(window(), seed, 80, [1] * 12, [math.inf] + [20] * 11)
    assert alone.in_minute(10) >= 0.75 * LIMIT
    assert alone.in_minute(79) >= 24


@WINDOWS
def test_a_process_that_is_alone_is_never_refused(window: Callable[[], Window]) -> None:
    alone = story(window(), 0, 60, [1])
    assert alone.refused == 0
    assert len(alone.accepted) > 24 * 60
