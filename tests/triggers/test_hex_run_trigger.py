from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import pytest

from airflow_provider_hex.api.errors import HexError, HexNotFound, HexRunTimeout
from airflow_provider_hex.hooks.hex import HexHook
from airflow_provider_hex.triggers import events
from airflow_provider_hex.triggers.hex import HexRunTrigger
from hex_emulator.client import Control
from tests.conftest import PROJECT, TOKENS


def started(emulator: Control, **course: Any) -> str:
    emulator.next_run(**course)
    return HexHook().run_project(PROJECT)["runId"]


def trigger(run_id: str, **options: Any) -> HexRunTrigger:
    return HexRunTrigger(hex_conn_id="hex_default", project_id=PROJECT, run_id=run_id, poll_interval=0.02, **options)


async def events_of(waiting: HexRunTrigger) -> list[Any]:
    async with asyncio.timeout(30):
        return [event.payload async for event in waiting.run()]


def test_one_event_tells_how_the_run_ended(emulator: Control) -> None:
    run_id = started(emulator, pending=0.5, running=0.5)
    (event,) = asyncio.run(events_of(trigger(run_id)))
    assert events.completed_run(event, run_id)["status"] == "COMPLETED"


def test_what_it_serializes_makes_the_same_trigger_and_holds_no_token(emulator: Control) -> None:
    path, arguments = trigger("r", timeout=60).serialize()
    assert path == "airflow_provider_hex.triggers.hex.HexRunTrigger"
    assert HexRunTrigger(**json.loads(json.dumps(arguments))).serialize() == (path, arguments)
    assert TOKENS["full"] not in json.dumps(arguments) + repr(trigger("r"))


def test_a_restart_of_the_triggerer_does_not_start_the_time_anew(emulator: Control) -> None:
    run_id = started(emulator, timeline=[("RUNNING", None)])
    _, arguments = trigger(run_id, timeout=3600, started_at=time.time() - 3601).serialize()
    (event,) = asyncio.run(events_of(HexRunTrigger(**arguments)))
    with pytest.raises(HexRunTimeout, match="still RUNNING when its time was up, after 3600 s"):
        events.completed_run(event, run_id)


def test_a_late_triggerer_still_sees_that_the_run_has_completed(emulator: Control) -> None:
    run_id = started(emulator, pending=0, running=0)
    (event,) = asyncio.run(events_of(trigger(run_id, timeout=60, started_at=time.time() - 3600)))
    assert events.completed_run(event, run_id)["status"] == "COMPLETED"


def test_blips_are_outlived(emulator: Control) -> None:
    run_id = started(emulator, pending=0, running=0)
    emulator.fault("*", drop=True)
    emulator.fault("*", status=503, body="<html>", content_type="text/html")
    emulator.fault("*", status=429, headers={"Retry-After": "0"})
    emulator.fault("*", truncate=True)
    (event,) = asyncio.run(events_of(trigger(run_id)))
    assert events.completed_run(event, run_id)["status"] == "COMPLETED"
    assert len(emulator.requests()) == 1 + 5


def test_a_run_that_is_gone_ends_it_with_an_error_that_says_what_to_do(emulator: Control) -> None:
    run_id = started(emulator)
    emulator.remove_run(run_id)
    (event,) = asyncio.run(events_of(trigger(run_id)))
    json.dumps(event)
    with pytest.raises(HexNotFound, match=rf"404.*check the ids.*It ends the wait for run {run_id}"):
        events.completed_run(event, run_id)


def test_an_event_does_not_repeat_a_token_that_the_server_does(emulator: Control) -> None:
    run_id = started(emulator)
    emulator.fault("GetRunStatus", status=403, body={"reason": f"No rights for {TOKENS['full']}"})
    (event,) = asyncio.run(events_of(trigger(run_id)))
    assert "No rights for ***" in json.dumps(event)
    assert TOKENS["full"] not in json.dumps(event)


def test_a_connection_that_is_no_good_ends_it_with_an_error(emulator: Control, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_HEX_DEFAULT", "hex://:@localhost")
    (event,) = asyncio.run(events_of(trigger(PROJECT)))
    with pytest.raises(HexError, match="no token"):
        events.completed_run(event, PROJECT)


def test_the_loop_is_free_while_it_waits(emulator: Control) -> None:
    """Other tasks get their turns throughout; a blocking call would leave them a few."""

    async def turns_of_others() -> int:
        waiting = asyncio.create_task(events_of(trigger(run_id)))
        turns = 0
        while not waiting.done():
            await asyncio.sleep(0)
            turns += 1
        return turns

    run_id = started(emulator, pending=0, running=0)
    emulator.fault("GetRunStatus", delay=0.5)
    assert asyncio.run(turns_of_others()) > 500


@pytest.mark.parametrize(
    "event",
    [
        None,
        {},
        "COMPLETED",
        {"status": "success"},
        {"run": None},
        {"run": {"runId": "r", "status": "RUNNING"}},
        {"run": {"runId": "r", "status": "PONDERING"}},
        {"run": {"runId": "another", "status": "COMPLETED"}},
        {"run": {"status": "COMPLETED"}},
        {"error": "text"},
        {"error": {"type": "NoSuchError", "message": "What happened."}},
    ],
)
def test_an_event_that_does_not_say_completed_of_that_run_fails(event: Any) -> None:
    with pytest.raises(HexError):
        events.completed_run(event, "r")
