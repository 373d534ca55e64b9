"""The rate limits, and how limits are changed."""

from collections.abc import Callable, Iterator
from time import sleep

import httpx
import pytest

from hex_emulator.client import Control, ControlError
from hex_emulator.limits import Limits
from hex_emulator.server import running
from hex_emulator.workspace import Project, Token, Workspace, default_workspace
from tests.emulator.conftest import Connect, error_text

ADA, GRACE = "ada@example.com", "grace@example.com"


def me(client: httpx.Client) -> int:
    return client.get("/users/me").status_code


def run_project(client: httpx.Client, project: Project) -> int:
    return client.post(f"/projects/{project.id}/runs", json={}).status_code


def list_projects(client: httpx.Client) -> int:
    return client.get("/projects").status_code


def chart_image(client: httpx.Client, project: Project) -> int:
    run = "00000000-0000-4000-8000-000000000000"
    return client.get(f"/projects/{project.id}/runs/{run}/cells/{project.charts[0]}/image").status_code


def test_60_requests_a_minute_are_allowed(api: httpx.Client) -> None:
    assert [list_projects(api) for _ in range(61)] == [200] * 60 + [429]


def test_a_rate_limited_response_is_an_error_of_hex(api: httpx.Client, emulator: Control) -> None:
    emulator.use_up(requests=60)
    moved, older = api.get("/users/me"), api.get("/projects")
    assert (moved.status_code, older.status_code) == (429, 429)
    assert moved.json().keys() == {"code", "message"}
    assert moved.json()["code"] == "TOO_MANY_REQUESTS"
    assert older.json().keys() == {"reason", "details", "traceId"}
    assert "60 requests" in error_text(moved)
    assert "60 requests" in error_text(older)
    assert emulator.requests()[0]["status"] == 429


def test_the_window_starts_with_its_first_request(api: httpx.Client, emulator: Control) -> None:
    emulator.set_limits_of("2025")
    emulator.clock(advance=1000)
    me(api)
    emulator.clock(advance=59)
    assert [me(api) for _ in range(60)] == [200] * 59 + [429]
    emulator.clock(advance=0.9)
    assert me(api) == 429
    emulator.clock(advance=0.1)
    assert [me(api) for _ in range(61)] == [200] * 60 + [429]


def test_every_kind_of_call_counts_and_so_does_a_rejected_one(
    api: httpx.Client, unchecked: httpx.Client, emulator: Control, draft: Project
) -> None:
    emulator.use_up(requests=55)
    calls = [
        api.get("/projects"),
        api.get(f"/projects/{draft.id}/runs"),
        api.get("/projects?limit=0"),
        unchecked.get("/nothing"),
        unchecked.put("/users/me"),
    ]
    assert [response.status_code for response in calls] == [200, 422, 400, 404, 405]
    assert me(api) == 429


def test_older_and_newer_paths_count_together(unchecked: httpx.Client, emulator: Control, health: Project) -> None:
    emulator.use_up(runs=18)
    paths = [f"/project/{health.id}/run", f"/projects/{health.id}/runs"]
    assert [unchecked.post(path).status_code for path in [*paths, *paths]] == [201, 201, 429, 429]


def test_20_runs_a_minute_are_allowed(api: httpx.Client, emulator: Control, health: Project) -> None:
    assert [run_project(api, health) for _ in range(21)] == [201] * 20 + [429]
    assert len(emulator.runs()) == 20
    assert me(api) == 200
    emulator.clock(advance=60)
    assert run_project(api, health) == 201


def test_60_runs_an_hour_are_allowed(api: httpx.Client, emulator: Control, health: Project) -> None:
    for _ in range(3):
        assert [run_project(api, health) for _ in range(20)] == [201] * 20
        emulator.clock(advance=60)
    assert run_project(api, health) == 429
    emulator.clock(advance=3600 - 3 * 60 - 1)
    assert run_project(api, health) == 429
    emulator.clock(advance=1)
    assert run_project(api, health) == 201


def test_a_run_that_is_rejected_for_another_reason_counts(
    api: httpx.Client, emulator: Control, draft: Project, health: Project
) -> None:
    emulator.use_up(runs=19)
    assert run_project(api, draft) == 422
    assert run_project(api, health) == 429


def test_other_calls_do_not_count_for_the_runs(api: httpx.Client, emulator: Control, health: Project) -> None:
    emulator.use_up(runs=19)
    assert api.get(f"/projects/{health.id}/runs").status_code == 200
    assert run_project(api, health) == 201


def test_20_images_a_minute_are_allowed(api: httpx.Client, emulator: Control, revenue: Project) -> None:
    assert [chart_image(api, revenue) for _ in range(21)] == [404] * 20 + [429]
    assert me(api) == 200
    emulator.clock(advance=60)
    assert chart_image(api, revenue) == 404


def test_a_request_without_a_valid_token_does_not_count(connect: Connect, api: httpx.Client) -> None:
    assert {me(connect(None)) for _ in range(61)} == {401}
    assert me(api) == 200


def test_a_request_that_lacks_the_scope_counts(connect: Connect) -> None:
    assert [me(connect("no-scopes")) for _ in range(31)] == [403] * 30 + [429]


def test_each_owner_has_separate_limits(connect: Connect, api: httpx.Client, emulator: Control) -> None:
    emulator.use_up(requests=60, owner=ADA)
    assert list_projects(api) == 429
    assert list_projects(connect("read-only")) == 200


def test_the_tokens_of_one_owner_count_together() -> None:
    tokens = [Token(name=name, token=f"hxtp_{name}", owner=ADA, scopes=("read",)) for name in ("a", "b")]
    with running(Workspace(projects=(), tokens=tuple(tokens))) as emulator:
        emulator.use_up(requests=58)
        responses = [
            httpx.get(
                f"{emulator.api_url}/users/me",
                headers={"Authorization": f"Bearer hxtp_{name}"},
                trust_env=False,
                verify=False,
            )
            for name in "abab"
        ]
        assert [response.status_code for response in responses] == [200, 200, 429, 429]


def test_a_call_that_a_fault_keeps_from_hex_does_not_count(api: httpx.Client, emulator: Control) -> None:
    emulator.fault("Me", times=60, status=500)
    assert {me(api) for _ in range(60)} == {500}
    assert me(api) == 200


def test_a_call_that_reaches_hex_counts_although_its_response_is_lost(
    api: httpx.Client, emulator: Control, health: Project
) -> None:
    emulator.use_up(runs=19)
    emulator.fault("RunProject", status=500, apply=True, times=2)
    assert run_project(api, health) == run_project(api, health) == 500
    assert len(emulator.runs()) == 1
    assert run_project(api, health) == 429


def test_a_limit_can_be_changed(api: httpx.Client, emulator: Control, health: Project) -> None:
    everything = emulator.limits(requests_per_minute=3, runs_per_hour=1)
    assert everything == {
        "requestsPerMinute": 3,
        "hexApiPerMinute": 30,
        "hexApiPerHour": 1800,
        "hexApi30RpmPerMinute": 30,
        "runsPerMinute": 20,
        "runsPerHour": 1,
        "imagesPerMinute": 20,
        "kernels": 25,
        "headers": [],
    }
    assert emulator.limits() == everything
    assert [run_project(api, health) for _ in range(2)] == [201, 429]
    assert [me(api) for _ in range(2)] == [200, 429]


def test_a_limit_of_zero_rejects_every_request(api: httpx.Client, emulator: Control) -> None:
    emulator.limits(requests_per_minute=0)
    assert me(api) == 429


@pytest.mark.parametrize("limit", ["runs_per_minute", "runs_per_hour"])
def test_one_limit_can_be_switched_off_and_on_again(
    api: httpx.Client, emulator: Control, health: Project, limit: str
) -> None:
    emulator.use_up(runs=100)
    emulator.limits(runs_per_minute=None, runs_per_hour=None)
    assert run_project(api, health) == 201
    emulator.limits(**{limit: 101})  # type: ignore[arg-type]
    assert run_project(api, health) == 429


def test_all_limits_can_be_switched_off(api: httpx.Client, emulator: Control, revenue: Project) -> None:
    emulator.use_up(requests=100, hex_api=2000, hex_api_30rpm=100, runs=100, images=100)
    for _ in range(25):
        emulator.start_run(revenue.id)
    emulator.no_limits()
    assert (me(api), run_project(api, revenue), chart_image(api, revenue)) == (200, 201, 404)


def test_a_reset_restores_all_limits(api: httpx.Client, emulator: Control, health: Project) -> None:
    emulator.use_up(requests=60, runs=60)
    emulator.limits(kernels=0, headers="none")
    emulator.reset()
    assert run_project(api, health) == 201
    assert emulator.limits()["kernels"] == 25


def test_use_up_counts_for_its_own_kind_until_the_window_ends(
    api: httpx.Client, connect: Connect, emulator: Control, health: Project
) -> None:
    emulator.use_up(runs=20)
    assert me(api) == 200
    assert run_project(api, health) == 429
    emulator.use_up(requests=60)
    assert me(api) == me(connect("read-only")) == 429
    emulator.clock(advance=60)
    assert run_project(api, health) == 201


@pytest.mark.parametrize(
    "send",
    [
        lambda emulator: emulator.limits(kernels=-1),
        lambda emulator: emulator.limits(headers="x-rate"),
        lambda emulator: emulator.use_up(runs=-1),
        lambda emulator: emulator.use_up(runs=1, owner="nobody@example.com"),
    ],
)
def test_an_invalid_change_is_rejected(emulator: Control, send: Callable[[Control], None]) -> None:
    with pytest.raises(ControlError, match="400"):
        send(emulator)


@pytest.fixture
def fast() -> Iterator[Control]:
    """Return an emulator whose minute takes one real second, with one request a minute."""
    with running(speed=60, limits=Limits(requests_per_minute=1, headers=("retry-after",))) as emulator:
        yield emulator


def test_a_client_that_waits_as_long_as_retry_after_says_succeeds(fast: Control) -> None:
    headers = {"Authorization": f"Bearer {default_workspace().token('full')}"}
    with httpx.Client(base_url=fast.api_url, headers=headers, trust_env=False, verify=False) as client:
        responses = iter(lambda: client.get("/users/me"), None)
        refusal = next(response for response in responses if response and response.status_code == 429)
        assert refusal.headers["Retry-After"] == "1"
        sleep(1)
        assert me(client) == 200


def test_a_reset_returns_to_the_limits_that_it_was_started_with(fast: Control) -> None:
    fast.no_limits()
    fast.reset()
    assert fast.limits()["requestsPerMinute"] == 1
