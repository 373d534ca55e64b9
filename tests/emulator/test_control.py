"""The control endpoint."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

from hex_emulator.client import Control, ControlError
from hex_emulator.workspace import Project, default_workspace
from tests.emulator.conftest import Connect, Start, StatusOf

UNKNOWN_ID = "00000000-0000-4000-8000-000000000000"


def timeline(run: dict[str, Any]) -> list[tuple[str, float]]:
    """Return the statuses of a run, each with the seconds from the run's start."""
    first = datetime.fromisoformat(run["timeline"][0][1])
    return [(status, (datetime.fromisoformat(at) - first).total_seconds()) for status, at in run["timeline"]]


def test_it_is_healthy(emulator: Control) -> None:
    assert emulator.health()["status"] == "ok"


def test_it_returns_its_workspace(emulator: Control) -> None:
    assert emulator.workspace() == default_workspace()


def test_a_run_follows_the_plan_of_its_project(start: Start, emulator: Control, health: Project) -> None:
    start(health)
    assert timeline(emulator.runs()[0]) == [("PENDING", 0), ("RUNNING", 0.5), ("COMPLETED", 2.5)]


def test_the_next_run_differs_from_the_plan_only_in_what_is_given(start: Start, emulator: Control) -> None:
    emulator.next_run(outcome="ERRORED")
    emulator.next_run(pending=3, running=0)
    emulator.next_run(timeline=[("RUNNING", 7), ("KILLED", None)])
    for _ in range(4):
        start()
    assert [timeline(run) for run in emulator.runs()] == [
        [("PENDING", 0), ("RUNNING", 1), ("ERRORED", 5)],
        [("PENDING", 0), ("RUNNING", 3), ("COMPLETED", 3)],
        [("RUNNING", 0), ("KILLED", 7)],
        [("PENDING", 0), ("RUNNING", 1), ("COMPLETED", 5)],
    ]


def test_a_plan_for_one_project_waits_for_its_next_run(
    start: Start, emulator: Control, revenue: Project, health: Project
) -> None:
    emulator.next_run(health.id, outcome="ERRORED", times=2)
    for project in (revenue, health, revenue, health, health):
        start(project)
    outcomes = [timeline(run)[-1][0] for run in emulator.runs()]
    assert outcomes == ["COMPLETED", "ERRORED", "COMPLETED", "ERRORED", "COMPLETED"]


@pytest.mark.parametrize(
    "plan",
    [
        {"timeline": []},
        {"timeline": [("RUNNING", 1)]},
        {"timeline": [("RUNNING", None), ("COMPLETED", None)]},
        {"pending": -1},
        {"times": 0},
    ],
)
def test_an_invalid_plan_is_rejected(emulator: Control, plan: dict[str, Any]) -> None:
    with pytest.raises(ControlError, match="400"):
        emulator.next_run(**plan)


def test_an_unknown_list_order_is_rejected(emulator: Control) -> None:
    with pytest.raises(ControlError, match="newest"):
        emulator.set_list_order("newset")


@pytest.mark.parametrize(
    "send",
    [
        lambda emulator: emulator.set_api("2024"),
        lambda emulator: emulator.set_vanished(410),
        lambda emulator: emulator.set_limits_of("none"),
    ],
)
def test_an_unknown_setting_is_rejected(emulator: Control, send: Callable[[Control], None]) -> None:
    with pytest.raises(ControlError, match="400"):
        send(emulator)


def test_the_headers_of_a_request_are_recorded_without_the_token(api: httpx.Client, emulator: Control) -> None:
    api.get("/projects", headers={"X-Some": "thing"})
    headers = emulator.requests()[0]["headers"]
    assert headers["x-some"] == "thing"
    assert "authorization" not in headers


def test_a_misspelt_field_is_rejected(emulator: Control) -> None:
    response = httpx.post(f"{emulator.url}/_emulator/runs/next", json={"outcom": "ERRORED"}, trust_env=False)
    assert response.status_code == 400
    assert "outcom" in response.json()["details"]


def test_every_call_is_recorded(
    connect: Connect, api: httpx.Client, emulator: Control, start: Start, revenue: Project
) -> None:
    run = start(inputParams={"region": "EMEA"})
    emulator.clock(advance=1.5)
    api.get(f"/projects/{revenue.id}/runs", params={"limit": 3})
    connect("read-only").delete(run["runStatusUrl"])
    connect(None).get("/users/me")
    assert [(entry["call"], entry["method"], entry["status"]) for entry in emulator.requests()] == [
        ("RunProject", "POST", 201),
        ("GetProjectRuns", "GET", 200),
        ("CancelRun", "DELETE", 403),
        ("Me", "GET", 401),
    ]
    first, second, *_ = emulator.requests()
    assert first["body"] == {"inputParams": {"region": "EMEA"}}
    assert first["path"] == f"/api/v1/projects/{revenue.id}/runs"
    assert second["query"] == {"limit": "3"}
    assert second["body"] is None
    assert datetime.fromisoformat(second["at"]) - datetime.fromisoformat(first["at"]) == timedelta(seconds=1.5)
    assert [entry["token"] for entry in emulator.requests()] == ["full", "full", "read-only", None]
    assert [entry["call"] for entry in emulator.requests("Me")] == ["Me"]


def test_all_values_of_a_query_are_recorded(api: httpx.Client, emulator: Control) -> None:
    api.get("/projects", params={"statuses": ["a", "b"], "limit": 3})
    assert emulator.requests()[0]["query"] == {"statuses": ["a", "b"], "limit": "3"}


def test_a_misspelt_call_is_rejected(emulator: Control) -> None:
    with pytest.raises(ControlError, match="none of CancelRun"):
        emulator.requests("RunProjects")
    with pytest.raises(ControlError, match="none of CancelRun"):
        emulator.fault("GetStatus", status=500)


def test_a_body_that_is_no_json_is_recorded_as_text(api: httpx.Client, emulator: Control, revenue: Project) -> None:
    api.post(f"/projects/{revenue.id}/runs", content=b"{oops\xff")
    assert emulator.requests()[0]["body"] == "{oops\ufffd"


def test_no_token_is_ever_recorded(api: httpx.Client, emulator: Control) -> None:
    api.get("/users/me")
    assert default_workspace().token("full") not in str(emulator.requests())


def test_a_run_can_be_removed(api: httpx.Client, start: Start, emulator: Control) -> None:
    run = start()
    emulator.remove_run(run["runId"])
    assert api.get(run["runStatusUrl"]).status_code == 404
    assert emulator.runs() == []


def test_the_status_of_a_run_can_be_changed(start: Start, status_of: StatusOf, emulator: Control) -> None:
    run = start()
    emulator.set_status(run["runId"], "ERRORED")
    emulator.clock(advance=60)
    assert status_of(run)["status"] == "ERRORED"
    assert [status for status, _ in timeline(emulator.runs()[0])] == ["PENDING", "ERRORED"]


def test_a_run_can_be_started_without_a_request_to_hex(emulator: Control, status_of: StatusOf, health: Project) -> None:
    emulator.next_run(health.id, outcome="ERRORED")
    run = emulator.start_run(health.id, trigger="APP_REFRESH")
    assert run["timeline"][-1][0] == "ERRORED"
    assert status_of(run)["runTrigger"] == "APP_REFRESH"
    assert status_of(emulator.start_run(health.id, trigger="API"))["runTrigger"] == "API"
    assert emulator.requests("RunProject") == []


@pytest.mark.parametrize(
    "send",
    [
        lambda emulator: emulator.remove_run(UNKNOWN_ID),
        lambda emulator: emulator.set_status(UNKNOWN_ID, "KILLED"),
        lambda emulator: emulator.start_run(UNKNOWN_ID),
        lambda emulator: emulator.next_run(UNKNOWN_ID, outcome="ERRORED"),
    ],
)
def test_a_request_about_an_unknown_id_is_rejected(emulator: Control, send: Callable[[Control], None]) -> None:
    with pytest.raises(ControlError, match=UNKNOWN_ID):
        send(emulator)


def test_a_reset_forgets_everything(api: httpx.Client, start: Start, emulator: Control, revenue: Project) -> None:
    before = emulator.health()["now"]
    emulator.next_run(outcome="ERRORED", times=9)
    emulator.fault("Me", times=None, status=500)
    start()
    emulator.set_list_order("oldest")
    emulator.clock(speed=5, advance=86400)
    emulator.reset()
    assert emulator.runs() == emulator.requests() == []
    assert emulator.health()["speed"] == 0
    passed = datetime.fromisoformat(emulator.health()["now"]) - datetime.fromisoformat(before)
    assert passed < timedelta(hours=1)
    assert api.get("/users/me").status_code == 200
    runs = [start()["runId"], start()["runId"]]
    assert timeline(emulator.runs()[0])[-1][0] == "COMPLETED"
    listed = api.get(f"/projects/{revenue.id}/runs").json()["runs"]
    assert [run["runId"] for run in listed] == runs[::-1]


def test_time_does_not_go_back(emulator: Control) -> None:
    now = emulator.clock(speed=1000, advance=5)["now"]
    for speed in (0, 3, 0.1):
        later = emulator.clock(speed=speed)["now"]
        assert later >= now
        now = later
    with pytest.raises(ControlError):
        emulator.clock(advance=-1)
    with pytest.raises(ControlError):
        emulator.clock(speed=-1)
