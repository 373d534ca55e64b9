"""A task of Airflow's and its attempts. The operator is called as Airflow calls it, in this process."""

from __future__ import annotations

import asyncio
import json
import logging
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import TaskDeferred

from airflow_provider_hex.operators.hex import HexRunProjectOperator
from airflow_provider_hex.runs import attempt
from demo.waiting import wait_for
from hex_emulator.client import Control
from tests.conftest import PROJECT

WAYS: dict[str, dict[str, Any]] = {
    "waiting": {},
    "deferrable": {"deferrable": True},
    "not-waiting": {"wait_for_completion": False},
}

LEFT, CANCELLED = "RUNNING", "KILLED"
"""The state of a run that does not end by itself, after all."""


class Airflow:
    """What Airflow knows of one task: its state, its attempts, its XComs, and what they noted.

    ``state`` may be an error: then Airflow does not answer. ``on_store(method, value)`` is called before the task
    state store is used, and may raise.
    """

    def __init__(self) -> None:
        self.state: str | Exception | None = "running"
        self.try_number, self.max_tries = 0, 1
        self.xcoms: dict[str, Any] = {}
        self.records: dict[str, str] = {}
        self.on_store: Callable[[str, Any], object] = lambda method, value: None
        self.store: Store | None = None

    @property
    def record(self) -> Any:
        """What is noted now."""
        (text,) = self.records.values() or ["null"]
        return json.loads(text)

    def attempt(self) -> Any:
        """The context of a new attempt. The one before has nothing to say any longer."""
        self.try_number += 1
        self.xcoms.clear()
        self.store = Store(self)
        return {"ti": TaskInstance(self), "task_state_store": self.store}

    def clear(self) -> None:
        """The next attempt has retries of its own."""
        self.max_tries = self.try_number + 1

    def tell_state(self, ti: Any) -> str | None:
        if isinstance(self.state, Exception):
            raise self.state
        return self.state


class TaskInstance:
    """One attempt's."""

    task_id, map_index = "run", -1

    def __init__(self, airflow: Airflow) -> None:
        self._airflow = airflow
        self.try_number, self.max_tries = airflow.try_number, airflow.max_tries

    def xcom_push(self, key: str, value: Any) -> None:
        self._airflow.xcoms[key] = value

    def xcom_pull(self, task_ids: str, key: str, map_indexes: int) -> Any:
        return self._airflow.xcoms.get(key)


class Store:
    """Airflow's task state store, as one attempt sees it: it is empty for all but the present one."""

    def __init__(self, airflow: Airflow) -> None:
        self._airflow = airflow

    def get(self, key: str, default: Any = None) -> Any:
        self._airflow.on_store("get", None)
        notes = self._airflow.records if self._airflow.store is self else {}
        return json.loads(notes[key]) if key in notes else default

    def set(self, key: str, value: Any) -> None:
        self._airflow.on_store("set", value)
        if value is None:
            raise ValueError("Cannot set value as None")
        if self._airflow.store is not self:
            raise RuntimeError("This attempt is not the present one.")
        self._airflow.records[key] = json.dumps(value, allow_nan=False)

    def delete(self, key: str) -> None:
        self._airflow.on_store("delete", None)
        if self._airflow.store is not self:
            raise RuntimeError("This attempt is not the present one.")
        self._airflow.records.pop(key, None)


@pytest.fixture
def airflow(monkeypatch: pytest.MonkeyPatch) -> Airflow:
    """A task that Airflow retries once."""
    task = Airflow()
    monkeypatch.setattr(attempt, "state_of", task.tell_state)
    return task


@pytest.fixture
def written(caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]) -> Callable[[], str]:
    """All that was logged: Airflow 3's loggers print, Airflow 2's log."""
    caplog.set_level(logging.INFO)
    return lambda: "".join(capsys.readouterr()) + caplog.text


def operator(**options: Any) -> HexRunProjectOperator:
    usual = {"task_id": "run", "project_id": PROJECT, "poll_interval": 0.05, "timeout": 20}
    return HexRunProjectOperator(**{**usual, **options})


def finish(context: Any, **options: Any) -> Any:
    """Run a task to its end, through a deferral if it comes to one."""
    try:
        return operator(**options).execute(context)
    except TaskDeferred as deferral:
        method, trigger = deferral.method_name, deferral.trigger

    async def event() -> Any:
        async with asyncio.timeout(30):
            return await anext(trigger.run())

    return operator(**options).resume_execution(method, {"event": asyncio.run(event()).payload}, context)


def begin(context: Any, **options: Any) -> None:
    """Run a task until it is deferred."""
    with pytest.raises(TaskDeferred):
        operator(deferrable=True, **options).execute(context)


def going(emulator: Control, times: int = 1, status: str = "RUNNING") -> None:
    """The next runs do not end by themselves."""
    emulator.next_run(timeline=[(status, None)], times=times)


def statuses(emulator: Control) -> list[str]:
    return [run["status"] for run in emulator.runs()]


@contextmanager
def interrupted_when(condition: Callable[[], object], act: Callable[[], object]) -> Iterator[None]:
    """Do something in the main thread, in the middle of whatever it does, once the condition holds: like a signal of
    Airflow's."""
    before = signal.signal(signal.SIGUSR1, lambda number, frame: act())
    main = threading.get_ident()

    def interrupt() -> None:
        wait_for("the moment to interrupt", lambda: condition() or None, seconds=20, pause=0.01)
        signal.pthread_kill(main, signal.SIGUSR1)

    thread = threading.Thread(target=interrupt)
    thread.start()
    try:
        yield
    finally:
        thread.join()
        signal.signal(signal.SIGUSR1, before)
