"""The trigger of a task that Hex rate-limited when it started a run: its events."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import pytest

from airflow_provider_hex.api.errors import HexError, HexRateLimited
from airflow_provider_hex.triggers import events
from airflow_provider_hex.triggers.hex import HexStartTrigger
from airflow_provider_hex.triggers.start_queue import StartQueue
from tests.conftest import connect


def trigger(**options: Any) -> HexStartTrigger:
    error = HexRateLimited("Hex responded to RunProject with 503.", status=503)
    defaults: dict[str, Any] = {
        "began": 7.5,
        "error": error.to_dict(),
        "not_before": time.time(),
        "until": None,
        "requeued": False,
    }
    return HexStartTrigger(hex_conn_id="hex_default", **(defaults | options))


def event_of(waiting: HexStartTrigger) -> Any:
    async def wait() -> list[Any]:
        async with asyncio.timeout(120):
            return [event.payload async for event in waiting.run()]

    (event,) = asyncio.run(wait())
    return json.loads(json.dumps(event))


def test_its_event_says_that_the_task_may_try_to_start_again(monkeypatch: pytest.MonkeyPatch) -> None:
    connect(monkeypatch, host="https://app.hex.tech")
    assert events.began_of(event_of(trigger())) == 7.5


@pytest.mark.parametrize(("status", "kernels_in_use"), [(503, True), (429, False)])
def test_the_start_queue_knows_when_the_task_began_and_which_limit_it_waits_for(
    status: int, kernels_in_use: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect(monkeypatch, host="https://app.hex.tech")
    acquired: list[dict[str, Any]] = []

    async def acquire(self: StartQueue, not_before: float, requeued: bool, **facts: Any) -> None:
        acquired.append(facts)

    monkeypatch.setattr(StartQueue, "acquire", acquire)
    event_of(trigger(error=HexRateLimited("", status=status).to_dict()))
    assert acquired == [{"began": 7.5, "kernels_in_use": kernels_in_use}]


def test_when_the_timeout_is_reached_its_event_says_what_was_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    connect(monkeypatch, host="https://app.hex.tech")
    event = event_of(trigger(not_before=time.time() + 60, until=time.time() + 0.1))
    with pytest.raises(HexRateLimited, match=r"before the task's timeout.*Hex responded to RunProject with 503\."):
        events.began_of(event)


def test_what_it_serializes_makes_the_same_trigger() -> None:
    path, arguments = trigger(until=7.0).serialize()
    assert path == "airflow_provider_hex.triggers.hex.HexStartTrigger"
    assert HexStartTrigger(**json.loads(json.dumps(arguments))).serialize() == (path, arguments)


@pytest.mark.parametrize(
    "event", [None, {}, {"slot_acquired": True}, {"slot_acquired": {}}, {"run": {}}, "slot_acquired", {"error": "text"}]
)
def test_an_event_that_does_not_say_so_starts_nothing(event: Any) -> None:
    with pytest.raises(HexError, match="No run was started"):
        events.began_of(event)
