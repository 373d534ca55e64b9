"""prefect-hex: its flow and its tasks, in Prefect 2. It supports https only, so a proxy ends TLS before the emulator.

It cannot read a run without a start time, such as a pending one, although Hex's OpenAPI document, which its code is
generated from, says that the field may be null.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from hex_emulator.client import Control
from tests.conftest import PROJECT, TOKENS
from tests.https import https_to
from tests.peers.conftest import (
    Client,
    Peer,
    Process,
    assert_cancelled,
    assert_run_and_polled,
    ended_and_running,
    next_run_never_ends,
    output_of,
)


@pytest.fixture(scope="module")
def prefect(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return the environment variables of a Prefect with a folder of its own and without analytics."""
    return {"PREFECT_HOME": str(tmp_path_factory.mktemp("prefect")), "PREFECT_SERVER_ANALYTICS_ENABLED": "false"}


@pytest.fixture
def client(peer: Peer, prefect: dict[str, str], emulator: Control, tmp_path: Path) -> Iterator[Client]:
    script = Path(__file__).with_name("prefect_hex_client.py")
    certificate = tmp_path / "certificate.pem"
    with https_to(emulator.url, certificate) as domain:
        variables = {"HEX_DOMAIN": domain, "HEX_TOKEN": TOKENS["full"], "SSL_CERT_FILE": str(certificate)}

        def client(*arguments: str) -> Process:
            return peer("prefect-hex", "python", script, *arguments, **prefect, **variables)

        yield client


def test_a_flow_starts_a_run_with_inputs_and_waits_for_its_end(emulator: Control, client: Client) -> None:
    emulator.next_run(pending=0)
    run = output_of(client("run", PROJECT, '{"region": "APAC", "order_count": 7}'))
    assert run["status"] == "COMPLETED"
    assert_run_and_polled(emulator, {"region": "APAC", "order_count": 7}, "COMPLETED")


def test_the_flow_fails_when_the_run_does(emulator: Control, client: Client) -> None:
    emulator.next_run(pending=0, outcome="ERRORED")
    flow = client("run", PROJECT, "{}")
    assert flow.returncode == 1
    assert "HexProjectRunErrored" in flow.stderr
    assert_run_and_polled(emulator, {}, "ERRORED")


def test_a_task_cancels_a_run(emulator: Control, client: Client) -> None:
    next_run_never_ends(emulator)
    cancelled = output_of(client("cancel", PROJECT))
    assert_cancelled(emulator)
    assert cancelled == emulator.runs()[0]["runId"]


def test_a_task_lists_the_runs_of_a_project_by_status(emulator: Control, client: Client) -> None:
    ended, running = ended_and_running(emulator)
    assert [run["runId"] for run in output_of(client("list", PROJECT))["runs"]] == [running, ended]
    assert [run["runId"] for run in output_of(client("list", PROJECT, "COMPLETED"))["runs"]] == [ended]
