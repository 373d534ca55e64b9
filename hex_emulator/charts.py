"""The call that returns the image of a chart cell, and the drawing of that image."""

import struct
import zlib
from base64 import b64encode
from typing import Any

from fastapi import APIRouter

from hex_emulator.dependencies import READ, PathRun, StaticId
from hex_emulator.emulator import CurrentEmulator
from hex_emulator.errors import ApiError, not_found
from hex_emulator.exchange import CurrentExchange
from hex_emulator.hex_route import HexRoute

charts = APIRouter(prefix="/api/v1", route_class=HexRoute)


@charts.get(
    "/projects/{project_id}/runs/{run_id}/cells/{static_id}/image", name="GetChartImageFromRun", dependencies=READ
)
async def get_chart_image(
    run: PathRun, static_id: StaticId, emulator: CurrentEmulator, exchange: CurrentExchange
) -> dict[str, Any]:
    """See https://learn.hex.tech/docs/api/api-reference#operation/GetChartImageFromRun."""
    if static_id not in run.project.charts:
        raise not_found(f"The project {run.project.id} has no chart cell {static_id}.")
    status = run.status(emulator.clock.now())
    if status != "COMPLETED":
        details = f"The run {run.id} is {status}: it has no images."
        raise ApiError(exchange.generation.no_image_status, "Run not completed", details)
    heights = [int(digit, 16) for digit in (run.id + static_id).replace("-", "")]
    return {
        "projectId": run.project.id,
        "runId": run.id,
        "staticId": static_id,
        "imageBase64": b64encode(_bar_chart(heights)).decode(),
        "mimeType": "image/png",
    }


def _bar_chart(heights: list[int]) -> bytes:
    """Draw a PNG with one bar, one pixel wide, for each height up to 15.

    The heights are the digits of the ids, so each run and each cell has a different image.
    """
    rows = [bytes(0 if height > row else 255 for height in heights) for row in reversed(range(16))]
    size = struct.pack(">IIBBBBB", len(heights), len(rows), 8, 0, 0, 0, 0)  # 8 bits of grey a pixel
    pixels = zlib.compress(b"".join(b"\0" + row for row in rows))
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", size) + _chunk(b"IDAT", pixels) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
