"""Tasks that Hex rate-limited when they started a run: how they acquire slots, one by one, in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import pytest

from airflow_provider_hex.api.config import HexConfig
from airflow_provider_hex.triggers import start_queue
from airflow_provider_hex.triggers.start_queue import LONGEST_INTERVAL, StartQueue
from tests.triggers.virtual_time import VirtualTime

CONFIG = HexConfig("https://app.hex.tech/api/v1", "a")
MINUTE, HOUR = 60.0, 3600.0


@pytest.fixture
def time() -> VirtualTime:
    return VirtualTime()


@pytest.fixture
def queue(time: VirtualTime) -> StartQueue:
    return StartQueue(clock=time.clock, sleep=time.sleep)


async def slots(
    time: VirtualTime,
    queue: StartQueue,
    *tasks: tuple[float, bool],
    meanwhile: Callable[[], Awaitable[None]] | None = None,
) -> list[float]:
    """Let tasks come at once, and return the seconds after which each acquires a slot."""
    began = time.now

    async def acquire(not_before: float, requeued: bool) -> float:
        await queue.acquire(began + not_before, requeued)
        return time.now - began

    waits = [asyncio.create_task(acquire(*task)) for task in tasks]
    if meanwhile:
        await meanwhile()
    return await asyncio.gather(*waits)


def gaps(moments: list[float]) -> list[float]:
    return [later - earlier for earlier, later in zip([0.0, *moments], moments, strict=False)]


@dataclass
class Limit:
    """A limit of Hex, and what it made of the starts."""

    count: int
    seconds: float
    started: list[float] = field(default_factory=list)
    refused: list[float] = field(default_factory=list)

    def allows(self, now: float) -> bool:
        """Count a start, and return whether it is allowed."""
        allowed = sum(moment > now - self.seconds for moment in self.started) < self.count
        (self.started if allowed else self.refused).append(now)
        return allowed


async def start_all(time: VirtualTime, queue: StartQueue, limit: Limit, tasks: int) -> None:
    """Let tasks start their runs. All are due at once; a worker takes a while to try."""
    began = time.now

    async def start() -> None:
        requeued = False
        while not limit.allows(time.now - began):
            await queue.acquire(0.0, requeued)
            requeued = True
            await time.sleep(6)

    await asyncio.gather(*[start() for _ in range(tasks)])


def test_tasks_acquire_slots_one_by_one_in_the_order_in_which_they_came(time: VirtualTime, queue: StartQueue) -> None:
    """The second waits until it is known whether the first was refused."""
    assert gaps(time.run(slots(time, queue, *[(0.0, False)] * 6))) == [5, 20, 2.5, 2, 2, 2]


def test_a_task_that_began_earlier_acquires_a_slot_earlier(time: VirtualTime, queue: StartQueue) -> None:
    """A task that is queued again does not wait for all that came in the meantime."""
    order: list[float] = []

    async def acquire(began: float) -> None:
        await queue.acquire(0.0, False, began=began)
        order.append(began)

    async def come() -> None:
        tasks = [asyncio.create_task(acquire(began)) for began in (2.0, 5.0, 4.0, 3.0, 1.0)]
        await asyncio.gather(*tasks)

    time.run(come())
    assert order == [2, 1, 3, 4, 5]  # the first one already had its turn


def test_no_slot_is_given_before_the_limit_ends(time: VirtualTime, queue: StartQueue) -> None:
    """It is the same limit for all, whichever task was told when it ends."""
    assert time.run(slots(time, queue, (0.0, False), (50.0, False), (0.0, False))) == [50, 70, 72.5]


def test_the_interval_doubles_when_a_task_is_refused_again(time: VirtualTime, queue: StartQueue) -> None:
    """A task comes with a limit of a minute's end: after 5 + 20 + 40 s. Its worker takes a while to try."""

    async def again_and_again() -> list[float]:
        found = await slots(time, queue, (0.0, False))
        for _ in range(6):
            await time.sleep(10)
            assert not queue.is_idle
            found += await slots(time, queue, (0.0, True))
        return found

    assert time.run(again_and_again()) == [5, 20, 40, 80, 160, LONGEST_INTERVAL, LONGEST_INTERVAL]


def test_the_interval_is_halved_when_no_task_is_refused(time: VirtualTime, queue: StartQueue) -> None:
    async def refused_then_not() -> list[float]:
        await slots(time, queue, (0.0, False))
        for _ in range(4):
            await slots(time, queue, (0.0, True))
        return gaps(await slots(time, queue, (0.0, True), *[(0.0, False)] * 9))

    assert time.run(refused_then_not()) == [300, 150, 75, 37.5, 18.75, 9.375, 4.6875, 2.34375, 2, 2]


def test_several_tasks_that_were_refused_at_the_same_time_are_one_refusal(time: VirtualTime, queue: StartQueue) -> None:
    async def refused_together() -> list[float]:
        await slots(time, queue, *[(0.0, False)] * 4)
        return gaps(await slots(time, queue, *[(0.0, True)] * 4))

    assert time.run(refused_together())[0] == 20


def test_a_task_that_is_refused_after_a_while_without_any_does_not_wait_for_long(
    time: VirtualTime, queue: StartQueue
) -> None:
    async def refused_then_quiet() -> list[float]:
        await slots(time, queue, (0.0, False))
        for _ in range(6):
            await slots(time, queue, (0.0, True))
        await time.sleep(100)
        return await slots(time, queue, (0.0, False))

    assert time.run(refused_then_quiet()) == [5]


@pytest.mark.parametrize("per_minute", [1, 3, 5, 10, 20])
def test_a_limit_of_a_minute_is_learned(per_minute: int, time: VirtualTime, queue: StartQueue) -> None:
    limit = Limit(per_minute, MINUTE)
    time.run(start_all(time, queue, limit, 12 * per_minute))
    assert limit.started[per_minute] <= 75
    assert limit.started[-1] <= 1.2 * 11 * MINUTE + MINUTE
    later = [moment for moment in limit.refused if moment > 3 * MINUTE]
    assert len(later) <= (limit.started[-1] - 3 * MINUTE) / MINUTE + 1


@pytest.mark.parametrize("per_hour", [1, 30, 60])
def test_after_a_minute_without_a_start_the_limit_is_taken_for_one_of_an_hour(
    per_hour: int, time: VirtualTime, queue: StartQueue
) -> None:
    limit = Limit(per_hour, HOUR)
    time.run(start_all(time, queue, limit, 4 * per_hour))
    assert limit.started[-1] <= 1.2 * 3 * HOUR
    again = [moment for moment in limit.refused if moment > 1]
    assert len([moment for moment in again if moment < HOUR]) <= 17
    assert len(again) <= 3 * 25


def test_what_was_learned_of_a_minute_grows_when_no_start_is_refused(time: VirtualTime, queue: StartQueue) -> None:
    limit = Limit(3, MINUTE)

    async def raise_the_limit() -> None:
        await time.sleep(5 * MINUTE)
        limit.count = 20

    async def main() -> None:
        await asyncio.gather(start_all(time, queue, limit, 120), raise_the_limit())

    time.run(main())
    assert limit.started[-1] <= 20 * MINUTE  # at 3 a minute it would take twice as long


def test_a_kernel_that_is_freed_lets_the_next_task_start_at_once(time: VirtualTime, queue: StartQueue) -> None:
    async def wait() -> list[float]:
        began = time.now
        acquired = []

        async def acquire(requeued: bool) -> None:
            await queue.acquire(0.0, requeued, kernels_in_use=True)
            acquired.append(time.now - began)

        await acquire(False)
        tasks = [asyncio.create_task(acquire(True)) for _ in range(3)]
        await time.sleep(1)
        queue.kernel_freed()
        queue.kernel_freed()
        await asyncio.gather(*tasks)
        return acquired

    assert time.run(wait()) == [5, 6, 6, 26]


def test_a_kernel_that_is_freed_gives_no_slot_while_starts_are_rate_limited(
    time: VirtualTime, queue: StartQueue
) -> None:
    async def free_a_kernel() -> None:
        await time.sleep(1)
        queue.kernel_freed()

    assert time.run(slots(time, queue, (0.0, False), (0.0, False), meanwhile=free_a_kernel)) == [5, 25]


def test_while_all_kernels_are_in_use_a_slot_is_given_once_a_minute(time: VirtualTime, queue: StartQueue) -> None:
    """Other programs may free them."""

    async def again_and_again() -> list[float]:
        began = time.now
        found = []
        for number in range(6):
            await queue.acquire(0.0, number > 0, kernels_in_use=True)
            found.append(time.now - began)
        return gaps(found)

    assert time.run(again_and_again()) == [5, 20, 40, 60, 60, 60]


def test_kernels_that_were_freed_while_no_task_waited_are_not_counted_later(
    time: VirtualTime, queue: StartQueue
) -> None:
    async def wait() -> float:
        await queue.acquire(0.0, False, kernels_in_use=True)
        for _ in range(5):
            queue.kernel_freed()
        began = time.now
        await queue.acquire(0.0, True, kernels_in_use=True)
        return time.now - began

    assert time.run(wait()) == 20


@pytest.mark.parametrize("waited", [0.0, 1.0])
@pytest.mark.parametrize("cancelled", [0, 1])
def test_a_task_that_is_cancelled_delays_no_other_one(
    cancelled: int, waited: float, time: VirtualTime, queue: StartQueue
) -> None:
    async def wait() -> list[float]:
        began = time.now
        tasks = [asyncio.create_task(queue.acquire(0.0, False)) for _ in range(3)]
        await time.sleep(waited)
        tasks.pop(cancelled).cancel()
        acquired = []
        for task in tasks:
            await task
            acquired.append(time.now - began)
        return acquired

    assert time.run(wait()) == [5, 25]


def test_an_empty_queue_is_forgotten_an_hour_after_its_last_slot(time: VirtualTime, queue: StartQueue) -> None:
    async def wait() -> list[bool]:
        task = asyncio.create_task(queue.acquire(0.0, False))
        await time.sleep(0)
        found = [queue.is_idle]
        await task
        for seconds in (3599, 2):
            await time.sleep(seconds)
            found.append(queue.is_idle)
        return found

    assert time.run(wait()) == [False, False, True]


def test_each_token_has_one_queue() -> None:
    async def queues() -> list[StartQueue]:
        waits = []
        found = []
        for token in "aab":
            found.append(start_queue.start_queue_of(HexConfig(CONFIG.base_url, token)))
            waits.append(asyncio.create_task(found[-1].acquire(0.0, False)))
            await asyncio.sleep(0)
        for wait in waits:
            wait.cancel()
        return found

    one, same, another = asyncio.run(queues())
    assert one is same
    assert one is not another
