"""paradime-io: its command line, `paradime run hex-...`. It looks at a run every ten seconds, so one test takes ten."""

import json

import pytest

from hex_emulator.client import Control
from tests.conftest import PROJECT, TOKENS
from tests.peers.conftest import Ask, Peer, Process, answer, assert_followed


@pytest.fixture
def ask(peer: Peer, emulator: Control) -> Ask:
    variables = {
        "HEX_BASE_URL": emulator.url,
        "HEX_API_TOKEN": TOKENS["full"],
        "PARADIME_DISABLE_VERSION_CHECK": "1",
    }

    def ask(*arguments: str) -> Process:
        return peer("paradime-io", "paradime", "run", *arguments, "--json", **variables)

    return ask


TRIGGER = ("hex-trigger", "--project-ids", PROJECT, "--input-param", "region=APAC")


def test_a_run_is_started_with_inputs_and_followed_to_its_end(emulator: Control, ask: Ask) -> None:
    said = answer(ask(*TRIGGER, "--no-update-published"))
    [result] = said["results"]
    assert result == f"Run completed. Final status: COMPLETED run_url:{emulator.runs()[0]['runUrl']}"
    assert_followed(emulator, {"region": "APAC"}, "COMPLETED")


def test_the_command_fails_when_the_run_does(emulator: Control, ask: Ask) -> None:
    emulator.next_run(pending=0, running=0, outcome="ERRORED")
    failed = ask(*TRIGGER, "--no-update-published")
    assert failed.returncode == 1
    said = json.loads(failed.stdout.splitlines()[-1])
    assert (said["success"], said["failed_count"]) == (False, 1)
    assert [run["status"] for run in emulator.runs()] == ["ERRORED"]


def test_the_inputs_are_ignored_when_the_run_updates_the_published_results(emulator: Control, ask: Ask) -> None:
    """Which is this client's default, and what Hex's API overview says of the two together."""
    answer(ask(*TRIGGER, "--no-wait"))
    [request] = emulator.requests()
    assert request["body"]["updatePublishedResults"] is True
    assert request["body"]["inputParams"] == {"region": "APAC"}
    assert [run["inputs"] for run in emulator.runs()] == [{}]


def test_the_projects_are_listed(emulator: Control, ask: Ask) -> None:
    projects = answer(ask("hex-list-projects"))
    assert {project["project_id"]: project["name"] for project in projects}[PROJECT] == "Daily revenue"
