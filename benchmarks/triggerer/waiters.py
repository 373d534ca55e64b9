"""The process that is measured: triggers that wait, on one event loop, as in Airflow's triggerer.

Started by `python -m benchmarks.triggerer`, with a `Wanted` as JSON; its last line is a `Measured`.
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
"""Seconds that the loop is asked for, again and again, to see how much later it comes back."""
_DBT_INTERVAL = 60
"""Seconds between two looks: `DbtCloudRunJobOperator`'s own default (`check_interval`)."""
Run = tuple[int, str, str]


@dataclass
class Wanted:
    """Which triggers to start, evenly over how many seconds, and the stretch of time to measure."""

    candidate: str
    port: int
    runs: list[Run]
    ended: Run
    over: float
    warm_up: float
    seconds: float


@dataclass
class Measured:
    """What was measured.

    `bytes` is the memory beyond that before the first trigger. `held_up` and `computing` are seconds: the longest time
    for which the loop was blocked, and the longest for which its thread computed without a pause. Garbage collections
    do not count.
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
    """Asks for the loop every 10 ms, and keeps how long it had to wait beyond, and what was computed meanwhile."""

    def __init__(self) -> None:
        self.longest = self.computing = self._collecting = 0.0
        gc.callbacks.append(self._collects)

    async def run(self) -> None:
        while True:
            asked, begun, self._collecting = time.perf_counter(), time.thread_time(), 0.0
            await asyncio.sleep(_TICK)
            self.longest = max(self.longest, time.perf_counter() - asked - _TICK)
            self.computing = max(self.computing, time.thread_time() - begun - self._collecting)

    def _collects(self, phase: str, info: dict[str, int]) -> None:
        """Python's garbage collection goes through all that Airflow has loaded, whoever makes it come."""
        if threading.current_thread() is threading.main_thread():
            self._collecting += time.thread_time() * (-1 if phase == "start" else 1)


async def _measure(wanted: Wanted) -> Measured:
    make = TRIGGERS.get(wanted.candidate)
    process = psutil.Process()
    events: list[str] = []
    if make:  # one that ends at once, so that what is imported once for all counts for none
        await _wait(make(wanted.ended), events)
        events = [event for event in events if "COMPLETED" not in event and "success" not in event]
    gc.collect()
    before = process.memory_info().rss
    clock = _Clock()
    tasks = [asyncio.create_task(clock.run())]
    begin = time.perf_counter() + wanted.warm_up
    since, cpu = time.time(), time.process_time()
    for number, run in enumerate(wanted.runs if make else ()):
        due = begin - wanted.warm_up + number * wanted.over / len(wanted.runs)
        if due > time.perf_counter():
            await asyncio.sleep(due - time.perf_counter())
        tasks.append(asyncio.create_task(_wait(make(run), events)))
        await asyncio.sleep(0)  # as the triggerer does
    if wanted.warm_up:
        await asyncio.sleep(begin - time.perf_counter())
        clock.longest, clock.computing, since, cpu = 0.0, 0.0, time.time(), time.process_time()
    await asyncio.sleep(since + wanted.seconds - time.time())
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
    wanted = Wanted(**json.loads(sys.stdin.read()))
    _add_connections(wanted.port, {connection for connection, _, _ in wanted.runs})
    logging.basicConfig(level=logging.INFO, stream=sys.stdout)
    print(f"\n{json.dumps(asdict(asyncio.run(_measure(wanted))))}")


if __name__ == "__main__":
    main()
