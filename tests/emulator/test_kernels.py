"""The kernel limit: how many runs Hex allows at the same time."""

import httpx
import pytest

from hex_emulator.client import Control, ControlError
from hex_emulator.workspace import Project
from tests.emulator.conftest import Start


def run_project(client: httpx.Client, project: Project) -> int:
    return client.post(f"/projects/{project.id}/runs", json={}).status_code


def test_25_runs_at_once_take_all_kernels(api: httpx.Client, emulator: Control, health: Project) -> None:
    for trigger in ("API", "SCHEDULED", "APP_REFRESH"):
        for _ in range(8):
            emulator.start_run(health.id, trigger=trigger)
    assert [run_project(api, health) for _ in range(2)] == [201, 503]
    assert len(emulator.runs()) == 25


def test_a_kernel_limited_response_is_an_error_of_hex(api: httpx.Client, emulator: Control, health: Project) -> None:
    emulator.limits(kernels=0)
    refusal = api.post(f"/projects/{health.id}/runs")
    assert refusal.status_code == 503
    assert refusal.json()["code"] == "SERVICE_UNAVAILABLE"
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


def test_a_rejected_run_does_not_use_up_the_plan_for_the_next_run(
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


def test_a_request_is_checked_before_the_kernel_limit(api: httpx.Client, emulator: Control, draft: Project) -> None:
    emulator.limits(kernels=0)
    assert run_project(api, draft) == 422


def test_each_owner_has_25_kernels(emulator: Control, api: httpx.Client, health: Project) -> None:
    for _ in range(25):
        emulator.start_run(health.id, owner="grace@example.com")
    for _ in range(24):
        emulator.start_run(health.id, owner="ada@example.com")
    assert [run_project(api, health) for _ in range(2)] == [201, 503]


def test_an_owner_must_own_a_token(emulator: Control, health: Project) -> None:
    with pytest.raises(ControlError, match="owns no token"):
        emulator.start_run(health.id, owner="nobody@example.com")
