"""The groups of calls that have rate limits of their own since 2026."""

import httpx
import pytest

from hex_emulator.client import Control
from hex_emulator.workspace import Project
from tests.emulator.conftest import Start
from tests.emulator.test_limits import list_projects, me, run_project


@pytest.mark.parametrize("path", ["/projects/{project}", "/projects/{project}/runs", "/projects/{project}/runs/{run}"])
def test_30_status_requests_a_minute_are_allowed(
    api: httpx.Client, emulator: Control, start: Start, revenue: Project, path: str
) -> None:
    run = start()["runId"]
    path = path.format(project=revenue.id, run=run)
    assert [api.get(path).status_code for _ in range(31)] == [200] * 30 + [429]
    assert api.get(f"/projects/{revenue.id}").status_code == 429
    assert (me(api), list_projects(api), run_project(api, revenue)) == (200, 200, 201)
    emulator.clock(advance=60)
    assert api.get(path).status_code == 200


def test_1800_status_requests_an_hour_are_allowed(api: httpx.Client, emulator: Control, revenue: Project) -> None:
    emulator.use_up(hex_api=1799)
    emulator.clock(advance=60)
    path = f"/projects/{revenue.id}"
    assert [api.get(path).status_code for _ in range(2)] == [200, 429]
    emulator.clock(advance=3600 - 60 - 1)
    assert api.get(path).status_code == 429
    emulator.clock(advance=1)
    assert api.get(path).status_code == 200


def test_30_requests_of_me_a_minute_are_allowed(api: httpx.Client, emulator: Control, revenue: Project) -> None:
    assert [me(api) for _ in range(31)] == [200] * 30 + [429]
    assert api.get(f"/projects/{revenue.id}").status_code == 200


def test_status_requests_go_on_while_starts_are_rate_limited(
    api: httpx.Client, emulator: Control, start: Start, revenue: Project
) -> None:
    run = start()
    emulator.use_up(runs=60)
    assert run_project(api, revenue) == 429
    assert api.get(run["runStatusUrl"]).status_code == 200


def test_in_2025_the_60_requests_are_the_only_limit_of_most_calls(
    api: httpx.Client, emulator: Control, revenue: Project
) -> None:
    emulator.set_limits_of("2025")
    assert [api.get(f"/projects/{revenue.id}").status_code for _ in range(40)] == [200] * 40
    assert [me(api) for _ in range(21)] == [200] * 20 + [429]
