"""The headers of a response that report the rate limits, and the time."""

from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from math import ceil
from typing import Any

import httpx
import pytest

from hex_emulator.client import Control
from hex_emulator.clock import Clock
from hex_emulator.limits import Quota
from hex_emulator.rate_limit_headers import rate_limit_headers
from hex_emulator.workspace import Project
from tests.emulator.conftest import Connect


@pytest.fixture
def emulator(emulator: Control) -> Control:
    """Return an emulator with the limits of 2025: no client has found a header of those of 2026."""
    emulator.set_limits_of("2025")
    return emulator


def limit_headers(response: httpx.Response) -> dict[str, str]:
    """Return the headers that are about limits."""
    return {name: value for name, value in response.headers.items() if "rate" in name or name == "retry-after"}


def me(client: httpx.Client) -> httpx.Response:
    return client.get("/users/me")


def now(emulator: Control) -> datetime:
    return datetime.fromisoformat(emulator.health()["now"])


def test_every_response_reports_what_remains(unchecked: httpx.Client, emulator: Control, draft: Project) -> None:
    first = me(unchecked)
    emulator.clock(advance=10.5)
    others = [
        unchecked.get(f"/projects/{draft.id}/runs"),
        unchecked.get("/projects/x"),
        unchecked.get("/nothing"),
    ]
    assert limit_headers(first) == {"ratelimit-limit": "60", "ratelimit-remaining": "59", "ratelimit-reset": "60"}
    assert [limit_headers(response)["ratelimit-remaining"] for response in others] == ["58", "57", "56"]
    assert {limit_headers(response)["ratelimit-reset"] for response in others} == {"50"}


def test_a_rate_limited_response_says_when_to_retry(api: httpx.Client, emulator: Control) -> None:
    emulator.use_up(requests=60)
    emulator.clock(advance=59.5)
    assert limit_headers(me(api)) == {
        "ratelimit-limit": "60",
        "ratelimit-remaining": "0",
        "ratelimit-reset": "1",
        "retry-after": "1",
    }


def test_the_tightest_limit_is_reported(api: httpx.Client, emulator: Control, health: Project) -> None:
    def limit_and_reset() -> tuple[str, str]:
        headers = api.post(f"/projects/{health.id}/runs").headers
        return headers["RateLimit-Limit"], headers["RateLimit-Reset"]

    assert limit_and_reset() == ("20", "60")
    emulator.use_up(runs=50)
    emulator.clock(advance=60)
    assert limit_and_reset() == ("60", "3540")  # of an hour's 60 there are 8 left, of a minute's 20 there are 19
    assert me(api).headers["RateLimit-Limit"] == "60"


def test_of_two_exceeded_limits_the_one_that_lasts_longer_is_reported(
    api: httpx.Client, emulator: Control, health: Project
) -> None:
    emulator.use_up(runs=90, requests=60)
    refusal = api.post(f"/projects/{health.id}/runs")
    assert (refusal.headers["RateLimit-Limit"], refusal.headers["Retry-After"]) == ("60", "3600")


def test_the_limits_of_2026_have_no_headers(api: httpx.Client, emulator: Control) -> None:
    emulator.set_limits_of("2026")
    responses = [me(api) for _ in range(31)]
    assert responses[30].status_code == 429
    assert [limit_headers(response) for response in responses] == [{}] * 31


def test_without_a_valid_token_no_limit_is_reported(connect: Connect) -> None:
    assert limit_headers(me(connect(None))) == {}


def test_a_limit_that_is_switched_off_is_not_reported(api: httpx.Client, emulator: Control) -> None:
    emulator.limits(requests_per_minute=None)
    assert limit_headers(me(api)) == {}


@pytest.mark.parametrize(
    ("style", "good", "refused"),
    [
        ("none", {}, {}),
        ("retry-after", {}, {"retry-after": "60"}),
        ("retry-after-date", {}, {"retry-after": "DATE"}),
        (
            "ratelimit",
            {"ratelimit-limit": "1", "ratelimit-remaining": "0", "ratelimit-reset": "60"},
            {"ratelimit-limit": "1", "ratelimit-remaining": "0", "ratelimit-reset": "60"},
        ),
        (
            "x-ratelimit-seconds",
            {"x-ratelimit-limit": "1", "x-ratelimit-remaining": "0", "x-ratelimit-reset": "60"},
            {"x-ratelimit-limit": "1", "x-ratelimit-remaining": "0", "x-ratelimit-reset": "60"},
        ),
        (
            "retry-after,x-ratelimit-epoch",
            {"x-ratelimit-limit": "1", "x-ratelimit-remaining": "0", "x-ratelimit-reset": "EPOCH"},
            {
                "x-ratelimit-limit": "1",
                "x-ratelimit-remaining": "0",
                "x-ratelimit-reset": "EPOCH",
                "retry-after": "60",
            },
        ),
    ],
)
def test_each_style_has_its_own_headers(
    api: httpx.Client, emulator: Control, style: str, good: dict[str, str], refused: dict[str, str]
) -> None:
    emulator.limits(requests_per_minute=1, headers=style)
    responses = [me(api), me(api)]
    assert [response.status_code for response in responses] == [200, 429]
    for response, expected in zip(responses, (good, refused), strict=True):
        found = limit_headers(response)
        assert found.keys() == expected.keys()
        for name, value in expected.items():
            if value == "EPOCH":
                assert int(found[name]) == ceil(now(emulator).timestamp() + 60)
            elif value == "DATE":
                left = parsedate_to_datetime(found[name]) - now(emulator)
                assert timedelta(seconds=60) <= left < timedelta(seconds=61)
            else:
                assert found[name] == value


@pytest.mark.parametrize(
    ("speed", "seconds"),
    [(0, 60), (1, 60), (8, 8), (10, 6), (600, 1)],
)
def test_seconds_until_the_reset_are_real_ones_rounded_up(speed: float, seconds: int) -> None:
    clock = Clock(speed, lambda: 0)
    present = clock.now()
    quota = Quota(60, -1, present + timedelta(seconds=60))
    headers = rate_limit_headers(("ratelimit", "retry-after"), quota, clock, present)
    assert headers["RateLimit-Reset"] == headers["Retry-After"] == str(seconds)


def test_a_date_and_an_epoch_are_so_many_real_seconds_after_the_emulated_time() -> None:
    clock = Clock(10, lambda: 0)
    clock.advance(86400)
    present = clock.now()
    quota = Quota(60, -1, present + timedelta(seconds=60))
    headers: Any = rate_limit_headers(("retry-after-date", "x-ratelimit-epoch"), quota, clock, present)
    expected = ceil(present.timestamp() + 6)
    assert int(headers["X-RateLimit-Reset"]) == expected
    assert parsedate_to_datetime(headers["Retry-After"]).timestamp() == expected


def test_every_response_has_the_emulated_date(unchecked: httpx.Client, connect: Connect, emulator: Control) -> None:
    emulator.clock(advance=86400 * 400)
    expected = now(emulator).replace(microsecond=0)
    for response in (
        me(unchecked),
        me(connect(None)),
        unchecked.get("/nothing"),
        unchecked.get(emulator.url),
        unchecked.get(f"{emulator.url}/nothing"),
        unchecked.get(f"{emulator.url}/_emulator/health"),
    ):
        assert [parsedate_to_datetime(date) for date in response.headers.get_list("Date")] == [expected]


def test_a_fault_can_set_another_date(api: httpx.Client, emulator: Control) -> None:
    emulator.fault("Me", headers={"Date": "Thu, 01 Jan 2026 00:00:00 GMT"})
    assert me(api).headers.get_list("Date") == ["Thu, 01 Jan 2026 00:00:00 GMT"]


def test_a_false_response_has_only_the_headers_of_its_fault(api: httpx.Client, emulator: Control) -> None:
    emulator.fault("Me", status=429, headers={"X-RateLimit-Reset": "9"}, apply=True)
    assert limit_headers(me(api)) == {"x-ratelimit-reset": "9"}
