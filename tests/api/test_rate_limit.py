from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_hex.api.config import HexConfig
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
STATUS = GROUPS[0]
GROUP_OF = {name: group for group, names in enumerate(GROUPS) for name in names}


@pytest.mark.parametrize("name", GROUP_OF)
def test_a_group_of_calls_holds_up_no_other(name: str) -> None:
    """Whether Hex reports that none of its requests is left, or it is rate-limited."""
    reported, rate_limited = RateLimiter(1), RateLimiter(1)
    reported.learned(name, {"RateLimit-Remaining": "0", "RateLimit-Reset": "30"}, NOW)
    rate_limited.learned(name, {}, NOW, status=429)
    for limiter in (reported, rate_limited):
        held_up = {other for other in GROUP_OF if limiter.pause(other, NOW)}
        assert held_up == set(GROUPS[GROUP_OF[name]])


def test_every_call_is_in_a_group() -> None:
    assert {*NAMES} <= {*GROUP_OF}


def test_all_groups_but_that_of_status_requests_send_as_many_requests_together() -> None:
    limiter = RateLimiter(2)
    for name in ("Me", "RunProject"):
        assert limiter.pause(name, NOW) == 0
        limiter.sent(name, NOW)
    assert {name for name in GROUP_OF if not limiter.pause(name, NOW)} == set(STATUS)
    assert {limiter.pause(name, NOW) for name in GROUP_OF if name not in STATUS} == {61}


def test_status_requests_never_wait_for_other_calls() -> None:
    """Starts at 20 a minute, and 60 of others, which is more than the limiter allows."""
    limiter = RateLimiter(HexConfig.requests_per_minute)
    for number in range(160):
        name, moment = ("RunProject", number * 3) if number < 40 else ("CancelRun", number - 40)
        limiter.sent(name, NOW + moment)
        assert limiter.pause("GetRunStatus", NOW + moment) == limiter.poll_pause("GetProjectRuns", NOW + moment) == 0


def test_no_other_call_waits_for_status_requests() -> None:
    limiter = RateLimiter(2)
    limiter.sent("GetRunStatus", NOW)
    limiter.sent("GetRunStatus", NOW)
    assert {name for name in GROUP_OF if limiter.pause(name, NOW)} == set(STATUS)


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
    others = [moment for moment, group in sent if group != GROUP_OF["GetRunStatus"]]
    assert all(later - earlier >= 60.99 for earlier, later in zip(others, others[per_minute:], strict=False))
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
        ({"RateLimit-Remaining": "0", "RateLimit-Reset": "3000"}, 61),
        ({"RateLimit-Remaining": "1", "RateLimit-Reset": "30"}, 0),
        ({}, 0),
    ],
)
def test_no_request_is_sent_when_hex_reports_that_none_is_left(headers: dict[str, str], pause: float) -> None:
    limiter = RateLimiter(30)
    limiter.learned("Me", headers, NOW)
    assert limiter.pause("Me", NOW) == limiter.poll_pause("Me", NOW) == pause
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
    limiter.learned("GetRunStatus", {}, now + 60, status=429)
    assert limiter.pause("GetRunStatus", now + 60) == 10


def test_after_a_429_without_a_header_the_next_request_waits_for_a_minute_since_the_oldest_accepted_one() -> None:
    """In that minute Hex accepted as many as it allows, whatever kind of window it counts in."""
    limiter = RateLimiter(30)
    for moment in (0, 10, 50, 65):
        limiter.sent("GetRunStatus", NOW + moment)
        limiter.learned("GetRunStatus", {}, NOW + moment)
    limiter.learned("GetRunStatus", {}, NOW + 66, status=429)
    assert limiter.pause("GetRunStatus", NOW + 66) == 10 + 61 - 66
    limiter.learned("GetRunStatus", {}, NOW + 71, status=429)
    assert limiter.pause("GetRunStatus", NOW + 71) == 50 + 61 - 71


def test_requests_that_failed_in_hex_count_as_accepted() -> None:
    limiter = RateLimiter(30)
    limiter.learned("GetRunStatus", {}, NOW, status=500)
    limiter.learned("GetRunStatus", {}, NOW + 1, status=429)
    assert limiter.pause("GetRunStatus", NOW + 1) == 60


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
    limiter.learned("Me", {"Retry-After": "5"}, NOW, status=429)
    limiter.learned("Me", {}, NOW + 1, sent_at=NOW - 1)
    assert limiter.pause("Me", NOW) == 41


def test_a_429_during_a_short_pause_is_waited_for_as_any_other() -> None:
    limiter = RateLimiter(30)
    limiter.learned("Me", {"RateLimit-Remaining": "0", "RateLimit-Reset": "2"}, NOW)
    limiter.learned("Me", {"Retry-After": "10"}, NOW + 1, status=429)
    assert limiter.pause("Me", NOW + 1) == 10


@pytest.mark.parametrize(("recent", "pause"), [(10, 10), (5, 0)])
def test_the_requests_that_are_left_are_spread_if_those_of_the_last_minute_would_use_them_up(
    recent: int, pause: float
) -> None:
    limiter = RateLimiter(100)
    for moment in [NOW - 60] * 5 + [NOW - 59] * recent:
        limiter.sent("Me", moment)
    limiter.learned("Me", {"RateLimit-Remaining": "5", "RateLimit-Reset": "50"}, NOW)
    assert limiter.pause("Me", NOW) == pause


@pytest.mark.parametrize("per_minute", [1, 25, 6000])
def test_polls_are_spread_evenly_over_a_minute(per_minute: int) -> None:
    limiter, now = RateLimiter(per_minute), NOW
    for _ in range(3):
        assert limiter.poll_pause("GetProjectRuns", now) == 0
        limiter.sent("GetRunStatus", now)
        limiter.learned("GetRunStatus", {}, now)
        assert limiter.poll_pause("GetProjectRuns", now) == pytest.approx(61 / per_minute, abs=1e-6)
        now += 61 / per_minute + 0.0001


def test_a_poll_after_a_long_time_does_not_wait() -> None:
    limiter = RateLimiter(25)
    limiter.sent("GetRunStatus", NOW)
    assert limiter.poll_pause("GetRunStatus", NOW + 100) == 0


def test_a_request_that_is_no_regular_poll_does_not_wait_for_the_even_spacing() -> None:
    limiter = RateLimiter(25)
    limiter.sent("GetRunStatus", NOW)
    assert limiter.pause("GetRunStatus", NOW) == 0 < limiter.poll_pause("GetRunStatus", NOW)


def test_polls_wait_for_the_limit_of_a_minute_if_other_requests_used_it_up() -> None:
    limiter = RateLimiter(5)
    for _ in range(5):
        limiter.sent("GetProject", NOW)
    assert limiter.poll_pause("GetRunStatus", NOW) == 61


def test_a_clock_that_is_set_back_delays_polls_by_one_spacing_at_most() -> None:
    limiter = RateLimiter(25)
    limiter.sent("GetRunStatus", NOW)
    assert limiter.poll_pause("GetRunStatus", NOW - 86400) == pytest.approx(61 / 25)


@pytest.mark.parametrize("status", [500, 503, None])
def test_polls_are_fewer_while_hex_fails_and_as_many_as_before_after_the_first_success(status: int | None) -> None:
    limiter, now, pauses = RateLimiter(25), NOW, []
    for _ in range(2000):
        fail(limiter, now, status)
        pauses.append(limiter.poll_pause("GetRunStatus", now))
        now += pauses[-1]
    assert pauses[:5] == pytest.approx([2.44, 4.88, 9.76, 15, 15])
    assert set(pauses[5:]) == {15}
    limiter.sent("GetRunStatus", now)
    limiter.learned("GetRunStatus", {}, now)
    assert limiter.poll_pause("GetRunStatus", now) == pytest.approx(2.44)


def fail(limiter: RateLimiter, now: float, status: int | None) -> None:
    limiter.sent("GetRunStatus", now)
    if status is None:
        limiter.failed("GetRunStatus")
    else:
        limiter.learned("GetRunStatus", {}, now, status)


@pytest.mark.parametrize("status", [200, 404, 429])
def test_a_response_that_is_no_failure_of_hex_ends_the_count_of_failures(status: int) -> None:
    limiter = RateLimiter(25)
    for _ in range(10):
        fail(limiter, NOW, 500)
    limiter.learned("GetRunStatus", {"Retry-After": "0"}, NOW, status)
    fail(limiter, NOW + 90, 500)
    assert limiter.poll_pause("GetRunStatus", NOW + 90) < 12


def test_failures_of_other_calls_do_not_delay_polls() -> None:
    limiter = RateLimiter(25)
    for _ in range(9):
        limiter.failed("RunProject")
    limiter.sent("GetRunStatus", NOW)
    assert limiter.poll_pause("GetRunStatus", NOW) == pytest.approx(2.44)


def test_polls_that_are_already_rare_are_no_rarer_while_hex_fails() -> None:
    limiter = RateLimiter(2)
    for number in range(9):
        fail(limiter, NOW + number, 500)
    limiter.sent("GetRunStatus", NOW + 100)
    assert limiter.poll_pause("GetRunStatus", NOW + 100) == 30.5


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
