"""Tasks that Hex rate-limited when they started a run: how they acquire slots, one by one, in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from airflow_provider_hex.api.config import HexConfig
from airflow_provider_hex.triggers import start_queue
from airflow_provider_hex.triggers.start_queue import SHORTEST_INTERVAL, StartQueue
from tests.triggers.virtual_time import VirtualTime

SHORT = SHORTEST_INTERVAL
CONFIG = HexConfig("https://app.hex.tech/api/v1", "a")


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


def test_tasks_acquire_slots_one_by_one_in_the_order_in_which_they_came(time: VirtualTime, queue: StartQueue) -> None:
    assert gaps(time.run(slots(time, queue, *[(0.0, False)] * 5))) == [SHORT] * 5


def test_no_slot_is_given_before_the_limit_ends(time: VirtualTime, queue: StartQueue) -> None:
    """It is the same limit for all, whichever task was told when it ends."""
    assert time.run(slots(time, queue, (0.0, False), (50.0, False), (0.0, False))) == [50, 50 + SHORT, 50 + 2 * SHORT]


def test_the_interval_doubles_when_a_task_is_queued_again(time: VirtualTime, queue: StartQueue) -> None:
    assert time.run(slots(time, queue, (0.0, True))) == [2 * SHORT]


def test_the_interval_doubles_up_to_a_minute_and_is_halved_when_no_task_is_queued_again(
    time: VirtualTime, queue: StartQueue
) -> None:
    moments = time.run(slots(time, queue, *[(0.0, True)] * 5, *[(0.0, False)] * 6))
    assert gaps(moments) == [60, 60, 30, 15, 7.5, 3.75, 3, 3, 3, 3, 3]


def test_the_interval_is_kept_while_a_task_that_acquired_a_slot_tries_to_start(
    time: VirtualTime, queue: StartQueue
) -> None:
    """Its worker takes a while, and the queue is empty meanwhile."""

    async def again_and_again() -> list[float]:
        found = []
        for _ in range(6):
            found += await slots(time, queue, (0.0, True))
            await time.sleep(100)
            assert not queue.is_idle
        return found

    assert time.run(again_and_again()) == [6, 12, 24, 48, 60, 60]


def test_a_kernel_that_is_freed_lets_the_next_task_start_without_the_long_interval(
    time: VirtualTime, queue: StartQueue
) -> None:
    async def free_a_kernel() -> None:
        await time.sleep(SHORT * 2)
        queue.kernel_freed()

    moments = time.run(slots(time, queue, (0.0, True), (0.0, True), meanwhile=free_a_kernel))
    assert gaps(moments) == [SHORT * 2, SHORT * 4]


def test_kernels_that_were_freed_while_no_task_waited_are_not_counted_later(
    time: VirtualTime, queue: StartQueue
) -> None:
    for _ in range(5):
        queue.kernel_freed()
    assert time.run(slots(time, queue, (0.0, True))) == [2 * SHORT]


@pytest.mark.parametrize("waited", [0.0, 1.0])
def test_a_task_that_is_cancelled_delays_no_other_one(waited: float, time: VirtualTime, queue: StartQueue) -> None:
    async def wait() -> float:
        began = time.now
        first, second = (asyncio.create_task(queue.acquire(0.0, False)) for _ in range(2))
        await time.sleep(waited)
        first.cancel()
        await second
        return time.now - began

    assert time.run(wait()) == SHORT


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
