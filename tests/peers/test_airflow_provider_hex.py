"""airflow-provider-hex 0.1.9, the release before this project's, on Airflow 2.11: a DAG run with its operator, and
its hook."""

import json
from pathlib import Path

import pytest

from hex_emulator.client import Control
from tests.conftest import PROJECT, TOKENS
from tests.peers.conftest import Ask, Peer, Process, answer, assert_cancelled, assert_followed, never_ending


@pytest.fixture(scope="module")
def airflow(peer: Peer, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The variables of an Airflow with a database."""
    variables = {
        "AIRFLOW_HOME": str(tmp_path_factory.mktemp("airflow")),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    }
    migrated = peer("airflow-provider-hex", "airflow", "db", "migrate", **variables)
    assert migrated.returncode == 0, migrated.stderr
    return variables


@pytest.fixture
def ask(peer: Peer, airflow: dict[str, str], emulator: Control) -> Ask:
    script = Path(__file__).with_name("airflow_provider_hex_client.py")
    connection = json.dumps({"conn_type": "hex", "host": emulator.url, "password": TOKENS["full"]})

    def ask(*arguments: str) -> Process:
        return peer(
            "airflow-provider-hex", "python", script, *arguments, **airflow, AIRFLOW_CONN_HEX_DEFAULT=connection
        )

    return ask


def test_a_task_starts_a_run_with_inputs_and_follows_it_to_its_end(emulator: Control, ask: Ask) -> None:
    task = answer(ask("follow", PROJECT, '{"region": "APAC", "order_count": 7}'))
    assert task["state"] == "success"
    assert task["returned"]["status"] == "COMPLETED"
    assert_followed(emulator, {"region": "APAC", "order_count": 7}, "COMPLETED")
    assert emulator.requests()[0]["path"] == f"/api/v1/project/{PROJECT}/run"  # so it was the old one indeed


def test_the_task_fails_when_the_run_does(emulator: Control, ask: Ask) -> None:
    emulator.next_run(outcome="ERRORED")
    task = answer(ask("follow", PROJECT, "{}"))
    assert task == {"state": "failed", "returned": None}
    assert_followed(emulator, {}, "ERRORED")


def test_the_hook_cancels_a_run(emulator: Control, ask: Ask) -> None:
    never_ending(emulator)
    cancelled = answer(ask("cancel", PROJECT))
    assert_cancelled(emulator)
    assert cancelled == emulator.runs()[0]["runId"]
