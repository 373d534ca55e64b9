"""The queue for RunProject: tasks that Hex rate-limited wait here, and try again one at a time.

There is one queue per token in a triggerer, so that a hundred tasks do not try again at once only to be rate-limited
again.
"""

from __future__ import annotations

import asyncio
import time

from airflow_provider_hex.api.config import HexConfig
from airflow_provider_hex.triggers.per_token import PerToken
from airflow_provider_hex.triggers.timing import Clock, Pause, Sleep

SHORTEST_INTERVAL = 3.0
"""Minimum seconds between two slots. Hex allowed 20 starts a minute until 2026-08, and says since that it may vary."""
LONGEST_INTERVAL = 60.0
"""Maximum seconds between two slots."""
_FORGET_AFTER = 3600.0
"""Seconds after the last slot for which the interval that was learned is kept."""


class StartQueue:
    """Gives out slots to start a run, first come, first served.

    A task that acquired a slot and is queued again was rate-limited again: the interval between slots doubles. It is
    halved after each slot for which no task was queued again. A run that ends frees its kernel, so the next slot
    need not wait for the interval.

    :param clock: the time in epoch seconds.
    :param sleep: how to wait.
    """

    def __init__(self, *, clock: Clock = time.time, sleep: Sleep = asyncio.sleep) -> None:
        self._clock = clock
        self._pause = Pause(sleep)
        self._first = asyncio.Lock()  # it is fair: tasks get it in the order in which they came
        self._waiting = 0
        self._not_before = 0.0
        self._last_slot = 0.0
        self._interval = SHORTEST_INTERVAL
        self._requeued = False
        self._freed = 0

    @property
    def is_idle(self) -> bool:
        """Whether no task waits, and what was learned about Hex's limits is out of date."""
        return not self._waiting and self._clock() > max(self._last_slot, self._not_before) + _FORGET_AFTER

    async def acquire(self, not_before: float, requeued: bool) -> None:
        """Wait for a slot.

        :param not_before: when Hex's limit ends, in epoch seconds, if Hex reported it. It applies to all who wait.
        :param requeued: whether this task has acquired a slot before, and was rate-limited again.
        """
        self._not_before = max(self._not_before, not_before)
        if requeued:
            self._requeued = True
            self._interval = min(self._interval * 2, LONGEST_INTERVAL)
        if not self._waiting:
            self._last_slot = max(self._last_slot, self._clock())  # the task was rate-limited just now
        self._waiting += 1
        try:
            async with self._first:
                while (pause := self._next_slot() - self._clock()) > 0:
                    await self._pause.wait(pause)
                self._take_slot()
        finally:
            self._waiting -= 1

    def kernel_freed(self) -> None:
        """Record that a run has ended and freed its kernel. It is ignored if no task waits."""
        if self._waiting:
            self._freed += 1
            self._pause.wake()

    def _next_slot(self) -> float:
        return max(self._not_before, self._last_slot + (SHORTEST_INTERVAL if self._freed else self._interval))

    def _take_slot(self) -> None:
        if not self._requeued:
            self._interval = max(self._interval / 2, SHORTEST_INTERVAL)
        self._last_slot, self._requeued, self._freed = self._clock(), False, max(self._freed - 1, 0)


_queues = PerToken(lambda config: StartQueue())


def start_queue_of(config: HexConfig) -> StartQueue:
    """Return the start queue of a token on the running event loop.

    :param config: Hex's address, and the token.
    """
    return _queues.get(config)
