"""The Airflow that is installed here, as real processes, and an emulator."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from airflow_provider_hex.airflow_compat import AIRFLOW_V_3_0_PLUS
from demo.local_airflow import LocalAirflow, local_airflow
from demo.ports import Ports
from demo.postgres import postgres
from hex_emulator.client import Control
from hex_emulator.server import running
from hex_emulator.workspace import default_workspace
from tests.chaos.airflow_2 import local_airflow_2

DAGS = Path(__file__).with_name("dags")


@pytest.fixture(scope="session")
def emulator() -> Iterator[Control]:
    with running() as control:
        yield control


@pytest.fixture(scope="session")
def airflow(emulator: Control, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAirflow]:
    folder, ports = tmp_path_factory.mktemp("airflow"), Ports.free()
    with ExitStack() as stack:
        database = stack.enter_context(postgres(folder / "postgres"))
        if AIRFLOW_V_3_0_PLUS:
            airflow = stack.enter_context(local_airflow(folder / "home", [DAGS], ports, database=database))
        else:
            airflow = stack.enter_context(local_airflow_2(folder / "home", DAGS, ports, database))
        airflow.api.create_connection(
            "hex_default", "hex", host=emulator.url, password=default_workspace().token("full")
        )
        yield airflow
