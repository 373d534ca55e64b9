"""Time that a test owns: it stands still while there is something to do, and then jumps to the next sleeper's end."""

from __future__ import annotations

import asyncio
import heapq
import math
import selectors
from collections.abc import Coroutine, Mapping
from functools import partial
from itertools import count
from types import TracebackType
from typing import Any, Self, TypeVar, cast

from airflow_provider_hex.api.call import Call, Page
from airflow_provider_hex.api.config import HexConfig
from airflow_provider_hex.api.errors import HexError, HexRateLimited
from airflow_provider_hex.api.models import Run
from airflow_provider_hex.api.rate_limit import RateLimiter
from airflow_provider_hex.api.steps import Steps

T = TypeVar("T")


class VirtualTime(selectors.DefaultSelector):
    """A clock, a sleep, and an event loop that they drive. No test waits, and none depends on the machine's speed."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 1_800_000_000.0
        self._order = count()
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []

    def clock(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        until: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        moment = max(self.now + seconds, math.nextafter(self.now, math.inf)) if seconds > 0 else self.now
        heapq.heappush(self._sleepers, (moment, next(self._order), until))
        await until

    def run(self, main: Coroutine[Any, Any, T]) -> T:
        with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(self)) as runner:
            return runner.run(main)

    def select(self, timeout: float | None = None) -> Any:
        """Is called by the event loop between two rounds of callbacks; with 0 if some are ready."""
        if timeout == 0:
            return super().select(0)
        while self._sleepers:
            moment, _, until = heapq.heappop(self._sleepers)
            if not until.done():
                self.now = max(self.now, moment)
                until.set_result(None)
                return super().select(0)
        raise AssertionError("Everything waits, and nothing ever happens.")


class HexInMemory:
    """A stand-in for the client, with its rate limit, on virtual time.

    :param runs: for each run id the seconds from now until it has completed, None for never.
    :param projects: the projects of runs that are not of project 1.
    """

    def __init__(
        self,
        time: VirtualTime,
        config: HexConfig,
        runs: Mapping[str, float | None],
        projects: Mapping[str, str] | None = None,
    ) -> None:
        self.requests: list[tuple[float, str]] = []
        self.paths: list[str] = []
        self.error: Exception | None = None
        self.delay = 0.0
        self.is_list_empty = False
        self.missing: set[str] = set()
        self._time = time
        self._began = time.now
        self.limiter = RateLimiter(config.requests_per_minute)
        self.runs = runs
        self._projects = projects or {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        pass

    def pause(self, call: Call[Any]) -> float:
        return self.limiter.pause(call.name, self._time.now)

    def poll_pause(self, call: Call[Any], demand: int = 1) -> float:
        return self.limiter.poll_pause(call.name, self._time.now, demand)

    async def send(self, call: Call[Any]) -> Any:
        self.limiter.sent(call.name, self._time.now)
        self.requests.append((self._time.now - self._began, call.name))
        self.paths.append(call.path)
        await self._time.sleep(self.delay)
        if self.error is not None:
            self._learn_from(self.error, call.name)
            raise self.error
        self.limiter.learned(call.name, {}, self._time.now)
        if call.name == "GetRunStatus":
            return self._run(call.path.split("/")[-1])
        listed = () if self.is_list_empty else [run_id for run_id in self.runs if run_id not in self.missing]
        return Page([run for run_id in listed if (run := self._run(run_id))["projectId"] in call.path], None, None)

    async def carry_out(self, procedure: Steps[T], *, once: bool) -> T:
        assert once  # the poller decides when to poll again
        go_on = partial(procedure.send, None)
        while True:
            try:
                step = go_on()
            except StopIteration as end:
                return cast("T", end.value)
            assert isinstance(step, Call)
            try:
                go_on = partial(procedure.send, await self.send(step))
            except HexError as error:
                go_on = partial(procedure.throw, error)

    def _learn_from(self, error: Exception, name: str) -> None:
        """Let the rate limiter learn from an error what it would learn from Hex's response."""
        status = 429 if isinstance(error, HexRateLimited) else getattr(error, "status", None)
        if status is None:
            self.limiter.failed(name)
        else:
            asked = getattr(error, "retry_after", None)
            headers = {} if asked is None else {"Retry-After": str(asked)}
            self.limiter.learned(name, headers, self._time.now, status)

    def _run(self, run_id: str) -> Run:
        seconds = self.runs[run_id]
        ended = seconds is not None and self._time.now >= self._began + seconds
        return {
            "projectId": self._projects.get(run_id, id_of(1)),
            "runId": run_id,
            "status": "COMPLETED" if ended else "RUNNING",
            "elapsedTime": seconds * 1000 if ended and seconds else None,
        }


def id_of(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012}"
