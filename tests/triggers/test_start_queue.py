"""Those whom a limit of Hex has refused a run: how they are let through, one by one."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from airflow_provider_hex.api.config import HexConfig
from airflow_provider_hex.api.errors import HexError, HexRateLimited
from airflow_provider_hex.triggers import gate, handover
from airflow_provider_hex.triggers.start import HexStartTrigger
from airflow_provider_hex.triggers.start_queue import StartQueue
from tests.conftest import connect

SHORT = 0.1


@pytest.fixture(autouse=True)
def _short_intervals(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "SHORTEST", SHORT)
    monkeypatch.setattr(gate, "LONGEST", SHORT * 8)


def let_through(
    *arrivals: tuple[float, bool], while_waiting: Callable[[StartQueue], Awaitable[None]] | None = None
) -> Any:
    """The seconds after which each of those who arrive at once is let through."""

    async def wait() -> list[float]:
        before = StartQueue()
        began = time.time()

        async def one(not_before: float, came_back: bool) -> float:
            await before.turn(began + not_before, came_back)
            return time.time() - began

        waits = [asyncio.create_task(one(*arrival)) for arrival in arrivals]
        if while_waiting:
            await while_waiting(before)
        async with asyncio.timeout(20):
            return await asyncio.gather(*waits)

    return asyncio.run(wait())


def gaps(moments: list[float]) -> list[float]:
    return [later - earlier for earlier, later in zip([0.0, *moments], moments, strict=False)]


def test_those_who_wait_are_let_through_one_by_one_in_turn() -> None:
    moments = let_through(*[(0.0, False)] * 5)
    assert moments == sorted(moments)
    assert all(gap >= SHORT * 0.99 for gap in gaps(moments))


def test_nobody_is_let_through_before_the_limit_ends() -> None:
    """What one of them was told counts for all: it is the same limit."""
    moments = let_through((0.0, False), (0.5, False), (0.0, False))
    assert min(moments) >= 0.5


def test_the_gate_takes_its_time_when_somebody_comes_back() -> None:
    (first,) = let_through((0.0, True))
    assert first >= SHORT * 2 * 0.99


def test_its_time_doubles_up_to_a_bound_and_halves_when_nobody_comes_back() -> None:
    moments = let_through(*[(0.0, True)] * 5, *[(0.0, False)] * 4)
    assert gaps(moments)[0] == pytest.approx(SHORT * 8, rel=0.3)
    assert gaps(moments)[1] == pytest.approx(SHORT * 8, rel=0.3)
    assert gaps(moments)[2] == pytest.approx(SHORT * 4, rel=0.3)
    assert gaps(moments)[-1] == pytest.approx(SHORT, rel=0.5)


def test_a_run_that_ends_lets_the_next_one_through_at_once() -> None:
    async def end_a_run(waiting: StartQueue) -> None:
        await asyncio.sleep(SHORT * 2)
        waiting.kernel_freed()

    (moment,) = let_through((0.0, True), (0.0, True), while_waiting=end_a_run)[:1]
    assert moment < SHORT * 4


def test_runs_that_ended_while_nobody_waited_make_no_room_later() -> None:
    async def wait() -> float:
        before, began = StartQueue(), time.time()
        for _ in range(5):
            before.kernel_freed()
        await before.turn(0.0, True)
        return time.time() - began

    assert asyncio.run(wait()) >= SHORT * 2 * 0.99


def test_one_who_gives_up_holds_nobody_up() -> None:
    async def wait() -> float:
        before, began = StartQueue(), time.time()
        first = asyncio.create_task(before.turn(0.0, False))
        second = asyncio.create_task(before.turn(0.0, False))
        await asyncio.sleep(0)
        first.cancel()
        await second
        return time.time() - began

    assert asyncio.run(wait()) < SHORT * 1.9


def test_a_token_has_one_gate_and_another_token_another() -> None:
    async def gates() -> tuple[StartQueue, StartQueue, StartQueue]:
        mine, theirs = (HexConfig("https://app.hex.tech/api/v1", token) for token in ("a", "b"))
        return (
            gate.start_queue_of(mine),
            gate.start_queue_of(HexConfig(mine.base_url, "a")),
            gate.start_queue_of(theirs),
        )

    one, same, another = asyncio.run(gates())
    assert one is same
    assert one is not another


def trigger(**options: Any) -> HexStartTrigger:
    refusal = HexRateLimited("Hex answered RunProject with 503.", status=503)
    fields = {"began": 7.5, "not_before": time.time(), "until": None, "came_back": False, **options}
    return HexStartTrigger(hex_conn_id="hex_default", refusal=refusal.to_dict(), **fields)


def event_of(waiting: HexStartTrigger) -> Any:
    async def wait() -> list[Any]:
        async with asyncio.timeout(20):
            return [event.payload async for event in waiting.run()]

    (event,) = asyncio.run(wait())
    return json.loads(json.dumps(event))


def test_its_event_says_that_the_task_may_ask_again(monkeypatch: pytest.MonkeyPatch) -> None:
    connect(monkeypatch, host="https://app.hex.tech")
    assert handover.turn_to_start(event_of(trigger())) == 7.5


def test_when_the_time_is_up_its_event_says_what_was_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    connect(monkeypatch, host="https://app.hex.tech")
    event = event_of(trigger(not_before=time.time() + 60, until=time.time() + 0.1))
    with pytest.raises(HexRateLimited, match=r"no room to start a run in time\. Hex answered RunProject with 503\."):
        handover.turn_to_start(event)


def test_what_it_serializes_makes_the_same_trigger() -> None:
    path, arguments = trigger(until=7.0).serialize()
    assert path == "airflow_provider_hex.triggers.start.HexStartTrigger"
    assert HexStartTrigger(**json.loads(json.dumps(arguments))).serialize() == (path, arguments)


@pytest.mark.parametrize(
    "event", [None, {}, {"may_start": True}, {"may_start": {}}, {"run": {}}, "may_start", {"error": "text"}]
)
def test_an_event_that_does_not_say_so_starts_nothing(event: Any) -> None:
    with pytest.raises(HexError, match="No run was started"):
        handover.turn_to_start(event)
