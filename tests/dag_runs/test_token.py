"""Airflow does not store the token: not in its database (XComs, triggers, rendered fields), logs or errors."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Any

import pytest

from hex_emulator.client import Control
from tests.conftest import TOKENS
from tests.dag_runs.conftest import RunDag
from tests.dag_runs.test_terminal_states import WAYS_TO_WAIT

TOKEN = TOKENS["full"]
ECHO = {"reason": "No", "details": f"You sent Bearer {TOKEN}", "traceId": TOKEN}


def files_with_the_token() -> list[Path]:
    """The files in Airflow's home that contain the token."""
    files = [path for path in Path(os.environ["AIRFLOW_HOME"]).rglob("*") if path.is_file()]
    assert any(path.name == "airflow.db" for path in files)
    return [path for path in files if TOKEN.encode() in path.read_bytes()]


@pytest.mark.parametrize("way", WAYS_TO_WAIT)
@pytest.mark.parametrize(
    ("call", "fault"),
    [
        ("RunProject", {"status": 403, "body": ECHO}),
        ("RunProject", {"status": 500, "body": ECHO, "apply": True}),
        ("GetRunStatus", {"status": 403, "body": ECHO}),
        ("GetRunStatus", {"status": 500, "body": ECHO}),
        ("GetRunStatus", {"drop": True}),
    ],
)
def test_airflow_does_not_store_the_token_whatever_fails(
    way: str,
    call: str,
    fault: dict[str, Any],
    run_dag: RunDag,
    emulator: Control,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.DEBUG)
    emulator.fault(call, **fault)
    outcome = run_dag(way)
    assert {request["token"] for request in emulator.requests()} == {"full"}
    assert TOKEN not in repr(outcome)
    assert TOKEN not in caplog.text + "".join(capfd.readouterr())
    assert files_with_the_token() == []
