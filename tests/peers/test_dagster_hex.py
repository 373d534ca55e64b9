"""dagster-hex: a job with its op, and its resource."""

from pathlib import Path

import pytest

from hex_emulator.client import Control
from tests.conftest import PROJECT, TOKENS
from tests.peers.conftest import Ask, Peer, Process, answer, assert_followed, never_ending


@pytest.fixture
def ask(peer: Peer, emulator: Control) -> Ask:
    script = Path(__file__).with_name("dagster_hex_client.py")
    variables = {"HEX_URL": emulator.url, "HEX_TOKEN": TOKENS["full"], "DAGSTER_DISABLE_TELEMETRY": "1"}

    def ask(*arguments: str) -> Process:
        return peer("dagster-hex", "python", script, *arguments, **variables)

    return ask


def test_a_job_starts_a_run_with_inputs_and_follows_it_to_its_end(emulator: Control, ask: Ask) -> None:
    run = answer(ask("follow", PROJECT, '{"region": "APAC", "order_count": 7}'))
    assert run["status"] == "COMPLETED"
    assert_followed(emulator, {"region": "APAC", "order_count": 7}, "COMPLETED")


def test_the_job_fails_when_the_run_does(emulator: Control, ask: Ask) -> None:
    emulator.next_run(outcome="ERRORED")
    job = ask("follow", PROJECT, "{}")
    assert job.returncode == 1
    assert "Project Run failed with status ERRORED" in job.stderr
    assert_followed(emulator, {}, "ERRORED")


def test_a_start_whose_answer_is_lost_is_sent_again_and_makes_a_second_run(emulator: Control, ask: Ask) -> None:
    """As Hex would: there is nothing by which it could know the second request for the first."""
    emulator.fault("RunProject", drop=True, apply=True)
    answer(ask("follow", PROJECT, "{}"))
    assert [request["status"] for request in emulator.requests("RunProject")] == [None, 201]
    assert len(emulator.runs()) == 2


def test_cancelling_kills_the_run_though_the_client_asks_again_after_a_204(emulator: Control, ask: Ask) -> None:
    """It waits for JSON, which a 204 does not have; what ends its loop is that the second answer is an error."""
    never_ending(emulator)
    cancelled = ask("cancel", PROJECT)
    assert [run["status"] for run in emulator.runs()] == ["KILLED"]
    assert [request["status"] for request in emulator.requests("CancelRun")] == [204, 422]
    assert cancelled.returncode == 1
    assert "Received 422 status from Hex" in cancelled.stderr


def test_the_projects_are_listed(ask: Ask) -> None:
    projects = answer(ask("projects"))["values"]
    assert {project["id"]: project["title"] for project in projects}[PROJECT] == "Daily revenue"


def test_a_project_has_the_details_that_an_asset_shows(ask: Ask) -> None:
    details = answer(ask("details", PROJECT))
    assert (details["title"], details["project_id"]) == ("Daily revenue", PROJECT)
    assert details["last_published_at"]
