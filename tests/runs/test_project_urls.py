"""A project's URL instead of its id: records, triggers, messages and comparisons have the id."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_hex.api.errors import HexNotFound, HexRunGone
from airflow_provider_hex.hooks.hex import HexHook
from hex_emulator.client import Control
from tests.api.project_urls import titled
from tests.conftest import PROJECT
from tests.runs.conftest import MODES, WAITING_MODES, Airflow, defer, finish, keep_runs, starts, statuses

URLS = [titled(PROJECT), f"https://app.hex.tech/hex/hex/{PROJECT.upper()}/draft/logic?selectedCellId=x"]
UNKNOWN = "019eb848-2e32-77f8-991b-aaa5018c75b4"


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("url", URLS)
def test_a_task_runs_the_project_that_has_the_url(mode: str, url: str, emulator: Control, airflow: Airflow) -> None:
    run = finish(airflow.attempt(), project_id=url, **MODES[mode])
    assert run["projectId"] == PROJECT
    assert airflow.success == run["runId"]


def test_the_record_of_the_request_and_the_trigger_have_the_id(emulator: Control, airflow: Airflow) -> None:
    requests: list[Any] = []
    airflow.on_store = lambda method, value: requests.append(value["request"]) if "request" in (value or {}) else None
    trigger: Any = defer(airflow.attempt(), project_id=URLS[0]).trigger
    assert [request["project_id"] for request in requests] == [PROJECT]
    assert trigger.project_id == PROJECT


@pytest.mark.parametrize("mode", WAITING_MODES)
@pytest.mark.parametrize("urls", [(PROJECT, URLS[0]), (URLS[0], URLS[1])])
def test_a_retry_re_attaches_although_the_project_is_written_in_another_way(
    mode: str, urls: tuple[str, str], emulator: Control, airflow: Airflow
) -> None:
    keep_runs(emulator)
    defer(airflow.attempt(), project_id=urls[0])
    (run,) = emulator.runs()
    emulator.set_status(run["runId"], "COMPLETED")
    assert finish(airflow.attempt(), project_id=urls[1], **MODES[mode])["runId"] == run["runId"]
    assert starts(emulator) == 1
    assert statuses(emulator) == ["COMPLETED"]


def test_an_unknown_project_fails_with_the_id_that_was_derived_from_the_url(
    emulator: Control, airflow: Airflow
) -> None:
    with pytest.raises(HexNotFound, match=f"The project's id {UNKNOWN} was derived from its URL"):
        finish(airflow.attempt(), project_id=titled(UNKNOWN))


def test_a_message_about_a_run_shows_the_id(emulator: Control) -> None:
    with pytest.raises(HexRunGone, match=rf"Hex run {UNKNOWN} \(project {PROJECT}\) is gone"):
        HexHook().wait_for_run(URLS[0], UNKNOWN)
