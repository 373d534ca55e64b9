"""A triggerer that is stopped while Hex does not respond to its requests."""

import time

import pytest

from demo.local_airflow import AIRFLOW, LocalAirflow
from demo.waiting import wait_for
from hex_emulator.client import Control

SECONDS = 600
pytestmark = [pytest.mark.system, pytest.mark.timeout(1800)]


def seconds_to_stop(airflow: LocalAirflow) -> float:
    """Stop the triggerer with SIGTERM, check that it need not be killed, and start it again."""
    process = airflow.processes._processes["triggerer"]
    began = time.monotonic()
    airflow.processes.stop("triggerer", seconds=SECONDS)
    seconds = time.monotonic() - began
    airflow.processes.start("triggerer", (*AIRFLOW, "triggerer"))
    assert process.returncode != -9
    return seconds


def test_a_triggerer_that_is_stopped_does_not_wait_for_hex(airflow: LocalAirflow, emulator: Control) -> None:
    """Its requests would go on until the read timeout of 60 s."""
    dag_id = "hex_in_triggerer"
    emulator.next_run(timeline=[("RUNNING", None)])
    airflow.wait_for_dag(dag_id)
    idle = seconds_to_stop(airflow)
    for call in ("GetProjectRuns", "GetRunStatus"):
        emulator.fault(call, delay=3600, times=None)
    before = len(emulator.requests("GetProjectRuns"))
    airflow.api.trigger(dag_id, "silent")
    try:
        wait_for("a poll", lambda: emulator.requests("GetProjectRuns")[before:] or None, SECONDS)
        waiting = seconds_to_stop(airflow)
    finally:
        emulator.clear_faults()
    print(f"The triggerer ended after {idle:.1f} s when idle, after {waiting:.1f} s when Hex did not respond.")
    assert waiting < idle + 50
