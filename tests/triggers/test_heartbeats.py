"""The log lines that show that a wait goes on, in a worker and in the triggerer. They take no requests."""

from __future__ import annotations

import asyncio
import logging
import re
import time

import pytest

from airflow_provider_hex.api import run_watch
from airflow_provider_hex.api.errors import HexRateLimited, HexRunTimeout
from airflow_provider_hex.api.run_watch import RunWatch
from airflow_provider_hex.hooks.hex import HexHook
from airflow_provider_hex.triggers import hex as triggers
from airflow_provider_hex.triggers import poller
from airflow_provider_hex.triggers.hex import HexStartTrigger
from hex_emulator.client import Control
from tests.conftest import PROJECT

HEARTBEAT = re.compile(r"Hex run RUNNING after \d+ s of waiting")


@pytest.fixture(autouse=True)
def _many_heartbeats(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(run_watch, "HEARTBEAT", 0.1)
    monkeypatch.setattr(run_watch, "_EARLY", 0.001)
    monkeypatch.setattr(triggers, "HEARTBEAT", 0.1)
    caplog.set_level(logging.INFO, "airflow_provider_hex")


@pytest.fixture
def run_id(emulator: Control) -> str:
    emulator.next_run(timeline=[("RUNNING", None)])
    return str(emulator.start_run(PROJECT, trigger="API")["runId"])


def heartbeats(caplog: pytest.LogCaptureFixture) -> int:
    return sum(HEARTBEAT.fullmatch(message) is not None for message in caplog.messages)


def test_a_wait_in_a_worker_has_heartbeats_between_its_polls(
    run_id: str, emulator: Control, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(HexRunTimeout):
        HexHook().wait_for_run(PROJECT, run_id, poll_interval=60, timeout=1)
    assert heartbeats(caplog) >= 3
    assert len(emulator.requests("GetProjectRuns") + emulator.requests("GetRunStatus")) <= 3


def test_a_wait_in_the_triggerer_has_heartbeats_between_its_polls(
    run_id: str, emulator: Control, caplog: pytest.LogCaptureFixture
) -> None:
    watch = RunWatch(PROJECT, run_id, started_at=time.time(), poll_interval=0.5, timeout=2)
    with pytest.raises(HexRunTimeout):
        asyncio.run(poller.ended_run(HexHook().config, watch))
    polls = len(emulator.requests("GetProjectRuns") + emulator.requests("GetRunStatus"))
    assert heartbeats(caplog) > polls


@pytest.mark.parametrize(
    ("status", "why"), [(429, "the rate limit does not allow it yet"), (503, "no kernel is free yet")]
)
def test_a_task_in_the_start_queue_has_heartbeats(
    status: int, why: str, emulator: Control, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    now = time.time()
    trigger = HexStartTrigger(
        hex_conn_id="hex_default",
        began=now,
        error=HexRateLimited("The limit is reached.", status=status).to_dict(),
        not_before=now + 60,
        until=now + 1,
        requeued=False,
    )

    async def event() -> object:
        return (await anext(trigger.run())).payload

    assert "No run was started before the task's timeout." in str(asyncio.run(event()))
    logged = "".join(capsys.readouterr()) + caplog.text  # Airflow 3 logs to stdout here
    assert len(re.findall(rf"Still waiting to start a run, after \d+ s: {why}\.", logged)) >= 3
    assert not emulator.requests()
