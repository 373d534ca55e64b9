"""What most tests need: a new Airflow home, an emulator, and a connection to it."""

from __future__ import annotations

import json
import logging
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

# Airflow reads these when it is first imported, so they stand above every other import.
_home = tempfile.TemporaryDirectory(prefix="airflow-home-")
for name in [name for name in os.environ if name.startswith("AIRFLOW_")]:
    del os.environ[name]
os.environ["AIRFLOW_HOME"] = _home.name
os.environ["AIRFLOW__CORE__LOAD_EXAMPLES"] = "False"
os.environ["AIRFLOW__CORE__UNIT_TEST_MODE"] = "False"
os.environ["AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL"] = "0"  # triggers need not wait for a worker to end
_checkout = Path(__file__).parents[1]
_folders = {
    "tests": _checkout / "tests" / "dag_runs" / "dags",
    "examples": _checkout / "example_dags",
    "dbt": _checkout / "tests" / "dbt" / "dags",
}
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
from hypothesis import HealthCheck, settings  # noqa: E402

from airflow_provider_hex.airflow_compat import AIRFLOW_V_3_0_PLUS  # noqa: E402
from hex_emulator.client import Control  # noqa: E402
from hex_emulator.server import running  # noqa: E402
from hex_emulator.workspace import default_workspace  # noqa: E402
from tests.contract import check_request  # noqa: E402
from tests.links import broken_links  # noqa: E402

# A slow machine is no failure.
settings.register_profile("any-speed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any-speed")

WORKSPACE = default_workspace()
TOKENS = {token.name: token.token for token in WORKSPACE.tokens}
PROJECTS = {project.title: project.id for project in WORKSPACE.projects}
PROJECT = PROJECTS["Daily revenue"]
DEFERRAL_TIMEOUT = "Trigger timeout" if AIRFLOW_V_3_0_PLUS else "Trigger/execution timeout"
"""The error with which Airflow resumes a task whose deferral reached its timeout."""


@pytest.fixture(scope="session")
def _database() -> None:
    """Airflow's database, in the new Airflow home."""
    from airflow.utils import db

    db.upgradedb()


@pytest.fixture(scope="session")
def _emulator() -> Iterator[Control]:
    with running(speed=10) as control:
        yield control


@pytest.fixture
def emulator(_emulator: Control, monkeypatch: pytest.MonkeyPatch) -> Iterator[Control]:
    """The emulator, without runs, with a clock that is ten times as fast, and ``hex_default`` as a connection to it.

    Every request of a test must follow the API's contract.
    """
    _emulator.reset()
    connect(monkeypatch, host=_emulator.url)
    yield _emulator
    for request in _emulator.requests():
        check_request(request["method"], request["path"], request["query"], request["body"], request["headers"])


@pytest.fixture
def logged(caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]) -> Callable[[], str]:
    """Returns what was logged since the last call: Airflow 3's loggers print, Airflow 2's log."""
    caplog.set_level(logging.INFO)
    return lambda: "".join(capsys.readouterr()) + caplog.text


@pytest.fixture(autouse=True)
def _links_in_log_lines() -> Iterator[None]:
    """Check the URLs in all log lines of a test."""
    lines = _Lines()
    logger = logging.getLogger("airflow_provider_hex")
    logger.addHandler(lines)
    yield
    logger.removeHandler(lines)
    assert not lines.broken_links


class _Lines(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.broken_links: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.broken_links += broken_links(record.getMessage())


def connect(monkeypatch: pytest.MonkeyPatch, extra: dict[str, object] | None = None, **fields: object) -> None:
    """Define ``hex_default``, by default with the token that has all scopes.

    The emulator's clock is fast, so polls are more frequent and ``start_grace`` is shorter than for Hex.
    """
    options = {"requests_per_minute": 6000, "start_grace": 0.01, **(extra or {})}
    connection = {"conn_type": "hex", "password": TOKENS["full"], **fields, "extra": options}
    monkeypatch.setenv("AIRFLOW_CONN_HEX_DEFAULT", json.dumps(connection))
