"""ListCells."""

from typing import Any

import httpx
import pytest

from hex_emulator.client import Control
from hex_emulator.generations.api import ApiName
from hex_emulator.workspace import Project
from tests.emulator.conftest import Connect, error_text

UNKNOWN_ID = "00000000-0000-4000-8000-000000000000"


@pytest.fixture(params=["2025", "mixed"])
def api_name(request: pytest.FixtureRequest) -> ApiName:
    name: ApiName = request.param
    return name


def page(api: httpx.Client, project: Project, **query: Any) -> dict[str, Any]:
    response = api.get("/cells", params={"projectId": project.id, **query})
    assert response.status_code == 200, response.text
    body: dict[str, Any] = response.json()
    return body


def test_the_cells_of_the_draft_are_listed(api: httpx.Client, emulator: Control, revenue: Project) -> None:
    cells = page(api, revenue)["values"]
    assert [(cell["staticId"], cell["cellType"], cell["label"]) for cell in cells] == [
        (cell.static_id, cell.type, cell.label) for cell in revenue.cells
    ]
    assert {cell["projectId"] for cell in cells} == {revenue.id}
    assert len({cell["id"] for cell in cells}) == len(cells)
    assert emulator.requests()[0]["call"] == "ListCells"


def test_a_cell_has_its_source(api: httpx.Client, revenue: Project) -> None:
    contents = {cell["label"]: cell["contents"] for cell in page(api, revenue)["values"]}
    assert contents["Orders"]["sqlCell"]["source"] == "select * from orders"
    assert contents[None]["codeCell"] == {"source": "orders.describe()"}
    assert contents["Notes"]["markdownCell"] == {"source": "# Notes"}
    assert set(contents["Trend"].values()) == {None}


def test_a_label_may_be_of_two_charts_and_of_none_that_is_published(revenue: Project) -> None:
    by_label = {cell.label: cell.static_id for cell in revenue.cells}
    assert len([cell for cell in revenue.cells if cell.label == "Trend"]) == 2
    assert by_label["Revenue by region"] in revenue.charts
    assert by_label["Not published yet"] not in revenue.charts


def test_a_project_may_have_no_cells(api: httpx.Client, draft: Project) -> None:
    assert page(api, draft) == {"values": [], "pagination": {"after": None, "before": None}}


def test_a_cursor_leads_to_the_next_page_and_back(api: httpx.Client, revenue: Project) -> None:
    pages = [page(api, revenue, limit=3)]
    while after := pages[-1]["pagination"]["after"]:
        pages.append(page(api, revenue, limit=3, after=after))
    assert [len(found["values"]) for found in pages] == [3, 3, 1]
    assert [cell["staticId"] for found in pages for cell in found["values"]] == [
        cell.static_id for cell in revenue.cells
    ]
    assert page(api, revenue, limit=3, before=pages[1]["pagination"]["before"]) == pages[0]


def test_an_unknown_project_is_not_found(api: httpx.Client) -> None:
    response = api.get("/cells", params={"projectId": UNKNOWN_ID})
    assert response.status_code == 404
    assert UNKNOWN_ID in error_text(response)


def test_a_malformed_id_is_bad_for_the_older_call_and_unknown_to_the_moved_one(
    unchecked: httpx.Client, api_name: ApiName
) -> None:
    response = unchecked.get("/cells", params={"projectId": "daily"})
    assert response.status_code == (400 if api_name == "2025" else 404)


@pytest.mark.parametrize("query", ["", "limit=0", "limit=101", "after=x", "label=Trend", f"projectId={UNKNOWN_ID}"])
def test_a_bad_query_is_rejected(api: httpx.Client, revenue: Project, query: str) -> None:
    path = f"/cells?projectId={revenue.id}&{query}" if query else "/cells"
    assert api.get(path).status_code == 400


def test_a_token_needs_the_scope_for_cells_since_2026(connect: Connect, revenue: Project, api_name: ApiName) -> None:
    response = connect("read-only").get("/cells", params={"projectId": revenue.id})
    if api_name == "2025":
        assert response.status_code == 200
    else:
        assert response.status_code == 403
        assert "Cells → Read" in error_text(response)
