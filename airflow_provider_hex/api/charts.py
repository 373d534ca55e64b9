"""The image of a chart, whose cell may be known by its label only. No I/O."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from airflow_provider_hex.api import protocol
from airflow_provider_hex.api.call import Call, Page
from airflow_provider_hex.api.error_body import limited
from airflow_provider_hex.api.errors import HexInvalidInput, HexNotFound, HexRequestRejected, add_sentence
from airflow_provider_hex.api.ids import known_project_id
from airflow_provider_hex.api.models import Cell
from airflow_provider_hex.api.steps import Steps
from airflow_provider_hex.api.validation import short, to_text

_ANY_CELL = "00000000-0000-4000-8000-000000000000"


def chart_image(
    project_id: str, run_id: str, static_id: str | None = None, *, label: str | None = None, **options: Any
) -> Steps[bytes]:
    """Return the PNG of a chart in a completed run.

    :param static_id: the static id of the chart's cell.
    :param label: the label of the chart's cell in the project's draft, instead of ``static_id``.
    :param options: ``width``, ``height`` and ``include_title`` of :func:`protocol.get_chart_image`.
    :raises HexNotFound: no cell has the label.
    :raises HexInvalidInput: several cells have the label, or the one that has it is not a chart; or an argument is
        invalid, and nothing was sent.
    """
    if bool(static_id) == bool(label):
        raise HexInvalidInput("Pass either static_id or label of the chart's cell.")

    def image(cell: str) -> Call[bytes]:
        return protocol.get_chart_image(project_id, run_id, cell, **options)

    if not label:
        return cast(bytes, (yield image(static_id or "")))
    to_text(label, "label")
    image(_ANY_CELL)  # raises for an invalid argument, before the first request
    found = yield from _find(project_id, label)
    try:
        return cast(bytes, (yield image(found)))
    except HexRequestRejected as error:
        if error.status in (400, 404, 422):
            add_sentence(
                error,
                f"The cell {found} with the label {short(label)} is in the project's draft. If it is not in the "
                "version that the run ran, publish the project and run it again.",
            )
        raise


def _find(project_id: str, label: str) -> Steps[str]:
    """Return the static id of the chart with a label."""
    following: Call[Page[Cell]] | None = protocol.list_cells(project_id)
    project_id = known_project_id(project_id)
    cells: list[Cell] = []
    while following is not None:
        page: Page[Cell] = yield following
        cells += [cell for cell in page.items if cell.get("label") == label]
        following = page.next
    if not cells:
        raise HexNotFound(
            f"No cell of project {project_id} has the label {short(label)}. Labels are those of the project's draft; "
            "upper and lower case count."
        )
    if len(cells) > 1:
        raise HexInvalidInput(
            f"{len(cells)} cells of project {project_id} have the label {short(label)}: {_listed(cells)}. Pass the "
            "static_id of one of them, or give them different labels."
        )
    if cells[0].get("cellType") != "CHART":
        raise HexInvalidInput(
            f"The cell of project {project_id} with the label {short(label)} is not a chart: {_listed(cells)}."
        )
    return cells[0]["staticId"]


def _listed(cells: Sequence[Mapping[str, Any]]) -> str:
    """Return the static ids and types of cells, and nothing of their contents."""
    return ", ".join(limited([f"{cell['staticId']} ({cell.get('cellType')})" for cell in cells]))
