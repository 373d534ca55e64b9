"""A project's cells, and the image of a chart by its static id or its label."""

from __future__ import annotations

import logging
import re
import struct
from typing import Any

import pytest

from airflow_provider_hex.api import errors
from airflow_provider_hex.hooks.hex import HexHook
from hex_emulator.client import Control
from hex_emulator.generations.api import ApiName
from tests.conftest import PROJECT, TOKENS, connect

CHART = "c4a1e7d2-58b3-4f96-8e0d-1a6c9b2f7354"  # "Revenue by region"
TRENDS = ("0d94b6f1-7c2e-4a58-93d0-e5f81a7b6c29", "f27c85a3-1e6b-4d09-b4f8-3c9d60e2a715")
UNPUBLISHED = "3a60d8e5-92f4-4c17-b0e6-7d5b81f3c942"
NOTES = "d8f4521b-6ae3-4097-9c5d-02b7e1f96a38"
SOURCE = "select * from orders"

APIS: list[ApiName] = ["2025", "2026", "mixed"]


@pytest.fixture
def run_id(emulator: Control) -> str:
    emulator.next_run(pending=0, running=0)
    return HexHook().run_project(PROJECT)["runId"]


def size(png: bytes) -> tuple[int, int]:
    assert png.startswith(b"\x89PNG")
    width, height = struct.unpack(">II", png[16:24])
    return width, height


def test_the_cells_of_the_draft_are_listed_page_by_page(emulator: Control) -> None:
    cells = list(HexHook().list_cells(PROJECT, page_size=3))
    assert [cell["label"] for cell in cells] == [
        "Orders",
        None,
        "Revenue by region",
        "Trend",
        "Trend",
        "Not published yet",
        "Notes",
    ]
    assert len(emulator.requests("ListCells")) == 3


@pytest.mark.parametrize("api", APIS)
def test_the_image_of_a_label_is_that_of_its_static_id(api: ApiName, run_id: str, emulator: Control) -> None:
    emulator.set_api(api)
    hook = HexHook()
    by_id = hook.get_chart_image(PROJECT, run_id, CHART)
    assert hook.get_chart_image(PROJECT, run_id, label="Revenue by region") == by_id
    (request,) = emulator.requests("ListCells")
    assert request["query"] == {"projectId": PROJECT, "limit": "100"}


@pytest.mark.parametrize("cell", [{"static_id": CHART}, {"label": "Revenue by region"}])
def test_the_image_has_the_size_and_the_title_that_are_passed(
    cell: dict[str, Any], run_id: str, emulator: Control
) -> None:
    hook = HexHook()
    image = hook.get_chart_image(PROJECT, run_id, **cell, width=640, height=480, include_title=False)
    titled = hook.get_chart_image(PROJECT, run_id, **cell, width=640, height=480, include_title=True)
    assert size(image) == size(titled) == (640, 480)
    assert image != titled
    assert [request["query"] for request in emulator.requests("GetChartImageFromRun")] == [
        {"width": "640", "height": "480", "includeTitle": title} for title in ("false", "true")
    ]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "Pass either static_id or label"),
        ({"static_id": CHART, "label": "Trend"}, "Pass either static_id or label"),
        ({"label": "Trend", "width": 640}, "Pass width and height of the image together"),
        ({"static_id": CHART, "width": 640, "height": 99}, "height is 99, but must be a whole number from 100 to 2000"),
    ],
)
def test_invalid_options_are_rejected_before_a_request(options: dict[str, Any], words: str, emulator: Control) -> None:
    with pytest.raises(errors.HexInvalidInput, match=words):
        HexHook().get_chart_image(PROJECT, "78c33d18-170c-44d3-a227-b3194f134f73", **options)
    assert not emulator.requests()


@pytest.mark.parametrize(
    ("label", "error", "words"),
    [
        ("revenue by region", errors.HexNotFound, "No cell of project .* has the label 'revenue by region'"),
        ("Trend", errors.HexInvalidInput, rf"2 cells .*: {TRENDS[0]} \(CHART\), {TRENDS[1]} \(CHART\)\. Pass the stat"),
        ("Notes", errors.HexInvalidInput, rf"is not a chart: {NOTES} \(MARKDOWN\)\."),
    ],
)
def test_a_label_that_no_chart_or_more_than_one_has_requests_no_image(
    label: str, error: type[Exception], words: str, run_id: str, emulator: Control
) -> None:
    with pytest.raises(error, match=words):
        HexHook().get_chart_image(PROJECT, run_id, label=label)
    assert not emulator.requests("GetChartImageFromRun")


@pytest.mark.parametrize("api", APIS)
def test_a_cell_that_is_only_in_the_draft_is_explained(api: ApiName, run_id: str, emulator: Control) -> None:
    emulator.set_api(api)
    with pytest.raises(errors.HexRequestRejected) as raised:
        HexHook().get_chart_image(PROJECT, run_id, label="Not published yet")
    assert re.search(
        rf"The cell {UNPUBLISHED} with the label 'Not published yet' is in the project's draft\. If it is not in the "
        r"version that the run ran, publish the project and run it again\.$",
        str(raised.value),
    )


@pytest.mark.parametrize("api", ["2026", "mixed"])
def test_a_token_that_may_not_read_cells_names_the_scope(
    api: ApiName, run_id: str, emulator: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    emulator.set_api(api)
    connect(monkeypatch, host=emulator.url, password=TOKENS["read-only"])
    with pytest.raises(errors.HexForbidden, match="the scope 'Cells → Read'"):
        HexHook().get_chart_image(PROJECT, run_id, label="Trend")


@pytest.mark.parametrize(
    "fault",
    [
        {"truncate": True},
        {"status": 200, "body": [{"contents": {"sqlCell": {"source": SOURCE}}}]},
        {"status": 200, "body": {"values": [{"contents": {"sqlCell": {"source": SOURCE}}}]}},
        {"status": 200, "body": {"values": SOURCE}},
    ],
)
def test_no_message_and_no_log_line_shows_source_code(
    fault: dict[str, Any], emulator: Control, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    connect(monkeypatch, {"retry_for": 0.01}, host=emulator.url)
    emulator.fault("ListCells", times=None, **fault)
    with pytest.raises(errors.HexInvalidResponse) as raised:
        list(HexHook().list_cells(PROJECT))
    assert SOURCE not in f"{raised.value} {vars(raised.value)} {caplog.text}"
