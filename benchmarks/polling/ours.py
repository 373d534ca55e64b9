"""Waiting as this provider does: its poller, its wait in a worker, and its rate limiter, in virtual time."""

from __future__ import annotations

import asyncio
import random
import threading
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, Self, TypeVar, cast

from airflow_provider_hex.api import steps
from airflow_provider_hex.api.async_client import AsyncHexClient
from airflow_provider_hex.api.call import Call, Page
from airflow_provider_hex.api.client import HexClient
from airflow_provider_hex.api.config import HexConfig
from airflow_provider_hex.api.errors import HexRateLimited, HexServerError
from airflow_provider_hex.api.models import Run as HexRun
from airflow_provider_hex.api.rate_limit import RateLimiter
from airflow_provider_hex.api.run_watch import RunWatch
from airflow_provider_hex.api.steps import Steps
from airflow_provider_hex.api.waiting import wait_for_run
from airflow_provider_hex.triggers.poller import Poller
from benchmarks import virtual_time
from benchmarks.polling.limits import Limits
from benchmarks.polling.waited import Outcome, Waited
from benchmarks.polling.workload import Run

T = TypeVar("T")

FULL_BUDGET = 30
"""Requests a minute that the limits of 2026 allow; the provider's default leaves some of them to others."""


class Hex:
    """A model of Hex.

    :param clock: returns the seconds since the beginning.
    :param runs: the runs.
    :param year: whose limits it has.
    :param with_history: whether its lists show how long past runs took.
    :param fails: from when until when it responds with 500, in seconds.
    """

    def __init__(
        self,
        clock: Callable[[], float],
        runs: Sequence[Run],
        year: int,
        *,
        with_history: bool,
        fails: tuple[float, float] = (0.0, 0.0),
    ) -> None:
        self.requests: list[tuple[float, int]] = []
        """When each status request came, and with which status Hex responded."""
        self.clock = clock
        self._limits = Limits(year)
        self._fails = fails
        self._runs = {id_of(run.number): run for run in runs}
        self._of_project: dict[str, list[Run]] = {}
        self._past: dict[str, list[HexRun]] = {}
        for run in runs:
            project_id = id_of(run.project)
            self._of_project.setdefault(project_id, []).append(run)
            if with_history:
                self._past[project_id] = [_past_run(project_id, *past) for past in enumerate(run.past)]

    def start(self) -> None:
        """Count a RunProject."""
        self._limits.allows("RunProject", self.clock())

    def request(self, call: Call[Any]) -> tuple[int, Any]:
        """Return the status and the value of a response."""
        status = 200 if self._limits.allows(call.name, self.clock()) else 429
        if self._fails[0] <= self.clock() < self._fails[1]:
            status = 500
        self.requests.append((self.clock(), status))
        if status != 200:
            return status, None
        _, _, project_id, *_, last = call.path.split("/")
        if call.name == "GetRunStatus":
            return 200, self._show(self._runs[last])
        shown = [self._show(run) for run in reversed(self._of_project[project_id]) if run.start <= self.clock()]
        return 200, Page([*shown, *self._past.get(project_id, ())][:100], None, None)

    def _show(self, run: Run) -> HexRun:
        ended = run.end <= self.clock()
        return {
            "projectId": id_of(run.project),
            "runId": id_of(run.number),
            "status": "COMPLETED" if ended else "RUNNING",
            "elapsedTime": run.length * 1000 if ended else None,
        }


def id_of(number: int) -> str:
    """Return the id of the project or run with this number."""
    return f"00000000-0000-4000-8000-{number:012}"


def _past_run(project_id: str, number: int, seconds: float) -> HexRun:
    return {
        "projectId": project_id,
        "runId": f"past {number}",
        "status": "COMPLETED",
        "elapsedTime": seconds * 1000,
    }


class _Client:
    """A client of one process: with its real rate limiter, but without a network."""

    def __init__(self, hex_: Hex, per_minute: int) -> None:
        self._hex, self.clock = hex_, hex_.clock
        self._limiter = RateLimiter(per_minute)

    def pause(self, call: Call[Any]) -> float:
        return self._limiter.pause(call.name, self.clock())

    def poll_pause(self, call: Call[Any], demand: int = 1) -> float:
        return self._limiter.poll_pause(call.name, self.clock(), demand)

    def send_now(self, call: Call[T]) -> T:
        self._limiter.sent(call.name, self.clock())
        status, value = self._hex.request(call)
        self._limiter.learned(call.name, {}, self.clock(), status)
        if status != 200:
            raise (HexRateLimited if status == 429 else HexServerError)(f"HTTP {status}")
        return cast("T", value)

    def carry_out_now(self, procedure: Steps[T]) -> T:
        return steps.carry_out(procedure, lambda step: self.send_now(cast("Call[Any]", step)))


class _TriggererClient(_Client):
    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        pass

    async def send(self, call: Call[T]) -> T:
        return self.send_now(call)

    async def carry_out(self, procedure: Steps[T], *, once: bool) -> T:
        return self.carry_out_now(procedure)


class _WorkerClient(_Client):
    """The client of a process that blocks. Its thread and the event loop's take turns, so only one runs at a time."""

    def __init__(self, hex_: Hex, per_minute: int) -> None:
        super().__init__(hex_, per_minute)
        self.send = self.send_now
        self._its_turn, self._parked = threading.Semaphore(0), threading.Semaphore(0)
        self._seconds: float | None = None

    def carry_out(self, procedure: Steps[T], *, once: bool) -> T:
        return self.carry_out_now(procedure)

    def sleep(self, seconds: float) -> None:
        self._seconds = seconds
        self._parked.release()
        self._its_turn.acquire()

    async def run(self, work: Callable[[], object]) -> None:
        """Run some work in a thread, with sleeps in virtual time."""

        def main() -> None:
            self._its_turn.acquire()
            try:
                work()
            finally:
                self._seconds = None
                self._parked.release()

        threading.Thread(target=main, daemon=True).start()
        while True:
            self._its_turn.release()
            self._parked.acquire()
            if self._seconds is None:
                return
            await asyncio.sleep(self._seconds)


class Policy:
    """This provider.

    :param per_minute: ``requests_per_minute`` of the connection.
    :param triggerers: how many triggerers share the deferred waits.
    :param in_workers: how many of the waits are in a worker each, and not deferred.
    :param poll_interval: as of the operator.
    """

    def __init__(
        self,
        per_minute: int = HexConfig.requests_per_minute,
        *,
        triggerers: int = 1,
        in_workers: int = 0,
        poll_interval: float | None = None,
    ) -> None:
        self._config = HexConfig("https://app.hex.tech/api/v1", "token", requests_per_minute=per_minute)
        self._triggerers, self._in_workers = triggerers, in_workers
        self._poll_interval = poll_interval

    def wait(
        self, runs: Sequence[Run], year: int, *, with_history: bool, fails: tuple[float, float] = (0.0, 0.0)
    ) -> tuple[Outcome, Hex]:
        """Wait for runs, and return what came of it.

        :param runs: the runs.
        :param year: whose limits Hex has.
        :param with_history: whether Hex's lists show how long past runs took.
        :param fails: from when until when Hex responds with 500, in seconds.
        """
        random.seed(len(runs))  # the provider's random delays
        waits = [Waited(run) for run in runs]

        async def wait_for_all() -> Hex:
            hex_ = Hex(asyncio.get_running_loop().time, runs, year, with_history=with_history, fails=fails)
            await self._wait_for_all(hex_, waits)
            return hex_

        hex_ = virtual_time.run(wait_for_all())
        rate_limited = sum(status == 429 for _, status in hex_.requests)
        return Outcome(waits, len(hex_.requests), rate_limited), hex_

    async def _wait_for_all(self, hex_: Hex, waits: Sequence[Waited]) -> None:
        def connect(config: HexConfig) -> AsyncHexClient:
            return cast("AsyncHexClient", _TriggererClient(hex_, config.requests_per_minute))

        pollers = [Poller(self._config, clock=hex_.clock, connect=connect) for _ in range(self._triggerers)]
        tasks = []
        for number, wait in enumerate(waits):
            if number < self._in_workers:
                tasks.append(self._in_worker(hex_, wait))
            else:
                tasks.append(self._deferred(hex_, wait, pollers[number % len(pollers)]))
        await asyncio.gather(*tasks)
        for poller in pollers:
            await poller.stop()

    async def _deferred(self, hex_: Hex, wait: Waited, poller: Poller) -> None:
        await asyncio.sleep(wait.run.start)
        hex_.start()
        watch = RunWatch(
            id_of(wait.run.project),
            id_of(wait.run.number),
            started_at=hex_.clock(),
            poll_interval=self._poll_interval,
        )
        await poller.wait(watch)
        wait.late = hex_.clock() - wait.run.end

    async def _in_worker(self, hex_: Hex, wait: Waited) -> None:
        await asyncio.sleep(wait.run.start)
        hex_.start()
        client = _WorkerClient(hex_, self._config.requests_per_minute)

        def work() -> None:
            project_id, run_id = id_of(wait.run.project), id_of(wait.run.number)
            wait_for_run(cast("HexClient", client), project_id, run_id, poll_interval=self._poll_interval)
            wait.late = hex_.clock() - wait.run.end

        await client.run(work)
