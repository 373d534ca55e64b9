from __future__ import annotations

import math
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_hex.api.poll_schedule import UNKNOWN, EndForecast, next_poll_delay

seconds = st.floats(0, 1e5)
invalid = [0.0, -0.0, -5.0, math.nan, math.inf, -math.inf]
extreme = [5e-324, 1e-300, 1.7e308]
lengths = st.lists(st.floats(1, 1e5) | st.sampled_from([*invalid, *extreme]), max_size=30)


def ended(moment: float, past: list[float]) -> float:
    """Return with which probability a run has ended at a moment: a second way to what EndForecast assumes."""
    varies = 0.25 / len(past) ** 0.2 if past else 0.0
    alike = [min(max((moment - (1 - varies) * length) / (2 * varies * length), 0.0), 1.0) for length in past]
    unlike = max(1.0, len(past) / 10)
    return (sum(alike) + unlike * moment / (moment + 100)) / (len(past) + unlike)


def expected_delay(since: float, until: float, past: list[float]) -> float:
    """Return what :meth:`EndForecast.expected_delay` returns, by adding up a thousand moments."""
    step = (until - since) / 1000
    before, moments = ended(since, past), [since + (number + 0.5) * step for number in range(1000)]
    return sum((ended(moment, past) - before) / (1 - before) for moment in moments) * step


@pytest.mark.parametrize("past", [[], [100.0], [3600.0] * 30, [20.0, 100.0, 110.0, 900.0]])
@pytest.mark.parametrize(("since", "until"), [(0, 2), (0, 60), (50, 110), (90, 140), (95, 96), (600, 700), (0, 5000)])
def test_the_delay_is_the_probability_that_the_run_has_ended_summed_over_time(
    since: float, until: float, past: list[float]
) -> None:
    expected = expected_delay(since, until, past)
    assert EndForecast(past).expected_delay(since, until) == pytest.approx(expected, rel=0.01)


def test_a_run_is_not_late_at_the_moment_at_which_it_still_ran() -> None:
    assert EndForecast([100.0]).expected_delay(90, 90) == 0


def test_without_past_runs_one_that_has_taken_longer_may_take_longer_still() -> None:
    delays = [UNKNOWN.expected_delay(since, since + 10) for since in (0, 10, 100, 1000, 10000)]
    assert delays == sorted(delays, reverse=True)
    assert delays[0] > 50 * delays[-1]


def test_a_run_is_likely_to_have_ended_when_past_runs_had() -> None:
    forecast = EndForecast([600.0] * 10)
    before, around, after = (forecast.expected_delay(since, since + 10) for since in (300, 600, 800))
    assert around > 20 * before
    assert around > 2 * after


def test_a_run_longer_than_all_past_ones_is_as_likely_to_end_as_if_there_were_none() -> None:
    forecast = EndForecast([100.0, 200.0])
    assert forecast.expected_delay(250, 300) == pytest.approx(UNKNOWN.expected_delay(250, 300))
    assert forecast.expected_delay(240, 300) > 1.01 * UNKNOWN.expected_delay(240, 300)
    assert next_poll_delay(86400, forecast=forecast) == next_poll_delay(86400)


def test_a_run_may_be_unlike_all_past_ones() -> None:
    """It may fail soon after its start, though all past runs took a day."""
    for forecast in (EndForecast([86400.0]), EndForecast([86400.0] * 1000)):
        assert forecast.expected_delay(0, 60) > 1


def test_the_fewer_past_runs_took_as_long_the_less_they_count() -> None:
    delays = [EndForecast([600.0] + [10.0] * others).expected_delay(300, 900) for others in (0, 10, 20, 100)]
    assert delays == sorted(delays, reverse=True)


def test_the_more_past_runs_the_narrower_is_what_they_suggest() -> None:
    delays = [EndForecast([600.0] * count).expected_delay(560, 640) for count in (1, 2, 10, 100)]
    assert delays == sorted(delays)


def test_one_run_in_ten_may_be_unlike_the_others_however_many_there_are() -> None:
    few, many = EndForecast([86400.0] * 10), EndForecast([86400.0] * 5000)
    assert few.expected_delay(0, 60) == pytest.approx(many.expected_delay(0, 60))


@settings(deadline=None)
@given(seconds, seconds, st.lists(st.floats(1, 1e5), max_size=5))
def test_invalid_durations_of_past_runs_are_ignored(since: float, more: float, past: list[float]) -> None:
    expected = EndForecast(past).expected_delay(since, since + more)
    assert EndForecast([*invalid, *past, *invalid]).expected_delay(since, since + more) == expected


@settings(deadline=None)
@given(seconds, seconds, lengths)
def test_a_delay_is_at_most_the_seconds_since_the_last_poll(since: float, more: float, past: list[float]) -> None:
    assert -1e-6 <= EndForecast(past).expected_delay(since, since + more) <= more + 1e-6


@settings(deadline=None)
@given(seconds, seconds, seconds, lengths)
def test_a_run_that_was_not_polled_for_longer_is_later(
    since: float, more: float, still: float, past: list[float]
) -> None:
    forecast = EndForecast(past)
    earlier, later = forecast.expected_delay(since, since + more), forecast.expected_delay(since, since + more + still)
    assert earlier <= later + 1e-6


@settings(deadline=None)
@given(seconds, seconds, lengths, st.randoms(use_true_random=False))
def test_the_order_of_past_runs_does_not_matter(since: float, more: float, past: list[float], order: Random) -> None:
    expected = EndForecast(past).expected_delay(since, since + more)
    mixed = EndForecast(order.sample(past, len(past)))
    assert mixed.expected_delay(since, since + more) == pytest.approx(expected, abs=1e-6)


def test_past_runs_of_no_time_or_of_the_longest_time_do_no_harm() -> None:
    assert EndForecast([1e-300]).expected_delay(0, 10) == pytest.approx((10 + UNKNOWN.expected_delay(0, 10)) / 2)
    assert EndForecast([1.7e308]).expected_delay(0, 10) == UNKNOWN.expected_delay(0, 10)


def polls(end: float, past: list[float]) -> list[float]:
    """Return when a run is polled until its end is seen, if the rate limit allows every poll."""
    moments, forecast = [0.0], EndForecast(past)
    while moments[-1] < end:
        moments.append(moments[-1] + next_poll_delay(moments[-1], forecast=forecast))
    return moments[1:]


@pytest.mark.parametrize("past", [[], [600.0]])
def test_a_quick_failure_is_seen_quickly(past: list[float]) -> None:
    assert polls(20, past) == [2, 4, 6, 8, 10, 12, 14, 16, 18, 20]


@pytest.mark.parametrize(("waited", "pause"), [(0, 2), (1800, 2), (2000, 4), (86400, 4), (-5, 2), (math.nan, 2)])
def test_without_history_polls_are_fewer_when_a_run_has_taken_very_long(waited: float, pause: float) -> None:
    assert next_poll_delay(waited) == pause


def test_with_history_polls_are_few_before_past_runs_ended_and_many_around_it() -> None:
    moments = polls(4500, [3600.0] * 30)
    gaps = {moment: later - moment for moment, later in pairwise(moments)}
    assert {gap for moment, gap in gaps.items() if moment < 20} == {2}
    assert {gap for moment, gap in gaps.items() if 200 < moment < 3130} == {4}
    assert {gap for moment, gap in gaps.items() if 3160 < moment < 4040} == {2}


@pytest.mark.parametrize("interval", [0.0, 0.1, 60, 3600.0])
@pytest.mark.parametrize("past", [[], [100.0]])
def test_an_interval_that_the_user_chose_is_used(interval: float, past: list[float]) -> None:
    assert next_poll_delay(1000, poll_interval=interval, forecast=EndForecast(past)) == interval


@settings(deadline=None)
@given(seconds, lengths)
def test_every_pause_is_two_or_four_seconds_if_the_user_chose_none(waited: float, past: list[float]) -> None:
    assert next_poll_delay(waited, forecast=EndForecast(past)) in (2, 4)
