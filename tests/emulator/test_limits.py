"""How much the API lets through: requests in a window of time, and runs at once."""

from collections.abc import Callable, Iterator
from time import sleep
from typing import Any

import httpx
import pytest

from hex_emulator.client import Control, ControlError
from hex_emulator.limits import Limits
from hex_emulator.server import running
from hex_emulator.workspace import Project, Token, Workspace, default_workspace

Connect = Callable[..., httpx.Client]
Start = Callable[..., dict[str, Any]]

ADA, GRACE = "ada@example.com", "grace@example.com"


def me(client: httpx.Client) -> int:
    return client.get("/users/me").status_code


def run_project(client: httpx.Client, project: Project) -> int:
    return client.post(f"/projects/{project.id}/runs", json={}).status_code


def chart_image(client: httpx.Client, project: Project) -> int:
    run = "00000000-0000-4000-8000-000000000000"
    return client.get(f"/projects/{project.id}/runs/{run}/cells/{project.charts[0]}/image").status_code


def test_60_requests_a_minute_get_through(api: httpx.Client) -> None:
    assert [me(api) for _ in range(61)] == [200] * 60 + [429]


def test_a_refusal_is_an_error_of_hex(api: httpx.Client, emulator: Control) -> None:
    emulator.use_up(requests=60)
    refusal = api.get("/users/me")
    assert refusal.status_code == 429
    assert refusal.json().keys() == {"reason", "details", "traceId"}
    assert "60 requests" in refusal.json()["details"]
    assert emulator.requests()[0]["status"] == 429


def test_the_window_starts_with_its_first_request(api: httpx.Client, emulator: Control) -> None:
    emulator.clock(advance=1000)
    me(api)
    emulator.clock(advance=59)
    assert [me(api) for _ in range(60)] == [200] * 59 + [429]
    emulator.clock(advance=0.9)
    assert me(api) == 429
    emulator.clock(advance=0.1)
    assert [me(api) for _ in range(61)] == [200] * 60 + [429]


def test_every_kind_of_call_counts_and_so_does_a_refused_one(
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
    assert [answer.status_code for answer in calls] == [200, 422, 400, 404, 405]
    assert me(api) == 429


def test_both_spellings_of_a_path_count_together(unchecked: httpx.Client, emulator: Control, health: Project) -> None:
    emulator.use_up(runs=18)
    paths = [f"/project/{health.id}/run", f"/projects/{health.id}/runs"]
    assert [unchecked.post(path).status_code for path in [*paths, *paths]] == [201, 201, 429, 429]


def test_20_runs_a_minute_get_through(api: httpx.Client, emulator: Control, health: Project) -> None:
    assert [run_project(api, health) for _ in range(21)] == [201] * 20 + [429]
    assert len(emulator.runs()) == 20
    assert me(api) == 200
    emulator.clock(advance=60)
    assert run_project(api, health) == 201


def test_60_runs_an_hour_get_through(api: httpx.Client, emulator: Control, health: Project) -> None:
    for _ in range(3):
        assert [run_project(api, health) for _ in range(20)] == [201] * 20
        emulator.clock(advance=60)
    assert run_project(api, health) == 429
    emulator.clock(advance=3600 - 3 * 60 - 1)
    assert run_project(api, health) == 429
    emulator.clock(advance=1)
    assert run_project(api, health) == 201


def test_a_run_that_is_refused_for_its_own_sake_counts_for_the_runs(
    api: httpx.Client, emulator: Control, draft: Project, health: Project
) -> None:
    emulator.use_up(runs=19)
    assert run_project(api, draft) == 422
    assert run_project(api, health) == 429


def test_other_calls_do_not_count_for_the_runs(api: httpx.Client, emulator: Control, health: Project) -> None:
    emulator.use_up(runs=19)
    assert api.get(f"/projects/{health.id}/runs").status_code == 200
    assert run_project(api, health) == 201


def test_20_images_a_minute_get_through(api: httpx.Client, emulator: Control, revenue: Project) -> None:
    assert [chart_image(api, revenue) for _ in range(21)] == [404] * 20 + [429]
    assert me(api) == 200
    emulator.clock(advance=60)
    assert chart_image(api, revenue) == 404


def test_without_a_valid_token_a_request_counts_for_nobody(connect: Connect, api: httpx.Client) -> None:
    assert {me(connect(None)) for _ in range(61)} == {401}
    assert me(api) == 200


def test_a_token_that_lacks_the_scope_counts(connect: Connect) -> None:
    assert [me(connect("no-scopes")) for _ in range(61)] == [403] * 60 + [429]


def test_one_owner_leaves_the_others_alone(connect: Connect, api: httpx.Client, emulator: Control) -> None:
    emulator.use_up(requests=60, owner=ADA)
    assert me(api) == 429
    assert me(connect("read-only")) == 200


def test_the_tokens_of_one_owner_count_together() -> None:
    tokens = [Token(name=name, token=f"hxtp_{name}", owner=ADA, scopes=("read",)) for name in ("a", "b")]
    with running(Workspace(projects=(), tokens=tuple(tokens))) as emulator:
        emulator.use_up(requests=58)
        answers = [
            httpx.get(
                f"{emulator.api_url}/users/me",
                headers={"Authorization": f"Bearer hxtp_{name}"},
                trust_env=False,
                verify=False,
            )
            for name in "abab"
        ]
        assert [answer.status_code for answer in answers] == [200, 200, 429, 429]


def test_a_call_that_a_fault_keeps_from_hex_does_not_count(api: httpx.Client, emulator: Control) -> None:
    emulator.fault("Me", times=60, status=500)
    assert {me(api) for _ in range(60)} == {500}
    assert me(api) == 200


def test_a_call_that_reaches_hex_counts_though_its_answer_does_not_arrive(
    api: httpx.Client, emulator: Control, health: Project
) -> None:
    emulator.use_up(runs=19)
    emulator.fault("RunProject", status=500, apply=True, times=2)
    assert run_project(api, health) == run_project(api, health) == 500
    assert len(emulator.runs()) == 1
    assert run_project(api, health) == 429


def test_25_runs_at_once_take_all_kernels(api: httpx.Client, emulator: Control, health: Project) -> None:
    for trigger in ("API", "SCHEDULED", "APP_REFRESH"):
        for _ in range(8):
            emulator.start_run(health.id, trigger=trigger)
    assert [run_project(api, health) for _ in range(2)] == [201, 503]
    assert len(emulator.runs()) == 25


def test_a_refusal_for_want_of_a_kernel_is_an_error_of_hex(
    api: httpx.Client, emulator: Control, health: Project
) -> None:
    emulator.limits(kernels=0)
    refusal = api.post(f"/projects/{health.id}/runs")
    assert refusal.status_code == 503
    assert refusal.json().keys() == {"reason", "details", "traceId"}
    assert emulator.runs() == []


@pytest.mark.parametrize("status", ["RUNNING", "ON_SOME_PLANET"])
def test_a_run_holds_its_kernel_until_it_is_over(
    api: httpx.Client, emulator: Control, health: Project, status: str
) -> None:
    emulator.limits(kernels=1)
    emulator.next_run(timeline=[("PENDING", 1), (status, 10), ("ERRORED", None)])
    emulator.start_run(health.id)
    for seconds in (0, 1, 9.9):
        emulator.clock(advance=seconds)
        assert run_project(api, health) == 503
    emulator.clock(advance=0.1)
    assert run_project(api, health) == 201


def test_a_cancelled_run_frees_its_kernel(api: httpx.Client, emulator: Control, start: Start, health: Project) -> None:
    emulator.limits(kernels=1)
    run = start()
    assert run_project(api, health) == 503
    api.delete(run["runStatusUrl"])
    assert run_project(api, health) == 201


def test_without_a_kernel_the_next_run_still_goes_as_told(
    api: httpx.Client, emulator: Control, health: Project
) -> None:
    emulator.limits(kernels=0)
    emulator.next_run(outcome="ERRORED")
    run_project(api, health)
    emulator.limits(kernels=1)
    run_project(api, health)
    assert emulator.runs()[0]["timeline"][-1][0] == "ERRORED"


def test_a_dry_run_takes_no_kernel(api: httpx.Client, emulator: Control, health: Project) -> None:
    emulator.limits(kernels=0)
    assert api.post(f"/projects/{health.id}/runs", json={"dryRun": True}).status_code == 201


def test_what_is_wrong_with_a_request_is_said_before_kernels_are_counted(
    api: httpx.Client, emulator: Control, draft: Project
) -> None:
    emulator.limits(kernels=0)
    assert run_project(api, draft) == 422


def test_a_limit_can_be_changed(api: httpx.Client, emulator: Control, health: Project) -> None:
    everything = emulator.limits(requests_per_minute=3, runs_per_hour=1)
    assert everything == {
        "requestsPerMinute": 3,
        "runsPerMinute": 20,
        "runsPerHour": 1,
        "imagesPerMinute": 20,
        "kernels": 25,
        "headers": ["ratelimit", "retry-after"],
    }
    assert emulator.limits() == everything
    assert [run_project(api, health) for _ in range(2)] == [201, 429]
    assert [me(api) for _ in range(2)] == [200, 429]


def test_a_limit_of_zero_lets_nothing_through(api: httpx.Client, emulator: Control) -> None:
    emulator.limits(requests_per_minute=0)
    assert me(api) == 429


@pytest.mark.parametrize("limit", ["runs_per_minute", "runs_per_hour"])
def test_one_limit_can_be_switched_off_and_on_again(
    api: httpx.Client, emulator: Control, health: Project, limit: str
) -> None:
    emulator.use_up(runs=100)
    emulator.limits(runs_per_minute=None, runs_per_hour=None)
    assert run_project(api, health) == 201
    emulator.limits(**{limit: 101})
    assert run_project(api, health) == 429


def test_all_limits_can_be_switched_off(api: httpx.Client, emulator: Control, revenue: Project) -> None:
    emulator.use_up(requests=100, runs=100, images=100)
    for _ in range(25):
        emulator.start_run(revenue.id)
    emulator.no_limits()
    assert (me(api), run_project(api, revenue), chart_image(api, revenue)) == (200, 201, 404)


def test_a_reset_gives_everything_back(api: httpx.Client, emulator: Control, health: Project) -> None:
    emulator.use_up(requests=60, runs=60)
    emulator.limits(kernels=0, headers="none")
    emulator.reset()
    assert run_project(api, health) == 201
    assert emulator.limits()["kernels"] == 25


def test_what_is_used_up_is_so_for_its_own_kind_and_for_the_window(
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
    "order",
    [
        lambda emulator: emulator.limits(kernels=-1),
        lambda emulator: emulator.limits(headers="x-rate"),
        lambda emulator: emulator.use_up(runs=-1),
        lambda emulator: emulator.use_up(runs=1, owner="nobody@example.com"),
    ],
)
def test_an_order_that_makes_no_sense_is_refused(emulator: Control, order: Callable[[Control], None]) -> None:
    with pytest.raises(ControlError, match="400"):
        order(emulator)


@pytest.fixture
def fast() -> Iterator[Control]:
    """An emulator for which a minute is a second."""
    with running(speed=60, limits=Limits(requests_per_minute=1)) as emulator:
        yield emulator


def test_who_waits_as_long_as_told_gets_through(fast: Control) -> None:
    headers = {"Authorization": f"Bearer {default_workspace().token('full')}"}
    with httpx.Client(base_url=fast.api_url, headers=headers, trust_env=False, verify=False) as client:
        fast.use_up(requests=1)
        refusal = client.get("/users/me")
        assert refusal.status_code == 429
        assert refusal.headers["Retry-After"] == "1"
        sleep(1)
        assert me(client) == 200


def test_a_reset_returns_to_the_limits_that_it_was_started_with(fast: Control) -> None:
    fast.no_limits()
    fast.reset()
    assert fast.limits()["requestsPerMinute"] == 1
