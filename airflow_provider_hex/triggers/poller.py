"""One poller per token in a triggerer: it polls all the runs that the triggers of one connection wait for.

It keeps one client. Several runs of a project are polled with one request, the list of the project's runs. Requests are
spread evenly over the rate limit, and each polls the runs that are expected to have ended for the longest time. The
poller starts with the first wait and ends with the last.
"""

from __future__ import annotations

import asyncio
import contextvars
import time
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from airflow_provider_hex.api import protocol
from airflow_provider_hex.api.async_client import AsyncHexClient
from airflow_provider_hex.api.call import Call, Page
from airflow_provider_hex.api.config import HexConfig
from airflow_provider_hex.api.errors import (
    HexError,
    HexInvalidInput,
    HexRateLimited,
    HexRequestRejected,
    HexRunTimeout,
    HexUnauthorized,
    HexUntrustedCertificate,
)
from airflow_provider_hex.api.ids import known_project_id
from airflow_provider_hex.api.models import Run
from airflow_provider_hex.api.run_watch import LAST_POLL_WITHIN, RunWatch
from airflow_provider_hex.triggers.limiters import limiter_of
from airflow_provider_hex.triggers.per_token import PerToken
from airflow_provider_hex.triggers.start_queue import start_queue_of
from airflow_provider_hex.triggers.timing import Clock, Pause, Sleep
from airflow_provider_hex.triggers.waiters import Poll, Project, Waiter

T = TypeVar("T")

_IDLE_PAUSE = 60.0
"""Seconds between two checks while no task waits. A new wait ends the pause."""
_LONGEST_PAUSE_IN_LIST = 10.0
"""Seconds between the pages of a list, so that it holds up no last poll of another run for long."""
_END_ALL_WAITS = (HexUntrustedCertificate, HexInvalidInput)
"""Permanent errors of the connection: they end all its waits."""


def connect(config: HexConfig) -> AsyncHexClient:
    """Return a client that shares the token's rate limiter."""
    return AsyncHexClient(config, limiter=limiter_of(config))


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
        connect: Callable[[HexConfig], AsyncHexClient] = connect,
    ) -> None:
        self._config = config
        self._clock = clock
        self._sleep = sleep
        self._connect = connect
        self._projects: dict[str, Project] = {}
        self._pause = Pause(sleep)
        # In an empty context, or Airflow would write its log lines to the log of the trigger that created the poller.
        self._task = asyncio.create_task(self._poll_until_stopped(), context=contextvars.Context())

    @property
    def is_idle(self) -> bool:
        """Whether no task waits, or an error has ended all waits."""
        return self._task.done() or not any(project.waiters for project in self._projects.values())

    async def wait(self, watch: RunWatch, connection: str = "") -> Run:
        """Wait for a run to end, and return it.

        :param watch: the run, how often to poll it and how long to wait.
        :param connection: the id of the task's connection, which errors name. Default: none.
        :raises HexRunTimeout: the timeout is reached.
        :raises HexError: a permanent error ended the wait.
        """
        protocol.get_run(watch.project_id, watch.run_id)  # an invalid id ends this wait, and not all of them
        project_id = known_project_id(watch.project_id).lower()
        project = self._projects.setdefault(project_id, Project(project_id))
        waiter = Waiter(watch, project, connection)
        project.waiters.add(waiter)
        waiter.due = watch.first_poll(self._clock())
        self._pause.wake()
        try:
            return await self._ended(waiter)
        finally:
            project.waiters.discard(waiter)
            waiter.ended.cancel()

    async def stop(self) -> None:
        """Stop polling, and close the connections."""
        self._task.cancel()
        await asyncio.wait([self._task])

    async def _ended(self, waiter: Waiter) -> Run:
        heartbeats = asyncio.create_task(self._log_heartbeats(waiter.watch))
        try:
            return await self._ended_in_time(waiter)
        finally:
            heartbeats.cancel()

    async def _log_heartbeats(self, watch: RunWatch) -> None:
        while True:
            await self._sleep(watch.until_heartbeat(self._clock()))
            watch.heartbeat(self._clock())

    async def _ended_in_time(self, waiter: Waiter) -> Run:
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
                    await self._poll(client, await self._next_poll(client))
        except Exception as error:
            for project in self._projects.values():
                for waiter in project.waiters:
                    waiter.fail(error)

    async def _next_poll(self, client: AsyncHexClient) -> Poll:
        """Wait until a poll is due and the rate limit allows a request."""
        while True:
            pause, now = _IDLE_PAUSE, self._clock()
            polls = [poll for project in self._projects.values() for poll in project.polls()]
            if polls:
                poll = _most_urgent(polls, now)
                call = _call(poll)
                free = client.pause(call) if poll.last_due <= now else client.poll_pause(call, len(polls))
                pause = max(poll.due - now, free)
                if pause <= 0:
                    return poll
                pause = min([pause, *(each.last_due - now for each in polls if each.last_due > now)])
            await self._pause.wait(pause)

    async def _poll(self, client: AsyncHexClient, poll: Poll) -> None:
        if poll.is_list:
            await self._poll_list(client, poll)
        else:
            await self._poll_run(client, poll.waiters[0])
        for waiter in poll.waiters:
            self._plan_next(waiter)
            await asyncio.sleep(0)  # let other triggers run in between

    async def _poll_run(self, client: AsyncHexClient, waiter: Waiter) -> None:
        waiter.is_unlisted = False
        try:
            waiter.polled(await client.carry_out(waiter.watch.poll(self._clock()), once=True))
        except _END_ALL_WAITS:
            raise
        except HexError as error:
            waiter.poll_failed(error)

    async def _poll_list(self, client: AsyncHexClient, poll: Poll) -> None:
        """Poll a project's list of runs while each page has one that is waited for. Others are polled one by one."""
        project, missing = poll.project, poll.waiters
        project.is_listed = True
        following: Call[Page[Run]] | None = protocol.get_project_runs(project.id)
        try:
            while following is not None:
                page = await self._send(client, following, missing)
                project.learn(page.items)
                count, missing = len(missing), _not_among(page.items, missing)
                following = page.next if missing and len(missing) < count else None
                if following is not None:
                    await self._pause_in_list(client, following, missing)
        except _END_ALL_WAITS:
            raise
        except HexError as error:
            project.is_listed = not isinstance(error, HexRateLimited)
            if isinstance(error, HexUnauthorized) or not isinstance(error, HexRequestRejected):
                for waiter in missing:
                    waiter.poll_failed(error)
                return
            # The token may still read each run.
        for waiter in missing:
            waiter.watch.not_polled()
            waiter.is_unlisted = True

    async def _pause_in_list(self, client: AsyncHexClient, following: Call[Page[Run]], missing: list[Waiter]) -> None:
        """Wait until the rate limit allows the next page. Other polls wait, too, so not for long."""
        for waiter in missing:
            waiter.watch.not_polled()
        spaced = min(client.poll_pause(following), _LONGEST_PAUSE_IN_LIST)
        await self._sleep(max(client.pause(following), spaced))

    async def _send(self, client: AsyncHexClient, call: Call[T], waiters: list[Waiter]) -> T:
        """Send a call that polls the runs of these waits."""
        for waiter in waiters:
            waiter.watch.polling(self._clock())
        return await client.send(call)

    def _plan_next(self, waiter: Waiter) -> None:
        if waiter.ended.done():
            return
        now = self._clock()
        if waiter.is_unlisted:
            waiter.due = now
            return
        try:
            waiter.due = now + waiter.watch.pause(now, forecast=waiter.project.forecast)
        except HexRunTimeout:
            waiter.timed_out()


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
        run = await poller.wait(watch, config.name)
        start_queue_of(config).kernel_freed()
        return run
    finally:
        if poller.is_idle:
            _pollers.forget_idle()
            await poller.stop()


def _most_urgent(polls: list[Poll], now: float) -> Poll:
    """Return the poll that is worth most, among those that are due, or else the one that is due first."""
    due = [poll for poll in polls if poll.due <= now]
    if due:
        return max(due, key=lambda poll: (poll.last_due <= now, poll.expected_delay(now)))
    return min(polls, key=lambda poll: poll.due)


def _call(poll: Poll) -> Call[Run] | Call[Page[Run]]:
    if poll.is_list:
        return protocol.get_project_runs(poll.project.id)
    return protocol.get_run(poll.project.id, poll.waiters[0].run_id)


def _not_among(runs: Iterable[Run], waiters: list[Waiter]) -> list[Waiter]:
    """Report to each waiter its run if it is among these, and return the other waiters."""
    by_id = {run["runId"].lower(): run for run in runs}
    for waiter in waiters:
        if waiter.run_id in by_id:
            waiter.polled(by_id[waiter.run_id])
    return [waiter for waiter in waiters if waiter.run_id not in by_id]
