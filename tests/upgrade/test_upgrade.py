"""From 0.1.9 on Airflow 2.11 to this package there, and then to Airflow 3.3: all in one database."""

import base64
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.airflow_api import AirflowApi
from demo.local_airflow import LocalAirflow, local_airflow
from demo.ports import Ports
from demo.postgres import postgres
from demo.waiting import wait_for
from hex_emulator.client import Control
from hex_emulator.inputs import Input
from hex_emulator.server import running
from hex_emulator.workspace import Project, Token, Workspace
from tests.chaos.airflow_2 import SERVICES, local_airflow_2
from tests.upgrade.conftest import Environment

pytestmark = [pytest.mark.system, pytest.mark.timeout(1800)]

FOLDER = Path(__file__).parent
PROJECT = "5a8591dd-4039-49df-9202-96385ba3eff8"
TOKEN = "hxtw_of-the-upgrade"
WITHIN = 300.0
"""Seconds that a DAG run may take on a slow and busy machine."""


@pytest.fixture(scope="module")
def emulator() -> Iterator[Control]:
    inputs = (Input(name="region", cell="TEXT_INPUT", default="APAC"),)
    workspace = Workspace(
        projects=(Project(id=PROJECT, title="Sales", version=1, inputs=inputs),),
        tokens=(Token(name="airflow", token=TOKEN, owner="ada@example.com", scopes=("read", "run")),),
    )
    with running(workspace) as control:
        control.no_limits()
        yield control


def test_0_1_9_is_replaced_and_then_airflow_2(
    emulator: Control, old_environment: Environment, wheel: Path, tmp_path: Path
) -> None:
    key = {"AIRFLOW__CORE__FERNET_KEY": base64.urlsafe_b64encode(os.urandom(32)).decode()}
    with postgres(tmp_path / "postgres") as database:
        with local_airflow_2(
            tmp_path / "airflow-2", FOLDER / "dags_2", Ports.free(), database, key, old_environment.python
        ) as airflow:
            airflow.api.create_connection("hex_default", "hex", host=emulator.url, password=TOKEN)
            assert_refreshes(airflow, emulator, "with-0.1.9")
            before = old_environment.packages()
            stop(airflow)
            old_environment.install(wheel)
            assert {package.partition("==")[0] for package in before ^ old_environment.packages()} == {
                f"airflow-provider-hex @ file://{wheel}",
                "airflow-provider-hex",
            }
            start(airflow, old_environment)
            assert_refreshes(airflow, emulator, "with-this-package")
            assert_readable(airflow.api, emulator, ["with-0.1.9", "with-this-package"])
        dags = for_airflow_3(FOLDER / "dags_2", tmp_path / "dags")
        with local_airflow(tmp_path / "airflow-3", [dags], Ports.free(), key, database) as airflow:
            assert_refreshes(airflow, emulator, "on-Airflow-3")
            assert_readable(airflow.api, emulator, ["with-0.1.9", "with-this-package", "on-Airflow-3"])


def for_airflow_3(dags: Path, folder: Path) -> Path:
    """Return a folder with the same DAG file, but for the one argument that Airflow 3 has no more."""
    folder.mkdir()
    text = (dags / "nightly.py").read_text()
    (folder / "nightly.py").write_text(text.replace("schedule_interval=None", "schedule=None"))
    return folder


def stop(airflow: LocalAirflow) -> None:
    for service in SERVICES:
        airflow.processes.stop(service)


def start(airflow: LocalAirflow, environment: Environment) -> None:
    for service in SERVICES:
        airflow.processes.start(service, (environment.python, "-m", "airflow", service))
    wait_for("Airflow's start", lambda: airflow.api.is_healthy() or None, WITHIN)


def assert_refreshes(airflow: LocalAirflow, emulator: Control, dag_run: str) -> None:
    """Run the DAG, and assert that it started one run of the Hex project, with its input."""
    airflow.wait_for_dag("nightly")
    assert airflow.api.import_errors() == []
    started = len(emulator.runs())
    airflow.api.trigger("nightly", dag_run)

    def state() -> str | None:
        now = str(airflow.api.dag_run("nightly", dag_run)["state"])
        return now if now in ("success", "failed") else None

    assert wait_for(f"the end of the DAG run {dag_run}", state, WITHIN) == "success"
    (run,) = emulator.runs()[started:]
    assert (run["status"], run["inputs"]["region"]) == ("COMPLETED", "EMEA")


def assert_readable(api: AirflowApi, emulator: Control, dag_runs: list[str]) -> None:
    """Assert that the connection is there, and each DAG run with its XComs."""
    assert api.connection("hex_default")["host"] == emulator.url
    for dag_run, run in zip(dag_runs, emulator.runs(), strict=True):
        assert api.dag_run("nightly", dag_run)["state"] == "success"
        assert api.xcom("nightly", dag_run, "refresh")["runId"] == run["runId"]
        assert api.xcom("nightly", dag_run, "report") == "COMPLETED"
