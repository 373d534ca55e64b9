"""The call that returns the image of a chart cell, and the drawing of that image."""

import struct
import zlib
from base64 import b64encode
from typing import Annotated, Any

from fastapi import APIRouter, Query

from hex_emulator.dependencies import READ, PathRun, StaticId
from hex_emulator.emulator import CurrentEmulator
from hex_emulator.errors import ApiError, not_found
from hex_emulator.exchange import CurrentExchange
from hex_emulator.hex_route import HexRoute
from hex_emulator.query import ImageQuery
from hex_emulator.workspace import Project

charts = APIRouter(prefix="/api/v1", route_class=HexRoute)

LEVELS = 16  # which a bar's height may have


@charts.get(
    "/projects/{project_id}/runs/{run_id}/cells/{static_id}/image", name="GetChartImageFromRun", dependencies=READ
)
async def get_chart_image(
    run: PathRun,
    static_id: StaticId,
    emulator: CurrentEmulator,
    exchange: CurrentExchange,
    query: Annotated[ImageQuery, Query()],
) -> dict[str, Any]:
    """See https://learn.hex.tech/docs/api/api-reference#operation/GetChartImageFromRun."""
    no_image = exchange.generation.no_image_status
    _check_chart(run.project, static_id, no_image)
    status = run.status(emulator.clock.now())
    if status != "COMPLETED":
        raise ApiError(no_image, "Run not completed", f"The run {run.id} is {status}: it has no images.")
    bars = [int(digit, LEVELS) for digit in (run.id + static_id).replace("-", "")]
    width, height = query.width or len(bars), query.height or LEVELS
    return {
        "projectId": run.project.id,
        "runId": run.id,
        "staticId": static_id,
        "imageBase64": b64encode(_bar_chart(bars, width, height, query.include_title)).decode(),
        "mimeType": "image/png",
    }


def _check_chart(project: Project, static_id: str, no_image: int) -> None:
    if static_id in project.charts:
        return
    cell = next((cell for cell in project.cells if cell.static_id == static_id), None)
    if cell is not None and cell.type != "CHART":
        raise ApiError(no_image, "Not a chart", f"The cell {static_id} is no chart, but a {cell.type} cell.")
    raise not_found(f"The published version of the project {project.id} has no cell {static_id}.")


def _bar_chart(bars: list[int], width: int, height: int, with_title: bool) -> bytes:
    """Draw a PNG with one bar for each height up to 15, below a black band if it has a title.

    The bars are the digits of the ids, so each run and each cell has a different image.
    """
    of_level = [
        bytes(0 if bars[x * len(bars) // width] > level else 255 for x in range(width)) for level in range(LEVELS)
    ]
    rows = [of_level[LEVELS - 1 - y * LEVELS // height] for y in range(height)]
    if with_title:
        rows[: height // LEVELS] = [bytes(width)] * (height // LEVELS)
    size = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)  # 8 bits of grey a pixel
    pixels = zlib.compress(b"".join(b"\0" + row for row in rows))
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", size) + _chunk(b"IDAT", pixels) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
