"""The call that lists the cells of a project's draft."""

from typing import Annotated, Any
from uuid import NAMESPACE_URL, uuid5

from fastapi import APIRouter, Query

from hex_emulator.dependencies import READ_CELLS, project_of
from hex_emulator.emulator import CurrentEmulator
from hex_emulator.exchange import CurrentExchange
from hex_emulator.hex_route import HexRoute
from hex_emulator.paging import page
from hex_emulator.query import CellsQuery
from hex_emulator.workspace import Cell, Project

cells = APIRouter(prefix="/api/v1", route_class=HexRoute)


@cells.get("/cells", name="ListCells", dependencies=READ_CELLS)
async def list_cells(
    emulator: CurrentEmulator, exchange: CurrentExchange, query: Annotated[CellsQuery, Query()]
) -> dict[str, Any]:
    """See https://learn.hex.tech/docs/api/api-reference#operation/ListCells."""
    exchange.generation.check_id(query.project_id)
    project = project_of(query.project_id, emulator)
    listed = page("ListCells", project.cells, query)
    return {**listed, "values": [_body(cell, project) for cell in listed["values"]]}


def _body(cell: Cell, project: Project) -> dict[str, Any]:
    return {
        "id": str(uuid5(NAMESPACE_URL, f"{cell.static_id} {project.version}")),  # another one in each version
        "staticId": cell.static_id,
        "cellType": cell.type,
        "label": cell.label,
        "dataConnectionId": None,
        "contents": _contents(cell),
        "projectId": project.id,
    }


def _contents(cell: Cell) -> dict[str, Any]:
    return {
        "codeCell": {"source": cell.source} if cell.type == "CODE" else None,
        "sqlCell": {"source": cell.source, "outputDataframe": "dataframe"} if cell.type == "SQL" else None,
        "markdownCell": {"source": cell.source} if cell.type == "MARKDOWN" else None,
    }
