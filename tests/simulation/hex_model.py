"""Hex as a model: runs that start, end and are cancelled, and responses that get lost.

What Hex does is taken from its API reference, as in the emulator. What it does not document is assumed to be as bad as
the provider can handle:

* RunProject takes effect at most ``LATE_EFFECT`` seconds after it was sent, also when its response is lost.
* A new run is in the list after at most ``LIST_LAG`` seconds.

Both together are less than the ``start_grace`` of 30 s, which is what that option is for.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import formatdate
from typing import Any, cast

import requests

from airflow_provider_hex.airflow_errors import airflow_errors
from airflow_provider_hex.api.async_client import AsyncHexClient
from airflow_provider_hex.api.client import HexClient
from airflow_provider_hex.api.config import HexConfig
from airflow_provider_hex.hooks.hex import HexHook
from tests.simulation import machine
from tests.simulation.hex_answers import (
    ANSWERS,
    CANCEL_ANSWERS,
    HIDDEN_FOR,
    LATE_RESPONSE,
    LIST_ANSWERS,
    NOT_SHOWN,
    POLL_ANSWERS,
    REFUSALS,
    START_ANSWERS,
    Answer,
)
from tests.simulation.world import EPOCH, LATENCY, World

PROJECT = "00000000-0000-4000-8000-0000000000aa"
TOKEN = "hxtp_secret"
CONFIG = HexConfig("https://hex.test/api/v1", TOKEN, proxy="http://proxy.test")  # so that the environment is not read
RUN_TAKES = 50.0
LATE_EFFECT, LIST_LAG = 15.0, 10.0

IN_FLIGHT = ("PENDING", "RUNNING")
OUTCOMES = ["COMPLETED", "never ends", "ERRORED"]


@dataclass
class HexRun:
    """A run in Hex.

    :param number: counts from 1.
    :param by: who started it: an attempt's number.
    :param started: when.
    :param ends: when it ends by itself, None for never.
    :param outcome: how it ends then.
    """

    number: int
    by: int
    started: float
    ends: float | None
    outcome: str
    cancelled_at: float | None = None
    cancelled_by: int | None = None
    waited_for_by: int | None = None
    """The attempt that waited for it when it was cancelled."""
    was_deferred: bool = False
    """Whether that attempt was deferred, so that its trigger should have gone on."""

    @property
    def id(self) -> str:
        return f"00000000-0000-4000-8000-{self.number:012}"

    def ended_at(self, now: float) -> float | None:
        """Return when it ended, None if it has not."""
        if self.cancelled_at is not None:
            return self.cancelled_at
        return self.ends if self.ends is not None and self.ends <= now else None

    def status(self, now: float) -> str:
        if self.cancelled_at is not None:
            return "KILLED"
        return "RUNNING" if self.ended_at(now) is None else self.outcome

    def json(self, now: float) -> dict[str, Any]:
        ended = self.ended_at(now)
        return {
            "projectId": PROJECT,
            "runId": self.id,
            "runUrl": f"https://hex.test/run/{self.number}?runId={self.id}",
            "status": self.status(now),
            "runTrigger": "API",
            "startTime": datetime.fromtimestamp(self.started, UTC).isoformat(),
            "elapsedTime": None if ended is None else (ended - self.started) * 1000,
            "traceId": f"trace-{self.number}",
        }


@dataclass
class Response:
    """What ``requests`` returns, as far as the client reads it."""

    status_code: int
    headers: dict[str, str]
    content: bytes


@dataclass
class Hex:
    """Hex's side of the world."""

    world: World
    runs: list[HexRun] = field(default_factory=list)
    """The task's runs."""
    others: list[HexRun] = field(default_factory=lambda: [HexRun(0, 0, EPOCH - 3600, None, "never ends")])
    """Runs of the project that something else started by API, an hour ago."""
    starts: list[tuple[float, int]] = field(default_factory=list)
    """When RunProject was sent, and by which attempt."""
    waits_for: Callable[[str], tuple[int | None, bool]] = lambda run_id: (None, False)
    """Returns the attempt that waits for a run, and whether it is deferred."""
    answers: list[Answer] = field(default_factory=list)
    run_takes: float = RUN_TAKES
    done: list[tuple[int, str, tuple[int, ...]]] = field(default_factory=list)
    """Requests that took effect: the attempt, the call, and the numbers of the runs that had ended by themselves."""

    def in_flight(self) -> list[HexRun]:
        return [run for run in self.runs if run.status(self.world.now) in IN_FLIGHT]

    def start(self, by: int) -> HexRun:
        outcome = self.world.choose("the new run's end", OUTCOMES)
        ends = None if outcome == "never ends" else self.world.now + self.run_takes
        run = HexRun(len(self.runs) + 1, by, self.world.now, ends, outcome)
        self.runs.append(run)
        self.world.say(f"   Hex starts run {run.number}" + (f" for attempt {by}" if by else ""))
        return run

    def cancel(self, run: HexRun, by: int) -> bool:
        if run.ended_at(self.world.now) is not None:
            return False
        run.cancelled_at, run.cancelled_by = self.world.now, by
        run.waited_for_by, run.was_deferred = self.waits_for(run.id)
        self.world.say(f"   Hex cancels run {run.number}")
        return True


class Session:
    """Sends requests to the model, in place of a session of ``requests``.

    :param hex: Hex.
    :param by: the attempt that sends them.
    :param io: does an I/O operation of the process, with all that may happen to the process meanwhile.
    :param check: raises an error if the client was aborted.
    """

    def __init__(self, hex: Hex, by: int, io: Callable[..., Any], check: Callable[[], None]) -> None:
        self._hex = hex
        self._by = by
        self._io = io
        self._check = check

    def close(self) -> None:
        pass

    def request(self, method: str, url: str, **_: Any) -> Response:
        self._check()
        name, path = name_of(method, url)
        answers = {
            "RunProject": START_ANSWERS,
            "CancelRun": CANCEL_ANSWERS,
            "GetProjectRuns": LIST_ANSWERS,
            "GetRunStatus": POLL_ANSWERS,
        }
        options = [*answers.get(name, ANSWERS), *self._not_shown(name, path)]
        answer = self._hex.world.choose(f"attempt {self._by} sends {name}", options)
        if name == "RunProject":
            self._hex.starts.append((self._hex.world.now, self._by))
        response = self._io(name, lambda: self._effect(name, path, answer), seconds=_takes(answer))
        if isinstance(response, Exception):
            raise response
        assert isinstance(response, Response)
        return response

    def _not_shown(self, name: str, path: str) -> list[str]:
        recent = [run for run in self._hex.runs if run.started > self._hex.world.now - HIDDEN_FOR]
        return [NOT_SHOWN] if name == "GetRunStatus" and any(path.endswith(run.id) for run in recent) else []

    def _effect(self, name: str, path: str, answer: str) -> Response | Exception:
        """Do what the request asks for, and return the response, or the error that comes instead."""
        self._hex.answers.append(Answer(self._hex.world.now, self._by, name, path, answer))
        if answer in REFUSALS:
            return self._response(*REFUSALS[answer])
        if answer == "lost, and takes effect late":
            self._hex.world.after(LATE_EFFECT, lambda: self._hex.start(self._by))
        if answer.startswith("lost"):
            return _lost()
        status, data = self._do(name, path, newest=answer != "the newest runs are missing")
        if answer == "the response is lost":
            return _lost()
        return self._response(500 if answer == "500, but done" else status, data)

    def _do(self, name: str, path: str, *, newest: bool) -> tuple[int, Any]:
        now = self._hex.world.now
        ended = [run.number for run in self._hex.runs if run.cancelled_at is None and run.ended_at(now) is not None]
        self._hex.done.append((self._by, name, (*ended,)))
        if name == "RunProject":
            return 201, {key: value for key, value in self._hex.start(self._by).json(now).items() if key != "status"}
        if name == "GetProjectRuns":
            listed = [run for run in self._hex.runs if newest or run.started <= now - LIST_LAG]
            runs = [run.json(now) for run in [*reversed(listed), *self._hex.others]]
            return 200, {"runs": runs, "nextPage": None}
        if name == "GetProject":
            return 200, {"id": PROJECT, "title": "A project"}
        run = next(run for run in self._hex.runs + self._hex.others if path.endswith(run.id))
        if name == "GetRunStatus":
            return 200, run.json(now)
        return (204, None) if self._hex.cancel(run, self._by) else (422, {"reason": "The run has ended."})

    def _response(self, status: int, data: Any, headers: dict[str, str] | None = None) -> Response:
        now = self._hex.world.now
        body = b"" if data is None else json.dumps(data).encode()
        return Response(status, {"Date": formatdate(now, usegmt=True), **(headers or {})}, body)


def name_of(method: str, url: str) -> tuple[str, str]:
    """Return the name of a call in Hex's reference, and its path."""
    path = url.removeprefix(CONFIG.base_url)
    on_run, on_runs = "/runs/" in path, path.endswith("/runs")
    names = {
        ("POST", on_runs): "RunProject",
        ("GET", on_runs): "GetProjectRuns",
        ("GET", on_run): "GetRunStatus",
        ("DELETE", on_run): "CancelRun",
    }
    return names.get((method, True), "GetProject"), path


def _takes(answer: str) -> float:
    return LATE_RESPONSE if answer == "the response is late" else LATENCY


def _lost() -> Exception:
    return requests.ConnectionError("Connection aborted.")


class Hook(HexHook):
    """The hook of one process: its clients send to the model.

    :param hex: Hex.
    :param by: the attempt whose process it is.
    :param io: does an I/O operation of the process.
    """

    def __init__(self, hex: Hex, by: int, io: Callable[..., Any]) -> None:
        super().__init__()
        self.__dict__["config"] = CONFIG
        self._model = hex, by, io
        self._world = hex.world

    def new_client(self, sleep: Callable[[float], None] | None = None) -> HexClient:
        return self._connected(HexClient(self.config, sleep=sleep or machine.sleep, clock=lambda: self._world.now))

    def new_async_client(self, config: HexConfig = CONFIG) -> AsyncHexClient:
        return _AsyncClient(self)

    async def get_async_client(self) -> AsyncHexClient:
        return self.new_async_client()

    async def get_async_config(self) -> HexConfig:
        return self.config

    def _connected(self, client: HexClient) -> HexClient:
        client.session = cast("requests.Session", Session(*self._model, check=client._adapter.check))
        return client


class _AsyncClient(AsyncHexClient):
    """The client of a trigger: each of its threads sends to the model."""

    def __init__(self, hook: Hook) -> None:
        super().__init__(CONFIG, sleep=machine.sleep, clock=lambda: hook._world.now, raising=airflow_errors)
        self._hook = hook

    def _new_client(self) -> HexClient:
        return self._hook._connected(super()._new_client())
