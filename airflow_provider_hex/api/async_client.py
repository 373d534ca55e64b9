"""The asynchronous transport, for triggers: calls go out with httpx."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Self, TypeVar

import httpx

from airflow_provider_hex.api import explain, protocol
from airflow_provider_hex.api.config import CONNECT_TIMEOUT, READ_TIMEOUT, HexConfig
from airflow_provider_hex.api.protocol import Answer, Call

T = TypeVar("T")


class AsyncHexClient:
    """One session with Hex, on an event loop: ``async with AsyncHexClient(config) as client``."""

    def __init__(self, config: HexConfig) -> None:
        self.config = config

    async def __aenter__(self) -> Self:
        # Loading the certificates takes tens of milliseconds, in which no other trigger could run.
        self._http = await asyncio.to_thread(
            httpx.AsyncClient,
            headers={"Authorization": f"Bearer {self.config.token}"},
            timeout=httpx.Timeout(READ_TIMEOUT, connect=CONNECT_TIMEOUT),
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._http.aclose()

    async def send(self, call: Call[T]) -> T:
        """Send a call once.

        :raises HexError: what went wrong.
        """
        try:
            response = await self._http.request(
                call.method,
                self.config.base_url + call.path,
                params=dict(call.query),
                json=call.body,
                follow_redirects=False,
            )
        except httpx.HTTPError as error:
            never_sent = isinstance(error, (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout))
            said = str(error) or type(error).__name__
            raise explain.no_answer(call, self.config.base_url, said, never_sent=never_sent) from None
        body = self.config.without_token(response.content)
        return protocol.decode(call, Answer(response.status_code, response.headers, body))
