"""The paths of older clients: ``project`` and ``run`` in place of ``projects`` and ``runs``."""

import httpx
import pytest

from hex_emulator.client import Control
from hex_emulator.workspace import Project
from tests.emulator.conftest import Start


def test_a_run_can_be_started_polled_and_cancelled(
    unchecked: httpx.Client, emulator: Control, revenue: Project
) -> None:
    path = f"/project/{revenue.id}"
    run = unchecked.post(f"{path}/run", json={"inputParams": {"region": "EMEA"}})
    assert run.status_code == 201
    assert emulator.runs()[0]["inputs"] == {"region": "EMEA"}
    this_run = f"{path}/run/{run.json()['runId']}"
    assert unchecked.get(this_run).json()["status"] == "PENDING"
    assert len(unchecked.get(f"{path}/runs").json()["runs"]) == 1
    assert unchecked.get(path).json()["title"] == revenue.title
    assert unchecked.delete(this_run).status_code == 204
    assert emulator.runs()[0]["status"] == "KILLED"
    assert [entry["call"] for entry in emulator.requests()] == [
        "RunProject",
        "GetRunStatus",
        "GetProjectRuns",
        "GetProject",
        "CancelRun",
    ]


def test_both_paths_have_the_same_responses(unchecked: httpx.Client, start: Start, emulator: Control) -> None:
    run = start()
    plural = f"/projects/{run['projectId']}/runs"
    singular = f"/project/{run['projectId']}/run"
    for path in ("", f"/{run['runId']}"):
        older, newer = (unchecked.get(f"{start}{path}").text for start in (singular, plural))
        trace_ids = [request["traceId"] for request in emulator.requests()[-2:]]
        assert older.replace(trace_ids[0], "") == newer.replace(trace_ids[1], "")


def test_the_path_is_recorded_as_it_was_sent(unchecked: httpx.Client, emulator: Control, revenue: Project) -> None:
    unchecked.get(f"/project/{revenue.id}/runs")
    assert emulator.requests()[0]["path"] == f"/api/v1/project/{revenue.id}/runs"


def test_a_fault_hits_both_paths(unchecked: httpx.Client, emulator: Control, revenue: Project) -> None:
    emulator.fault("RunProject", project_id=revenue.id, status=503)
    assert unchecked.post(f"/project/{revenue.id}/run").status_code == 503
    assert emulator.runs() == []


@pytest.mark.parametrize("path", ["project/{}/runner", "projects/{}/run", "project", "v1/project/{}/runs"])
def test_other_paths_are_unknown(unchecked: httpx.Client, emulator: Control, revenue: Project, path: str) -> None:
    assert unchecked.get(f"/{path.format(revenue.id)}").status_code == 404
    assert [entry["call"] for entry in emulator.requests()] == ["Unknown"]
