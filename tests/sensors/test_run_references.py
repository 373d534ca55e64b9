"""A run that is named by its URL, or by the result of the operator that started it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from airflow_provider_hex.airflow_compat import TaskDeferred
from airflow_provider_hex.api.errors import HexInvalidInput
from airflow_provider_hex.sensors.hex import HexRunSensor
from hex_emulator.client import Control
from tests.api.project_urls import base_62
from tests.conftest import PROJECT
from tests.sensors.conftest import IN_EACH_MODE, MODES, wait

NAMES = {
    "URL": lambda run: {"run_id": run["runUrl"]},
    "URL with a title": lambda run: {"run_id": run["runUrl"].replace(PROJECT, f"Daily-revenue-{base_62(PROJECT)}")},
    "result": lambda run: {"run_id": run},
    "project's URL": lambda run: {"project_id": run["runUrl"], "run_id": run["runId"]},
}


@IN_EACH_MODE
@pytest.mark.parametrize("name", NAMES)
def test_the_sensor_waits_for_a_run_however_it_is_named(
    name: str, mode: str, emulator: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    emulator.next_run(timeline=[("RUNNING", 10), ("COMPLETED", None)])
    run = emulator.start_run(PROJECT, trigger="API")
    options: Any = NAMES[name](run)
    sensor = HexRunSensor(task_id="wait", timeout=240, **MODES[mode], **options)
    result = wait(sensor, monkeypatch)
    found = getattr(result, "xcom_value", None) or (result if isinstance(result, dict) else {"runId": sensor.run_id})
    assert (found["runId"], sensor.run_id) == (run["runId"], run["runId"])
    assert {request["path"].split("/")[4] for request in emulator.requests("GetRunStatus")} == {PROJECT}


def test_the_trigger_has_the_ids(emulator: Control) -> None:
    emulator.next_run(timeline=[("RUNNING", None)])
    run = emulator.start_run(PROJECT, trigger="API")
    sensor = HexRunSensor(task_id="wait", run_id=run["runUrl"], deferrable=True)
    with pytest.raises(TaskDeferred) as deferral:
        sensor.execute({})
    trigger: Any = deferral.value.trigger
    assert (trigger.project_id, trigger.run_id) == (PROJECT, run["runId"])


def test_a_description_of_a_run_may_have_a_template() -> None:
    HexRunSensor(task_id="wait", run_id={"projectId": PROJECT, "runId": "{{ params.run_id }}"})


def test_ids_may_be_uuids_and_an_empty_id_fails_no_dag_file(emulator: Control) -> None:
    emulator.next_run(timeline=[("RUNNING", None)])
    run = emulator.start_run(PROJECT, trigger="API")
    project: Any = UUID(PROJECT)
    with pytest.raises(TaskDeferred) as deferred:
        HexRunSensor(task_id="wait", project_id=project, run_id=run["runId"], deferrable=True).execute({})
    assert deferred.value.trigger.serialize()[1]["project_id"] == PROJECT
    HexRunSensor(task_id="later", project_id="", run_id=run["runId"])


def test_a_malformed_url_is_an_invalid_id() -> None:
    with pytest.raises(HexInvalidInput):
        HexRunSensor(task_id="wait", run_id=f"https://[x/acme/app/{PROJECT}/latest?run={PROJECT}")
