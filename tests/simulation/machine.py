"""What a process gets from outside its own code: the time, threads, an event loop, and who it asks about Airflow.

The product's code runs as it is. While a story runs, it finds these things of the simulated world instead of the real
ones, which is what libfaketime and a fake kernel would do for a whole process.
"""

from __future__ import annotations

import asyncio
import logging
import random
import sys
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from types import SimpleNamespace
from typing import Any, TypeVar
from unittest.mock import patch

from airflow_provider_hex.api import async_client
from airflow_provider_hex.api.adapter import Aborted
from airflow_provider_hex.operators.hex import HexRunProjectOperator
from airflow_provider_hex.runs import attempt
from airflow_provider_hex.triggers import hex as triggers
from airflow_provider_hex.triggers import limiters, poller, run_xcom, start_queue
from airflow_provider_hex.triggers.hex import HexRunTrigger, HexStartTrigger
from airflow_provider_hex.triggers.limiters import TokenLimiter
from airflow_provider_hex.triggers.per_token import PerToken
from airflow_provider_hex.triggers.poller import Poller
from airflow_provider_hex.triggers.start_queue import StartQueue
from tests.simulation.world import Killed, Thread, World, current_thread

T = TypeVar("T")

RESOLUTION = 1e-3
"""Seconds by which a timer may be early: more than the precision of epoch seconds, or timers would not be due."""


def this_thread() -> Thread:
    """Return the simulated thread that is running."""
    thread = current_thread()
    assert thread is not None, "This is not a simulated thread."
    return thread


def sleep(seconds: float) -> None:
    """Do what ``time.sleep`` does."""
    this_thread().wait(seconds)


@contextmanager
def silence() -> Iterator[None]:
    """Let nothing be logged: a thousand stories would fill the memory."""
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)


def here(simulated: Callable[..., T], real: Callable[..., T]) -> Callable[..., T]:
    """Return a function that is simulated in this thread of Python's, and real in others, such as an emulator's."""
    thread = threading.get_ident()
    return lambda *arguments: (simulated if threading.get_ident() == thread else real)(*arguments)


@contextmanager
def running(world: World) -> Iterator[None]:
    """Let the product's code find this world."""

    def clock() -> float:
        return world.now

    def connect(config: Any) -> Any:
        return this_thread().process.hook.new_async_client(config)

    def new_poller(config: Any) -> Poller:
        return Poller(config, clock=clock, connect=connect, sleep=sleep_noticeably)

    async def sleep_noticeably(seconds: float) -> None:
        """Sleep for longer than the event loop's resolution, or the clock would stand still."""
        await asyncio.sleep(max(seconds, 2 * RESOLUTION))

    quiet = logging.getLogger("tests.simulation")
    quiet.disabled = True
    random.seed(0)  # the product's random delays
    with (
        patch.multiple(time, time=here(clock, time.time), monotonic=here(clock, time.monotonic)),
        patch.object(time, "sleep", here(sleep, time.sleep)),
        patch.object(attempt, "threading", SimpleNamespace(Thread=_PythonThread)),
        patch.object(attempt, "state_of", lambda ti: ti.state_of()),
        patch.multiple(run_xcom, state_of=lambda ti: ti.state_of(), xcom_of=lambda ti, key: ti.xcom_of(key)),
        patch.object(triggers, "HexHook", lambda conn_id: this_thread().process.hook),
        patch.object(triggers, "ask_airflow", lambda question: asyncio.wrap_future(in_thread(question))),
        patch.object(async_client, "_in_thread", in_thread),
        patch.object(poller, "_pollers", PerToken(new_poller)),
        patch.object(limiters, "_limiters", PerToken(lambda config: TokenLimiter(config, clock=clock))),
        patch.object(start_queue, "_queues", PerToken(lambda config: StartQueue(clock=clock))),
        patch.object(HexRunProjectOperator, "log", quiet),  # Airflow's loggers print
        patch.object(HexRunTrigger, "log", quiet),
        patch.object(HexStartTrigger, "log", quiet),
        patch.object(sys, "unraisablehook", lambda unraisable: None),  # coroutines of killed processes
    ):
        yield


class _PythonThread:
    """Does what ``threading.Thread`` does."""

    def __init__(self, target: Callable[[], object], **_: Any) -> None:
        self._target = target

    def start(self) -> None:
        self._thread = Thread(this_thread().process, self._target)

    def join(self, timeout: float | None = None) -> None:
        this_thread().wait(timeout, lambda: self._thread.done)


def in_thread(work: Callable[[], T]) -> Future[T]:
    """Do what the asynchronous client does: run some work in a new thread."""
    future: Future[T] = Future()

    def run() -> None:
        if not future.set_running_or_notify_cancel():
            return
        try:
            future.set_result(work())
        except (Exception, Aborted) as error:
            future.set_exception(error)

    Thread(this_thread().process, run)
    return future


class Loop(asyncio.BaseEventLoop):
    """An event loop in a simulated thread. Several may run at once, in as many threads."""

    def __init__(self) -> None:
        super().__init__()
        self._selector = SimpleNamespace(select=self._select, close=lambda: None)
        self._thread = this_thread()
        self._woken = False
        self._clock_resolution = RESOLUTION
        self.set_exception_handler(lambda loop, context: None)  # tasks of killed processes
        self._thread.process.on_switch = self._leave

    def run(self, main: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine, and end all tasks that it leaves behind."""
        try:
            result = self.run_until_complete(main)
            left = asyncio.all_tasks(self)
            for task in left:
                task.cancel()
            if left:
                self.run_until_complete(asyncio.gather(*left, return_exceptions=True))
            return result
        finally:
            for task in asyncio.all_tasks(self):  # the process was killed
                with suppress(BaseException):
                    task.get_coro().close()
            self._ready.clear()  # type: ignore[attr-defined]
            self._thread.process.on_switch = lambda: lambda: None
            self.close()

    def _select(self, timeout: float | None) -> list[Any]:
        if timeout != 0:
            self._thread.wait(timeout, lambda: self._woken)
        self._woken = False
        return []

    def _write_to_self(self) -> None:
        self._woken = True
        self._thread.process.world.after(0.0, self._thread.resume)

    def _process_events(self, events: Any) -> None:
        pass

    def _leave(self) -> Callable[[], None]:
        """Hide this loop from the other threads."""
        running, hooks = asyncio._get_running_loop(), sys.get_asyncgen_hooks()
        asyncio._set_running_loop(None)

        def restore() -> None:
            asyncio._set_running_loop(running)
            sys.set_asyncgen_hooks(*hooks)

        return restore


__all__ = ["Killed", "Loop", "in_thread", "running", "sleep", "this_thread"]
