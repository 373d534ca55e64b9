"""What most tests need: an Airflow home of their own, an emulator, and a connection to it."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

# Airflow reads these when it is first imported, so they stand above every other import.
_home = tempfile.TemporaryDirectory(prefix="airflow-home-")
for name in [name for name in os.environ if name.startswith("AIRFLOW_")]:
    del os.environ[name]
os.environ["AIRFLOW_HOME"] = _home.name
os.environ["AIRFLOW__CORE__LOAD_EXAMPLES"] = "False"
os.environ["AIRFLOW__CORE__UNIT_TEST_MODE"] = "False"
os.environ["AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL"] = "0"  # no trigger has a worker to wait for
_checkout = Path(__file__).parents[1]
_folders = {"tests": _checkout / "tests" / "dag_runs" / "dags", "examples": _checkout / "example_dags"}
os.environ["AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST"] = json.dumps(
    [
        {
            "name": name,
            "classpath": "airflow.dag_processing.bundles.local.LocalDagBundle",
            "kwargs": {"path": str(folder)},
        }
        for name, folder in _folders.items()
    ]
)

import pytest  # noqa: E402

from hex_emulator.client import Control  # noqa: E402
from hex_emulator.server import running  # noqa: E402
from hex_emulator.workspace import default_workspace  # noqa: E402
from tests.contract import check_request  # noqa: E402

WORKSPACE = default_workspace()
TOKENS = {token.name: token.token for token in WORKSPACE.tokens}
PROJECTS = {project.title: project.id for project in WORKSPACE.projects}
PROJECT = PROJECTS["Daily revenue"]


@pytest.fixture(scope="session")
def _emulator() -> Iterator[Control]:
    with running(speed=10) as control:
        yield control


@pytest.fixture
def emulator(_emulator: Control, monkeypatch: pytest.MonkeyPatch) -> Iterator[Control]:
    """The emulator, fresh, ten times as fast as the clock, with ``hex_default`` leading to it.

    Whatever a test sends to it must be as the API's contract says.
    """
    _emulator.reset()
    connect(monkeypatch, host=_emulator.url)
    yield _emulator
    for request in _emulator.requests():
        check_request(request["method"], request["path"], request["query"], request["body"])


def connect(monkeypatch: pytest.MonkeyPatch, extra: dict[str, object] | None = None, **fields: object) -> None:
    """Define ``hex_default``, with the token that may do everything unless told otherwise.

    Time in the emulator is short, so looks are more frequent and graces shorter than in Hex.
    """
    options = {"requests_per_minute": 6000, "start_grace": 0.01, **(extra or {})}
    connection = {"conn_type": "hex", "password": TOKENS["full"], **fields, "extra": options}
    monkeypatch.setenv("AIRFLOW_CONN_HEX_DEFAULT", json.dumps(connection))
