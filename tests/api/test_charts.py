"""The image of a chart, found by its static id or its label."""

from __future__ import annotations

import re
from typing import Any

import pytest

from airflow_provider_hex.api import charts, protocol
from airflow_provider_hex.api.call import Call, Page
from airflow_provider_hex.api.errors import (
    HexError,
    HexForbidden,
    HexInvalidInput,
    HexNotFound,
    HexRequestRejected,
    HexServerError,
)
from tests.api.calls import CELL, PROJECT, RUN

OTHER = "c4a1e7d2-58b3-4f96-8e0d-1a6c9b2f7354"
SOURCE = "select 5ec4e7"


def cell(static_id: str, label: str | None, kind: str | None = "CHART") -> dict[str, Any]:
    sql = {"source": SOURCE, "outputDataframe": "df"}
    return {"staticId": static_id, "label": label, "cellType": kind, "contents": {"sqlCell": sql}}


def page(*cells: dict[str, Any], more: bool = False) -> Page[Any]:
    return Page(list(cells), protocol.list_cells(PROJECT, after="next") if more else None, None)


def carry_out(*replies: Any, **arguments: Any) -> tuple[list[Call[Any]], bytes]:
    """Request an image with these values and errors of the calls, and return the calls and the image."""
    procedure = charts.chart_image(PROJECT, RUN, **arguments)
    called: list[Call[Any]] = []
    step = next(procedure)
    for reply in replies:
        assert isinstance(step, Call)
        called.append(step)
        try:
            step = procedure.throw(reply) if isinstance(reply, HexError) else procedure.send(reply)
        except StopIteration as end:
            assert len(called) == len(replies)
            return called, end.value
    raise AssertionError(f"another call is made: {step}")


def test_the_static_id_takes_one_request() -> None:
    (call,), image = carry_out(b"PNG", static_id=CELL, width=100, height=2000, include_title=False)
    assert image == b"PNG"
    assert call.path == f"/projects/{PROJECT}/runs/{RUN}/cells/{CELL}/image"
    assert call.query == {"width": "100", "height": "2000", "includeTitle": "false"}


def test_the_label_is_searched_for_in_all_pages_of_the_drafts_cells() -> None:
    first = page(cell(OTHER, "Revenue by region"), cell(OTHER, None), cell(OTHER, "revenue"), more=True)
    (one, two, call), image = carry_out(first, page(cell(CELL, "Revenue")), b"PNG", label="Revenue", include_title=True)
    assert image == b"PNG"
    assert (one.path, one.query) == ("/cells", {"projectId": PROJECT, "limit": "100"})
    assert two.query == {"projectId": PROJECT, "limit": "100", "after": "next"}
    assert call.path == f"/projects/{PROJECT}/runs/{RUN}/cells/{CELL}/image"
    assert call.query == {"includeTitle": "true"}


def test_a_label_that_no_cell_has_is_not_found() -> None:
    with pytest.raises(HexNotFound) as raised:
        carry_out(page(cell(CELL, "revenue"), cell(OTHER, None)), label="Revenue")
    assert str(raised.value) == (
        f"No cell of project {PROJECT} has the label 'Revenue'. Labels are those of the project's draft; upper and "
        "lower case count."
    )


def test_a_label_that_several_cells_have_is_rejected_with_their_ids_and_types() -> None:
    with pytest.raises(HexInvalidInput) as raised:
        carry_out(page(cell(CELL, "Revenue"), more=True), page(cell(OTHER, "Revenue", "SQL")), label="Revenue")
    assert str(raised.value) == (
        f"2 cells of project {PROJECT} have the label 'Revenue': {CELL} (CHART), {OTHER} (SQL). Pass the static_id of "
        "one of them, or give them different labels."
    )


def test_a_long_list_of_cells_is_cut() -> None:
    for count, end in ((20, f"{CELL} (CHART). Pass"), (21, f"{CELL} (CHART), and 1 more. Pass")):
        with pytest.raises(HexInvalidInput, match=re.escape(end)) as raised:
            carry_out(page(*[cell(CELL, "Revenue")] * count), label="Revenue")
        assert str(raised.value).count(CELL) == 20


@pytest.mark.parametrize("kind", ["SQL", "VEGA_CHART", None])
def test_a_cell_that_is_not_a_chart_is_rejected_with_its_type(kind: str | None) -> None:
    with pytest.raises(HexInvalidInput) as raised:
        carry_out(page(cell(CELL, "Revenue", kind)), label="Revenue")
    assert str(raised.value) == (
        f"The cell of project {PROJECT} with the label 'Revenue' is not a chart: {CELL} ({kind})."
    )


@pytest.mark.parametrize("status", [400, 404, 422])
def test_a_cell_of_the_draft_that_the_run_does_not_have_is_explained(status: int) -> None:
    with pytest.raises(HexRequestRejected) as raised:
        carry_out(page(cell(CELL, "Revenue")), HexRequestRejected("No.", status=status), label="Revenue")
    assert str(raised.value) == (
        f"No. The cell {CELL} with the label 'Revenue' is in the project's draft. If it is not in the version that the "
        "run ran, publish the project and run it again."
    )


@pytest.mark.parametrize("error", [HexForbidden("No.", status=403), HexServerError("No.", status=500)])
def test_any_other_error_of_the_image_is_raised_as_it_is(error: HexError) -> None:
    with pytest.raises(type(error)) as raised:
        carry_out(page(cell(CELL, "Revenue")), error, label="Revenue")
    assert str(raised.value) == "No."


def test_an_error_of_an_image_by_its_static_id_says_nothing_of_labels() -> None:
    with pytest.raises(HexNotFound) as raised:
        carry_out(HexNotFound("No.", status=404), static_id=CELL)
    assert str(raised.value) == "No."


@pytest.mark.parametrize(
    "cells", [[cell(CELL, "x")], [cell(CELL, "Revenue", "SQL")], [cell(CELL, "Revenue"), cell(OTHER, "Revenue")]]
)
def test_no_message_shows_source_code(cells: list[Any]) -> None:
    with pytest.raises(HexError) as raised:
        carry_out(page(*cells), label="Revenue")
    assert SOURCE not in str(raised.value)


TOGETHER = "Pass width and height of the image together: Hex ignores one without the other."
SIZES = "but must be a whole number from 100 to 2000."


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "Pass either static_id or label of the chart's cell."),
        ({"label": ""}, "Pass either static_id or label of the chart's cell."),
        ({"label": "Revenue", "static_id": CELL}, "Pass either static_id or label of the chart's cell."),
        ({"label": 7}, "label is 7, but must be text."),
        ({"static_id": "x"}, "static_id is 'x', which is not an id. Use the static id of the chart's cell, for exam"),
        ({"width": 100}, TOGETHER),
        ({"height": 100}, TOGETHER),
        ({"width": 99, "height": 100}, f"width is 99, {SIZES}"),
        ({"width": 100, "height": 2001}, f"height is 2001, {SIZES}"),
        ({"width": 100, "height": 100.5}, f"height is 100.5, {SIZES}"),
        ({"width": True, "height": 100}, f"width is True, {SIZES}"),
        ({"include_title": "perhaps"}, "include_title is 'perhaps', but must be true or false."),
    ],
)
@pytest.mark.parametrize("by", ["static_id", "label"])
def test_an_invalid_argument_is_rejected_before_the_first_request(
    by: str, arguments: dict[str, Any], message: str
) -> None:
    cell_of = {"static_id": CELL, "label": "Revenue"}
    given = arguments if {"static_id", "label"} & {*arguments} or not arguments else {by: cell_of[by], **arguments}
    with pytest.raises(HexInvalidInput, match=f"^{re.escape(message)}"):
        next(charts.chart_image(PROJECT, RUN, **given))
    with pytest.raises(HexInvalidInput, match=r"^run_id is 'x'"):
        next(charts.chart_image(PROJECT, "x", **{by: cell_of[by]}))
