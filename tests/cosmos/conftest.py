"""Cosmos with a small dbt project, in an environment that has Cosmos and dbt Cloud's provider (`make cosmos`)."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.shop import CHECKOUT
from tests.dag_runs.conftest import RunDag, run_dag

__all__ = ["RunDag", "run_dag"]

HERE = Path(__file__).parent
DAGS = HERE / "dags"
DBT_PROJECT = HERE / "dbt_project"
DBT = CHECKOUT / ".envs" / "dbt" / "bin" / "dbt"

os.environ["AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST"] = json.dumps(
    [
        {
            "name": "cosmos",
            "classpath": "airflow.dag_processing.bundles.local.LocalDagBundle",
            "kwargs": {"path": str(DAGS)},
        }
    ]
)


def dbt(*arguments: str) -> None:
    """Call dbt in the small project. A failing model or test is no error."""
    done = subprocess.run(
        [DBT, *arguments, "--project-dir", DBT_PROJECT, "--profiles-dir", DBT_PROJECT],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in (0, 1), done.stdout


@pytest.fixture(scope="session")
def dbt_target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder with the files that `dbt build` has written. One of its tests has failed."""
    folder = tmp_path_factory.mktemp("dbt")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SMALL_DUCKDB", str(folder / "small.duckdb"))
        patch.setenv("DBT_COMMAND", str(DBT))
        patch.setenv("DBT_PROJECT_DIR", str(DBT_PROJECT))
        patch.setenv("DBT_TARGET_PATH", str(folder / "target"))
        patch.setenv("DBT_LOG_PATH", str(folder / "logs"))
        dbt("build")
        shutil.copy(folder / "target" / "run_results.json", folder)  # Cosmos' commands replace it
        yield folder / "target"
