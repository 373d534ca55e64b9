"""A real Airflow and an emulator for all system tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.local_airflow import LocalAirflow, local_airflow
from demo.ports import Ports
from demo.shop import EXAMPLE_DAGS, dbt_environment
from hex_emulator.client import Control
from hex_emulator.server import running
from hex_emulator.workspace import default_workspace

DAGS = Path(__file__).with_name("dags")
DAGS_FOR_EACH_AIRFLOW = Path(__file__).parents[1] / "matrix" / "dags"


@pytest.fixture(scope="session")
def token() -> str:
    return default_workspace().token("full")


@pytest.fixture(scope="session")
def emulator() -> Iterator[Control]:
    with running() as control:
        yield control


@pytest.fixture(scope="session")
def own_dags(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which Airflow finds the DAG files that a test writes."""
    return tmp_path_factory.mktemp("own_dags")


@pytest.fixture(scope="session")
def airflow(
    emulator: Control, token: str, own_dags: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LocalAirflow]:
    """An Airflow with all DAGs in `example_dags/`, `dags/`, the matrix and `own_dags`, connected to the emulator."""
    folder = tmp_path_factory.mktemp("airflow")
    (folder / "dbt").mkdir()
    variables = dbt_environment(folder / "dbt")
    with local_airflow(
        folder / "home", [EXAMPLE_DAGS, DAGS, DAGS_FOR_EACH_AIRFLOW, own_dags], Ports.free(), variables
    ) as airflow:
        airflow.api.create_connection("hex_default", "hex", host=emulator.url, password=token)
        yield airflow
