"""dagster-hex: a job with its op, and its resource."""

from pathlib import Path

import pytest

from hex_emulator.client import Control
from tests.conftest import PROJECT, TOKENS
from tests.peers.conftest import Client, Peer, Process, assert_run_and_polled, next_run_never_ends, output_of


@pytest.fixture
def client(peer: Peer, emulator: Control) -> Client:
    script = Path(__file__).with_name("dagster_hex_client.py")
    variables = {"HEX_URL": emulator.url, "HEX_TOKEN": TOKENS["full"], "DAGSTER_DISABLE_TELEMETRY": "1"}

    def client(*arguments: str) -> Process:
        return peer("dagster-hex", "python", script, *arguments, **variables)

    return client


def test_a_job_starts_a_run_with_inputs_and_waits_for_its_end(emulator: Control, client: Client) -> None:
    run = output_of(client("run", PROJECT, '{"region": "APAC", "order_count": 7}'))
    assert run["status"] == "COMPLETED"
    assert_run_and_polled(emulator, {"region": "APAC", "order_count": 7}, "COMPLETED")


def test_the_job_fails_when_the_run_does(emulator: Control, client: Client) -> None:
    emulator.next_run(outcome="ERRORED")
    job = client("run", PROJECT, "{}")
    assert job.returncode == 1
    assert "Project Run failed with status ERRORED" in job.stderr
    assert_run_and_polled(emulator, {}, "ERRORED")


def test_a_start_whose_response_is_lost_is_sent_again_and_starts_a_second_run(
    emulator: Control, client: Client
) -> None:
    """Hex would do the same: it cannot recognise the second request as the same one."""
    emulator.fault("RunProject", drop=True, apply=True)
    output_of(client("run", PROJECT, "{}"))
    assert [request["status"] for request in emulator.requests("RunProject")] == [None, 201]
    assert len(emulator.runs()) == 2


def test_cancelling_kills_the_run_although_the_client_retries_after_a_204(emulator: Control, client: Client) -> None:
    """The client retries until there is JSON, which a 204 does not have; the 422 of the second request ends that."""
    next_run_never_ends(emulator)
    cancelled = client("cancel", PROJECT)
    assert [run["status"] for run in emulator.runs()] == ["KILLED"]
    assert [request["status"] for request in emulator.requests("CancelRun")] == [204, 422]
    assert cancelled.returncode == 1
    assert "Received 422 status from Hex" in cancelled.stderr


def test_the_projects_are_listed(client: Client) -> None:
    projects = output_of(client("projects"))["values"]
    assert {project["id"]: project["title"] for project in projects}[PROJECT] == "Daily revenue"


def test_a_project_has_the_details_that_an_asset_shows(client: Client) -> None:
    details = output_of(client("details", PROJECT))
    assert (details["title"], details["project_id"]) == ("Daily revenue", PROJECT)
    assert details["last_published_at"]
