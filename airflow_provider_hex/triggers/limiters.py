"""One rate limiter per token in a triggerer. It is kept while no task waits, as Hex still counts what was sent."""

from __future__ import annotations

import time

from airflow_provider_hex.api.config import HexConfig
from airflow_provider_hex.api.limit_headers import LONGEST_LIMIT
from airflow_provider_hex.api.rate_limit import RateLimiter
from airflow_provider_hex.triggers.per_token import PerToken
from airflow_provider_hex.triggers.timing import Clock


class TokenLimiter(RateLimiter):
    """The rate limiter of a token.

    :param config: Hex's address, and the token.
    :param clock: the time in epoch seconds.
    """

    def __init__(self, config: HexConfig, *, clock: Clock = time.time) -> None:
        super().__init__(config.requests_per_minute)
        self._clock = clock
        self._used = clock()

    @property
    def is_idle(self) -> bool:
        """Whether nothing was sent for so long that what was learned is out of date."""
        return self._clock() > self._used + LONGEST_LIMIT

    def sent(self, name: str, now: float) -> None:
        """Record that a request is sent, see :meth:`RateLimiter.sent`."""
        self._used = now
        super().sent(name, now)


_limiters = PerToken(TokenLimiter)


def limiter_of(config: HexConfig) -> RateLimiter:
    """Return the rate limiter of a token on the running event loop.

    :param config: Hex's address, and the token.
    """
    return _limiters.get(config)
