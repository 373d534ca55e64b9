"""ListProjects and GetProject."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from hex_emulator.client import Control
from hex_emulator.server import running
from hex_emulator.workspace import Project, default_workspace
from tests.emulator.conftest import checked_client, error_text

FINANCE = "6f0c9a52-3d1b-4e87-a4c6-5b7e2f918d03"


def listed(api: httpx.Client, **query: Any) -> list[str]:
    """Return the titles on the first page."""
    return [project["title"] for project in page(api, **query)["values"]]


def page(api: httpx.Client, **query: Any) -> dict[str, Any]:
    response = api.get("/projects", params=query)
    assert response.status_code == 200, response.text
    body: dict[str, Any] = response.json()
    return body


def test_a_project_has_exactly_the_documented_fields(api: httpx.Client, revenue: Project) -> None:
    project = api.get(f"/projects/{revenue.id}").json()
    assert project.keys() == {
        "id", "title", "description", "type", "creator", "owner", "status", "categories", "reviews", "analytics",
        "lastEditedAt", "lastPublishedAt", "createdAt", "archivedAt", "trashedAt", "schedules",
    }  # fmt: skip
    assert (project["id"], project["title"], project["type"]) == (revenue.id, revenue.title, "PROJECT")
    assert project["description"] == revenue.description
    assert project["owner"] == project["creator"] == {"email": "ada@example.com"}
    assert project["status"] == {"name": "Production"}
    assert [category["name"] for category in project["categories"]] == ["Finance"]
    assert project["createdAt"] == "2026-01-05T09:00:00.000Z"
    assert project["lastEditedAt"] == project["lastPublishedAt"] == "2026-03-02T16:20:00.000Z"
    assert project["archivedAt"] is project["trashedAt"] is None
    [schedule] = project["schedules"]
    assert schedule == {**dict.fromkeys(("hourly", "weekly", "monthly", "custom")), **revenue.schedules[0]}


def test_a_project_that_was_never_published_has_no_time_of_publication(api: httpx.Client, draft: Project) -> None:
    assert api.get(f"/projects/{draft.id}").json()["lastPublishedAt"] is None


def test_sharing_is_included_only_on_request(api: httpx.Client, revenue: Project) -> None:
    assert "sharing" not in api.get(f"/projects/{revenue.id}", params={"includeSharing": "false"}).json()
    sharing = api.get(f"/projects/{revenue.id}", params={"includeSharing": "true"}).json()["sharing"]
    assert sharing["users"] == [{"user": {"email": "ada@example.com"}, "access": "FULL_ACCESS"}]
    assert "sharing" not in page(api)["values"][0]
    assert all("sharing" in project for project in page(api, includeSharing="true")["values"])


def test_a_listed_project_is_the_same_as_the_single_one(api: httpx.Client) -> None:
    for project in page(api)["values"]:
        assert project == api.get(f"/projects/{project['id']}").json()


@pytest.mark.parametrize("title", ["Date helpers", "Revenue 2024", "Scratchpad"])
def test_a_project_that_is_not_listed_can_be_read_by_id(api: httpx.Client, title: str) -> None:
    project = default_workspace().project(title)
    assert title not in listed(api)
    assert api.get(f"/projects/{project.id}").json()["title"] == title


@pytest.mark.parametrize(
    ("switch", "also"),
    [("includeArchived", "Revenue 2024"), ("includeTrashed", "Scratchpad"), ("includeComponents", "Date helpers")],
)
def test_archived_and_trashed_projects_and_components_are_listed_on_request(
    api: httpx.Client, switch: str, also: str
) -> None:
    usual = set(listed(api))
    assert usual == {"Daily revenue", "Warehouse health", "Churn forecast", "Pricing draft"}
    assert set(listed(api, **{switch: "true"})) == usual | {also}
    assert set(listed(api, **{switch: "false"})) == usual


@pytest.mark.parametrize(
    ("query", "titles"),
    [
        ({"statuses": "Production"}, ["Warehouse health", "Daily revenue"]),
        ({"statuses": ["Production", "In review"]}, ["Churn forecast", "Warehouse health", "Daily revenue"]),
        ({"categories": "Finance"}, ["Churn forecast", "Daily revenue"]),
        ({"categories": ["Finance", "Marketing"], "statuses": "In review"}, ["Churn forecast"]),
        ({"ownerEmail": "grace@example.com"}, ["Churn forecast", "Warehouse health"]),
        ({"creatorEmail": "grace@example.com"}, ["Warehouse health"]),
        ({"collectionId": FINANCE}, ["Daily revenue"]),
        ({"collectionId": "nowhere"}, []),
    ],
)
def test_the_list_can_be_filtered(api: httpx.Client, query: dict[str, Any], titles: list[str]) -> None:
    assert listed(api, **query) == titles


SMALL = """
[[projects]]
id = "00000000-0000-4000-8000-00000000000{number}"
title = "{title}"
{more}
"""
TOKENS = """
[[tokens]]
name = "full"
token = "hxtp_1"
owner = "me@example.com"
scopes = ["read"]
"""
TIMES = [
    ("old", "version = 1\ncreated_at = 2026-01-01T00:00:00Z\npublished_at = 2026-05-01T00:00:00+02:00"),
    ("new", "version = 1\ncreated_at = 2026-01-03T00:00:00Z"),
    ("draft", "created_at = 2026-01-02T00:00:00Z\nedited_at = 2026-04-01T00:00:00Z"),
]


@pytest.fixture
def three(tmp_path: Path) -> Iterator[httpx.Client]:
    """Return a client for a workspace with three projects, which have different times."""
    projects = [SMALL.format(number=number, title=title, more=more) for number, (title, more) in enumerate(TIMES)]
    (tmp_path / "workspace.toml").write_text("".join([*projects, TOKENS]))
    with running(tmp_path / "workspace.toml") as emulator, checked_client(emulator, "hxtp_1") as client:
        yield client


@pytest.mark.parametrize(
    ("sort_by", "descending", "ascending"),
    [
        ("CREATED_AT", ["new", "draft", "old"], ["old", "draft", "new"]),
        ("LAST_EDITED_AT", ["draft", "new", "old"], ["old", "new", "draft"]),
        ("LAST_PUBLISHED_AT", ["old", "new", "draft"], ["new", "old", "draft"]),
    ],
)
def test_the_list_can_be_sorted(three: httpx.Client, sort_by: str, descending: list[str], ascending: list[str]) -> None:
    assert listed(three, sortBy=sort_by) == listed(three, sortBy=sort_by, sortDirection="DESC") == descending
    assert listed(three, sortBy=sort_by, sortDirection="ASC") == ascending


def test_the_newest_project_is_first_by_default(three: httpx.Client) -> None:
    assert listed(three) == ["new", "draft", "old"]
    assert listed(three, sortDirection="ASC") == ["old", "draft", "new"]


def test_times_are_in_utc(three: httpx.Client) -> None:
    assert page(three)["values"][2]["lastPublishedAt"] == "2026-04-30T22:00:00.000Z"


def test_a_cursor_leads_to_the_next_page_and_back(api: httpx.Client) -> None:
    everything = listed(api, includeArchived="true", includeTrashed="true", includeComponents="true")
    assert len(everything) == 7
    query = {"includeArchived": "true", "includeTrashed": "true", "includeComponents": "true", "limit": 3}
    pages = [page(api, **query)]
    while after := pages[-1]["pagination"]["after"]:
        pages.append(page(api, **query, after=after))
    titles = [[project["title"] for project in found["values"]] for found in pages]
    assert titles == [everything[:3], everything[3:6], everything[6:]]
    assert pages[0]["pagination"]["before"] is None
    assert listed(api, **query, before=pages[2]["pagination"]["before"]) == titles[1]
    assert listed(api, **query, before=pages[1]["pagination"]["before"]) == titles[0]


def test_a_page_with_all_projects_has_no_cursors(api: httpx.Client) -> None:
    assert page(api)["pagination"] == page(api, limit=4)["pagination"] == {"after": None, "before": None}


def test_the_page_before_the_first_full_one_is_a_short_one(api: httpx.Client) -> None:
    everything = listed(api)
    second = page(api, limit=1, after=page(api, limit=1)["pagination"]["after"])
    before = page(api, limit=3, before=second["pagination"]["before"])
    assert [project["title"] for project in before["values"]] == everything[:1]


def test_25_projects_make_a_page(emulator: Control) -> None:
    projects = [Project(id=f"00000000-0000-4000-8000-0000000000{number:02}", title=str(number)) for number in range(26)]
    many = emulator.workspace().model_copy(update={"projects": tuple(projects)})
    with running(many) as crowded, checked_client(crowded, many.token("full")) as client:
        assert listed(client) == [str(number) for number in range(25)]
        assert len(listed(client, limit=100)) == 26


@pytest.mark.parametrize(
    "query",
    [
        "limit=0", "limit=101", "limit=ten", "limit=1.0", "limit=%2B1", "limit=%201", "limit=",
        "includeArchived=yes", "includeTrashed=1", "includeComponents=True", "includeSharing=",
        "sortBy=TITLE", "sortDirection=asc", "after=nonsense", "after=", "before=TGlzdFByb2plY3RzIDE",
        "after=TGlzdFByb2plY3RzIC0x", "after=é",
        "archived=true", "limit=1&limit=2",
    ],
)  # fmt: skip
def test_a_bad_query_is_rejected_and_named(api: httpx.Client, query: str) -> None:
    response = api.get(f"/projects?{query}")
    assert response.status_code == 400
    name, _, value = query.partition("=")
    assert (value if name in ("after", "before") else name) in error_text(response)


def test_after_and_before_exclude_each_other(api: httpx.Client) -> None:
    cursor = page(api, limit=1)["pagination"]["after"]
    response = api.get("/projects", params={"after": cursor, "before": cursor})
    assert response.status_code == 400
    assert "after and before" in error_text(response)


def test_a_cursor_of_another_call_is_rejected(api: httpx.Client, revenue: Project) -> None:
    cursor = page(api, limit=1)["pagination"]["after"]
    assert api.get(f"/projects/{revenue.id}/queriedTables", params={"after": cursor}).status_code == 400


def test_the_calls_are_recorded_by_their_names(api: httpx.Client, emulator: Control, revenue: Project) -> None:
    api.get("/projects")
    api.get(f"/projects/{revenue.id}")
    assert [entry["call"] for entry in emulator.requests()] == ["ListProjects", "GetProject"]
