"""The asynchronous transport, for triggers: calls go out with httpx."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import cache, partial
from types import TracebackType
from typing import Any, Self, TypeVar, cast

import httpx
import tenacity

from airflow_provider_hex.api import retry
from airflow_provider_hex.api.call import Call, Page
from airflow_provider_hex.api.config import HexConfig
from airflow_provider_hex.api.errors import HexError
from airflow_provider_hex.api.rate_limit import LONGEST_LIMIT
from airflow_provider_hex.api.session import Session
from airflow_provider_hex.api.steps import Pause, Steps
from airflow_provider_hex.api.tls import ssl_context

T = TypeVar("T")

_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)


class AsyncHexClient(Session):
    """One session with Hex, on an event loop: ``async with AsyncHexClient(config) as client``.

    It does what :class:`~airflow_provider_hex.api.client.HexClient` does.

    :param sleep: how to wait; a parameter for tests that own the time.
    """

    def __init__(self, config: HexConfig, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        super().__init__(config)
        self.sleep = sleep

    async def __aenter__(self) -> Self:
        # Loading the certificates takes tens of milliseconds, in which no other trigger could run.
        self._http = await asyncio.to_thread(_session, self.config)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._http.aclose()

    async def send(self, call: Call[T]) -> T:
        """Send a call once, at once.

        :raises HexError: what went wrong.
        """
        sent_at = self._sending()
        try:
            response = await self._http.request(
                call.method,
                self.config.base_url + call.path,
                params=call.query,
                content=call.content,
                headers=call.headers,
                follow_redirects=False,
            )
        except httpx.HTTPError as error:
            raise self._failed(
                call,
                error,
                never_sent=isinstance(error, _NEVER_SENT),
                sent_at=sent_at,
            ) from None
        return self._answered(call, response.status_code, response.headers, response.content, sent_at)

    async def request(self, call: Call[T], max_wait: float = LONGEST_LIMIT) -> T:
        """Send a call when the pace allows, and again for as long as that is safe and may help.

        :param max_wait: seconds after which a limit of Hex is not waited for any longer.
        :raises HexError: the last error.
        """

        async def attempt() -> T:
            if pause := min(self.pause(call), max_wait):
                await self.sleep(pause)
            return await self.send(call)

        blips = tenacity.AsyncRetrying(sleep=self.sleep, **retry.after_blips(call, self.config.retry_for))
        limits = tenacity.AsyncRetrying(sleep=self.sleep, **retry.after_limits(max_wait))
        return cast(T, await limits(blips, attempt))

    async def iterate(self, call: Call[Page[T]]) -> AsyncIterator[T]:
        """Yield the items of a list, whose pages are asked for as they are needed."""
        following: Call[Page[T]] | None = call
        while following is not None:
            page = await self.request(following)
            for item in page.items:
                yield item
            following = page.next

    async def carry_out(self, steps: Steps[T], max_wait: float = LONGEST_LIMIT) -> T:
        """Take the steps of a procedure, one after the other, and return what it returns.

        :param max_wait: seconds for which RunProject waits for a limit of Hex at the most.
        """
        go_on = partial(steps.send, None)
        while True:
            try:
                step = go_on()
            except StopIteration as end:
                return cast(T, end.value)
            try:
                go_on = partial(steps.send, await self._take(step, max_wait))
            except HexError as error:
                go_on = partial(steps.throw, error)

    async def _take(self, step: Call[Any] | Pause, max_wait: float) -> Any:
        if isinstance(step, Pause):
            return await self.sleep(step.seconds)
        return await (self.request(step) if step.repeatable else self.request(step, max_wait))


_usual_authorities = cache(httpx.create_ssl_context)
"""A session that trusts them needs most of a megabyte for them, so all share one."""


def _session(config: HexConfig) -> httpx.AsyncClient:
    context = ssl_context(config)
    return httpx.AsyncClient(
        headers=config.request_headers,
        timeout=httpx.Timeout(config.read_timeout, connect=config.connect_timeout),
        verify=_usual_authorities() if context is True else context,
        proxy=config.proxy,
    )
