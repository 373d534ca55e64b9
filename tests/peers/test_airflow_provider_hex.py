"""airflow-provider-hex 0.1.9, the release before this project's, on Airflow 2.11: its operator and its hook."""

import json
from pathlib import Path

import pytest

from hex_emulator.client import Control
from tests.conftest import PROJECT, TOKENS
from tests.peers.conftest import (
    Client,
    Peer,
    Process,
    assert_cancelled,
    assert_run_and_polled,
    next_run_never_ends,
    output_of,
)


@pytest.fixture(scope="module")
def airflow(peer: Peer, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Create an Airflow database, and return the environment variables for it."""
    variables = {
        "AIRFLOW_HOME": str(tmp_path_factory.mktemp("airflow")),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    }
    migrated = peer("airflow-provider-hex", "airflow", "db", "migrate", **variables)
    assert migrated.returncode == 0, migrated.stderr
    return variables


@pytest.fixture
def client(peer: Peer, airflow: dict[str, str], emulator: Control) -> Client:
    script = Path(__file__).with_name("airflow_provider_hex_client.py")
    connection = json.dumps({"conn_type": "hex", "host": emulator.url, "password": TOKENS["full"]})

    def client(*arguments: str) -> Process:
        return peer(
            "airflow-provider-hex", "python", script, *arguments, **airflow, AIRFLOW_CONN_HEX_DEFAULT=connection
        )

    return client


def test_a_task_starts_a_run_with_inputs_and_waits_for_its_end(emulator: Control, client: Client) -> None:
    task = output_of(client("run", PROJECT, '{"region": "APAC", "order_count": 7}'))
    assert task["state"] == "success"
    assert task["returned"]["status"] == "COMPLETED"
    assert_run_and_polled(emulator, {"region": "APAC", "order_count": 7}, "COMPLETED")
    assert emulator.requests()[0]["path"] == f"/api/v1/project/{PROJECT}/run"  # the path of the old release


def test_the_task_fails_when_the_run_does(emulator: Control, client: Client) -> None:
    emulator.next_run(outcome="ERRORED")
    task = output_of(client("run", PROJECT, "{}"))
    assert task == {"state": "failed", "returned": None}
    assert_run_and_polled(emulator, {}, "ERRORED")


def test_the_hook_cancels_a_run(emulator: Control, client: Client) -> None:
    next_run_never_ends(emulator)
    cancelled = output_of(client("cancel", PROJECT))
    assert_cancelled(emulator)
    assert cancelled == emulator.runs()[0]["runId"]
