"""The link "Hex run" of task instances, as Airflow's own services show it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from demo.local_airflow import LocalAirflow
from demo.waiting import wait_for
from hex_emulator.client import Control

SECONDS = 900.0  # generous, since it matters only when something is broken
DAG_ID, RUN_ID = "links", "links"
PROJECT = "5a8591dd-4039-49df-9202-96385ba3eff8"

pytestmark = [pytest.mark.system, pytest.mark.timeout(1800)]


def test_a_task_has_the_link_to_its_run_as_soon_as_the_run_exists_and_to_that_of_its_newest_attempt(
    airflow: LocalAirflow, emulator: Control
) -> None:
    emulator.reset()
    emulator.next_run(timeline=[("RUNNING", None)], times=4)
    sensors = emulator.start_run(PROJECT)
    airflow.wait_for_dag(DAG_ID)
    airflow.api.trigger(DAG_ID, RUN_ID, {"run_id": sensors["runId"]})

    wait_for_states(airflow, {"refresh[0]": "deferred", "refresh[1]": "deferred", "wait": "deferred"})
    first = runs_by_region(emulator)
    assert links(airflow) == [first["AMER"]["runUrl"], first["EMEA"]["runUrl"], sensors["runUrl"]]

    emulator.set_status(first["AMER"]["runId"], "ERRORED")
    emulator.set_status(first["EMEA"]["runId"], "COMPLETED")
    emulator.set_status(sensors["runId"], "KILLED")
    wait_for_states(
        airflow,
        {"refresh[0]": "deferred", "refresh[1]": "success", "wait": "failed"},
        lambda: len(emulator.runs()) == 4,
    )
    second = runs_by_region(emulator)
    assert second["AMER"]["runUrl"] != first["AMER"]["runUrl"]
    ends = [second["AMER"]["runUrl"], first["EMEA"]["runUrl"], sensors["runUrl"]]
    assert links(airflow) == ends

    emulator.set_status(second["AMER"]["runId"], "ERRORED")
    wait_for_states(airflow, {"refresh[0]": "failed", "refresh[1]": "success", "wait": "failed"})
    assert links(airflow) == ends


def links(airflow: LocalAirflow) -> list[str | None]:
    """The links of the mapped operators, and of the sensor."""
    indexes = [("refresh", 0), ("refresh", 1), ("wait", -1)]
    return [airflow.api.links(DAG_ID, RUN_ID, task_id, map_index)["Hex run"] for task_id, map_index in indexes]


def runs_by_region(emulator: Control) -> dict[str, dict[str, Any]]:
    """The newest run of each region. The first run is the sensor's."""
    return {run["inputs"]["region"]: run for run in emulator.runs()[1:]}


def wait_for_states(
    airflow: LocalAirflow, states: dict[str, str], condition: Callable[[], bool] = lambda: True
) -> None:
    def reached() -> bool | None:
        return (condition() and airflow.api.task_states(DAG_ID, RUN_ID) == states) or None

    try:
        wait_for(f"{states}", reached, SECONDS)
    except TimeoutError as error:
        raise AssertionError(f"{error}: {airflow.api.task_states(DAG_ID, RUN_ID)}") from None
