"""A killed task's trigger on Airflow 3.3: Airflow calls ``on_kill``, and cancels the trigger again and again."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import pytest

from airflow_provider_hex.airflow_compat import AIRFLOW_V_3_3_PLUS
from airflow_provider_hex.hooks.hex import HexHook
from airflow_provider_hex.triggers import hex as triggers
from airflow_provider_hex.triggers.hex import HexRunTrigger
from hex_emulator.client import Control
from tests.conftest import PROJECT

pytestmark = pytest.mark.skipif(not AIRFLOW_V_3_3_PLUS, reason="Airflow calls on_kill from 3.3 on")


async def kill(trigger: HexRunTrigger) -> None:
    """Do what the triggerer does about a killed task (``triggerer_job_runner.run_trigger``), only ten times as fast."""

    async def run_trigger() -> None:
        try:
            async for _ in trigger.run():
                pass
        except asyncio.CancelledError:
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.wait_for(trigger.on_kill(), 30)
            raise

    task = asyncio.create_task(run_trigger())
    await asyncio.sleep(0)
    while not task.done():
        task.cancel("__airflow_user_action__")
        await asyncio.sleep(0.1)


@pytest.mark.parametrize("slow", ["airflow", "hex"])
def test_the_run_is_cancelled_although_airflow_cancels_the_trigger_again(
    slow: str, emulator: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    emulator.next_run(timeline=[("RUNNING", None)])
    run_id = HexHook().run_project(PROJECT)["runId"]
    if slow == "hex":
        emulator.fault("CancelRun", delay=1)

    async def ask(question: Any) -> bool:
        await asyncio.sleep(0.5 if slow == "airflow" else 0)
        return False

    monkeypatch.setattr(triggers, "ask_airflow", ask)

    async def run() -> None:
        options: dict[str, Any] = {"hex_conn_id": "hex_default", "project_id": PROJECT, "run_id": run_id}
        await kill(HexRunTrigger(**options, cancel_on_kill=True))
        async with asyncio.timeout(60):
            while emulator.runs()[0]["status"] != "KILLED":  # the triggerer goes on, and with it its event loop
                await asyncio.sleep(0.05)

    asyncio.run(run())
    assert len(emulator.requests("CancelRun")) == 1
