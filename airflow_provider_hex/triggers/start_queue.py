"""The queue for RunProject: tasks that Hex refused to start a run wait here, and try again one at a time.

There is one queue per token in a triggerer, so that a hundred tasks do not try again at once only to be refused again.
Hex's limits of starts may vary, its reference says, and no response says what they are. So the queue learns them.
See https://learn.hex.tech/docs/api/api-overview.
"""

from __future__ import annotations

import asyncio
import time
from bisect import insort
from collections import deque
from dataclasses import dataclass, field
from itertools import count

from airflow_provider_hex.api.config import HexConfig
from airflow_provider_hex.triggers.per_token import PerToken
from airflow_provider_hex.triggers.timing import Clock, Pause, Sleep

SHORTEST_INTERVAL = 2.0
"""Minimum seconds between two slots, unless kernels were freed."""
LONGEST_INTERVAL = 300.0
"""Maximum seconds between two slots. A limit of an hour may end at any time."""
_LONGEST_FOR_KERNELS = 60.0
"""The same while all kernels are in use. Other programs may free them at any time."""
_FIRST_SLOT = 5.0
"""Seconds after which the first of the tasks that wait acquires a slot."""
_AFTER_REFUSAL = 20.0
"""Seconds to the next slot if that task is refused, then twice as many: one comes when a limit of a minute has ended.
Within this time a task that acquired a slot is usually queued again if it was refused."""
_MINUTE = 63.0
"""Seconds after which a start no longer counts for a limit of a minute. Workers do not start equally fast."""
_FORGET_AFTER = 3600.0
"""Seconds after the last slot for which what was learned is kept."""


@dataclass(order=True)
class _Place:
    """A task's place in the queue. A task that began earlier comes first."""

    began: float
    number: int
    turn: asyncio.Event = field(default_factory=asyncio.Event, compare=False)


class StartQueue:
    """Gives out slots to start a run. The task that began first gets the next slot.

    A task that acquired a slot and is queued again was refused; every other slot was a start. The queue learns from a
    refusal in two ways:

    * A limit of a minute: the starts of the minute before are as many as Hex allows. From then on so many slots are
      given out in a minute, and one more for each minute without a refusal.
    * Any longer limit: a refusal after fewer starts doubles the interval between slots; each start halves it.

    If all kernels were in use, a run that ends frees a slot at once.

    :param clock: the time in epoch seconds.
    :param sleep: how to wait.
    """

    def __init__(self, *, clock: Clock = time.time, sleep: Sleep = asyncio.sleep) -> None:
        self._clock = clock
        self._pause = Pause(sleep)
        self._places: list[_Place] = []
        self._numbers = count()
        self._first: _Place | None = None
        self._not_before = 0.0
        self._last_slot = 0.0
        self._starts: deque[float] = deque(maxlen=100)  # the slots, except for those whose task was refused
        self._per_minute: int | None = None
        self._refused_at = 0.0
        self._kernels_in_use = False
        self._freed = 0
        self._forget_interval()

    def _forget_interval(self) -> None:
        self._interval, self._after_refusal = _FIRST_SLOT, _AFTER_REFUSAL / 2
        self._refused = True  # since the last slot
        self._probe = True  # the next slot shows whether the limit has ended

    @property
    def is_idle(self) -> bool:
        """Whether no task waits, and what was learned about Hex's limits is out of date."""
        return not self._places and self._clock() > max(self._last_slot, self._not_before) + _FORGET_AFTER

    async def acquire(
        self, not_before: float, requeued: bool, *, began: float = 0.0, kernels_in_use: bool = False
    ) -> None:
        """Wait for a slot.

        :param not_before: when Hex's limit ends, in epoch seconds, if Hex reported it. It applies to all who wait.
        :param requeued: whether this task has acquired a slot before, and was refused again.
        :param began: when the task began, in epoch seconds.
        :param kernels_in_use: whether the task was refused because all kernels are in use.
        """
        self._not_before = max(self._not_before, not_before)
        self._kernels_in_use = kernels_in_use
        self._queued(self._clock(), requeued)
        self._pause.wake()  # what the queue has learned may change when the next slot is
        place = _Place(began, next(self._numbers))
        insort(self._places, place)
        self._next_turn()
        try:
            await place.turn.wait()
            while (pause := self._next_slot() - self._clock()) > 0:
                await self._pause.wait(pause)
            self._take_slot()
        finally:
            self._places.remove(place)
            if self._first is place:
                self._first = None
                self._next_turn()

    def kernel_freed(self) -> None:
        """Record that a run has ended and freed its kernel. It is ignored if no task waits for one."""
        if self._places and self._kernels_in_use:
            self._freed += 1
            self._pause.wake()

    def _next_turn(self) -> None:
        if self._first is None and self._places:
            self._first = self._places[0]
            self._first.turn.set()

    def _next_slot(self) -> float:
        if self._has_kernel:
            return self._not_before
        return max(self._not_before, self._last_slot + self._interval, self._within_minute())

    @property
    def _has_kernel(self) -> bool:
        return self._kernels_in_use and self._freed > 0

    def _within_minute(self) -> float:
        """Return when the limit of a minute, as far as it was learned, allows another start."""
        if self._per_minute is None:
            return 0.0
        more = int((self._clock() - self._refused_at) / _MINUTE)
        if len(self._starts) < self._per_minute + more:
            return 0.0
        return min(self._starts[-self._per_minute - more] + _MINUTE, self._refused_at + (more + 1) * _MINUTE)

    def _take_slot(self) -> None:
        self._last_slot = self._clock()
        self._starts.append(self._last_slot)
        if self._has_kernel:
            self._freed -= 1  # a refusal shows nothing about the limits that the interval is for
            return
        if not self._refused:
            self._after_refusal /= 2
        self._interval = max(self._after_refusal / 2, _AFTER_REFUSAL if self._probe else SHORTEST_INTERVAL)
        self._refused, self._probe, self._freed = False, False, 0

    def _queued(self, now: float, requeued: bool) -> None:
        if not self._places:
            if not requeued and now > self._last_slot + _MINUTE:
                self._forget_interval()
            self._last_slot = max(self._last_slot, now)  # the task was refused just now
        if requeued:
            self._learn_refusal(now)

    def _learn_refusal(self, now: float) -> None:
        slot = self._starts.pop() if self._starts else self._last_slot
        before = sum(moment > slot - _MINUTE for moment in self._starts)
        is_minute = not self._kernels_in_use and before >= (self._per_minute or 1)
        if before and not self._kernels_in_use:
            self._per_minute = before
        if not self._refused:  # else the slot was given out before an earlier refusal
            if not is_minute:
                longest = _LONGEST_FOR_KERNELS if self._kernels_in_use else LONGEST_INTERVAL
                self._after_refusal = min(max(self._after_refusal * 2, _AFTER_REFUSAL), longest)
            self._interval = max(self._after_refusal, _AFTER_REFUSAL)
            self._probe = not is_minute
        self._refused, self._refused_at = True, now


_queues = PerToken(lambda config: StartQueue())


def start_queue_of(config: HexConfig) -> StartQueue:
    """Return the start queue of a token on the running event loop.

    :param config: Hex's address, and the token.
    """
    return _queues.get(config)
