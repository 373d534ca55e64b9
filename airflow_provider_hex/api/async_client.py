"""The client for asyncio, for triggers: the same client, in threads."""

from __future__ import annotations

import asyncio
import contextvars
import threading
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Future
from contextlib import AbstractContextManager, nullcontext
from types import TracebackType
from typing import Any, Self, TypeVar

from airflow_provider_hex.api.adapter import Aborted
from airflow_provider_hex.api.call import Call, Page
from airflow_provider_hex.api.client import HexClient
from airflow_provider_hex.api.config import HexConfig
from airflow_provider_hex.api.limit_headers import LONGEST_LIMIT
from airflow_provider_hex.api.rate_limit import RateLimiter
from airflow_provider_hex.api.steps import Steps

T = TypeVar("T")


class AsyncHexClient:
    """Sends calls to Hex without blocking the event loop: ``async with AsyncHexClient(config) as client``.

    Each call runs a :class:`~airflow_provider_hex.api.client.HexClient` in a new thread, which ends with the
    call. Cancelling the call aborts the request. No thread keeps the process from ending.

    :param config: Hex's address, and the token.
    :param sleep: how the threads wait. Default: until the time has passed, or the call is cancelled.
    :param clock: returns the time in epoch seconds.
    :param limiter: the rate limiter to share with other clients. Default: one for this client.
    :param raising: makes the context in which each call raises its errors. Default: one that changes nothing.
    :raises HexInvalidInput: when the client is entered, and a proxy or CA bundle cannot be used.
    """

    def __init__(
        self,
        config: HexConfig,
        *,
        sleep: Callable[[float], None] | None = None,
        clock: Callable[[], float] = time.time,
        limiter: RateLimiter | None = None,
        raising: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        self.config = config
        self._raising = raising
        self._sleep = sleep
        self._clock = clock
        self._limiter = limiter or RateLimiter(config.requests_per_minute)
        self._idle: list[HexClient] = []
        self._closed = False

    async def __aenter__(self) -> Self:
        # In a thread, because loading the trusted authorities takes tens of milliseconds.
        with self._raising():
            self._idle.append(await asyncio.wrap_future(_in_thread(self._new_client)))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._closed = True
        for client in self._idle:
            client.close()

    def pause(self, call: Call[Any]) -> float:
        """Return the seconds for which the rate limits do not allow the call."""
        return self._limiter.pause(call.name, self._clock())

    def poll_pause(self, call: Call[Any], demand: int = 1) -> float:
        """Return the seconds until a poll by this call should be sent, see :meth:`RateLimiter.poll_pause`."""
        return self._limiter.poll_pause(call.name, self._clock(), demand)

    async def send(self, call: Call[T]) -> T:
        """Do what :meth:`~airflow_provider_hex.api.client.HexClient.send` does."""
        return await self._run(lambda client: client.send(call))

    async def request(self, call: Call[T], max_wait: float = LONGEST_LIMIT) -> T:
        """Do what :meth:`~airflow_provider_hex.api.client.HexClient.request` does."""
        return await self._run(lambda client: client.request(call, max_wait))

    async def iterate(self, call: Call[Page[T]]) -> AsyncIterator[T]:
        """Do what :meth:`~airflow_provider_hex.api.client.HexClient.iterate` does."""
        following: Call[Page[T]] | None = call
        while following is not None:
            page = await self.request(following)
            for item in page.items:
                yield item
            following = page.next

    async def carry_out(self, procedure: Steps[T], max_wait: float = LONGEST_LIMIT, *, once: bool = False) -> T:
        """Do what :meth:`~airflow_provider_hex.api.client.HexClient.carry_out` does."""
        return await self._run(lambda client: client.carry_out(procedure, max_wait, once=once))

    def _new_client(self) -> HexClient:
        return HexClient(self.config, sleep=self._sleep, clock=self._clock, limiter=self._limiter)

    async def _run(self, work: Callable[[HexClient], T]) -> T:
        """Run some work in a thread, with a client that no other thread uses."""
        client = self._idle.pop() if self._idle else self._new_client()
        future = _in_thread(lambda: work(client))
        try:
            with self._raising():
                return await asyncio.wrap_future(future)
        finally:
            done = future.done()
            if not done:
                client.abort()
            if done and not self._closed:
                self._idle.append(client)
            else:
                client.close()


def _in_thread(work: Callable[[], T]) -> Future[T]:
    """Run some work in a daemon thread: unlike an executor's, asyncio and Python do not wait for it to end."""
    future: Future[T] = Future()
    context = contextvars.copy_context()  # Airflow finds a trigger's own log by it

    def run() -> None:
        if not future.set_running_or_notify_cancel():
            return
        try:
            future.set_result(context.run(work))
        except (Exception, Aborted) as error:
            future.set_exception(error)

    threading.Thread(target=run, name="hex-client", daemon=True).start()
    return future
