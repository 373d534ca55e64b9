"""Many tasks that are due at once start their runs, deferrable ones with the real start queue, in virtual time."""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass
from random import Random

import tenacity

from airflow_provider_hex.api import retry
from airflow_provider_hex.api.errors import HexRateLimited
from airflow_provider_hex.api.rate_limit import RateLimiter
from airflow_provider_hex.triggers.start_queue import StartQueue
from benchmarks import virtual_time
from benchmarks.starts.hex_limits import Hex, Limits, Refusal, earliest
from benchmarks.virtual_time import now

WORKERS = 32
"""Worker slots of an Airflow."""
WORKER = (2.0, 6.0)
"""Seconds from when a task may run until its worker sends RunProject."""
DEFERRAL = (1.0, 3.0)
"""Seconds until a deferred task's trigger runs."""
DETECTION = (2.0, 10.0)
"""Seconds until the end of a run is detected."""
LENGTHS = (30.0, 300.0)
"""Seconds that a run takes."""


@dataclass(frozen=True)
class Result:
    """How the tasks started.

    :param ideal: the earliest starts under these limits, in order.
    :param started: when each task started its run, in the order in which the tasks sent RunProject first.
    :param first_refused: how many tasks were refused when they sent it first.
    :param refused: how many starts were refused in all.
    :param silence: the longest time without a start in which one was possible.
    """

    ideal: list[float]
    started: list[float]
    first_refused: int
    refused: int
    silence: float

    @property
    def total(self) -> float:
        """When all had started."""
        return max(self.started)

    @property
    def ratio(self) -> float:
        """The total time as a ratio to the earliest possible, but for one minute."""
        return max(self.total - 60.0, 0.0) / self.ideal[-1]

    @property
    def again(self) -> float:
        """Refused requests for each start, without the first request of each task."""
        return (self.refused - self.first_refused) / len(self.started)

    @property
    def overtaken(self) -> int:
        """The most tasks that began later than another one, and started before it."""
        return max(sum(other < one for other in self.started[place:]) for place, one in enumerate(self.started))

    @property
    def late(self) -> float:
        """The most by which the n-th start was later than the n-th start of the earliest possible."""
        return max(start - ideal for start, ideal in zip(sorted(self.started), self.ideal, strict=True))


class _World:
    """Hex, and the Airflows that share a token."""

    def __init__(self, limits: Limits, count: int, triggerers: int, airflows: int, seed: int) -> None:
        self.random = Random(f"{limits} {count} {seed}")
        self.lengths = [self.random.uniform(*LENGTHS) for _ in range(count)]
        self.hex = Hex(limits)
        self.started = [0.0] * count
        self.order: list[int] = []
        self.first_refused = 0
        self._airflows = [_Airflow(triggerers) for _ in range(airflows)]

    async def delay(self, between: tuple[float, float]) -> None:
        await asyncio.sleep(self.random.uniform(*between))

    def send(self, number: int, *, first: bool) -> Refusal | None:
        refusal = self.hex.start(now(), self.lengths[number])
        if refusal is None:
            self.started[number] = now()
        if first:
            self.order.append(number)
            self.first_refused += refusal is not None
        return refusal

    async def deferrable(self, number: int) -> None:
        airflow = self._airflows[number % len(self._airflows)]
        began = None
        while True:
            requeued = began is not None
            async with airflow.workers:
                await self.delay(WORKER)
                began = now() if began is None else began
                refusal = self.send(number, first=not requeued)
            await self.delay(DEFERRAL)
            queue = self.random.choice(airflow.queues)
            if refusal is None:
                break
            not_before = now() + (refusal.retry_after or 0.0)
            await queue.acquire(not_before, requeued, began=began, kernels_in_use=refusal.status == 503)
        await asyncio.sleep(self.lengths[number])
        await self.delay(DETECTION)
        queue.kernel_freed()

    async def in_worker(self, number: int) -> None:
        await self.delay(WORKER)
        limiter = RateLimiter(30)

        async def attempt() -> None:
            if pause := limiter.pause("RunProject", now()):
                await asyncio.sleep(pause)
            limiter.sent("RunProject", now())
            refusal = self.send(number, first=number not in self.order)
            headers = {"Retry-After": str(refusal.retry_after)} if refusal and refusal.retry_after else {}
            limiter.learned("RunProject", headers, now(), refusal.status if refusal else 201)
            if refusal is not None:
                raise HexRateLimited(status=refusal.status, retry_after=refusal.retry_after)

        limits = tenacity.AsyncRetrying(sleep=asyncio.sleep, **retry.after_rate_limits(math.inf))
        await limits(attempt)


class _Airflow:
    def __init__(self, triggerers: int) -> None:
        self.workers = asyncio.Semaphore(WORKERS)
        self.queues = [StartQueue(clock=now) for _ in range(triggerers)]


def simulate(
    limits: Limits, count: int, *, triggerers: int = 1, airflows: int = 1, deferrable: bool = True, seed: int = 0
) -> Result:
    """Let tasks that are due at once start their runs.

    :param limits: what Hex allows.
    :param count: how many tasks.
    :param triggerers: triggerers of each Airflow.
    :param airflows: Airflows that share the token.
    :param deferrable: whether the tasks wait in the start queue, not each in its worker.
    :param seed: for the random delays.
    """

    async def main() -> Result:
        world = _World(limits, count, triggerers, airflows, seed)
        task = world.deferrable if deferrable else world.in_worker
        await asyncio.gather(*(task(number) for number in range(count)))
        started = [world.started[number] for number in world.order]
        ideal = earliest(limits, world.lengths)
        return Result(ideal, started, world.first_refused, world.hex.refused, world.hex.silence)

    return virtual_time.run(main())
