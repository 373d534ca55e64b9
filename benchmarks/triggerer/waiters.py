"""The measured process: triggers that wait on one event loop, as in Airflow's triggerer.

``python -m benchmarks.triggerer`` starts it with a :class:`Plan` as JSON; its last line is a :class:`Measured`.
"""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import os
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any

import psutil

from benchmarks.triggerer.server import token

_TICK = 0.01
"""Seconds between two checks of how late the event loop is."""
_DBT_INTERVAL = 60
"""Seconds between two polls: the default of ``DbtCloudRunJobOperator`` (``check_interval``)."""
Run = tuple[int, str, str]


@dataclass
class Plan:
    """Which triggers to start, evenly over how many seconds, and the time span to measure."""

    candidate: str
    port: int
    runs: list[Run]
    ended: Run
    over: float
    warm_up: float
    seconds: float


@dataclass
class Measured:
    """The figures of a time span.

    :param bytes: the memory in addition to that before the first trigger.
    :param held_up: the longest time, in seconds, by which the event loop was late.
    :param computing: the longest CPU time, in seconds, of its thread without a pause, without garbage collections.
    """

    since: float
    until: float
    cpu: float
    bytes: int
    held_up: float
    computing: float
    events: list[str]


def _hex(run: Run) -> Any:
    from airflow_provider_hex.triggers.hex import HexRunTrigger

    connection, project_id, run_id = run
    return HexRunTrigger(hex_conn_id=f"hex_{connection}", project_id=project_id, run_id=run_id)


def _dbt(run: Run) -> Any:
    from airflow.providers.dbt.cloud.triggers.dbt import DbtCloudRunJobTrigger

    connection, _, run_id = run
    return DbtCloudRunJobTrigger(
        conn_id=f"dbt_{connection}",
        run_id=int(run_id[:6], 16) if run_id else 0,
        end_time=time.time() + 7 * 24 * 3600,
        poll_interval=_DBT_INTERVAL,
        account_id=None,
    )


TRIGGERS: dict[str, Callable[[Run], Any]] = {"hex": _hex, "dbt": _dbt}


def _add_connections(port: int, connections: set[int]) -> None:
    for number in connections:
        secret = {"password": token(number)}
        hex_connection = {"conn_type": "hex", "host": f"https://127.0.0.1:{port}", **secret}
        dbt_connection = {"conn_type": "dbt_cloud", "host": f"127.0.0.1:{port}", "login": "1", **secret}
        os.environ[f"AIRFLOW_CONN_HEX_{number}"] = json.dumps(hex_connection)
        os.environ[f"AIRFLOW_CONN_DBT_{number}"] = json.dumps(dbt_connection)


async def _wait(trigger: Any, events: list[str]) -> None:
    async for event in trigger.run():
        events.append(repr(event))


class _Clock:
    """Sleeps 10 ms again and again, and measures by how much the loop was late, and the CPU time in that time."""

    def __init__(self) -> None:
        self.longest = self.computing = self._collecting = 0.0
        gc.callbacks.append(self._collects)

    async def run(self) -> None:
        while True:
            slept, begun, self._collecting = time.perf_counter(), time.thread_time(), 0.0
            await asyncio.sleep(_TICK)
            self.longest = max(self.longest, time.perf_counter() - slept - _TICK)
            self.computing = max(self.computing, time.thread_time() - begun - self._collecting)

    def _collects(self, phase: str, info: dict[str, int]) -> None:
        """Measure garbage collections, which go through all that Airflow has loaded, and so do not count."""
        if threading.current_thread() is threading.main_thread():
            self._collecting += time.thread_time() * (-1 if phase == "start" else 1)


async def _measure(plan: Plan) -> Measured:
    make = TRIGGERS.get(plan.candidate)
    process = psutil.Process()
    events: list[str] = []
    if make:  # one that ends at once, so that imports do not count
        await _wait(make(plan.ended), events)
        events = [event for event in events if "COMPLETED" not in event and "success" not in event]
    gc.collect()
    before = process.memory_info().rss
    clock = _Clock()
    tasks = [asyncio.create_task(clock.run())]
    begin = time.perf_counter() + plan.warm_up
    since, cpu = time.time(), time.process_time()
    for number, run in enumerate(plan.runs if make else ()):
        due = begin - plan.warm_up + number * plan.over / len(plan.runs)
        if due > time.perf_counter():
            await asyncio.sleep(due - time.perf_counter())
        tasks.append(asyncio.create_task(_wait(make(run), events)))
        await asyncio.sleep(0)  # as the triggerer does
    if plan.warm_up:
        await asyncio.sleep(begin - time.perf_counter())
        clock.longest, clock.computing, since, cpu = 0.0, 0.0, time.time(), time.process_time()
    await asyncio.sleep(since + plan.seconds - time.time())
    measured = Measured(
        since=since,
        until=time.time(),
        cpu=time.process_time() - cpu,
        bytes=process.memory_info().rss - before,
        held_up=clock.longest,
        computing=clock.computing,
        events=events[:3],
    )
    for task in tasks:
        task.cancel()
    with suppress(asyncio.CancelledError):
        await asyncio.gather(*tasks, return_exceptions=True)
    return measured


def main() -> None:
    plan = Plan(**json.loads(sys.stdin.read()))
    _add_connections(plan.port, {connection for connection, _, _ in plan.runs})
    logging.basicConfig(level=logging.INFO, stream=sys.stdout)
    print(f"\n{json.dumps(asdict(asyncio.run(_measure(plan))))}")


if __name__ == "__main__":
    main()
