from __future__ import annotations

import time
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime, formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_hex.api import rate_limit
from airflow_provider_hex.api.rate_limit import RateLimiter

NOW = 1_800_000_000.0


def date(seconds: float) -> str:
    """So many seconds from now, as HTTP writes it."""
    return formatdate(NOW + seconds, usegmt=True)


TIMES = [
    ("7", 7),
    (" 1.5 ", 1.5),
    ("0", 0),
    ("-3", 0),
    ("999999999", 3600),
    ("1000000000", 0),
    ("1000000000000", 0),
    (str(NOW + 9), 9),
    (str(int(NOW + 9) * 1000), 9),
    (str(NOW - 9), 0),
    (date(20), 20),
    (date(-20), 0),
    ("1e300", 3600),
    (date(1e8), 3600),
    (date(20).removesuffix(" GMT"), 20),
    ("nan", None),
    ("inf", None),
    ("-inf", None),
    ("soon", None),
    ("", None),
    ("Mon, 99 Nov 2026 99:99:99 GMT", None),
]


@pytest.mark.parametrize(("value", "seconds"), TIMES)
@pytest.mark.parametrize(
    "name", ["Retry-After", "retry-AFTER", "RateLimit-Reset", "X-RateLimit-Reset", "x-rate-limit-reset"]
)
def test_a_pause_is_read_in_every_spelling(name: str, value: str, seconds: float | None) -> None:
    assert rate_limit.retry_after({"Server": "x", name: value}, NOW) == seconds


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"Content-Type": "text/html", "Reset": "7", "X-Remaining": "0"}, None),
        ({"RateLimit-Remaining": "0", "RateLimit-Limit": "60"}, None),
        ({"RateLimit-Reset": "30", "Retry-After": "7"}, 7),
        ({"RateLimit-Reset": "30", "Retry-After": "soon"}, 30),
        ({"RateLimit": "limit=60, remaining=0, reset=8"}, 8),
        ({"RateLimit": '"default";r=0;t=9', "RateLimit-Policy": '"default";q=60;w=60'}, 9),
        ({"RateLimit": "full"}, None),
        ({"Retry-After": "7", "RateLimit": "limit=60, remaining=0, reset=8"}, 7),
    ],
)
def test_retry_after_counts_before_a_reset(headers: dict[str, str], seconds: float | None) -> None:
    assert rate_limit.retry_after(headers, NOW) == seconds


@pytest.mark.parametrize(("status", "seconds"), [(429, 30), (503, None), (500, None)])
def test_a_reset_is_that_of_the_request_limit_alone(status: int, seconds: float | None) -> None:
    """Every answer tells it, also one that has nothing to do with that limit."""
    assert rate_limit.retry_after({"RateLimit-Reset": "30"}, NOW, status) == seconds
    assert rate_limit.retry_after({"RateLimit-Reset": "30", "Retry-After": "7"}, NOW, status) == 7


@pytest.mark.parametrize("name", ["Retry-After", "X-RateLimit-Reset"])
def test_a_clock_that_is_wrong_does_no_harm(name: str) -> None:
    """Ours is ten minutes late: Hex says when, and what time it is there."""
    assert rate_limit.retry_after({"Date": date(600), name: date(620)}, NOW) == 20
    assert rate_limit.retry_after({"date": date(600), name: str(NOW + 620)}, NOW) == 20
    assert rate_limit.retry_after({"Date": date(600), name: "20"}, NOW) == 20


def test_a_date_may_be_of_any_zone_and_is_hexs_own_without_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever zone this machine is in: HTTP's dates are GMT."""
    abroad = datetime.fromtimestamp(NOW + 20, timezone(timedelta(hours=-5)))
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    try:
        assert rate_limit.retry_after({"Retry-After": format_datetime(abroad)}, NOW) == 20
        assert rate_limit.retry_after({"Retry-After": date(20).removesuffix(" GMT")}, NOW) == 20
    finally:
        monkeypatch.delenv("TZ")
        time.tzset()


def test_the_clocks_are_compared_where_hex_tells_the_time() -> None:
    assert rate_limit.clock_ahead({"DATE": date(-5)}, NOW) == -5
    assert rate_limit.clock_ahead({"Date": "today"}, NOW) is None
    assert rate_limit.clock_ahead({}, NOW) is None


@given(st.dictionaries(st.sampled_from(["Retry-After", "RateLimit", "X-RateLimit-Reset", "Date"]), st.text()))
def test_no_header_is_believed_beyond_reason(headers: dict[str, str]) -> None:
    assert 0 <= (rate_limit.retry_after(headers, NOW) or 0) <= rate_limit.LONGEST_LIMIT


def test_no_more_requests_go_out_in_a_minute_than_may() -> None:
    pace = RateLimiter(3)
    for moment in (0, 1, 20):
        assert pace.pause("Me", NOW + moment) == 0
        pace.sent(NOW + moment)
    assert pace.pause("Me", NOW + 20) == 41
    assert pace.pause("RunProject", NOW + 59) == 2
    assert pace.pause("Me", NOW + 61) == 0
    pace.sent(NOW + 61)
    assert pace.pause("Me", NOW + 61) == 1


@given(st.integers(1, 60), st.lists(st.floats(0, 100), min_size=1))
def test_no_minute_ever_holds_more_requests_than_may_go_out(per_minute: int, idle: list[float]) -> None:
    pace, now, sent = RateLimiter(per_minute), NOW, []
    for seconds in idle * 3:
        now += seconds
        now += pace.pause("Me", now)
        pace.sent(now)
        sent.append(now)
    assert all(later - earlier >= 60.99 for earlier, later in zip(sent, sent[per_minute:], strict=False))


def test_a_clock_that_is_set_back_holds_nobody_up_for_long() -> None:
    pace = RateLimiter(1)
    pace.sent(NOW)
    assert pace.pause("Me", NOW - 86400) == 61


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
def test_no_request_goes_out_when_hex_said_that_none_is_left(headers: dict[str, str], pause: float) -> None:
    pace = RateLimiter(30)
    pace.learned("Me", headers, NOW)
    assert pace.pause("Me", NOW) == pause
    assert pace.pause("Me", NOW + pause) == 0


def test_what_hex_says_of_one_kind_of_request_holds_no_other_up() -> None:
    """RunProject's limit may last an hour; nobody would look at the runs for so long."""
    pace = RateLimiter(30)
    pace.learned("RunProject", {"RateLimit-Remaining": "0", "RateLimit-Reset": "3000"}, NOW)
    assert pace.pause("RunProject", NOW) == 3001
    assert pace.pause("GetRunStatus", NOW) == 0


def test_what_hex_says_last_counts() -> None:
    pace = RateLimiter(30)
    pace.learned("Me", {"RateLimit-Remaining": "0", "RateLimit-Reset": "30"}, NOW)
    pace.learned("Me", {"RateLimit-Remaining": "60", "RateLimit-Reset": "60"}, NOW + 1)
    assert pace.pause("Me", NOW + 1) == 0


@pytest.mark.parametrize(
    ("headers", "pause"),
    [({"Retry-After": "7"}, 7), ({"X-RateLimit-Reset": "3000"}, 3000), ({"RateLimit-Remaining": "5"}, 10), ({}, 10)],
)
def test_after_a_429_no_request_under_the_same_limit_goes_out(headers: dict[str, str], pause: float) -> None:
    pace = RateLimiter(30)
    pace.learned("GetRunStatus", headers, NOW, status=429)
    assert pace.pause("GetRunStatus", NOW) == pace.pause("GetProjectRuns", NOW) == pause
    assert pace.pause("RunProject", NOW) == pace.pause("GetChartImageFromRun", NOW) == 0


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
def test_what_is_left_is_spread_if_it_would_be_used_up(recent: int, left: int, reset: float, pause: float) -> None:
    """So a limit that others use up too is kept without a single 429."""
    pace = RateLimiter(100)
    for _ in range(5):
        pace.sent(NOW - 60)
    for _ in range(recent):
        pace.sent(NOW - 59)
    pace.learned("Me", {"RateLimit-Remaining": str(left), "RateLimit-Reset": str(reset)}, NOW)
    assert pace.pause("Me", NOW) == pytest.approx(pause)
