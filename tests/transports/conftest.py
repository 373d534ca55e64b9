"""Both transports behind one face, so that each test runs with both. Neither waits in earnest."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from airflow_provider_hex.api.async_client import AsyncHexClient
from airflow_provider_hex.api.client import HexClient
from airflow_provider_hex.api.config import HexConfig
from airflow_provider_hex.api.protocol import Call, Page
from airflow_provider_hex.api.steps import Steps
from hex_emulator.client import Control
from tests.conftest import TOKENS


class Blocking:
    """``HexClient``; ``pauses`` are the seconds that it would have waited."""

    def __init__(self, config: HexConfig) -> None:
        self.pauses: list[float] = []
        self.client = HexClient(config, sleep=self.pauses.append)

    def send(self, call: Call[Any]) -> Any:
        return self.client.send(call)

    def request(self, call: Call[Any], **options: float) -> Any:
        return self.client.request(call, **options)

    def items(self, call: Call[Page[Any]]) -> list[Any]:
        return list(self.client.iterate(call))

    def first(self, call: Call[Page[Any]], count: int) -> list[Any]:
        items = self.client.iterate(call)
        return [next(items) for _ in range(count)]

    def carry_out(self, steps: Steps[Any], **options: float) -> Any:
        return self.client.carry_out(steps, **options)


class Asynchronous:
    """``AsyncHexClient``, the same way. Each call has a session of its own, as each has an event loop."""

    def __init__(self, config: HexConfig) -> None:
        self.pauses: list[float] = []
        self.config = config

    def send(self, call: Call[Any]) -> Any:
        return self._run(lambda client: client.send(call))

    def request(self, call: Call[Any], **options: float) -> Any:
        return self._run(lambda client: client.request(call, **options))

    def items(self, call: Call[Page[Any]]) -> list[Any]:
        async def collect(client: AsyncHexClient) -> list[Any]:
            return [item async for item in client.iterate(call)]

        return self._run(collect)

    def first(self, call: Call[Page[Any]], count: int) -> list[Any]:
        async def collect(client: AsyncHexClient) -> list[Any]:
            items = client.iterate(call)
            return [await anext(items) for _ in range(count)]

        return self._run(collect)

    def carry_out(self, steps: Steps[Any], **options: float) -> Any:
        return self._run(lambda client: client.carry_out(steps, **options))

    def _run(self, work: Callable[[AsyncHexClient], Awaitable[Any]]) -> Any:
        async def sleep(seconds: float) -> None:
            self.pauses.append(seconds)

        async def run() -> Any:
            async with AsyncHexClient(self.config, sleep) as client:
                return await work(client)

        return asyncio.run(run())


Transport = Blocking | Asynchronous
Transports = Callable[..., Transport]


@pytest.fixture(params=[Blocking, Asynchronous], ids=["requests", "httpx"])
def transports(request: pytest.FixtureRequest, emulator: Control) -> Transports:
    """Makes a transport with these options of ``HexConfig`` besides the emulator's address and token."""

    def make(**options: Any) -> Transport:
        fields = {"base_url": emulator.api_url, "token": TOKENS["full"], "requests_per_minute": 6000, **options}
        made: Transport = request.param(HexConfig(**fields))
        return made

    return make


@pytest.fixture
def transport(transports: Transports) -> Transport:
    return transports()
