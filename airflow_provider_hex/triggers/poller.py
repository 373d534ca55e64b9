"""One poller per token in a triggerer: it polls all the runs that the triggers of one connection wait for.

It keeps one client, and with it one rate limit. Several runs of a project are polled with one request, the list of
the project's runs. It starts with the first wait and ends with the last.
"""

from __future__ import annotations

import asyncio
import contextvars
import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, TypeVar

from airflow_provider_hex.api import protocol
from airflow_provider_hex.api.async_client import AsyncHexClient
from airflow_provider_hex.api.call import Call, Page
from airflow_provider_hex.api.config import HexConfig
from airflow_provider_hex.api.errors import (
    HexError,
    HexInvalidInput,
    HexRequestRejected,
    HexRunTimeout,
    HexUnauthorized,
    HexUntrustedCertificate,
)
from airflow_provider_hex.api.models import Run
from airflow_provider_hex.api.poll_schedule import PollQueue, min_spacing
from airflow_provider_hex.api.run_watch import LAST_POLL_WITHIN, RunWatch
from airflow_provider_hex.triggers.per_token import PerToken
from airflow_provider_hex.triggers.start_queue import start_queue_of
from airflow_provider_hex.triggers.timing import Clock, Pause, Sleep
from airflow_provider_hex.triggers.waiters import Project, Waiter

T = TypeVar("T")

_LIST_INTERVAL = 6.0
"""Seconds between two polls of one project's list of runs, however many tasks wait for them."""
_IDLE_PAUSE = 60.0
"""Seconds between two checks of an empty queue. A new wait ends the pause."""
_END_ALL_WAITS = (HexUntrustedCertificate, HexInvalidInput)
"""Permanent errors of the connection: they end all its waits."""


class Poller:
    """Polls the runs of all waits with one token, on one event loop.

    :param config: Hex's address, and the token.
    :param clock: the time in epoch seconds.
    :param sleep: how to wait.
    :param connect: makes the client, an asynchronous context manager.
    """

    def __init__(
        self,
        config: HexConfig,
        *,
        clock: Clock = time.time,
        sleep: Sleep = asyncio.sleep,
        connect: Callable[[HexConfig], AsyncHexClient] = AsyncHexClient,
    ) -> None:
        self._config = config
        self._clock = clock
        self._sleep = sleep
        self._connect = connect
        self._projects: dict[str, Project] = {}
        self._queue: PollQueue[Waiter] = PollQueue()
        self._last_poll = 0.0
        self._pause = Pause(sleep)
        # In an empty context, or Airflow would write its log lines to the log of the trigger that created the poller.
        self._task = asyncio.create_task(self._poll_until_stopped(), context=contextvars.Context())

    @property
    def is_idle(self) -> bool:
        """Whether no task waits, or an error has ended all waits."""
        return self._task.done() or not any(project.waiters for project in self._projects.values())

    async def wait(self, watch: RunWatch) -> Run:
        """Wait for a run to end, and return it.

        :param watch: the run, how often to poll it and how long to wait.
        :raises HexRunTimeout: the timeout is reached.
        :raises HexError: a permanent error ended the wait.
        """
        protocol.get_run(watch.project_id, watch.run_id)  # an invalid id ends this wait, and not all of them
        project_id = watch.project_id.lower()
        project = self._projects.setdefault(project_id, Project(project_id))
        waiter = Waiter(watch, project)
        project.waiters.add(waiter)
        self._put(waiter, watch.first_poll(self._clock()))
        self._pause.wake()
        try:
            return await self._ended(waiter)
        finally:
            self._queue.drop(waiter)
            project.waiters.discard(waiter)
            waiter.ended.cancel()

    async def stop(self) -> None:
        """Stop polling, and close the connections."""
        self._task.cancel()
        await asyncio.wait([self._task])

    async def _ended(self, waiter: Waiter) -> Run:
        left = waiter.watch.left(self._clock())
        if left is not None:
            expiry = asyncio.ensure_future(self._sleep(max(left, 0.0) + LAST_POLL_WITHIN))
            either: list[asyncio.Future[Any]] = [waiter.ended, expiry]
            try:
                await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            finally:
                expiry.cancel()
            waiter.timed_out()  # unless the wait has ended
        return await waiter.ended

    async def _poll_until_stopped(self) -> None:
        """Poll whichever run is due. An error that concerns all waits, or that is not expected, ends them."""
        try:
            async with self._connect(self._config) as client:
                while True:
                    await self._poll(client, await self._next_due(client))
        except Exception as error:
            for project in self._projects.values():
                for waiter in project.waiters:
                    waiter.fail(error)

    async def _next_due(self, client: AsyncHexClient) -> Waiter:
        """Wait until a run is due and the rate limit allows a request."""
        while True:
            pause = _IDLE_PAUSE
            if (first := self._queue.next(partial(_is_last_poll, self._clock()))) is not None:
                waiter, due = first
                spaced = self._last_poll + min_spacing(self._config.requests_per_minute)
                pause = max(max(due, spaced) - self._clock(), client.pause(_next_call(waiter)))
                if pause <= 0:
                    return waiter
            await self._pause.wait(pause)

    async def _poll(self, client: AsyncHexClient, waiter: Waiter) -> None:
        self._last_poll = self._clock()
        project = waiter.project
        polled = [waiter]
        if project.needs_list:
            polled = list(project.waiters)
            await self._poll_list(client, project)
        else:
            await self._poll_run(client, waiter)
        durations = project.durations
        for each in polled:
            self._plan_next(each, durations)
            await asyncio.sleep(0)  # let other triggers run in between

    async def _poll_run(self, client: AsyncHexClient, waiter: Waiter) -> None:
        try:
            await self._sleep(client.pause(protocol.get_run(waiter.project.id, waiter.run_id)))
            waiter.polled(await client.carry_out(waiter.watch.poll(self._clock()), once=True))
        except _END_ALL_WAITS:
            raise
        except HexError as error:
            waiter.poll_failed(error)

    async def _poll_list(self, client: AsyncHexClient, project: Project) -> None:
        """Poll a project's list of runs while each page has one that is waited for, then the others one by one."""
        missing = list(project.waiters)
        project.listed_at = self._clock()
        following: Call[Page[Run]] | None = protocol.get_project_runs(project.id)
        try:
            while following is not None and missing:
                page = await self._send(client, following, missing)
                project.learn(page.items)
                count, missing = len(missing), _not_among(page.items, missing)
                following = page.next if len(missing) < count else None
        except _END_ALL_WAITS:
            raise
        except HexError as error:
            if isinstance(error, HexUnauthorized) or not isinstance(error, HexRequestRejected):
                for waiter in missing:
                    waiter.poll_failed(error)
                return
            # The token may still read each run.
        for waiter in missing:
            waiter.watch.not_polled()
        for waiter in missing:
            await self._poll_run(client, waiter)

    async def _send(self, client: AsyncHexClient, call: Call[T], waiters: list[Waiter]) -> T:
        """Send a call that polls the runs of these waits."""
        for waiter in waiters:
            waiter.watch.not_polled()
        await self._sleep(client.pause(call))
        for waiter in waiters:
            waiter.watch.polling(self._clock())
        return await client.send(call)

    def _plan_next(self, waiter: Waiter, durations: list[float]) -> None:
        if waiter.ended.done():
            self._queue.drop(waiter)
            return
        now = self._clock()
        try:
            self._put(waiter, now + waiter.watch.pause(now, past=durations))
        except HexRunTimeout:
            waiter.timed_out()

    def _put(self, waiter: Waiter, due: float) -> None:
        project = waiter.project
        if waiter.watch.poll_interval is None and len(project.waiters) > 1 and project.listed_at is not None:
            due = max(due, project.listed_at + _LIST_INTERVAL)
        self._queue.put(waiter, due)


_pollers = PerToken(Poller)


async def ended_run(config: HexConfig, watch: RunWatch) -> Run:
    """Wait for a run to end, and return it. All waits of this event loop with the same token share a poller.

    :param config: Hex's address, and the token.
    :param watch: the run, how often to poll it and how long to wait.
    :raises HexRunTimeout: the timeout is reached.
    :raises HexError: a permanent error ended the wait.
    """
    poller = _pollers.get(config)
    try:
        run = await poller.wait(watch)
        start_queue_of(config).kernel_freed()
        return run
    finally:
        if poller.is_idle:
            _pollers.forget_idle()
            await poller.stop()


def _is_last_poll(now: float, waiter: Waiter, due: float) -> bool:
    """Whether a poll is due for which there is little time. A wait has few of them, so the others do not starve."""
    left = waiter.watch.left(now)
    return left is not None and left <= 0 and due <= now


def _next_call(waiter: Waiter) -> Call[Run] | Call[Page[Run]]:
    project = waiter.project
    return protocol.get_project_runs(project.id) if project.needs_list else protocol.get_run(project.id, waiter.run_id)


def _not_among(runs: Iterable[Run], waiters: list[Waiter]) -> list[Waiter]:
    """Report to each waiter its run if it is among these, and return the other waiters."""
    by_id = {run["runId"].lower(): run for run in runs}
    for waiter in waiters:
        if waiter.run_id in by_id:
            waiter.polled(by_id[waiter.run_id])
    return [waiter for waiter in waiters if waiter.run_id not in by_id]
