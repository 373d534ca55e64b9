"""paradime-io: its command line, ``paradime run hex-...``. It polls every ten seconds, so one test takes ten."""

import json

import pytest

from hex_emulator.client import Control
from tests.conftest import PROJECT, TOKENS
from tests.peers.conftest import Client, Peer, Process, assert_run_and_polled, output_of


@pytest.fixture
def client(peer: Peer, emulator: Control) -> Client:
    variables = {
        "HEX_BASE_URL": emulator.url,
        "HEX_API_TOKEN": TOKENS["full"],
        "PARADIME_DISABLE_VERSION_CHECK": "1",
    }

    def client(*arguments: str) -> Process:
        return peer("paradime-io", "paradime", "run", *arguments, "--json", **variables)

    return client


TRIGGER = ("hex-trigger", "--project-ids", PROJECT, "--input-param", "region=APAC")


def test_a_run_is_started_with_inputs_and_polled_until_its_end(emulator: Control, client: Client) -> None:
    output = output_of(client(*TRIGGER, "--no-update-published"))
    [result] = output["results"]
    assert result == f"Run completed. Final status: COMPLETED run_url:{emulator.runs()[0]['runUrl']}"
    assert_run_and_polled(emulator, {"region": "APAC"}, "COMPLETED")


def test_the_command_fails_when_the_run_does(emulator: Control, client: Client) -> None:
    emulator.next_run(pending=0, running=0, outcome="ERRORED")
    failed = client(*TRIGGER, "--no-update-published")
    assert failed.returncode == 1
    output = json.loads(failed.stdout.splitlines()[-1])
    assert (output["success"], output["failed_count"]) == (False, 1)
    assert [run["status"] for run in emulator.runs()] == ["ERRORED"]


def test_the_inputs_are_ignored_when_the_run_updates_the_published_results(emulator: Control, client: Client) -> None:
    """This client updates the published results by default; then Hex ignores the inputs, as its API overview says."""
    output_of(client(*TRIGGER, "--no-wait"))
    [request] = emulator.requests()
    assert request["body"]["updatePublishedResults"] is True
    assert request["body"]["inputParams"] == {"region": "APAC"}
    assert [run["inputs"] for run in emulator.runs()] == [{}]


def test_the_projects_are_listed(emulator: Control, client: Client) -> None:
    projects = output_of(client("hex-list-projects"))
    assert {project["project_id"]: project["name"] for project in projects}[PROJECT] == "Daily revenue"
