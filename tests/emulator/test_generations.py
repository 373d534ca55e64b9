"""Each generation of the API: what a client meets in one day."""

import httpx
import pytest

from hex_emulator.client import Control
from hex_emulator.generations.api import ApiName
from hex_emulator.server import running
from hex_emulator.workspace import Project, default_workspace
from tests.emulator.conftest import Start, checked_client


@pytest.fixture(params=["2025", "2026", "mixed"])
def api_name(request: pytest.FixtureRequest) -> ApiName:
    name: ApiName = request.param
    return name


def test_every_call_succeeds_as_the_reference_says(
    api: httpx.Client, emulator: Control, start: Start, revenue: Project
) -> None:
    done, cancelled = start(), start()
    assert api.delete(cancelled["runStatusUrl"]).status_code == 204
    emulator.clock(advance=5)
    project = f"/projects/{revenue.id}"
    for path in (
        "/users/me",
        "/projects?includeSharing=true",
        f"{project}?includeSharing=true",
        f"{project}/queriedTables",
        f"{project}/runs",
        f"{project}/runs/{done['runId']}",
        f"{project}/runs/{done['runId']}/cells/{revenue.charts[0]}/image?width=100&height=100&includeTitle=true",
        f"/cells?projectId={revenue.id}",
    ):
        assert api.get(path).status_code == 200
    assert len({request["call"] for request in emulator.requests()}) == 10


def test_every_call_is_refused_as_the_reference_says_without_a_rate_limit_or_a_server_that_works(
    api: httpx.Client, emulator: Control, revenue: Project
) -> None:
    emulator.limits(requests_per_minute=0)
    project = f"/projects/{revenue.id}"
    run = f"{project}/runs/{revenue.id}"
    calls = [("POST", f"{project}/runs"), ("DELETE", run)]
    calls += [("GET", path) for path in ("/users/me", "/projects", project, f"{project}/runs", run)]
    calls += [("GET", f"{project}/queriedTables"), ("GET", f"/cells?projectId={revenue.id}")]
    for method, path in calls:
        assert api.request(method, path).status_code == 429
        emulator.fault("*", status=500)
        assert api.request(method, path).status_code == 500


def test_a_client_meets_both_shapes_in_one_day(api: httpx.Client, start: Start, api_name: ApiName) -> None:
    run = start()
    api.delete(run["runStatusUrl"])
    older, moved = api.delete(run["runStatusUrl"]), api.get(run["runStatusUrl"].replace("runs/", "runs/0"))
    shapes = ["reason" in response.json() for response in (older, moved)]
    assert shapes == {"2025": [True, True], "mixed": [True, False], "2026": [False, False]}[api_name]


def test_an_emulator_starts_as_its_arguments_say_and_a_reset_returns_to_them() -> None:
    missing = "00000000-0000-4000-8000-000000000000"
    workspace = default_workspace()
    with (
        running(workspace, api="2025", limits="2025", vanished=422) as emulator,
        checked_client(emulator, workspace.token("full")) as client,
    ):
        for _ in range(2):
            response = client.get(f"/projects/{workspace.projects[0].id}/runs/{missing}")
            assert (response.status_code, response.json()["reason"]) == (422, "Unprocessable")
            assert "RateLimit-Limit" in response.headers
            emulator.set_api("2026")
            emulator.set_vanished(403)
            emulator.set_limits_of("2026")
            emulator.reset()
