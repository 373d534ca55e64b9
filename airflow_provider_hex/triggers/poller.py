"""One poller per token in a triggerer: it looks at all the runs that the triggers of one connection wait for.

It keeps one session and one budget of requests. Several runs of a project are looked at with one request, the list
of the project's runs. It starts with its first waiter and ends with its last.
"""

from __future__ import annotations

import asyncio
import contextvars
import time
from contextlib import suppress

from airflow_provider_hex.api import protocol
from airflow_provider_hex.api.async_client import AsyncHexClient
from airflow_provider_hex.api.call import Call, Page
from airflow_provider_hex.api.config import HexConfig
from airflow_provider_hex.api.errors import HexError, HexRequestRejected, HexRunTimeout, HexUnauthorized
from airflow_provider_hex.api.models import Run
from airflow_provider_hex.api.poll_schedule import Schedule, apart
from airflow_provider_hex.api.run_watch import RunWatch, duration
from airflow_provider_hex.triggers.start_queue import start_queue_of

_BETWEEN_LISTS = 6.0
"""Seconds between two looks at the list of one project's runs, however many wait for them."""
_MOST_PAST = 50
"""How many of a project's earlier runs tell how long the next ones take."""
_LATE = 30.0
"""Seconds beyond a waiter's time in which its turn for a last look may come."""


class Waiter:
    """Somebody who waits for a run: what they know of it, where they log, and what they will be told."""

    def __init__(self, watch: RunWatch) -> None:
        self.watch = watch
        self.project = watch.project_id.lower()
        self.run = watch.run_id.lower()
        self.ended: asyncio.Future[Run] = asyncio.get_running_loop().create_future()
        self._context = contextvars.copy_context()  # Airflow finds a trigger's own log by it

    def saw(self, run: Run) -> None:
        """Take note of a look; the run's end is what was waited for."""
        if self._context.run(self.watch.saw, run) and not self.ended.done():
            self.ended.set_result(run)

    def missed(self, error: HexError) -> None:
        """Take note of a look that failed; an error that stays ends the wait."""
        own = HexError.from_dict(error.to_dict())  # its message is going to name this waiter's run
        try:
            self._context.run(self.watch.missed, own)
        except HexError as final:
            self.fail(final)

    def fail(self, error: BaseException) -> None:
        """End the wait with an error."""
        if not self.ended.done():
            self.ended.set_exception(error)


class Poller:
    """Looks at runs for those who wait with one token, on one event loop."""

    def __init__(self, config: HexConfig) -> None:
        self._config = config
        self._waiters: dict[str, set[Waiter]] = {}  # by project
        self._schedule: Schedule[Waiter] = Schedule()
        self._listed: dict[str, float] = {}
        self._past: dict[str, dict[str, float]] = {}
        self._last = 0.0
        self._news = asyncio.Event()
        # In a context of its own, or its requests would be logged as those of whoever came first.
        self._task = asyncio.create_task(self._poll(), context=contextvars.Context())

    async def wait(self, watch: RunWatch) -> Run:
        """Wait for a run to end, and return it.

        :raises HexError: waiting cannot go on.
        """
        protocol.get_run(watch.project_id, watch.run_id)  # ids that are none are refused here, before they concern all
        waiter = Waiter(watch)
        self._waiters.setdefault(waiter.project, set()).add(waiter)
        self._plan(waiter, watch.first_look(time.time()))
        self._news.set()
        left = watch.left(time.time())
        try:
            async with asyncio.timeout(None if left is None else max(left, 0.0) + _LATE):
                return await waiter.ended
        except TimeoutError:
            raise watch.timed_out() from None
        finally:
            self._schedule.drop(waiter)
            self._waiters[waiter.project].discard(waiter)
            if not self._waiters[waiter.project]:
                del self._waiters[waiter.project]

    @property
    def is_over(self) -> bool:
        """Whether nobody is looked after any more."""
        return self._task.done()

    @property
    def is_idle(self) -> bool:
        """Whether nobody waits."""
        return not self._waiters

    async def stop(self) -> None:
        """End the session."""
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task

    async def _poll(self) -> None:
        """Look at the runs of whoever's turn it is, for ever. What is not foreseen reaches all who wait."""
        try:
            async with AsyncHexClient(self._config) as client:
                while True:
                    await self._look(client, await self._whose_turn(client))
        except Exception as error:
            for waiter in set().union(*self._waiters.values()):
                waiter.fail(error)

    async def _whose_turn(self, client: AsyncHexClient) -> Waiter:
        """Wait until somebody is due for a look, and the budget allows one."""
        while True:
            self._news.clear()
            turn, pause = self._schedule.next(), None
            if turn is not None:
                waiter, due = turn
                next_request = self._last + apart(self._config.requests_per_minute)
                pause = max(max(due, next_request) - time.time(), client.pause(self._question(waiter)))
                if pause <= 0:
                    return waiter
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._news.wait()

    def _question(self, waiter: Waiter) -> Call[Run] | Call[Page[Run]]:
        """Return what to ask: for the run; if others wait for runs of its project, or nobody ever did, for its list."""
        if self._has_company(waiter) or waiter.project not in self._past:
            return protocol.get_project_runs(waiter.project)
        return protocol.get_run(waiter.project, waiter.run)

    def _has_company(self, waiter: Waiter) -> bool:
        return len(self._waiters.get(waiter.project, ())) > 1

    async def _look(self, client: AsyncHexClient, waiter: Waiter) -> None:
        self._last = time.time()
        if self._question(waiter).name == "GetProjectRuns":
            group = list(self._waiters.get(waiter.project, ()))
            await self._look_at_list(client, waiter.project, group)
        else:
            group = [waiter]
            await self._look_at_run(client, waiter)
        past = list(self._past.get(waiter.project, {}).values())
        for looked_at in group:
            if looked_at in self._waiters.get(waiter.project, ()) and not looked_at.ended.done():
                self._plan_next(looked_at, past)
            await asyncio.sleep(0)  # planning takes a moment, in which other triggers have their turn

    async def _look_at_run(self, client: AsyncHexClient, waiter: Waiter) -> None:
        call = protocol.get_run(waiter.project, waiter.run)
        await asyncio.sleep(client.pause(call))
        try:
            waiter.saw(await client.send(call))
        except HexError as error:
            waiter.missed(error)

    async def _look_at_list(self, client: AsyncHexClient, project: str, group: list[Waiter]) -> None:
        """Look at a project's list of runs, page by page as long as they are found; at the others one by one."""
        missing = group
        following: Call[Page[Run]] | None = protocol.get_project_runs(project)
        past = self._past.setdefault(project, {})
        self._listed[project] = time.time()
        try:
            while following is not None and missing:
                await asyncio.sleep(client.pause(following))
                page = await client.send(following)
                runs = {run["runId"].lower(): run for run in page.items}
                for run_id, run in reversed(runs.items()):  # the newest come first, and stay longest
                    if run_id not in past and (seconds := duration(run)) is not None:
                        past[run_id] = seconds
                for run_id in list(past)[:-_MOST_PAST]:
                    del past[run_id]
                for waiter in missing:
                    if waiter.run in runs:
                        waiter.saw(runs[waiter.run])
                found, missing = len(missing), [waiter for waiter in missing if waiter.run not in runs]
                following = page.next if len(missing) < found else None
        except HexRequestRejected as error:
            if isinstance(error, HexUnauthorized):
                return _all_missed(missing, error)
        except HexError as error:
            return _all_missed(missing, error)
        for waiter in missing:
            await self._look_at_run(client, waiter)

    def _plan_next(self, waiter: Waiter, past: list[float]) -> None:
        now = time.time()
        try:
            pause = waiter.watch.pause(now, past=past)
        except HexRunTimeout as error:
            waiter.fail(error)
        else:
            self._plan(waiter, now + pause)

    def _plan(self, waiter: Waiter, due: float) -> None:
        if waiter.watch.poll_interval is None and self._has_company(waiter):
            due = max(due, self._listed.get(waiter.project, 0.0) + _BETWEEN_LISTS)
        self._schedule.put(waiter, due)


_pollers: dict[tuple[asyncio.AbstractEventLoop, HexConfig], Poller] = {}


async def ended_run(config: HexConfig, watch: RunWatch) -> Run:
    """Wait for a run to end, together with all others of this event loop who wait with the same token; return it.

    :raises HexError: waiting cannot go on.
    """
    key = (asyncio.get_running_loop(), config)
    poller = _pollers.get(key)
    if poller is None or poller.is_over:
        poller = _pollers[key] = Poller(config)
    try:
        run = await poller.wait(watch)
        start_queue_of(config).kernel_freed()
        return run
    finally:
        if poller.is_idle:
            if _pollers.get(key) is poller:
                del _pollers[key]
            await poller.stop()


def _all_missed(waiters: list[Waiter], error: HexError) -> None:
    for waiter in waiters:
        waiter.missed(error)
