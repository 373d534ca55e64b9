from __future__ import annotations

from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_hex.api import limits

NOW = 1_800_000_000.0


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("7", 7),
        (" 1.5 ", 1.5),
        ("-3", 0),
        (formatdate(NOW + 20, usegmt=True), 20),
        (formatdate(NOW - 20, usegmt=True), 0),
        ("1e300", 3600),
        (formatdate(NOW + 1e8, usegmt=True), 3600),
        ("nan", None),
        ("inf", None),
        ("soon", None),
        ("", None),
    ],
)
def test_retry_after_is_read_in_seconds_or_as_a_date(value: str, seconds: float | None) -> None:
    assert limits.retry_after({"retry-AFTER": value}, NOW) == seconds


def test_no_retry_after_is_none() -> None:
    assert limits.retry_after({"Content-Type": "text/html"}, NOW) is None


@pytest.mark.parametrize(("waited", "pause"), [(0, 2), (19, 2), (100, 10), (300, 30), (86400, 30)])
def test_looks_become_rarer_in_proportion_to_the_time_waited(waited: float, pause: float) -> None:
    assert limits.next_poll(waited) == pause


@given(st.floats(0, 1e6), st.none() | st.floats(0, 1e4), st.none() | st.floats(0, 1e4))
def test_hex_is_never_asked_before_it_wants_to_be(waited: float, interval: float | None, asked: float | None) -> None:
    pause = limits.next_poll(waited, interval, asked)
    assert pause >= (asked or 0)
    assert interval is None or pause == max(interval, asked or 0)
