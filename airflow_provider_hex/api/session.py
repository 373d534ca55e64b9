"""What both transports do around every request, whatever library sends it. No I/O but the clock."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Mapping
from typing import Any, TypeVar

from airflow_provider_hex.api import error_messages, protocol
from airflow_provider_hex.api.call import Call, Response
from airflow_provider_hex.api.config import HexConfig
from airflow_provider_hex.api.errors import HexUnreachable
from airflow_provider_hex.api.rate_limit import RateLimiter

T = TypeVar("T")


class Session:
    """One client's session with Hex.

    :param config: where Hex is, and who asks.
    """

    def __init__(self, config: HexConfig) -> None:
        self.config = config
        self._pace = RateLimiter(config.requests_per_minute)

    def pause(self, call: Call[Any]) -> float:
        """Return the seconds that the call has to wait for its turn."""
        return self._pace.pause(call.name, time.time())

    def _sending(self) -> float:
        """Take note of a request that goes out now, and return the time."""
        now = time.time()
        self._pace.sent(now)
        return now

    def _answered(self, call: Call[T], status: int, headers: Mapping[str, str], body: bytes, sent_at: float) -> T:
        """Take note of an answer, and return what it says.

        :raises HexError: what it means.
        """
        now = time.time()
        self._pace.learned(call.name, headers, now, status)
        return protocol.decode(call, Response(status, headers, self.config.without_token(body), sent_at, now))

    def _failed(self, call: Call[Any], error: Exception, *, never_sent: bool, sent_at: float) -> HexUnreachable:
        """Return what an exception of the library means.

        :param never_sent: whether it knows that the request never went out.
        """
        causes = _causes(error)
        untrusted = any(isinstance(cause, ssl.SSLCertVerificationError) for cause in causes)
        said = next((text for cause in reversed(causes) if (text := str(cause))), type(error).__name__)
        timed_out = any(isinstance(cause, TimeoutError) for cause in causes)
        if timed_out and never_sent:
            said = f"no connection within {self.config.connect_timeout:g} s (connect_timeout)"
        elif timed_out:
            said = f"nothing came for {self.config.read_timeout:g} s (read_timeout)"
        return error_messages.no_answer(
            call,
            self.config.base_url,
            self.config.without_token(said.encode(errors="replace")).decode(),
            never_sent=never_sent or untrusted,
            untrusted=untrusted,
            sent_at=sent_at,
        )


def _causes(error: BaseException | None) -> list[BaseException]:
    """Return an exception and what it was raised from, the innermost last."""
    found: list[BaseException] = []
    while error is not None and not isinstance(error, asyncio.CancelledError):
        found.append(error)
        error = error.__cause__ or error.__context__
    return found
