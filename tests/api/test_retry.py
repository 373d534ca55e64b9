"""When a call is sent again, with tenacity itself but a clock of the test's own."""

from __future__ import annotations

import logging
import re
from itertools import accumulate
from typing import Any

import pytest
import tenacity

from airflow_provider_hex.api import errors, retry
from tests.api.calls import NAMES, call_named


def sent(policy: dict[str, Any], *outcomes: errors.HexError | None) -> tuple[int, list[float], BaseException | None]:
    """Send until the policy gives up: how often it was sent, the pauses, and the error at the end."""
    waiting = list(outcomes)
    pauses: list[float] = []

    def attempt() -> None:
        if error := waiting.pop(0):
            raise error

    try:
        tenacity.Retrying(sleep=pauses.append, **policy)(attempt)
    except errors.HexError as error:
        return len(outcomes) - len(waiting), pauses, error
    return len(outcomes) - len(waiting), pauses, None


TRANSIENT = [errors.HexUnreachable(), errors.HexNotConnected(), errors.HexServerError(), errors.HexInvalidResponse()]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("transient", TRANSIENT)
def test_a_transient_error_is_retried_where_that_is_safe(name: str, transient: errors.HexError) -> None:
    safe = name != "RunProject" or isinstance(transient, errors.HexNotConnected)
    times, _, error = sent(retry.after_transient_errors(call_named(name), 1e6), transient, transient, None)
    assert (times, error) == ((3, None) if safe else (1, transient))


PERMANENT = [
    errors.HexForbidden(),
    errors.HexRequestRejected(),
    errors.HexAmbiguousStart(),
    errors.HexUntrustedCertificate(),
]


@pytest.mark.parametrize("error", PERMANENT)
def test_a_permanent_error_is_not_retried(error: errors.HexError) -> None:
    for policy in (retry.after_transient_errors(call_named("Me"), 1e6), retry.after_rate_limits(1e6)):
        assert sent(policy, error) == (1, [], error)


def test_each_policy_retries_only_its_errors() -> None:
    limit = errors.HexRateLimited()
    assert sent(retry.after_rate_limits(1e6), limit, limit, None)[0] == 3
    assert sent(retry.after_transient_errors(call_named("Me"), 1e6), limit)[0] == 1
    assert sent(retry.after_rate_limits(1e6), TRANSIENT[0])[0] == 1


def test_other_exceptions_are_not_retried() -> None:
    with pytest.raises(ZeroDivisionError):
        tenacity.Retrying(sleep=lambda seconds: None, **retry.after_rate_limits(1e6))(lambda: 1 / 0)


def test_it_waits_as_long_as_hex_asks_plus_a_random_time() -> None:
    for _ in range(20):
        _, pauses, _ = sent(retry.after_rate_limits(1e6), *[errors.HexRateLimited(retry_after=7)] * 8, None)
        assert all(7 <= pause <= 7 + min(2**n, 30) for n, pause in enumerate(pauses))
    assert len(set(pauses)) > 1


def paused(*errors_: errors.HexError, seconds: float = 1e6) -> list[float]:
    return sent(retry.after_rate_limits(seconds), *errors_, None)[1]


def test_a_limit_whose_end_is_unknown_is_taken_for_one_of_a_minute_then_for_one_of_an_hour() -> None:
    """The first pauses are short, the first minute has several, and later ones grow up to some minutes."""
    limit = errors.HexRateLimited("", status=429)
    for _ in range(20):
        pauses = paused(*[limit] * 30)
        assert all(10 <= pause <= 15 for pause in pauses[:3])
        for waited, pause in zip(accumulate(pauses), pauses[1:], strict=False):
            assert min(max(waited / 4, 10), 300) <= pause <= 1.5 * min(max(waited / 4, 10), 300)
        assert pauses[-1] >= 300
    assert len(set(pauses)) > 20


def test_a_call_for_which_there_is_no_kernel_is_sent_again_about_every_minute() -> None:
    """Other programs may free one."""
    assert all(60 <= pause <= 90 for pause in paused(*[errors.HexRateLimited("", status=503)] * 30)[15:])


@pytest.mark.parametrize("seconds", [5.0, 60.0, 3600.0, 86400.0])
def test_a_rate_limited_call_is_sent_a_last_time_just_before_the_time_is_up(seconds: float) -> None:
    _, pauses, error = sent(retry.after_rate_limits(seconds), *[errors.HexRateLimited("", status=429)] * 1000)
    assert error is not None
    assert seconds - 2 <= sum(pauses) < seconds


def test_a_call_that_may_not_wait_is_sent_once() -> None:
    assert sent(retry.after_rate_limits(0.0), errors.HexRateLimited("", status=429))[0] == 1


def test_other_pauses_are_random_and_start_at_zero() -> None:
    firsts = [sent(retry.after_transient_errors(call_named("Me"), 1e6), TRANSIENT[0], None)[1][0] for _ in range(200)]
    assert min(firsts) < 0.2
    assert 0.8 < max(firsts) <= 1
    tenths = [
        sent(retry.after_transient_errors(call_named("Me"), 1e6), *[TRANSIENT[0]] * 10, None)[1][9] for _ in range(200)
    ]
    assert min(tenths) < 6
    assert 24 < max(tenths) <= 30


@pytest.mark.parametrize(("seconds", "times"), [(29, 1), (31, 2), (10, 1), (0, 1)])
def test_it_gives_up_if_the_next_pause_would_exceed_the_time(seconds: float, times: int) -> None:
    limit = errors.HexRateLimited(retry_after=29.5)
    assert sent(retry.after_rate_limits(seconds), limit, limit, limit)[0::2] == (times, limit)


@pytest.mark.parametrize(
    ("ran", "slept", "ends"), [(4, 0, False), (5, 0, True), (0, 4, False), (0, 5, True), (4, 4, False)]
)
def test_it_stops_when_the_next_pause_would_end_at_the_limit(ran: float, slept: float, ends: bool) -> None:
    """Of ten seconds, five would be the next pause. Time that was slept may not show in the clock."""
    state = tenacity.RetryCallState(tenacity.Retrying(), None, (), {})
    state.start_time, state.outcome_timestamp, state.idle_for, state.upcoming_sleep = 0, ran, slept, 5
    assert retry.after_rate_limits(10)["stop"](state) is ends


def test_a_retry_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        sent(retry.after_rate_limits(1e6), errors.HexRateLimited("The limit is reached.", retry_after=100), None)
    assert caplog.records[0].name == retry.__name__
    assert re.fullmatch(r"Retrying in 10\d s\. The limit is reached\.", caplog.messages[0])
