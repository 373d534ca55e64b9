"""A pause that can be ended early, for the poller and the start queue."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeAlias

Clock: TypeAlias = Callable[[], float]
"""Returns the time in epoch seconds."""
Sleep: TypeAlias = Callable[[float], Awaitable[None]]
"""Returns after this many seconds of that clock."""


class Pause:
    """One task pauses; others may wake it.

    :param sleep: how to wait.
    """

    def __init__(self, sleep: Sleep) -> None:
        self._sleep = sleep
        self._sleeping: asyncio.Future[None] | None = None

    async def wait(self, seconds: float) -> None:
        """Return after this many seconds, or when :meth:`wake` is called."""
        sleeping = self._sleeping = asyncio.ensure_future(self._sleep(seconds))
        try:
            await asyncio.wait([sleeping])
        finally:
            sleeping.cancel()
        if not sleeping.cancelled():
            sleeping.result()  # or an error in it would be lost

    def wake(self) -> None:
        """End the pause, if there is one."""
        if self._sleeping is not None:
            self._sleeping.cancel()
