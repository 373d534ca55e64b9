from __future__ import annotations

import time
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime, formatdate

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_hex.api.limit_headers import LONGEST_LIMIT, clock_ahead, reported_pause, retry_after

NOW = 1_800_000_000.0


def date(seconds: float) -> str:
    """Format the time so many seconds from now, as HTTP does."""
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
    assert retry_after({"Server": "x", name: value}, NOW) == seconds


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
    assert retry_after(headers, NOW) == seconds


@pytest.mark.parametrize(("status", "seconds"), [(429, 30), (503, None), (500, None)])
def test_a_reset_counts_for_the_request_limit_only(status: int, seconds: float | None) -> None:
    """Every response has it, also one that has nothing to do with that limit."""
    assert retry_after({"RateLimit-Reset": "30"}, NOW, status) == seconds
    assert retry_after({"RateLimit-Reset": "30", "Retry-After": "7"}, NOW, status) == 7


@pytest.mark.parametrize("name", ["Retry-After", "X-RateLimit-Reset"])
def test_a_wrong_clock_does_no_harm(name: str) -> None:
    """Ours is ten minutes late. Hex reports its own time with the limit's end."""
    assert retry_after({"Date": date(600), name: date(620)}, NOW) == 20
    assert retry_after({"date": date(600), name: str(NOW + 620)}, NOW) == 20
    assert retry_after({"Date": date(600), name: "20"}, NOW) == 20


def test_a_date_may_be_of_any_time_zone_and_is_gmt_without_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the time zone of this machine: HTTP's dates are GMT."""
    abroad = datetime.fromtimestamp(NOW + 20, timezone(timedelta(hours=-5)))
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    try:
        assert retry_after({"Retry-After": format_datetime(abroad)}, NOW) == 20
        assert retry_after({"Retry-After": date(20).removesuffix(" GMT")}, NOW) == 20
    finally:
        monkeypatch.delenv("TZ")
        time.tzset()


def test_the_clocks_are_compared_if_hex_reports_its_time() -> None:
    assert clock_ahead({"DATE": date(-5)}, NOW) == -5
    assert clock_ahead({"Date": "today"}, NOW) is None
    assert clock_ahead({}, NOW) is None


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from(["Retry-After", "RateLimit", "X-RateLimit-Reset", "Date"]), st.text()))
def test_no_header_asks_for_more_than_the_longest_limit(headers: dict[str, str]) -> None:
    assert 0 <= (retry_after(headers, NOW) or 0) <= LONGEST_LIMIT


def pause(headers: dict[str, str], recent: int = 0, longest: float = 60.0) -> float:
    return reported_pause(headers, NOW, recent, longest)


@pytest.mark.parametrize(
    ("headers", "seconds"),
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
def test_the_next_request_waits_for_the_reset_if_none_is_left(headers: dict[str, str], seconds: float) -> None:
    assert pause(headers) == seconds


def test_a_reset_is_cut_to_the_longest_time_for_which_the_limit_lasts() -> None:
    headers = {"RateLimit-Remaining": "0", "RateLimit-Reset": "3000"}
    assert (pause(headers, longest=60), pause(headers, longest=3600)) == (61, 3001)


@pytest.mark.parametrize(
    ("recent", "left", "reset", "seconds"),
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
    recent: int, left: int, reset: float, seconds: float
) -> None:
    """So a limit that other clients use too is kept without a single 429."""
    headers = {"RateLimit-Remaining": str(left), "RateLimit-Reset": str(reset)}
    assert pause(headers, recent) == pytest.approx(seconds)
