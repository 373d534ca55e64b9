"""Many tasks that wait in one triggerer, for their runs or for a slot to start one, with rate limits and failures.

The pollers, the start queues and the clients are the product's; Hex and the tasks are models.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from email.utils import formatdate
from random import Random
from typing import Any, cast

import requests

from airflow_provider_hex.api.async_client import AsyncHexClient
from airflow_provider_hex.api.client import HexClient
from airflow_provider_hex.api.config import HexConfig
from airflow_provider_hex.api.errors import HexError, HexRunTimeout
from airflow_provider_hex.api.run_watch import RunWatch
from airflow_provider_hex.triggers import limiters, poller, start_queue
from tests.simulation import machine
from tests.simulation.hex_model import CONFIG, Response
from tests.simulation.world import LATENCY, Process, World

LIMIT = 60
"""Requests that Hex allows a token in a minute. The client allows itself ``requests_per_minute``, which is fewer."""
LATEST = 600.0
"""Seconds after its end by which a run's end must be seen, in the worst of these stories."""


def id_of(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012}"


@dataclass
class Waiting:
    """One task that waits for a run, and how that ended.

    :param number: the run's number.
    :param token: the number of its token.
    :param project: the number of its project.
    :param begins: when the wait begins, in seconds from the start.
    :param ends: when the run ends, None for never.
    :param gone: whether Hex responds with 404 to polls of this run.
    :param timeout: the wait's timeout.
    :param cancelled: when the wait is cancelled, None for never.
    """

    number: int
    token: int
    project: int
    begins: float
    ends: float | None
    gone: bool
    timeout: float | None
    cancelled: float | None
    outcome: Any = None
    ended_at: float = 0.0

    @property
    def run_id(self) -> str:
        return id_of(self.number)


@dataclass
class Server:
    """Hex, with a rate limit for each token.

    :param world: the clock.
    :param waits: the runs.
    :param random: decides what goes wrong.
    :param trouble: how likely a request goes wrong.
    """

    world: World
    waits: list[Waiting]
    random: Random
    trouble: float
    sent: dict[str, list[float]] = field(default_factory=dict)
    rejected: int = 0

    def request(self, token: str, url: str) -> Response:
        machine.sleep(LATENCY)
        now = self.world.now
        times = self.sent.setdefault(token, [])
        times.append(now)
        if sum(moment > now - 60 for moment in times) > LIMIT:
            self.rejected += 1
            return self._response(429, {})
        if self.random.random() < self.trouble:
            return self._trouble()
        known = [wait for wait in self.waits if id_of(wait.project) in url]
        if url.endswith("/runs"):
            listed = [self._run(wait) for wait in reversed(known) if not wait.gone]
            return self._response(200, {"runs": listed, "nextPage": None})
        if "/runs/" not in url:
            return self._response(200, {"id": url.rsplit("/", 1)[1], "title": "A project"})
        (wait,) = (wait for wait in known if url.endswith(wait.run_id))
        return self._response(404, {"reason": "gone"}) if wait.gone else self._response(200, self._run(wait))

    def _trouble(self) -> Response:
        kind = self.random.choice(["lost", "429", "500", "late"])
        if kind == "lost":
            raise requests.ConnectionError("Connection aborted.")
        if kind == "late":
            machine.sleep(20.0)
        return self._response(429 if kind == "429" else 500, {}, {"Retry-After": "9"} if kind == "429" else {})

    def _run(self, wait: Waiting) -> dict[str, Any]:
        ended = wait.ends is not None and self.world.now >= START + wait.ends
        status = "COMPLETED" if ended else "RUNNING"
        return {"projectId": id_of(wait.project), "runId": wait.run_id, "status": status, "elapsedTime": None}

    def _response(self, status: int, data: Any, headers: dict[str, str] | None = None) -> Response:
        date = formatdate(self.world.now, usegmt=True)
        return Response(status, {"Date": date, **(headers or {})}, json.dumps(data).encode())


START = World().now


class _Session:
    def __init__(self, server: Server, token: str) -> None:
        self._server, self._token = server, token

    def request(self, method: str, url: str, **_: Any) -> Response:
        return self._server.request(self._token, url)

    def close(self) -> None:
        pass


@dataclass
class _Hook:
    server: Server

    def new_async_client(self, config: HexConfig) -> AsyncHexClient:
        server = self.server

        class Client(AsyncHexClient):
            def _new_client(self) -> HexClient:
                client = super()._new_client()
                client.session = cast("requests.Session", _Session(server, config.token))
                return client

        limiter = limiters.limiter_of(config)
        return Client(config, sleep=machine.sleep, clock=lambda: server.world.now, limiter=limiter)


def config_of(token: int) -> HexConfig:
    return replace(CONFIG, token=f"token{token}")


def in_triggerer(world: World, hook: Any, main: Callable[[], Any]) -> None:
    """Run a coroutine in one triggerer's process, to its end."""
    process = Process(world, "the triggerer", lambda: machine.Loop().run(main()), lambda: None)
    process.hook = hook
    with machine.running(world):
        world.run(most=10_000_000)


def wait_for_runs(seed: int, tasks: int, trouble: float, *, gaps: bool = True) -> tuple[list[Waiting], Server]:
    """Let many tasks wait for their runs, and return how each wait ended.

    :param gaps: whether there may be moments in which no task of a token waits.
    """
    random = Random(f"waiting {seed}")
    waits = [_a_wait(number, random) for number in range(1, tasks + 1)]
    if not gaps:
        waits += [Waiting(tasks + 1 + token, token, 9000, 0.0, 2500.0, False, None, None) for token in range(2)]
    world = World()
    server = Server(world, waits, random, trouble)

    async def all_waits() -> None:
        await asyncio.gather(*[_wait(each, world) for each in waits])

    in_triggerer(world, _Hook(server), all_waits)
    return waits, server


def _a_wait(number: int, random: Random) -> Waiting:
    begins = random.uniform(0, 300)
    fate = random.choices(["ends", "gone", "times out", "cancelled"], [12, 1, 2, 2])[0]
    return Waiting(
        number,
        token=random.randrange(2),
        project=9000 + random.randrange(4),
        begins=begins,
        ends=None if fate == "times out" else begins + random.uniform(0, 1200),
        gone=fate == "gone",
        timeout=random.uniform(100, 900) if fate == "times out" else None,
        cancelled=begins + random.uniform(0, 200) if fate == "cancelled" else None,
    )


async def _wait(wait: Waiting, world: World) -> None:
    await asyncio.sleep(wait.begins)
    watch = RunWatch(id_of(wait.project), wait.run_id, started_at=world.now, timeout=wait.timeout)
    waiting = asyncio.ensure_future(poller.ended_run(config_of(wait.token), watch))
    if wait.cancelled is not None:
        asyncio.get_running_loop().call_later(wait.cancelled - wait.begins, waiting.cancel)
    await asyncio.wait([waiting])
    wait.outcome = "cancelled" if waiting.cancelled() else waiting.exception() or waiting.result()["status"]
    wait.ended_at = world.now - START


def problems(waits: list[Waiting], server: Server) -> list[str]:
    """Return what went wrong for which wait: none is forgotten, none starves, none fails because of another."""
    return [f"{wait}: {problem}" for wait in waits if (problem := _problem(wait))]


def busiest_minute(server: Server) -> int:
    """Return the most requests that were sent with one token within a minute."""
    return max(sum(start <= each < start + 60 for each in times) for times in server.sent.values() for start in times)


def _problem(wait: Waiting) -> str | None:
    outcome = wait.outcome
    if outcome is None:
        return "forgotten"
    if wait.cancelled is not None and outcome == "cancelled":
        return None
    if wait.gone:
        return None if isinstance(outcome, HexError) and wait.run_id in str(outcome) else "a gone run must be reported"
    if wait.timeout is not None:
        late = wait.ended_at - wait.begins - wait.timeout
        return None if isinstance(outcome, HexRunTimeout) and -1 <= late <= 31 else f"timed out {late:.0f} s late"
    if outcome != "COMPLETED":
        return "it failed, though its run completed"
    late = wait.ended_at - max(wait.ends or 0.0, wait.begins)
    return f"its run's end was seen {late:.0f} s late" if late > LATEST else None


@dataclass
class Slot:
    """One task that waits for a slot to start its run."""

    number: int
    asks: float
    cancelled: float | None
    got: float | None = None


def wait_for_slots(seed: int, tasks: int) -> list[Slot]:
    """Let many tasks wait in one start queue; some are cancelled, and some are rate-limited again."""
    random = Random(f"slots {seed}")
    slots = [
        Slot(number, asks := random.uniform(0, 120), asks + random.uniform(0, 60) if random.random() < 0.2 else None)
        for number in range(tasks)
    ]
    world = World()

    async def acquire(slot: Slot) -> None:
        await asyncio.sleep(slot.asks)
        queue = start_queue.start_queue_of(CONFIG)
        not_before = world.now + random.choice([0.0, 0.0, 10.0])
        waiting = asyncio.ensure_future(queue.acquire(not_before, requeued=random.random() < 0.1))
        if slot.cancelled is not None:
            asyncio.get_running_loop().call_later(slot.cancelled - slot.asks, waiting.cancel)
        await asyncio.wait([waiting])
        if not waiting.cancelled():
            waiting.result()
            slot.got = world.now - START
        if random.random() < 0.3:
            queue.kernel_freed()

    async def all_slots() -> None:
        await asyncio.gather(*[acquire(slot) for slot in slots])

    in_triggerer(world, None, all_slots)
    return slots
