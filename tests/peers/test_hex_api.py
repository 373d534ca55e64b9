"""hex-api: its command line, `hex`."""

import pytest

from hex_emulator.client import Control
from hex_emulator.generations.api import ApiName
from tests.conftest import PROJECT, TOKENS
from tests.peers.conftest import Client, Peer, Process, assert_run_and_polled, ended_and_running, next_run_never_ends


@pytest.fixture
def client(peer: Peer, emulator: Control) -> Client:
    variables = {"HEX_API_BASE_URL": f"{emulator.url}/api", "HEX_API_KEY": TOKENS["full"]}

    def client(*arguments: str) -> Process:
        return peer("hex-api", "hex", *arguments, **variables)

    return client


def printed(process: Process) -> str:
    """Return what a program prints; fail if the program failed."""
    assert process.returncode == 0, process.stdout + process.stderr
    return process.stdout


def test_a_run_is_started_with_inputs_and_polled_until_its_end(emulator: Control, client: Client) -> None:
    inputs = '{"region": "APAC", "order_count": 7}'
    output = printed(client("projects", "run", PROJECT, "--input-params", inputs, "--wait", "--poll-interval", "1"))
    assert "Run completed with status: COMPLETED" in output
    assert emulator.runs()[0]["runUrl"] in output
    assert_run_and_polled(emulator, {"region": "APAC", "order_count": 7}, "COMPLETED")


def test_a_failed_run_is_shown_as_such(emulator: Control, client: Client) -> None:
    """With ``--wait`` it would poll for ever: it waits for FAILED, which is not a status of Hex."""
    emulator.next_run(pending=0, running=0, outcome="ERRORED")
    printed(client("projects", "run", PROJECT))
    assert "Status: ERRORED" in printed(client("runs", "status", PROJECT, emulator.runs()[0]["runId"]))


@pytest.mark.parametrize(("api", "knows_trace_id"), [("2025", True), ("mixed", False)])
def test_rejected_inputs_are_an_error(emulator: Control, client: Client, api: ApiName, knows_trace_id: bool) -> None:
    """The client knows only trace ids in the body, which the moved call does not have."""
    emulator.set_api(api)
    refused = client("projects", "run", PROJECT, "--input-params", '{"continent": "Asia"}')
    assert refused.returncode == 1
    assert "API Error: Validation error: {" in refused.stdout
    assert "continent" in refused.stdout
    assert "(Status: 422)" in refused.stdout
    assert ("(Trace ID: " in refused.stdout) == knows_trace_id
    assert emulator.runs() == []


@pytest.mark.parametrize(
    ("api", "shown"),
    [
        ("2025", "API Error: Rate limit exceeded: Too many requests (Status: 429) (Trace ID: "),
        ("mixed", 'API Error: Rate limit exceeded: {"code":"TOO_MANY_REQUESTS","message":'),
    ],
)
def test_a_rate_limited_request_is_an_error(emulator: Control, client: Client, api: ApiName, shown: str) -> None:
    """The client reads Retry-After as a whole number of seconds only."""
    emulator.set_api(api)
    emulator.limits(headers="retry-after")
    emulator.use_up(requests=60)
    refused = client("runs", "list", PROJECT)
    assert refused.returncode == 1
    assert shown in refused.stdout


def test_a_run_is_cancelled(emulator: Control, client: Client) -> None:
    next_run_never_ends(emulator)
    run_id = emulator.start_run(PROJECT)["runId"]
    assert f"Run {run_id} cancelled successfully" in printed(client("runs", "cancel", PROJECT, run_id, "--yes"))
    assert emulator.runs()[0]["status"] == "KILLED"


def test_the_runs_of_a_project_are_listed_by_status(emulator: Control, client: Client) -> None:
    ended, running = ended_and_running(emulator)
    everything = printed(client("runs", "list", PROJECT))
    assert ended in everything
    assert running in everything
    completed = printed(client("runs", "list", PROJECT, "--status", "COMPLETED"))
    assert ended in completed
    assert running not in completed


def test_the_projects_are_listed(client: Client) -> None:
    [row] = [line for line in printed(client("projects", "list")).splitlines() if PROJECT in line]
    assert "Daily revenue" in row


def test_a_project_is_shown(client: Client) -> None:
    assert "Daily revenue" in printed(client("projects", "get", PROJECT))
