from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from airflow_provider_hex.api.token_expiry import expiry

AT = datetime(2026, 12, 24, 9, 30, tzinfo=UTC)
SECONDS = 1798104600


@pytest.mark.parametrize(
    "exp",
    [
        SECONDS,
        float(SECONDS),
        SECONDS * 1000,
        SECONDS * 1000 + 0.5,
        str(SECONDS),
        f" {SECONDS}000 ",
        "2026-12-24T09:30:00.000Z",
        "2026-12-24T09:30:00",
        " 2026-12-24T10:30:00+01:00",
    ],
)
def test_seconds_milliseconds_and_iso_text_give_the_same_time(exp: Any) -> None:
    assert expiry({"org": {"id": "o"}, "token": {"exp": exp}}) == AT


@pytest.mark.parametrize(
    ("exp", "year"), [(10**9, 2001), (10**11 - 1, 5138), (10**12, 2001), (10**14 - 1, 5138), ("2027-01-01", 2027)]
)
def test_the_magnitude_decides_between_seconds_and_milliseconds(exp: Any, year: int) -> None:
    found = expiry({"token": {"exp": exp}})
    assert found is not None
    assert (found.year, found.tzinfo) == (year, UTC)


@pytest.mark.parametrize(
    "exp",
    [
        None, True, 0, -SECONDS, 604800, 10**9 - 1, 10**11, 10**12 - 1, 10**14, 10**400, float("nan"), float("inf"),
        "", "soon", "2026-13-40", "-5", "0001-01-01T00:00:00+14:00", [SECONDS], {},
    ],
)  # fmt: skip
def test_what_cannot_be_a_time_is_ignored(exp: Any) -> None:
    assert expiry({"token": {"exp": exp}}) is None


@pytest.mark.parametrize("me", [None, [], {}, {"token": None}, {"token": {}}, {"token": [1]}, {"token": "x"}])
def test_hex_need_not_say_when_a_token_expires(me: Any) -> None:
    assert expiry(me) is None
