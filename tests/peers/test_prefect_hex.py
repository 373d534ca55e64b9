"""prefect-hex: its flow and its tasks, in Prefect 2. It asks by https only, so TLS stands before the emulator.

It cannot read a run without a start time, as a pending one is, although Hex's own document, of which it was
generated, has said that the field may be null.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from hex_emulator.client import Control
from tests.conftest import PROJECT, TOKENS
from tests.https import https_to
from tests.peers.conftest import (
    Ask,
    Peer,
    Process,
    answer,
    assert_cancelled,
    assert_followed,
    ended_and_running,
    never_ending,
)


@pytest.fixture(scope="module")
def prefect(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The variables of a Prefect that keeps to itself."""
    return {"PREFECT_HOME": str(tmp_path_factory.mktemp("prefect")), "PREFECT_SERVER_ANALYTICS_ENABLED": "false"}


@pytest.fixture
def ask(peer: Peer, prefect: dict[str, str], emulator: Control, tmp_path: Path) -> Iterator[Ask]:
    script = Path(__file__).with_name("prefect_hex_client.py")
    certificate = tmp_path / "certificate.pem"
    with https_to(emulator.url, certificate) as domain:
        variables = {"HEX_DOMAIN": domain, "HEX_TOKEN": TOKENS["full"], "SSL_CERT_FILE": str(certificate)}

        def ask(*arguments: str) -> Process:
            return peer("prefect-hex", "python", script, *arguments, **prefect, **variables)

        yield ask


def test_a_flow_starts_a_run_with_inputs_and_follows_it_to_its_end(emulator: Control, ask: Ask) -> None:
    emulator.next_run(pending=0)
    run = answer(ask("follow", PROJECT, '{"region": "APAC", "order_count": 7}'))
    assert run["status"] == "COMPLETED"
    assert_followed(emulator, {"region": "APAC", "order_count": 7}, "COMPLETED")


def test_the_flow_fails_when_the_run_does(emulator: Control, ask: Ask) -> None:
    emulator.next_run(pending=0, outcome="ERRORED")
    flow = ask("follow", PROJECT, "{}")
    assert flow.returncode == 1
    assert "HexProjectRunErrored" in flow.stderr
    assert_followed(emulator, {}, "ERRORED")


def test_a_task_cancels_a_run(emulator: Control, ask: Ask) -> None:
    never_ending(emulator)
    cancelled = answer(ask("cancel", PROJECT))
    assert_cancelled(emulator)
    assert cancelled == emulator.runs()[0]["runId"]


def test_a_task_lists_the_runs_of_a_project_by_status(emulator: Control, ask: Ask) -> None:
    ended, running = ended_and_running(emulator)
    assert [run["runId"] for run in answer(ask("list", PROJECT))["runs"]] == [running, ended]
    assert [run["runId"] for run in answer(ask("list", PROJECT, "COMPLETED"))["runs"]] == [ended]
