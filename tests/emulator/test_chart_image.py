import struct
import zlib
from base64 import b64decode
from typing import Any

import httpx
import pytest

from hex_emulator.client import Control
from hex_emulator.workspace import Project
from tests.emulator.conftest import Start, error_text


def image_of(run: dict[str, Any], static_id: str) -> str:
    return f"/projects/{run['projectId']}/runs/{run['runId']}/cells/{static_id}/image"


def size_of_png(data: bytes) -> tuple[int, int]:
    """Return width and height; fail unless the file is a valid PNG to its end."""
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    chunks, rest = {}, data[8:]
    while rest:
        length, kind = struct.unpack(">I4s", rest[:8])
        chunks[kind] = rest[8 : 8 + length]
        assert rest[8 + length : 12 + length] == struct.pack(">I", zlib.crc32(kind + chunks[kind]))
        rest = rest[12 + length :]
    assert list(chunks) == [b"IHDR", b"IDAT", b"IEND"]
    width, height = struct.unpack(">II", chunks[b"IHDR"][:8])
    assert len(zlib.decompress(chunks[b"IDAT"])) == (width + 1) * height
    return width, height


def test_a_chart_of_a_completed_run_is_a_png(
    api: httpx.Client, emulator: Control, start: Start, revenue: Project
) -> None:
    run = start()
    emulator.clock(advance=5)
    response = api.get(image_of(run, revenue.charts[0]))
    assert response.status_code == 200
    image = response.json()
    assert image.keys() == {"projectId", "runId", "staticId", "imageBase64", "mimeType"}
    assert (image["projectId"], image["runId"], image["staticId"]) == (revenue.id, run["runId"], revenue.charts[0])
    assert image["mimeType"] == "image/png"
    assert size_of_png(b64decode(image["imageBase64"], validate=True)) == (64, 16)
    assert emulator.requests("GetChartImageFromRun")[0]["status"] == 200


def test_each_run_has_a_different_image(api: httpx.Client, emulator: Control, start: Start, revenue: Project) -> None:
    runs = [start(), start()]
    emulator.clock(advance=5)
    one, again, other = (api.get(image_of(run, revenue.charts[0])).json()["imageBase64"] for run in (runs[0], *runs))
    assert one == again != other


@pytest.mark.parametrize("status", ["PENDING", "RUNNING", "ERRORED", "KILLED"])
def test_a_run_that_has_not_completed_has_no_image(
    api: httpx.Client, emulator: Control, start: Start, revenue: Project, status: str
) -> None:
    emulator.next_run(timeline=[(status, None)])
    run = start()
    response = api.get(image_of(run, revenue.charts[0]))
    assert response.status_code == 400
    assert status in error_text(response)
    emulator.set_api("2025")
    response = api.get(image_of(run, revenue.charts[0]))
    assert response.status_code == 422
    assert status in error_text(response)


def test_an_unknown_chart_is_not_found(
    api: httpx.Client, emulator: Control, start: Start, revenue: Project, health: Project
) -> None:
    runs = [start(), start(health)]
    emulator.clock(advance=5)
    unknown_id = "00000000-0000-4000-8000-000000000000"
    for path in (
        image_of(runs[0], unknown_id),
        image_of(runs[1], revenue.charts[0]),
        image_of({**runs[0], "runId": unknown_id}, revenue.charts[0]),
        image_of({**runs[0], "projectId": health.id}, revenue.charts[0]),
    ):
        assert api.get(path).status_code == 404
    assert api.get(image_of(runs[0], "chart")).status_code == 404


def image(api: httpx.Client, run: dict[str, Any], static_id: str, **query: Any) -> bytes:
    response = api.get(image_of(run, static_id), params=query)
    assert response.status_code == 200, response.text
    return b64decode(response.json()["imageBase64"])


@pytest.mark.parametrize(("width", "height"), [(100, 2000), (2000, 100), (640, 480)])
def test_an_image_has_the_size_of_the_request(
    api: httpx.Client, emulator: Control, start: Start, revenue: Project, width: int, height: int
) -> None:
    run = start()
    emulator.clock(advance=5)
    assert size_of_png(image(api, run, revenue.charts[0], width=width, height=height)) == (width, height)


def test_an_image_has_its_title_only_on_request(
    api: httpx.Client, emulator: Control, start: Start, revenue: Project
) -> None:
    run = start()
    emulator.clock(advance=5)
    plain = image(api, run, revenue.charts[0])
    assert plain == image(api, run, revenue.charts[0], includeTitle="false")
    titled = image(api, run, revenue.charts[0], includeTitle="true")
    assert plain != titled
    assert size_of_png(titled) == (64, 16)


@pytest.mark.parametrize(
    "query",
    ["width=99&height=200", "width=200&height=2001", "width=200", "height=200", "width=1e3&height=200",
     "includeTitle=yes", "title=true"],
)  # fmt: skip
def test_a_bad_query_is_rejected_and_named(
    api: httpx.Client, emulator: Control, start: Start, revenue: Project, query: str
) -> None:
    run = start()
    emulator.clock(advance=5)
    response = api.get(f"{image_of(run, revenue.charts[0])}?{query}")
    assert response.status_code == 400
    assert any(name in error_text(response) for name in ("width", "height", "itle"))


@pytest.mark.parametrize(("api_name", "status"), [("2025", 422), ("2026", 400)])
def test_a_cell_that_is_no_chart_has_no_image(
    api: httpx.Client, emulator: Control, start: Start, revenue: Project, status: int
) -> None:
    run = start()
    emulator.clock(advance=5)
    response = api.get(image_of(run, revenue.cells[0].static_id))
    assert response.status_code == status
    assert "SQL" in error_text(response)


def test_a_chart_that_is_not_published_has_no_image(
    api: httpx.Client, emulator: Control, start: Start, revenue: Project
) -> None:
    run = start()
    emulator.clock(advance=5)
    [chart] = [cell for cell in revenue.cells if cell.label == "Not published yet"]
    response = api.get(image_of(run, chart.static_id))
    assert response.status_code == 404
    assert "published version" in error_text(response)
