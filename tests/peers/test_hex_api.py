"""hex-api: its command line, `hex`."""

import pytest

from hex_emulator.client import Control
from tests.conftest import PROJECT, TOKENS
from tests.peers.conftest import Ask, Peer, Process, assert_followed, ended_and_running, never_ending


@pytest.fixture
def ask(peer: Peer, emulator: Control) -> Ask:
    variables = {"HEX_API_BASE_URL": f"{emulator.url}/api", "HEX_API_KEY": TOKENS["full"]}

    def ask(*arguments: str) -> Process:
        return peer("hex-api", "hex", *arguments, **variables)

    return ask


def printed(process: Process) -> str:
    """What it prints when all is well."""
    assert process.returncode == 0, process.stdout + process.stderr
    return process.stdout


def test_a_run_is_started_with_inputs_and_followed_to_its_end(emulator: Control, ask: Ask) -> None:
    inputs = '{"region": "APAC", "order_count": 7}'
    said = printed(ask("projects", "run", PROJECT, "--input-params", inputs, "--wait", "--poll-interval", "1"))
    assert "Run completed with status: COMPLETED" in said
    assert emulator.runs()[0]["runUrl"] in said
    assert_followed(emulator, {"region": "APAC", "order_count": 7}, "COMPLETED")


def test_a_failed_run_is_shown_as_such(emulator: Control, ask: Ask) -> None:
    """With `--wait` it would look for ever: it waits for FAILED, which Hex does not say."""
    emulator.next_run(pending=0, running=0, outcome="ERRORED")
    printed(ask("projects", "run", PROJECT))
    assert "Status: ERRORED" in printed(ask("runs", "status", PROJECT, emulator.runs()[0]["runId"]))


def test_rejected_inputs_are_an_error_with_a_trace_id(emulator: Control, ask: Ask) -> None:
    refused = ask("projects", "run", PROJECT, "--input-params", '{"continent": "Asia"}')
    assert refused.returncode == 1
    assert "API Error: Validation error: Invalid input parameters (Status: 422) (Trace ID: " in refused.stdout
    assert emulator.runs() == []


def test_a_request_past_the_limit_is_an_error(emulator: Control, ask: Ask) -> None:
    """Of Retry-After it understands a whole number of seconds only."""
    emulator.use_up(requests=60)
    refused = ask("runs", "list", PROJECT)
    assert refused.returncode == 1
    assert "API Error: Rate limit exceeded: Too many requests (Status: 429) (Trace ID: " in refused.stdout


def test_a_run_is_cancelled(emulator: Control, ask: Ask) -> None:
    never_ending(emulator)
    run_id = emulator.start_run(PROJECT)["runId"]
    assert f"Run {run_id} cancelled successfully" in printed(ask("runs", "cancel", PROJECT, run_id, "--yes"))
    assert emulator.runs()[0]["status"] == "KILLED"


def test_the_runs_of_a_project_are_listed_by_status(emulator: Control, ask: Ask) -> None:
    ended, running = ended_and_running(emulator)
    everything = printed(ask("runs", "list", PROJECT))
    assert ended in everything
    assert running in everything
    completed = printed(ask("runs", "list", PROJECT, "--status", "COMPLETED"))
    assert ended in completed
    assert running not in completed


def test_the_projects_are_listed(ask: Ask) -> None:
    [row] = [line for line in printed(ask("projects", "list")).splitlines() if PROJECT in line]
    assert "Daily revenue" in row


def test_a_project_is_shown(ask: Ask) -> None:
    assert "Daily revenue" in printed(ask("projects", "get", PROJECT))
