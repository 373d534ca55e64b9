"""The gate before RunProject: those whom a limit of Hex has refused wait here, and are let through one by one.

There is one gate per token in a triggerer, so that a hundred tasks do not come back at once to be refused again.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from contextlib import suppress
from weakref import WeakKeyDictionary

from airflow_provider_hex.api.config import HexConfig

SHORTEST = 3.0
"""Seconds from one to the next: Hex takes 20 runs a minute."""
LONGEST = 60.0

_gates: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[HexConfig, StartQueue]] = WeakKeyDictionary()


class StartQueue:
    """Lets one through at a time.

    Whoever was let through and comes back was refused again: then the gate takes its time, twice as long each time,
    and half as long again when nobody comes back. A run that has ended makes room for the next at once.
    """

    def __init__(self) -> None:
        self._queue: deque[asyncio.Future[None]] = deque()
        self._not_before = 0.0
        self._last = 0.0
        self._interval = SHORTEST
        self._came_back = False
        self._room = 0
        self._news = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def turn(self, not_before: float, came_back: bool) -> None:
        """Wait to be let through.

        :param not_before: when Hex's limit ends, in epoch seconds, as far as it said so.
        :param came_back: whether this one has been let through before.
        """
        self._not_before = max(self._not_before, not_before)
        if came_back:
            self._came_back = True
            self._interval = min(self._interval * 2, LONGEST)
        if not self._queue:
            self._last = max(self._last, time.time())  # it has been refused just now
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queue.append(turn)
        self._news.set()
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._open())
        await turn

    def kernel_freed(self) -> None:
        """Take note that a run has ended, so that its kernel is free. If nobody waits for it, others take it."""
        if self._queue:
            self._room += 1
            self._news.set()

    async def _open(self) -> None:
        while self._queue:
            self._news.clear()
            if (pause := self._opens_at() - time.time()) > 0:
                with suppress(TimeoutError):
                    async with asyncio.timeout(pause):
                        await self._news.wait()
                continue
            turn = self._queue.popleft()
            if turn.done():  # whoever waited has gone
                continue
            turn.set_result(None)
            if not self._came_back:
                self._interval = max(self._interval / 2, SHORTEST)
            self._last, self._came_back, self._room = time.time(), False, max(self._room - 1, 0)

    def _opens_at(self) -> float:
        return max(self._not_before, self._last + (SHORTEST if self._room else self._interval))


def start_queue_of(config: HexConfig) -> StartQueue:
    """Return the gate of a token on this event loop."""
    return _gates.setdefault(asyncio.get_running_loop(), {}).setdefault(config, StartQueue())
