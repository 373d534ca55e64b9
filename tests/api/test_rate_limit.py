from __future__ import annotations

import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime, formatdate

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_hex.api import rate_limit
from airflow_provider_hex.api.rate_limit import RateLimiter
from tests.api.calls import NAMES

NOW = 1_800_000_000.0


def test_no_more_requests_of_a_group_are_sent_in_a_minute_than_allowed() -> None:
    limiter = RateLimiter(3)
    for moment, name in ((0, "GetRunStatus"), (1, "GetProjectRuns"), (20, "GetProject")):
        assert limiter.pause(name, NOW + moment) == 0
        limiter.sent(name, NOW + moment)
    assert limiter.pause("GetRunStatus", NOW + 20) == limiter.pause("GetProjectRuns", NOW + 20) == 41
    assert limiter.pause("GetProject", NOW + 59) == 2
    assert limiter.pause("GetRunStatus", NOW + 61) == 0
    limiter.sent("GetRunStatus", NOW + 61)
    assert limiter.pause("GetProject", NOW + 61) == 1


GROUPS = [
    ["GetRunStatus", "GetProjectRuns", "GetProject"],
    ["Me", "ListCells"],
    ["RunProject"],
    ["GetChartImageFromRun"],
    ["CancelRun", "ListProjects", "GetQueriedTables"],
]
GROUP_OF = {name: group for group, names in enumerate(GROUPS) for name in names}


@pytest.mark.parametrize("name", GROUP_OF)
def test_a_group_of_calls_holds_up_no_other(name: str) -> None:
    """Whether its requests are used up, Hex reports that none is left, or it is rate-limited."""
    used_up, reported, rate_limited = RateLimiter(1), RateLimiter(1), RateLimiter(1)
    used_up.sent(name, NOW)
    reported.learned(name, {"RateLimit-Remaining": "0", "RateLimit-Reset": "30"}, NOW)
    rate_limited.learned(name, {}, NOW, status=429)
    for limiter in (used_up, reported, rate_limited):
        held_up = {other for other in GROUP_OF if limiter.pause(other, NOW)}
        assert held_up == set(GROUPS[GROUP_OF[name]])


def test_every_call_is_in_a_group() -> None:
    assert {*NAMES} <= {*GROUP_OF}


def test_all_groups_together_send_twice_as_many_requests_at_most() -> None:
    limiter = RateLimiter(2)
    for name in ("GetRunStatus", "GetRunStatus", "Me", "RunProject"):
        assert limiter.pause(name, NOW) == 0
        limiter.sent(name, NOW)
    assert {limiter.pause(name, NOW) for name in GROUP_OF} == {61}


@settings(deadline=None)
@given(
    st.integers(1, 60), st.lists(st.tuples(st.floats(0, 100), st.sampled_from([*GROUP_OF])), min_size=1, max_size=40)
)
def test_no_minute_ever_holds_more_requests_than_allowed(per_minute: int, idle: list[tuple[float, str]]) -> None:
    limiter, now = RateLimiter(per_minute), NOW
    sent: list[tuple[float, int]] = []
    for seconds, name in idle * 3:
        now += seconds
        now += limiter.pause(name, now)
        limiter.sent(name, now)
        sent.append((now, GROUP_OF[name]))
    everything = [moment for moment, _ in sent]
    assert all(
        later - earlier >= 60.99 for earlier, later in zip(everything, everything[2 * per_minute :], strict=False)
    )
    for group in range(len(GROUPS)):
        own = [moment for moment, of in sent if of == group]
        assert all(later - earlier >= 60.99 for earlier, later in zip(own, own[per_minute:], strict=False))


def test_a_clock_that_is_set_back_delays_requests_by_a_minute_at_most() -> None:
    limiter = RateLimiter(1)
    limiter.sent("Me", NOW)
    assert limiter.pause("Me", NOW - 86400) == 61


def test_a_clock_that_is_set_back_delays_requests_by_the_longest_limit_at_most_after_a_429() -> None:
    limiter = RateLimiter(1)
    limiter.learned("Me", {}, NOW, status=429)
    assert limiter.pause("Me", NOW - 86400) == 3601


def test_the_delay_after_a_clock_that_is_set_back_runs_down() -> None:
    limiter, back = RateLimiter(1), NOW - 86400
    limiter.sent("Me", NOW)
    limiter.learned("GetRunStatus", {}, NOW, status=429)
    assert (limiter.pause("Me", back), limiter.pause("GetRunStatus", back)) == (61, 3601)
    assert (limiter.pause("Me", back + 60), limiter.pause("GetRunStatus", back + 60)) == (1, 3541)
    assert (limiter.pause("Me", back + 61), limiter.pause("GetRunStatus", back + 3601)) == (0, 0)


def test_a_clock_that_is_set_back_delays_no_request_if_hex_asked_for_no_pause() -> None:
    limiter = RateLimiter(30)
    limiter.sent("GetRunStatus", NOW)
    limiter.learned("GetRunStatus", {}, NOW)
    assert limiter.pause("GetRunStatus", NOW - 86400) == 0


def test_requests_before_a_clock_was_set_back_count_as_sent_then() -> None:
    limiter, back = RateLimiter(2), NOW - 86400
    limiter.sent("Me", NOW)
    assert limiter.pause("Me", back) == 0
    limiter.sent("Me", back + 30)
    assert limiter.pause("Me", back + 30) == 31


@pytest.mark.parametrize(
    ("headers", "pause"),
    [
        ({"RateLimit-Remaining": "0", "RateLimit-Reset": "30"}, 31),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(NOW + 12)}, 13),
        ({"RateLimit": '"default";r=0;t=9'}, 10),
        ({"RateLimit": "limit=60, remaining=0, reset=8"}, 9),
        ({"RateLimit-Remaining": "0", "RateLimit-Reset": "3000"}, 61),
        ({"RateLimit-Remaining": "1", "RateLimit-Reset": "30"}, 0),
        ({"RateLimit-Remaining": "0"}, 0),
        ({"RateLimit-Remaining": "none", "RateLimit-Reset": "30"}, 0),
        ({"RateLimit-Reset": "30"}, 0),
        ({}, 0),
    ],
)
def test_no_request_is_sent_when_hex_reports_that_none_is_left(headers: dict[str, str], pause: float) -> None:
    limiter = RateLimiter(30)
    limiter.learned("Me", headers, NOW)
    assert limiter.pause("Me", NOW) == pause
    assert limiter.pause("Me", NOW + pause) == 0


def test_a_limit_of_one_kind_of_request_delays_no_other() -> None:
    """RunProject's limit may last an hour, and runs must be polled meanwhile."""
    limiter = RateLimiter(30)
    limiter.learned("RunProject", {"RateLimit-Remaining": "0", "RateLimit-Reset": "3000"}, NOW)
    assert limiter.pause("RunProject", NOW) == 3001
    assert limiter.pause("GetRunStatus", NOW) == 0


def test_the_last_report_of_hex_counts() -> None:
    limiter = RateLimiter(30)
    limiter.learned("Me", {"RateLimit-Remaining": "0", "RateLimit-Reset": "30"}, NOW)
    limiter.learned("Me", {"RateLimit-Remaining": "60", "RateLimit-Reset": "60"}, NOW + 1)
    assert limiter.pause("Me", NOW + 1) == 0


@pytest.mark.parametrize(
    ("headers", "pause"),
    [({"Retry-After": "7"}, 7), ({"X-RateLimit-Reset": "3000"}, 3000), ({"RateLimit-Remaining": "5"}, 10), ({}, 10)],
)
def test_after_a_429_no_request_of_the_same_group_is_sent(headers: dict[str, str], pause: float) -> None:
    limiter = RateLimiter(30)
    limiter.learned("GetRunStatus", headers, NOW, status=429)
    assert limiter.pause("GetRunStatus", NOW) == limiter.pause("GetProjectRuns", NOW) == pause
    assert limiter.pause("CancelRun", NOW) == limiter.pause("RunProject", NOW) == 0


def test_429s_without_a_header_are_waited_for_as_for_the_limit_of_a_minute_and_then_of_an_hour() -> None:
    limiter, now, pauses = RateLimiter(30), NOW, []
    for _ in range(1100):
        limiter.learned("GetRunStatus", {}, now, status=429)
        pauses.append(limiter.pause("GetRunStatus", now))
        now += pauses[-1]
    assert pauses[:6] == [10, 20, 40, 60, 60, 60]
    assert set(pauses[6:]) == {60}
    limiter.learned("GetProject", {}, now)
    limiter.learned("GetRunStatus", {}, now, status=429)
    assert limiter.pause("GetRunStatus", now) == 10


def test_requests_that_are_rate_limited_at_the_same_time_count_as_one() -> None:
    limiter = RateLimiter(30)
    for number in range(30):
        limiter.learned("RunProject", {}, NOW + number / 10, status=429)
    assert limiter.pause("RunProject", NOW + 2.9) == 10


def test_a_response_to_a_request_that_was_sent_before_a_429_does_not_shorten_the_pause() -> None:
    limiter, earlier = RateLimiter(30), NOW - 1
    limiter.learned("GetRunStatus", {"Retry-After": "50"}, NOW, status=429)
    limiter.learned("GetProject", {}, NOW + 1, sent_at=earlier)
    limiter.learned("GetProject", {"Retry-After": "5"}, NOW + 1, status=429, sent_at=earlier)
    limiter.learned("GetProject", {"RateLimit-Remaining": "0", "RateLimit-Reset": "20"}, NOW + 1, sent_at=earlier)
    assert limiter.pause("GetRunStatus", NOW + 1) == 49
    limiter.learned("GetProject", {"RateLimit-Remaining": "0", "RateLimit-Reset": "58"}, NOW + 1, sent_at=earlier)
    assert limiter.pause("GetRunStatus", NOW + 1) == 59
    limiter.learned("GetProject", {}, NOW + 2, sent_at=NOW + 1)
    assert limiter.pause("GetRunStatus", NOW + 2) == 0


def test_a_429_does_not_shorten_the_pause_that_another_response_asked_for() -> None:
    limiter = RateLimiter(30)
    limiter.learned("Me", {"RateLimit-Remaining": "0", "RateLimit-Reset": "40"}, NOW)
    limiter.learned("Me", {}, NOW, status=429)
    limiter.learned("Me", {}, NOW + 1, sent_at=NOW - 1)
    assert limiter.pause("Me", NOW) == 41


def test_a_429_during_a_short_pause_is_waited_for_as_any_other() -> None:
    limiter = RateLimiter(30)
    limiter.learned("Me", {"RateLimit-Remaining": "0", "RateLimit-Reset": "2"}, NOW)
    limiter.learned("Me", {}, NOW + 1, status=429)
    assert limiter.pause("Me", NOW + 1) == 10


@pytest.mark.parametrize(
    ("recent", "left", "reset", "pause"),
    [
        (10, 5, 50, 10),
        (10, 5, 30, 0),
        (10, 5, 31, 6.2),
        (10, 60, 60, 0),
        (0, 1, 60, 0),
        (30, 1, 60, 60),
        (30, 1, 90, 60),
    ],
)
def test_the_requests_that_are_left_are_spread_if_they_would_be_used_up(
    recent: int, left: int, reset: float, pause: float
) -> None:
    """So a limit that other clients use too is kept without a single 429."""
    limiter = RateLimiter(100)
    for _ in range(5):
        limiter.sent("Me", NOW - 60)
    for _ in range(recent):
        limiter.sent("Me", NOW - 59)
    limiter.learned("Me", {"RateLimit-Remaining": str(left), "RateLimit-Reset": str(reset)}, NOW)
    assert limiter.pause("Me", NOW) == pytest.approx(pause)


def test_several_threads_may_share_a_limiter() -> None:
    """Not one of their requests is lost, and none fails."""

    def send(number: int) -> None:
        for step in range(500):
            limiter.sent("Me", NOW)
            limiter.learned("Me", {"RateLimit-Remaining": "9999", "RateLimit-Reset": "60"}, NOW)
            assert limiter.pause(f"{number} {step}", NOW) == 0

    limiter = RateLimiter(4 * 500 + 1)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(4) as threads:
            list(threads.map(send, range(4)))
    finally:
        sys.setswitchinterval(interval)
    assert limiter.pause("Me", NOW) == 0
    limiter.sent("Me", NOW)
    assert limiter.pause("Me", NOW) == 61
