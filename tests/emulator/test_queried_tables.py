"""GetQueriedTables."""

from typing import Any

import httpx
import pytest

from hex_emulator.client import Control
from hex_emulator.server import running
from hex_emulator.workspace import Project, default_workspace
from tests.emulator.conftest import checked_client


def tables(api: httpx.Client, project: Project, **query: Any) -> dict[str, Any]:
    response = api.get(f"/projects/{project.id}/queriedTables", params=query)
    assert response.status_code == 200, response.text
    body: dict[str, Any] = response.json()
    return body


def names(body: dict[str, Any]) -> list[str]:
    return [table["tableName"] for table in body["values"]]


def test_the_tables_that_a_project_queries_are_listed(
    api: httpx.Client, emulator: Control, revenue: Project, health: Project
) -> None:
    body = tables(api, revenue)
    assert names(body) == ["analytics.finance.orders", "analytics.finance.refunds", "analytics.core.regions"]
    assert body["values"][0].keys() == {"dataConnectionId", "dataConnectionName", "tableName"}
    assert body["traceId"]
    assert tables(api, health)["values"] == []
    assert emulator.requests()[0]["call"] == "GetQueriedTables"


def test_a_cursor_leads_to_the_next_page_and_back(api: httpx.Client, revenue: Project) -> None:
    first = tables(api, revenue, limit=2)
    second = tables(api, revenue, limit=2, after=first["pagination"]["after"])
    assert names(first) + names(second) == names(tables(api, revenue))
    assert first["pagination"]["before"] is second["pagination"]["after"] is None
    assert names(tables(api, revenue, limit=2, before=second["pagination"]["before"])) == names(first)


def test_a_project_that_was_never_published_has_no_tables(api: httpx.Client, draft: Project) -> None:
    assert api.get(f"/projects/{draft.id}/queriedTables").status_code == 422


@pytest.mark.parametrize("query", ["limit=0", "limit=1e1", "after=x", "offset=1"])
def test_a_bad_query_is_rejected(api: httpx.Client, revenue: Project, query: str) -> None:
    assert api.get(f"/projects/{revenue.id}/queriedTables?{query}").status_code == 400


def test_only_the_enterprise_plan_has_this_call(revenue: Project) -> None:
    team = default_workspace().model_copy(update={"plan": "TEAM"})
    with running(team) as emulator, checked_client(emulator, team.token("full")) as api:
        refusal = api.get(f"/projects/{revenue.id}/queriedTables")
        assert refusal.status_code == 403
        assert "Enterprise" in refusal.json()["details"]
