"""Lists, whose pages are requested as they are needed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from airflow_provider_hex.api import errors, protocol
from airflow_provider_hex.api.call import Call, Page
from hex_emulator.client import Control
from tests.conftest import PROJECT, PROJECTS
from tests.transports.conftest import Either

LISTS = ["GetProjectRuns", "ListProjects", "GetQueriedTables"]


def listing(name: str, page_size: int = 1) -> Call[Page[object]]:
    calls: dict[str, Callable[[], Any]] = {
        "GetProjectRuns": lambda: protocol.get_project_runs(PROJECT, page_size=page_size),
        "ListProjects": lambda: protocol.list_projects(page_size=page_size),
        "GetQueriedTables": lambda: protocol.get_queried_tables(PROJECT, page_size=page_size),
    }
    call: Call[Page[object]] = calls[name]()
    return call


@pytest.fixture(autouse=True)
def three_runs(emulator: Control) -> list[str]:
    """Of a project that queries three tables, in a workspace with more than three projects."""
    emulator.next_run(timeline=[("ERRORED", None)])
    return [emulator.start_run(PROJECT, trigger=trigger)["runId"] for trigger in ("API", "SCHEDULED", "API")]


@pytest.mark.parametrize("name", LISTS)
def test_a_page_is_requested_when_its_first_item_is_needed(name: str, transport: Either, emulator: Control) -> None:
    assert len(transport.first(listing(name), 2)) == 2
    assert [request["call"] for request in emulator.requests()] == [name] * 2


@pytest.mark.parametrize("page_size", [1, 2, 3, 100])
@pytest.mark.parametrize("name", LISTS)
def test_all_pages_together_contain_what_one_page_has(
    name: str, page_size: int, transport: Either, emulator: Control
) -> None:
    emulator.clock(speed=0)
    items, same = transport.items(listing(name, page_size)), transport.items(listing(name, 100))
    for item in items + same:
        item.pop("traceId", None)  # of the request, so it differs
    assert items == same
    assert len(items) >= 3


@pytest.mark.parametrize("order", ["newest", "oldest", "mixed"])
def test_runs_are_listed_in_hexs_order(order: str, transport: Either, emulator: Control, three_runs: list[str]) -> None:
    emulator.set_list_order(order)
    found = [run["runId"] for run in transport.items(listing("GetProjectRuns"))]
    assert sorted(found) == sorted(three_runs)
    if order != "mixed":
        assert found == (three_runs if order == "oldest" else three_runs[::-1])


def test_a_run_that_starts_between_two_pages_makes_no_other_appear_twice(
    transport: Either, emulator: Control, three_runs: list[str]
) -> None:
    first = transport.request(listing("GetProjectRuns", 2))
    emulator.start_run(PROJECT)
    found = [*first.items, *transport.items(first.next)]
    assert [run["runId"] for run in found] == three_runs[::-1]


def test_runs_can_be_filtered(transport: Either, three_runs: list[str]) -> None:
    errored = protocol.get_project_runs(PROJECT, status="ERRORED")
    assert [run["runId"] for run in transport.items(errored)] == three_runs[:1]
    scheduled = protocol.get_project_runs(PROJECT, trigger="SCHEDULED")
    assert [run["runId"] for run in transport.items(scheduled)] == three_runs[1:2]


def test_projects_can_be_filtered_and_sorted(transport: Either) -> None:
    def titles(**filters: object) -> list[str]:
        return [project["title"] for project in transport.items(protocol.list_projects(**filters))]  # type: ignore[arg-type]

    everything = titles(include_archived=True, include_components=True, include_trashed=True)
    assert sorted(everything) == sorted(PROJECTS)
    assert "Revenue 2024" not in titles()
    assert titles(creator_email="ada@example.com", owner_email="grace@example.com") == ["Churn forecast"]
    assert titles(categories=["Operations"]) == ["Warehouse health"]
    assert titles(
        statuses=["In review", "Production"], categories=["Marketing", "Operations"], sort_by="CREATED_AT"
    ) == [
        "Churn forecast",
        "Warehouse health",
    ]
    assert titles(sort_by="CREATED_AT", sort_direction="ASC")[0] == "Daily revenue"
    assert titles(collection_id="6f0c9a52-3d1b-4e87-a4c6-5b7e2f918d03") == ["Daily revenue"]


def test_an_error_of_a_later_page_is_raised(transport: Either, emulator: Control) -> None:
    emulator.fault("ListProjects", after=1, status=403)
    with pytest.raises(errors.HexForbidden):
        transport.items(listing("ListProjects"))
    assert len(emulator.requests()) == 2
