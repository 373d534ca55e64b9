from __future__ import annotations

import math
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_hex.api.poll_schedule import Schedule, apart, next_poll_delay
from airflow_provider_hex.api.rate_limit import RateLimiter

NOW = 1_800_000_000.0

seconds = st.floats(0, 1e5)
nonsense = [0.0, -0.0, -5.0, math.nan, math.inf, -math.inf]
lengths = st.lists(st.floats(1, 1e5) | st.sampled_from([*nonsense, 1e-300, 1e308]), max_size=30)


@pytest.mark.parametrize(
    ("waited", "pause"), [(0, 2), (20, 2), (21, 2.1), (300, 30), (1200, 120), (1300, 120), (86400, 120), (-5, 2)]
)
def test_without_history_the_pause_is_a_tenth_of_the_time_waited(waited: float, pause: float) -> None:
    assert next_poll_delay(waited) == pytest.approx(pause)


@pytest.mark.parametrize("interval", [0.0, 0.1, 60, 3600.0])
@pytest.mark.parametrize("past", [[], [100.0]])
def test_an_interval_of_the_users_own_is_obeyed(interval: float, past: list[float]) -> None:
    assert next_poll_delay(1000, poll_interval=interval, past=past) == interval


def looks(end: float, past: list[float]) -> list[float]:
    """When somebody looks at a run until its end is known."""
    moments = [0.0]
    while moments[-1] < end:
        moments.append(moments[-1] + next_poll_delay(moments[-1], past=past))
    return [round(moment, 2) for moment in moments[1:]]


def test_a_quick_failure_shows_quickly() -> None:
    assert looks(20, []) == [2, 4, 6, 8, 10, 12, 14, 16, 18, 20]
    assert looks(20, [600.0]) == [2, 4, 8, 16, 32]


def test_with_history_there_are_few_looks_until_past_runs_ended_and_many_when_they_did() -> None:
    """One past run of 100 s stands for those of 75, 77.5, … 125 s."""
    assert looks(125, [100.0]) == [2, 4, 8, 16, 32, 64, 84, 93, 101.83, 108.33, 114.75, 118.75, 122.75, 126]
    assert looks(3600, [3600.0] * 3)[-1] - 3600 < 60


def test_the_next_look_is_when_one_second_unseen_is_to_be_expected() -> None:
    """Twelve are ahead, of 97.5, 100, 102.5, … 125 s. In 8 s, the first three will have been over for 12 s in sum."""
    assert next_poll_delay(96, past=[100.0]) == pytest.approx(6.5 + 1.5)
    assert next_poll_delay(96, past=[120.0, 100.0]) == pytest.approx((12 + 18 + 1.5 + 3 + 4 + 6 + 6.5 + 9 + 9) / 7)


def test_a_run_after_all_past_ones_is_looked_at_as_if_there_were_none() -> None:
    assert next_poll_delay(125, past=[100.0]) == 12.5
    assert next_poll_delay(124.9, past=[100.0]) == 2
    assert next_poll_delay(86400, past=[100.0, 200.0]) == 120


def test_a_run_unlike_all_past_ones_is_known_to_have_ended_by_twice_its_length() -> None:
    assert next_poll_delay(3, past=[86400.0]) == 3
    assert next_poll_delay(1000, past=[86400.0]) == 1000
    assert looks(5000, [86400.0])[-1] == 8192


def test_the_less_of_past_runs_took_as_long_the_less_is_one_of_them_believed() -> None:
    assert next_poll_delay(1000, past=[86400.0, 10.0]) == 500
    assert next_poll_delay(1000, past=[86400.0] + [10.0] * 9) == 100
    assert next_poll_delay(1000, past=[86400.0] + [10.0] * 99) == 100
    assert next_poll_delay(2000, past=[86400.0] + [10.0] * 99) == 120


def test_what_makes_no_sense_among_past_runs_is_ignored() -> None:
    assert next_poll_delay(96, past=[*nonsense, 100.0, *nonsense]) == next_poll_delay(96, past=[100.0])
    assert next_poll_delay(300, past=nonsense) == 30
    assert next_poll_delay(1000, past=[86400.0, *nonsense]) == 1000
    assert next_poll_delay(1000, past=[86400.0, 0.5]) == 500
    assert next_poll_delay(math.nan, past=[100.0]) == 2


def test_thousands_of_past_runs_tell_what_a_few_like_them_do() -> None:
    assert next_poll_delay(96, past=[100.0] * 5000) == pytest.approx(next_poll_delay(96, past=[100.0]))


@given(seconds, lengths)
def test_no_pause_is_shorter_than_two_seconds_or_longer_than_the_wait_or_two_minutes(
    waited: float, past: list[float]
) -> None:
    assert 2 <= next_poll_delay(waited, past=past) <= max(2, waited, min(waited / 10, 120))


@given(seconds, lengths, st.randoms(use_true_random=False))
def test_the_order_of_past_runs_tells_nothing(waited: float, past: list[float], order: Random) -> None:
    assert next_poll_delay(waited, past=order.sample(past, len(past))) == next_poll_delay(waited, past=past)


@given(st.floats(50, 3600), st.lists(st.floats(0.8, 1.2), min_size=5, max_size=100), st.data())
def test_with_history_a_run_like_the_past_ones_takes_fewer_looks(
    usual: float, shares: list[float], data: st.DataObject
) -> None:
    past = [usual * share for share in shares]
    end = data.draw(st.sampled_from(past))
    assert len(looks(end, past)) <= len(looks(end, []))


def test_two_requests_are_half_the_even_pace_apart() -> None:
    assert apart(30) == 1
    assert apart(60) == 0.5


def test_whoever_is_most_overdue_goes_first() -> None:
    schedule: Schedule[str] = Schedule()
    assert schedule.next() is None
    schedule.put("b", NOW + 2)
    schedule.put("a", NOW + 1)
    schedule.put("c", NOW + 3)
    assert schedule.next() == ("a", NOW + 1)


def test_putting_somebody_again_replaces_what_was_known() -> None:
    schedule: Schedule[str] = Schedule()
    schedule.put("a", NOW + 1)
    schedule.put("b", NOW + 2)
    schedule.put("a", NOW + 3)
    schedule.put("a", NOW)
    assert schedule.next() == ("a", NOW)


def test_among_those_due_at_the_same_time_whoever_was_put_first_goes_first() -> None:
    schedule: Schedule[str] = Schedule()
    for key in "abca":
        schedule.put(key, NOW)
    assert schedule.next() == ("b", NOW)


def test_who_is_dropped_is_not_waited_for_any_more() -> None:
    schedule: Schedule[str] = Schedule()
    schedule.put("a", NOW)
    schedule.drop("a")
    schedule.drop("never put")
    assert schedule.next() is None


def latest_turn(per_minute: int, intervals: list[float | None], requests: int) -> float:
    """Return by how many seconds a turn came after it was due, at the most, among those who wait for ever."""
    schedule: Schedule[int] = Schedule()
    pace, now, latest = RateLimiter(per_minute), 0.0, 0.0
    for key, interval in enumerate(intervals):
        schedule.put(key, next_poll_delay(0.0, poll_interval=interval))
    for _ in range(requests):
        turn = schedule.next()
        assert turn is not None
        key, due = turn
        now = max(now, due)
        now += pace.pause("GetRunStatus", now)
        pace.sent(now)
        latest = max(latest, now - due)
        now += apart(per_minute)
        schedule.put(key, now + next_poll_delay(now, poll_interval=intervals[key]))
    return latest


def test_those_who_are_impatient_keep_nobody_waiting() -> None:
    """Fourteen want a look at every instant, one seldom; ten requests a minute are theirs."""
    assert 60 < latest_turn(10, [0.0] * 14 + [None], 200) <= 120


@given(st.integers(1, 60), st.lists(st.none() | st.floats(0, 600), min_size=1, max_size=40))
def test_nobody_waits_for_more_than_one_turn_of_each_other(per_minute: int, intervals: list[float | None]) -> None:
    minutes = math.ceil(len(intervals) / per_minute)
    assert latest_turn(per_minute, intervals, 6 * len(intervals)) <= 60 * minutes + 1e-6
