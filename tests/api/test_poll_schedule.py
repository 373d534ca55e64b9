from __future__ import annotations

import math
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_hex.api.poll_schedule import PollQueue, min_spacing, next_poll_delay
from airflow_provider_hex.api.rate_limit import RateLimiter

NOW = 1_800_000_000.0

seconds = st.floats(0, 1e5)
invalid = [0.0, -0.0, -5.0, math.nan, math.inf, -math.inf]
lengths = st.lists(st.floats(1, 1e5) | st.sampled_from([*invalid, 1e-300, 1e308]), max_size=30)


@pytest.mark.parametrize(
    ("waited", "pause"), [(0, 2), (20, 2), (21, 2.1), (300, 30), (1200, 120), (1300, 120), (86400, 120), (-5, 2)]
)
def test_without_history_the_pause_is_a_tenth_of_the_time_waited(waited: float, pause: float) -> None:
    assert next_poll_delay(waited) == pytest.approx(pause)


@pytest.mark.parametrize("interval", [0.0, 0.1, 60, 3600.0])
@pytest.mark.parametrize("past", [[], [100.0]])
def test_an_interval_that_the_user_chose_is_used(interval: float, past: list[float]) -> None:
    assert next_poll_delay(1000, poll_interval=interval, past=past) == interval


def polls(end: float, past: list[float]) -> list[float]:
    """Return when a run is polled until its end is seen."""
    moments = [0.0]
    while moments[-1] < end:
        moments.append(moments[-1] + next_poll_delay(moments[-1], past=past))
    return [round(moment, 2) for moment in moments[1:]]


def test_a_quick_failure_is_seen_quickly() -> None:
    assert polls(20, []) == [2, 4, 6, 8, 10, 12, 14, 16, 18, 20]
    assert polls(20, [600.0]) == [2, 4, 8, 16, 32]


def test_with_history_polls_are_few_before_past_runs_ended_and_many_around_it() -> None:
    """One past run of 100 s stands for those of 75, 77.5, … 125 s."""
    assert polls(125, [100.0]) == [2, 4, 8, 16, 32, 64, 84, 93, 101.83, 108.33, 114.75, 118.75, 122.75, 126]
    assert polls(3600, [3600.0] * 3)[-1] - 3600 < 60


def test_the_next_poll_is_when_a_delay_of_one_second_is_to_be_expected() -> None:
    """Twelve are ahead, of 97.5, 100, 102.5, … 125 s. In 8 s, the first three will have been over for 12 s in sum."""
    assert next_poll_delay(96, past=[100.0]) == pytest.approx(6.5 + 1.5)
    assert next_poll_delay(96, past=[120.0, 100.0]) == pytest.approx((12 + 18 + 1.5 + 3 + 4 + 6 + 6.5 + 9 + 9) / 7)


def test_a_run_longer_than_all_past_ones_is_polled_as_if_there_were_none() -> None:
    assert next_poll_delay(125, past=[100.0]) == 12.5
    assert next_poll_delay(124.9, past=[100.0]) == 2
    assert next_poll_delay(86400, past=[100.0, 200.0]) == 120


def test_the_end_of_a_run_unlike_all_past_ones_is_seen_by_twice_its_length() -> None:
    assert next_poll_delay(3, past=[86400.0]) == 3
    assert next_poll_delay(1000, past=[86400.0]) == 1000
    assert polls(5000, [86400.0])[-1] == 8192


def test_the_fewer_past_runs_took_as_long_the_less_they_count() -> None:
    assert next_poll_delay(1000, past=[86400.0, 10.0]) == 500
    assert next_poll_delay(1000, past=[86400.0] + [10.0] * 9) == 100
    assert next_poll_delay(1000, past=[86400.0] + [10.0] * 99) == 100
    assert next_poll_delay(2000, past=[86400.0] + [10.0] * 99) == 120


def test_invalid_durations_of_past_runs_are_ignored() -> None:
    assert next_poll_delay(96, past=[*invalid, 100.0, *invalid]) == next_poll_delay(96, past=[100.0])
    assert next_poll_delay(300, past=invalid) == 30
    assert next_poll_delay(1000, past=[86400.0, *invalid]) == 1000
    assert next_poll_delay(1000, past=[86400.0, 0.5]) == 500
    assert next_poll_delay(math.nan, past=[100.0]) == 2


def test_thousands_of_past_runs_count_like_a_few_such_runs() -> None:
    assert next_poll_delay(96, past=[100.0] * 5000) == pytest.approx(next_poll_delay(96, past=[100.0]))


@settings(deadline=None)
@given(seconds, lengths)
def test_no_pause_is_shorter_than_two_seconds_or_longer_than_the_wait_or_two_minutes(
    waited: float, past: list[float]
) -> None:
    assert 2 <= next_poll_delay(waited, past=past) <= max(2, waited, min(waited / 10, 120))


@settings(deadline=None)
@given(seconds, lengths, st.randoms(use_true_random=False))
def test_the_order_of_past_runs_does_not_matter(waited: float, past: list[float], order: Random) -> None:
    assert next_poll_delay(waited, past=order.sample(past, len(past))) == next_poll_delay(waited, past=past)


@settings(deadline=None)
@given(st.floats(50, 3600), st.lists(st.floats(0.8, 1.2), min_size=5, max_size=100), st.data())
def test_with_history_a_run_like_the_past_ones_takes_fewer_polls(
    usual: float, shares: list[float], data: st.DataObject
) -> None:
    past = [usual * share for share in shares]
    end = data.draw(st.sampled_from(past))
    assert len(polls(end, past)) <= len(polls(end, []))


def test_requests_are_at_least_half_of_an_even_spacing_away_from_each_other() -> None:
    assert min_spacing(30) == 1
    assert min_spacing(60) == 0.5


def test_an_urgent_run_is_next_though_another_is_more_overdue() -> None:
    queue: PollQueue[str] = PollQueue()
    queue.put("a", NOW)
    queue.put("b", NOW + 1)
    assert queue.next(lambda key, due: key == "b") == ("b", NOW + 1)


def test_the_most_overdue_run_is_next() -> None:
    queue: PollQueue[str] = PollQueue()
    assert queue.next() is None
    queue.put("b", NOW + 2)
    queue.put("a", NOW + 1)
    queue.put("c", NOW + 3)
    assert queue.next() == ("a", NOW + 1)


def test_putting_a_run_again_replaces_when_it_is_due() -> None:
    queue: PollQueue[str] = PollQueue()
    queue.put("a", NOW + 1)
    queue.put("b", NOW + 2)
    queue.put("a", NOW + 3)
    queue.put("a", NOW)
    assert queue.next() == ("a", NOW)


def test_among_runs_that_are_due_at_the_same_time_the_first_put_is_next() -> None:
    queue: PollQueue[str] = PollQueue()
    for key in "abca":
        queue.put(key, NOW)
    assert queue.next() == ("b", NOW)


def test_a_run_that_was_dropped_is_not_next() -> None:
    queue: PollQueue[str] = PollQueue()
    queue.put("a", NOW)
    queue.drop("a")
    queue.drop("never put")
    assert queue.next() is None


def latest_poll(per_minute: int, intervals: list[float | None], requests: int) -> float:
    """Return by how many seconds a poll came late at the most, of runs that never end."""
    queue: PollQueue[int] = PollQueue()
    limiter, now, latest = RateLimiter(per_minute), 0.0, 0.0
    for key, interval in enumerate(intervals):
        queue.put(key, next_poll_delay(0.0, poll_interval=interval))
    for _ in range(requests):
        first = queue.next()
        assert first is not None
        key, due = first
        now = max(now, due)
        now += limiter.pause("GetRunStatus", now)
        limiter.sent("GetRunStatus", now)
        latest = max(latest, now - due)
        now += min_spacing(per_minute)
        queue.put(key, now + next_poll_delay(now, poll_interval=intervals[key]))
    return latest


def test_short_intervals_do_not_keep_other_runs_waiting() -> None:
    """Fourteen runs are due all the time, one is seldom; ten requests a minute are allowed."""
    assert 60 < latest_poll(10, [0.0] * 14 + [None], 200) <= 120


@settings(deadline=None)
@given(st.integers(1, 60), st.lists(st.none() | st.floats(0, 600), min_size=1, max_size=40))
def test_no_run_waits_longer_than_for_one_poll_of_each_other(per_minute: int, intervals: list[float | None]) -> None:
    windows = math.ceil(len(intervals) / per_minute)
    window = 61  # a minute, and the second that the limiter adds to it
    assert latest_poll(per_minute, intervals, 6 * len(intervals)) <= window * windows + 1e-6
