"""What all triggers of one token share in a triggerer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

from airflow_provider_hex.api.config import HexConfig


class Shared(Protocol):
    """An object that can be shared, and is dropped when it is idle."""

    @property
    def is_idle(self) -> bool:
        """Whether it can be dropped."""


S = TypeVar("S", bound=Shared)


class PerToken(Generic[S]):
    """Holds one object per configuration (token, address, options) and event loop, until it is idle or the loop closed.

    :param create: makes the object for a token.
    """

    def __init__(self, create: Callable[[HexConfig], S]) -> None:
        self._create = create
        self._shared: dict[tuple[asyncio.AbstractEventLoop, HexConfig], S] = {}

    def __len__(self) -> int:
        return len(self._shared)

    def get(self, config: HexConfig) -> S:
        """Return the object of a token on the running event loop. It is created if there is none in use.

        :param config: Hex's address, and the token. Connections that are equal in everything share the object.
        """
        self.forget_idle()
        key = (asyncio.get_running_loop(), config)
        if key not in self._shared:
            self._shared[key] = self._create(config)
        return self._shared[key]

    def forget_idle(self) -> None:
        """Forget the objects of this event loop that are idle, and those of closed ones."""
        running = asyncio.get_running_loop()
        for (loop, config), shared in list(self._shared.items()):
            if loop.is_closed() or (loop is running and shared.is_idle):
                self._shared.pop((loop, config), None)
