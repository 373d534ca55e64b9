"""One rate limiter per token, which all pollers of the token share, also one after the other."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from airflow_provider_hex.api.async_client import AsyncHexClient
from airflow_provider_hex.api.config import HexConfig
from airflow_provider_hex.api.rate_limit import RateLimiter
from airflow_provider_hex.api.run_watch import RunWatch
from airflow_provider_hex.triggers import limiters, poller
from airflow_provider_hex.triggers.limiters import TokenLimiter, limiter_of
from airflow_provider_hex.triggers.per_token import PerToken
from hex_emulator.client import Control
from tests.conftest import PROJECT, TOKENS
from tests.triggers.virtual_time import VirtualTime

CONFIG = HexConfig("https://app.hex.tech/api/v1", "token")
OTHER = HexConfig("https://app.hex.tech/api/v1", "another token")


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> VirtualTime:
    time = VirtualTime()
    of_tests = PerToken(lambda config: TokenLimiter(config, clock=time.clock))
    monkeypatch.setattr(limiters, "_limiters", of_tests)
    return time


def test_all_clients_of_a_token_share_its_limiter(time: VirtualTime) -> None:
    async def clients() -> list[AsyncHexClient]:
        return [poller.connect(config) for config in (CONFIG, CONFIG, OTHER)]

    one, same, another = [client._limiter for client in time.run(clients())]
    assert one is same
    assert one is not another


@pytest.mark.parametrize(("minutes", "is_kept"), [(0, True), (59, True), (61, False)])
def test_a_limiter_is_kept_for_an_hour_after_the_last_request(minutes: float, is_kept: bool, time: VirtualTime) -> None:
    """Also one that was created long before it."""

    async def limiters_before_and_after() -> tuple[RateLimiter, RateLimiter]:
        before = limiter_of(CONFIG)
        await time.sleep(3000)
        before.sent("GetRunStatus", time.now)
        await time.sleep(minutes * 60)
        return before, limiter_of(CONFIG)

    before, after = time.run(limiters_before_and_after())
    assert (before is after) is is_kept


def test_a_limiter_allows_what_the_connection_allows(time: VirtualTime) -> None:
    async def limiter() -> RateLimiter:
        return limiter_of(HexConfig("https://app.hex.tech/api/v1", "token", requests_per_minute=2))

    of_token = time.run(limiter())
    of_token.sent("GetRunStatus", time.now)
    assert of_token.pause("GetRunStatus", time.now) == 0
    of_token.sent("GetRunStatus", time.now)
    assert of_token.pause("GetRunStatus", time.now) == 61


def test_a_wait_that_begins_after_all_others_ended_knows_what_was_sent(emulator: Control) -> None:
    """Its poller is another one. Hex still counts the requests of the first one."""

    async def wait() -> float:
        await poller.ended_run(config, a_wait(emulator))
        assert len(poller._pollers) == 0
        return limiter_of(config).pause("GetRunStatus", 0.0)  # a time that does not depend on how long this took

    def a_wait(emulator: Control) -> RunWatch:
        emulator.next_run(timeline=[("COMPLETED", None)])
        run: dict[str, Any] = emulator.start_run(PROJECT, trigger="API")
        return RunWatch(PROJECT, run["runId"], started_at=0.0, poll_interval=0.05)

    config = HexConfig(emulator.api_url, TOKENS["full"], requests_per_minute=1)
    assert asyncio.run(wait()) == 61
