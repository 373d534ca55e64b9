"""The call that draws a chart cell of a run, and the drawing."""

import struct
import zlib
from base64 import b64encode
from typing import Any

from fastapi import APIRouter

from hex_emulator.access import READ, PathId, ThisRun
from hex_emulator.emulator import Current
from hex_emulator.errors import HexError, not_found
from hex_emulator.exchange import HexRoute

charts = APIRouter(prefix="/api/v1", route_class=HexRoute)


@charts.get(
    "/projects/{project_id}/runs/{run_id}/cells/{static_id}/image", name="GetChartImageFromRun", dependencies=READ
)
async def get_chart_image(run: ThisRun, static_id: PathId, emulator: Current) -> dict[str, Any]:
    if static_id not in run.project.charts:
        raise not_found(f"The project {run.project.id} has no chart cell {static_id}.")
    status = run.status(emulator.clock.now())
    if status != "COMPLETED":
        raise HexError(422, "Run not completed", f"The run {run.id} is {status}: it has no images.")
    heights = [int(digit, 16) for digit in (run.id + static_id).replace("-", "")]
    return {
        "projectId": run.project.id,
        "runId": run.id,
        "staticId": static_id,
        "imageBase64": b64encode(bar_chart(heights)).decode(),
        "mimeType": "image/png",
    }


def bar_chart(heights: list[int]) -> bytes:
    """A PNG, one pixel in width for each bar, of heights up to 15: no two runs or cells look the same."""
    rows = [bytes(0 if height > row else 255 for height in heights) for row in reversed(range(16))]
    size = struct.pack(">IIBBBBB", len(heights), len(rows), 8, 0, 0, 0, 0)  # 8 bits of grey a pixel
    pixels = zlib.compress(b"".join(b"\0" + row for row in rows))
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", size) + _chunk(b"IDAT", pixels) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
