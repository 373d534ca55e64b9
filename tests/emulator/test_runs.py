"""GetRunStatus, GetProjectRuns and CancelRun."""

from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

from hex_emulator.client import Control
from hex_emulator.generations.api import ApiName
from hex_emulator.workspace import Project
from tests.emulator.conftest import Start, StatusOf, error_text

EXPANDED = {"enable-expanded-stats": "true"}


@pytest.fixture(params=["2025", "mixed"])
def api_name(request: pytest.FixtureRequest) -> ApiName:
    name: ApiName = request.param
    return name


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def test_a_run_is_pending_then_running_then_completed(start: Start, status_of: StatusOf, emulator: Control) -> None:
    run = start()
    pending = status_of(run)
    assert pending["status"] == "PENDING"
    assert pending["startTime"] is pending["endTime"] is pending["elapsedTime"] is None

    emulator.clock(advance=1)
    running = status_of(run)
    assert running["status"] == "RUNNING"
    assert running["endTime"] is None
    assert running["elapsedTime"] == 0

    emulator.clock(advance=3.5)
    assert status_of(run)["elapsedTime"] == 3500

    emulator.clock(advance=100)
    done = status_of(run)
    assert done["status"] == "COMPLETED"
    assert moment(done["endTime"]) - moment(done["startTime"]) == timedelta(seconds=4)
    assert done["elapsedTime"] == 4000


FIELDS = {
    "projectId", "projectVersion", "runId", "runUrl", "status", "runTrigger", "startTime", "endTime", "elapsedTime",
    "traceId", "notifications",
}  # fmt: skip


def test_a_run_has_exactly_the_documented_fields(
    start: Start, status_of: StatusOf, revenue: Project, api_name: ApiName
) -> None:
    run = status_of(start())
    expanded = {"flagConfigOverride", "stateEvents"}
    assert run.keys() == (FIELDS | expanded if api_name == "2025" else FIELDS)
    assert run["projectVersion"] == (revenue.version if api_name == "2025" else str(revenue.version))
    assert run["runTrigger"] == "API"


def test_the_moved_call_has_the_expanded_stats_only_on_request(
    start: Start, status_of: StatusOf, api: httpx.Client, emulator: Control, revenue: Project, api_name: ApiName
) -> None:
    run = start()
    emulator.clock(advance=100)
    assert status_of(run, headers={"enable-expanded-stats": "false"}).keys() == status_of(run).keys()
    expanded = status_of(run, headers=EXPANDED)
    assert expanded.keys() == FIELDS | {"flagConfigOverride", "stateEvents"}
    assert [event["value"] for event in expanded["stateEvents"]] == ["PENDING", "RUNNING", "COMPLETED"]
    listed = api.get(f"/projects/{revenue.id}/runs", headers=EXPANDED).json()["runs"][0]
    assert ("stateEvents" in listed) == (api_name == "2025")


def test_each_response_has_the_trace_id_of_its_request(
    start: Start, api: httpx.Client, emulator: Control, api_name: ApiName
) -> None:
    run = start()
    responses = [api.get(run["runStatusUrl"]) for _ in range(2)]
    trace_ids = [run["traceId"], *(response.json()["traceId"] for response in responses)]
    assert trace_ids == [request["traceId"] for request in emulator.requests()]
    assert len(set(trace_ids)) == 3
    assert emulator.runs()[0]["traceId"] == trace_ids[0]
    headers = [response.headers.get("x-trace-id") for response in responses]
    assert headers == ([None, None] if api_name == "2025" else trace_ids[1:])


def test_time_passes_at_the_speed_of_the_clock(start: Start, status_of: StatusOf, emulator: Control) -> None:
    run = start()
    emulator.clock(speed=1e6)
    assert status_of(run)["status"] == "COMPLETED"


@pytest.mark.parametrize("outcome", ["ERRORED", "KILLED"])
def test_a_run_can_be_made_to_fail(start: Start, status_of: StatusOf, emulator: Control, outcome: str) -> None:
    emulator.next_run(outcome=outcome)
    run = start()
    emulator.clock(advance=5)
    assert status_of(run)["status"] == outcome
    assert status_of(run)["elapsedTime"] == 4000


def test_a_run_without_a_kernel_never_starts(start: Start, status_of: StatusOf, emulator: Control) -> None:
    emulator.next_run(outcome="UNABLE_TO_ALLOCATE_KERNEL")
    run = start()
    emulator.clock(advance=1)
    run = status_of(run)
    assert run["status"] == "UNABLE_TO_ALLOCATE_KERNEL"
    assert run["startTime"] is run["elapsedTime"] is None
    assert run["endTime"] is not None


def test_a_run_can_have_an_unknown_status(start: Start, unchecked: httpx.Client, emulator: Control) -> None:
    emulator.next_run(timeline=[("QUEUED_ELSEWHERE", 1), ("COMPLETED", None)])
    url = start()["runStatusUrl"]
    assert unchecked.get(url).json()["status"] == "QUEUED_ELSEWHERE"
    assert unchecked.get(url).json()["endTime"] is None
    emulator.clock(advance=1)
    assert unchecked.get(url).json()["status"] == "COMPLETED"


def test_a_cancelled_run_is_killed_at_that_moment(
    start: Start, status_of: StatusOf, api: httpx.Client, emulator: Control
) -> None:
    run = start()
    emulator.clock(advance=2)
    assert api.delete(run["runStatusUrl"]).status_code == 204
    now = moment(emulator.health()["now"])
    emulator.clock(advance=60)
    killed = status_of(run)
    assert killed["status"] == "KILLED"
    assert moment(killed["endTime"]) == now
    assert killed["elapsedTime"] == 1000
    assert [event["value"] for event in status_of(run, headers=EXPANDED)["stateEvents"]] == [
        "PENDING",
        "RUNNING",
        "KILLED",
    ]


def test_a_run_that_has_ended_cannot_be_cancelled(
    start: Start, status_of: StatusOf, api: httpx.Client, emulator: Control
) -> None:
    run = start()
    emulator.clock(advance=5)
    assert api.delete(run["runStatusUrl"]).status_code == 422
    assert status_of(run)["status"] == "COMPLETED"


def test_a_run_cannot_be_cancelled_twice(start: Start, api: httpx.Client) -> None:
    url = start()["runStatusUrl"]
    assert [api.delete(url).status_code for _ in range(2)] == [204, 422]


def page(api: httpx.Client, project: Project, **query: Any) -> dict[str, Any]:
    response = api.get(f"/projects/{project.id}/runs", params=query)
    assert response.status_code == 200, response.text
    body: dict[str, Any] = response.json()
    return body


def ids(body: dict[str, Any]) -> list[str]:
    return [run["runId"] for run in body["runs"]]


def test_the_runs_of_one_project_are_listed_newest_first(
    start: Start, status_of: StatusOf, api: httpx.Client, revenue: Project, health: Project
) -> None:
    mine = [start(), start()]
    other = start(health)
    body = page(api, revenue)
    assert ids(body) == [mine[1]["runId"], mine[0]["runId"]]
    assert {**body["runs"][0], "traceId": ""} == {**status_of(mine[1]), "traceId": ""}
    assert body["nextPage"] is body["previousPage"] is None
    assert ids(page(api, health)) == [other["runId"]]


def test_a_page_links_to_the_next_and_the_previous(start: Start, api: httpx.Client, revenue: Project) -> None:
    everything = [start()["runId"] for _ in range(5)][::-1]
    first = page(api, revenue, limit=2)
    second = api.get(first["nextPage"]).json()
    third = api.get(second["nextPage"]).json()
    assert [ids(first), ids(second), ids(third)] == [everything[:2], everything[2:4], everything[4:]]
    assert first["previousPage"] is third["nextPage"] is None
    assert ids(api.get(second["previousPage"]).json()) == ids(first)
    assert ids(page(api, revenue, offset=9)) == []


def test_25_runs_make_a_page(emulator: Control, api: httpx.Client, revenue: Project) -> None:
    for _ in range(26):
        emulator.start_run(revenue.id)
    assert len(page(api, revenue)["runs"]) == 25


def test_the_list_can_be_filtered_by_status(
    start: Start, api: httpx.Client, emulator: Control, revenue: Project
) -> None:
    emulator.next_run(outcome="ERRORED")
    errored, completed = start(), start()
    emulator.clock(advance=5)
    pending = start()
    assert ids(page(api, revenue, statusFilter="ERRORED")) == [errored["runId"]]
    assert ids(page(api, revenue, statusFilter="COMPLETED")) == [completed["runId"]]
    assert ids(page(api, revenue, statusFilter="PENDING")) == [pending["runId"]]


@pytest.mark.parametrize("how", ["timeline", "set_status"])
def test_a_run_with_an_unknown_status_is_listed_but_matches_no_other_status(
    start: Start, unchecked: httpx.Client, emulator: Control, revenue: Project, how: str
) -> None:
    if how == "timeline":
        emulator.next_run(timeline=[("ON_SOME_PLANET", None)])
    strange = start()["runId"]
    if how == "set_status":
        emulator.set_status(strange, "ON_SOME_PLANET")
    running = start()["runId"]
    emulator.clock(advance=1)
    assert [(run["runId"], run["status"]) for run in page(unchecked, revenue)["runs"]] == [
        (running, "RUNNING"),
        (strange, "ON_SOME_PLANET"),
    ]
    assert ids(page(unchecked, revenue, statusFilter="RUNNING")) == [running]
    assert ids(page(unchecked, revenue, statusFilter="COMPLETED")) == []


def test_runs_are_listed_in_the_order_that_was_set(
    start: Start, api: httpx.Client, emulator: Control, revenue: Project
) -> None:
    oldest_first = [start()["runId"] for _ in range(6)]
    emulator.set_list_order("oldest")
    assert ids(page(api, revenue)) == oldest_first
    first = page(api, revenue, limit=4)
    assert ids(first) + ids(api.get(first["nextPage"]).json()) == oldest_first
    emulator.set_list_order("mixed")
    assert ids(page(api, revenue)) == ids(page(api, revenue)) == sorted(oldest_first)
    emulator.set_list_order("newest")
    assert ids(page(api, revenue)) == oldest_first[::-1]


def test_the_list_can_be_filtered_by_trigger(
    start: Start, api: httpx.Client, emulator: Control, revenue: Project
) -> None:
    mine = start()["runId"]
    scheduled = emulator.start_run(revenue.id)["runId"]
    assert ids(page(api, revenue)) == ids(page(api, revenue, runTriggerFilter="ALL")) == [scheduled, mine]
    assert ids(page(api, revenue, runTriggerFilter="API")) == [mine]
    assert ids(page(api, revenue, runTriggerFilter="SCHEDULED")) == [scheduled]
    assert ids(page(api, revenue, runTriggerFilter="APP_REFRESH")) == []


@pytest.mark.parametrize(
    "query",
    [
        "limit=0", "limit=101", "limit=ten", "limit=", "limit=1.0", "page=1", "offset=-1", "offset=x",
        "statusFilter=DONE", "statusFilter=", "runTriggerFilter=ME",
    ],
)  # fmt: skip
def test_a_bad_query_is_rejected_and_named(api: httpx.Client, revenue: Project, query: str) -> None:
    response = api.get(f"/projects/{revenue.id}/runs?{query}")
    assert response.status_code == 400
    assert query.partition("=")[0] in error_text(response)


def test_a_project_that_was_never_published_has_no_list_of_runs(api: httpx.Client, draft: Project) -> None:
    assert api.get(f"/projects/{draft.id}/runs").status_code == 422
