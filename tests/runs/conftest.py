"""A stand-in for Airflow: one task and its attempts. The operator is called as Airflow calls it, in this process."""

from __future__ import annotations

import asyncio
import json
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from airflow_provider_hex import version_compat
from airflow_provider_hex.airflow_compat import TaskDeferred
from airflow_provider_hex.api import run_watch
from airflow_provider_hex.operators.hex import HexRunProjectOperator
from airflow_provider_hex.runs import attempt
from demo.waiting import wait_for
from hex_emulator.client import Control
from hex_emulator.emulator import VanishedStatus
from tests.conftest import PROJECT

MODES: dict[str, dict[str, Any]] = {
    "worker": {},
    "deferred": {"deferrable": True},
    "start-only": {"wait_for_completion": False},
}
"""The ways in which a task waits for its run, or does not: the operator's arguments."""
WAITING_MODES = {name: MODES[name] for name in ("worker", "deferred")}

GONE: tuple[VanishedStatus, ...] = (403, 404, 422)
"""How Hex may respond to a request about a run that is gone."""
LEFT_RUNNING, CANCELLED = "RUNNING", "KILLED"
"""The last status of a run that does not end by itself."""
LEFT_TO_RETRY = "The run continues, and the task's next attempt re-attaches to it."


class Airflow:
    """What Airflow knows about one task: its state, its attempts, its XComs, and its records in the task state store.

    ``state`` may be an error, which Airflow then responds with. Without ``has_store`` there is no task state store, as
    before Airflow 3.3. ``on_store(method, value)`` is called before the store is used, and may raise; ``on_state()``
    is called before the state is read.
    """

    def __init__(self) -> None:
        self.state: str | Exception | None = "running"
        self.try_number, self.max_tries = 0, 1
        self.xcoms: dict[str, Any] = {}
        self.records: dict[str, str] = {}
        self.has_store = True
        self.on_state: Callable[[], object] = lambda: None
        self.on_store: Callable[[str, Any], object] = lambda method, value: None
        self.store: Store | None = None

    @property
    def record(self) -> Any:
        """The present record, None if there is none."""
        (text,) = self.records.values() or ["null"]
        return json.loads(text)

    @property
    def published(self) -> dict[str, Any]:
        """The XComs that are for users. Only Airflow 3.0 and 3.1 need another one."""
        own = ["hex_attempt"] if version_compat.RESUMES_RETRIES else []
        return {key: value for key, value in self.xcoms.items() if key not in own}

    @property
    def success(self) -> str | None:
        """The id of the run with which the task succeeded, if the record says so."""
        record = self.record or {}
        return record["run"]["runId"] if record.get("success") else None

    def attempt(self) -> Any:
        """Begin a new attempt, and return its context. The store rejects the previous attempt from now on."""
        self.try_number += 1
        self.xcoms.clear()
        self.store = Store(self)
        return {"ti": TaskInstance(self), **({"task_state_store": self.store} if self.has_store else {})}

    def clear(self) -> None:
        """Clear the task: the next attempt has new retries."""
        self.max_tries = self.try_number + 1

    def state_of(self, ti: Any) -> str | None:
        """Return the task's state, in place of :func:`airflow_provider_hex.version_compat.state_of`."""
        self.on_state()
        if isinstance(self.state, Exception):
            raise self.state
        return self.state


class TaskInstance:
    """The task instance of one attempt."""

    task_id, map_index = "run", -1

    def __init__(self, airflow: Airflow) -> None:
        self._airflow = airflow
        self.try_number, self.max_tries = airflow.try_number, airflow.max_tries

    def xcom_push(self, key: str, value: Any) -> None:
        self._airflow.xcoms[key] = value

    def xcom_pull(self, task_ids: str, key: str, map_indexes: int) -> Any:
        return self._airflow.xcoms.get(key)


class Store:
    """Airflow's task state store, as one attempt sees it: it is empty for all but the latest attempt."""

    def __init__(self, airflow: Airflow) -> None:
        self._airflow = airflow

    def get(self, key: str, default: Any = None) -> Any:
        self._airflow.on_store("get", None)
        records = self._airflow.records if self._airflow.store is self else {}
        return json.loads(records[key]) if key in records else default

    def set(self, key: str, value: Any) -> None:
        self._airflow.on_store("set", value)
        if value is None:
            raise ValueError("Cannot set value as None")
        if self._airflow.store is not self:
            raise RuntimeError("This attempt is not the latest one.")
        self._airflow.records[key] = json.dumps(value, allow_nan=False)

    def delete(self, key: str) -> None:
        self._airflow.on_store("delete", None)
        if self._airflow.store is not self:
            raise RuntimeError("This attempt is not the latest one.")
        self._airflow.records.pop(key, None)


@pytest.fixture(autouse=True)
def no_run_is_new(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a rejection of a poll end the wait at once, and not only a minute after the start of the run."""
    monkeypatch.setattr(run_watch, "NEW_FOR", 0.0)


@pytest.fixture
def airflow(monkeypatch: pytest.MonkeyPatch) -> Airflow:
    """A task with one retry."""
    task = Airflow()
    monkeypatch.setattr(attempt, "state_of", task.state_of)
    return task


def operator(**options: Any) -> HexRunProjectOperator:
    defaults = {"task_id": "run", "project_id": PROJECT, "poll_interval": 0.05, "timeout": 60}
    return HexRunProjectOperator(**{**defaults, **options})


def finish(context: Any, **options: Any) -> Any:
    """Execute a task to its end, through a deferral if there is one, and return its result."""
    try:
        return operator(**options).execute(context)
    except TaskDeferred as deferral:
        method, trigger = deferral.method_name, deferral.trigger

    async def event() -> Any:
        async with asyncio.timeout(120):
            return await anext(trigger.run())

    return operator(**options).resume_execution(method, {"event": asyncio.run(event()).payload}, context)


def defer(context: Any, **options: Any) -> TaskDeferred:
    """Execute a deferrable task until it is deferred, and return its deferral."""
    with pytest.raises(TaskDeferred) as deferred:
        operator(deferrable=True, **options).execute(context)
    return deferred.value


def keep_runs(emulator: Control, times: int = 1, status: str = "RUNNING") -> None:
    """Make the next runs keep a status: they do not end by themselves."""
    emulator.next_run(timeline=[(status, None)], times=times)


def statuses(emulator: Control) -> list[str]:
    """Return the statuses of all runs, the first first."""
    return [run["status"] for run in emulator.runs()]


def starts(emulator: Control) -> int:
    """Return how many RunProjects Hex has received."""
    return len(emulator.requests("RunProject"))


@contextmanager
def interrupted_when(condition: Callable[[], object], act: Callable[[], object]) -> Iterator[None]:
    """Call ``act`` in the main thread once the condition holds, in the middle of its work: like Airflow's signals."""
    failures: list[Exception] = []

    def interrupted(number: int, frame: object) -> None:
        if failures:
            raise AssertionError("The moment to interrupt was not found.") from failures[0]
        act()

    previous = signal.signal(signal.SIGUSR1, interrupted)
    main = threading.get_ident()

    def interrupt() -> None:
        try:
            wait_for("the moment to interrupt", lambda: condition() or None, seconds=60, pause=0.01)
        except Exception as error:  # without an interruption, the main thread might never end
            failures.append(error)
        signal.pthread_kill(main, signal.SIGUSR1)

    thread = threading.Thread(target=interrupt)
    thread.start()
    try:
        yield
    finally:
        thread.join()
        signal.signal(signal.SIGUSR1, previous)
