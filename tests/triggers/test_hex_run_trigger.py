"""The trigger of one run: its event, its serialization, transient errors and restarts."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import pytest

from airflow_provider_hex.api.errors import HexError, HexRunGone, HexRunTimeout
from airflow_provider_hex.hooks.hex import HexHook
from airflow_provider_hex.runs import attempt
from airflow_provider_hex.triggers import events
from airflow_provider_hex.triggers import hex as triggers
from airflow_provider_hex.triggers.hex import HexRunTrigger
from hex_emulator.client import Control
from hex_emulator.emulator import VanishedStatus
from tests.blocking import no_blocking_calls
from tests.conftest import PROJECT, TOKENS


def start_run(emulator: Control, **course: Any) -> str:
    """Start a run that goes as given, and return its id."""
    emulator.next_run(**course)
    return HexHook().run_project(PROJECT)["runId"]


def trigger(run_id: str, **options: Any) -> HexRunTrigger:
    return HexRunTrigger(hex_conn_id="hex_default", project_id=PROJECT, run_id=run_id, poll_interval=0.02, **options)


async def events_of(waiting: HexRunTrigger) -> list[Any]:
    """Run a trigger to its end, and return the payloads of its events."""
    async with asyncio.timeout(120):
        return [event.payload async for event in waiting.run()]


def test_one_event_reports_how_the_run_ended(emulator: Control) -> None:
    run_id = start_run(emulator, pending=0.5, running=0.5)
    (event,) = asyncio.run(events_of(trigger(run_id)))
    assert events.completed_run(event, run_id)["status"] == "COMPLETED"


def test_its_serialization_rebuilds_the_same_trigger_and_holds_no_token(emulator: Control) -> None:
    path, arguments = trigger("r", timeout=60).serialize()
    assert path == "airflow_provider_hex.triggers.hex.HexRunTrigger"
    assert HexRunTrigger(**json.loads(json.dumps(arguments))).serialize() == (path, arguments)
    assert TOKENS["full"] not in json.dumps(arguments) + repr(trigger("r"))


def test_a_restart_of_the_triggerer_does_not_extend_the_timeout(emulator: Control) -> None:
    run_id = start_run(emulator, timeline=[("RUNNING", None)])
    _, arguments = trigger(run_id, timeout=3600, started_at=time.time() - 3601).serialize()
    (event,) = asyncio.run(events_of(HexRunTrigger(**arguments)))
    with pytest.raises(HexRunTimeout, match="Timed out after 3600 s of waiting: the run is still RUNNING"):
        events.completed_run(event, run_id)


def test_a_late_triggerer_still_sees_that_the_run_has_completed(emulator: Control) -> None:
    run_id = start_run(emulator, pending=0, running=0)
    (event,) = asyncio.run(events_of(trigger(run_id, timeout=60, started_at=time.time() - 3600)))
    assert events.completed_run(event, run_id)["status"] == "COMPLETED"


def test_transient_errors_are_retried(emulator: Control) -> None:
    run_id = start_run(emulator, pending=0, running=0)
    emulator.fault("*", drop=True)
    emulator.fault("*", status=503, body="<html>", content_type="text/html")
    emulator.fault("*", status=429, headers={"Retry-After": "0"})
    emulator.fault("*", truncate=True)
    (event,) = asyncio.run(events_of(trigger(run_id)))
    assert events.completed_run(event, run_id)["status"] == "COMPLETED"
    assert len(emulator.requests()) == 1 + 5


@pytest.mark.parametrize("cancel_on_kill", [True, False])
@pytest.mark.parametrize("state", ["failed", "success", "deferred", "scheduled", ConnectionError()])
def test_a_run_whose_wait_failed_is_cancelled_if_a_user_has_just_ended_the_task(
    state: Any, cancel_on_kill: bool, emulator: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Airflow ignores the event then, and resumes no task that would cancel the run."""

    def state_of(ti: Any) -> Any:
        if isinstance(state, Exception):
            raise state
        return state

    monkeypatch.setattr(attempt, "state_of", state_of)
    run_id = start_run(emulator, timeline=[("RUNNING", None)])
    (event,) = asyncio.run(events_of(trigger(run_id, timeout=0.1, cancel_on_kill=cancel_on_kill)))
    with pytest.raises(HexRunTimeout):
        events.completed_run(event, run_id)
    is_cancelled = cancel_on_kill and state in ("failed", "success")
    assert [run["status"] for run in emulator.runs()] == ["KILLED" if is_cancelled else "RUNNING"]


def test_an_unexpected_error_does_not_resume_the_task_before_airflow_has_seen_the_exit_of_its_worker(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(hex_conn_id: str) -> Any:
        raise RuntimeError("A bug.")

    monkeypatch.setattr(triggers, "HexHook", fail)
    monkeypatch.setattr(triggers, "min_deferral", lambda: 1.0)
    began = time.time()
    with pytest.raises(RuntimeError, match=r"A bug\."):
        asyncio.run(events_of(trigger("r")))
    assert time.time() - began >= 1


@pytest.mark.parametrize("status", [403, 404, 422])
def test_a_run_that_is_gone_ends_the_wait_with_an_error_that_says_what_to_do(
    status: VanishedStatus, emulator: Control
) -> None:
    run_id = start_run(emulator)
    emulator.set_vanished(status)
    emulator.remove_run(run_id)
    (event,) = asyncio.run(events_of(trigger(run_id)))
    json.dumps(event)
    with pytest.raises(HexRunGone, match=rf"{status}.*This ends the wait for the run\. .*Run: {run_id} of "):
        events.completed_run(event, run_id)


def test_an_event_masks_a_token_that_the_server_repeats(emulator: Control) -> None:
    run_id = start_run(emulator)
    emulator.fault("GetRunStatus", status=403, body={"reason": f"No rights for {TOKENS['full']}"})
    (event,) = asyncio.run(events_of(trigger(run_id)))
    assert "No rights for ***" in json.dumps(event)
    assert TOKENS["full"] not in json.dumps(event)


def test_an_invalid_connection_ends_the_wait_with_an_error(emulator: Control, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_HEX_DEFAULT", "hex://:@localhost")
    (event,) = asyncio.run(events_of(trigger(PROJECT)))
    with pytest.raises(HexError, match="no token"):
        events.completed_run(event, PROJECT)


def test_waiting_does_not_block_the_event_loop(emulator: Control) -> None:
    run_id = start_run(emulator, pending=0.5, running=0.5)
    emulator.fault("GetRunStatus", delay=0.5)
    with no_blocking_calls():
        (event,) = asyncio.run(events_of(trigger(run_id)))
    assert events.completed_run(event, run_id)["status"] == "COMPLETED"


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
