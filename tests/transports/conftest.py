"""Both clients behind one interface, so that each test runs with both. Neither waits for real."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import ExitStack
from typing import Any, Self, TypeVar

import pytest

from airflow_provider_hex.api.async_client import AsyncHexClient
from airflow_provider_hex.api.call import Call, Page
from airflow_provider_hex.api.client import HexClient
from airflow_provider_hex.api.config import HexConfig
from airflow_provider_hex.api.steps import Steps
from hex_emulator.client import Control
from tests.conftest import TOKENS

T = TypeVar("T")


class Transport:
    """What both have. ``pauses`` are the seconds that they would have waited; ``while_it_waits`` is called then."""

    def __init__(self, config: HexConfig) -> None:
        self.config = config
        self.pauses: list[float] = []
        self.while_it_waits: Callable[[float], object] = lambda seconds: None

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.while_it_waits(seconds)


class Blocking(Transport):
    """``HexClient``."""

    def __enter__(self) -> Self:
        self.client = HexClient(self.config, sleep=self.sleep)
        return self

    def __exit__(self, *error: object) -> None:
        self.client.close()

    def send(self, call: Call[Any]) -> Any:
        return self.client.send(call)

    def request(self, call: Call[Any], **options: float) -> Any:
        return self.client.request(call, **options)

    def items(self, call: Call[Page[Any]]) -> list[Any]:
        return list(self.client.iterate(call))

    def first(self, call: Call[Page[Any]], count: int) -> list[Any]:
        items = self.client.iterate(call)
        return [next(items) for _ in range(count)]

    def carry_out(self, steps: Steps[Any], **options: Any) -> Any:
        return self.client.carry_out(steps, **options)


class Asynchronous(Transport):
    """``AsyncHexClient``, on an event loop that runs only during the calls."""

    def __enter__(self) -> Self:
        self.runner = asyncio.Runner()
        try:
            self.client = self._run(AsyncHexClient(self.config, sleep=self.sleep).__aenter__())
        except BaseException:
            self.runner.close()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        self._run(self.client.__aexit__(None, None, None))
        self.runner.close()

    def send(self, call: Call[Any]) -> Any:
        return self._run(self.client.send(call))

    def request(self, call: Call[Any], **options: float) -> Any:
        return self._run(self.client.request(call, **options))

    def items(self, call: Call[Page[Any]]) -> list[Any]:
        async def collect() -> list[Any]:
            return [item async for item in self.client.iterate(call)]

        return self._run(collect())

    def first(self, call: Call[Page[Any]], count: int) -> list[Any]:
        async def collect() -> list[Any]:
            items = self.client.iterate(call)
            return [await anext(items) for _ in range(count)]

        return self._run(collect())

    def carry_out(self, steps: Steps[Any], **options: Any) -> Any:
        return self._run(self.client.carry_out(steps, **options))

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)


Either = Blocking | Asynchronous
Transports = Callable[..., Either]


@pytest.fixture(params=[Blocking, Asynchronous], ids=["HexClient", "AsyncHexClient"])
def transports(request: pytest.FixtureRequest, emulator: Control) -> Iterator[Transports]:
    """Make a client with these options of ``HexConfig`` besides the emulator's address and token."""
    emulator.clock(speed=1)  # reconciling compares its times with the client's
    with ExitStack() as opened:

        def make(**options: Any) -> Either:
            fields = {"base_url": emulator.api_url, "token": TOKENS["full"], "requests_per_minute": 6000, **options}
            made: Either = request.param(HexConfig(**fields))
            opened.enter_context(made)
            return made

        yield make


@pytest.fixture
def transport(transports: Transports) -> Either:
    return transports()
