"""dbt builds tables, and each Hex project runs that is a dbt exposure and whose models were built.

    dbt_build >> hex.revenue
              >> hex.warehouse
              >> hex.dbt_succeeded

A project is not run if one of its models or their tests failed. The others are run nevertheless, and the DAG run fails
if dbt does. For a test that fails, trigger it with the variable `usual_share` at 0.1.

It needs the connection `hex_default` (type `hex`, with a Hex token as its API token), a dbt project, and dbt itself.
Variables set the paths:

    DBT_COMMAND      the dbt command; default: the one on the PATH
    DBT_PROJECT_DIR  the dbt project; default: demo/dbt_project beside this folder
    DBT_TARGET_PATH  where dbt writes its files; default: target in the dbt project
"""

import os
import shlex
from pathlib import Path

try:
    from airflow.sdk import Param, dag, task
except ImportError:  # Airflow 2
    from airflow.decorators import dag, task
    from airflow.models.param import Param

from airflow_provider_hex.dbt import HexExposures

DBT = shlex.quote(os.environ.get("DBT_COMMAND", "dbt"))
DBT_PROJECT = os.environ.get("DBT_PROJECT_DIR", str(Path(__file__).parents[1] / "demo" / "dbt_project"))
# A folder for each DAG run, so that no task reads the results of another DAG run.
TARGET = os.environ.get("DBT_TARGET_PATH", f"{DBT_PROJECT}/target") + "/{{ run_id }}"

# Written by: airflow hex exposures trim target/manifest.json --to hex_manifest.json
hex_projects = HexExposures(f"{DBT_PROJECT}/hex_manifest.json")


@dag(
    schedule=None,
    max_active_runs=1,  # two runs would build the same tables
    default_args={"retries": 0},
    params={"vars": Param({}, type="object", title="Variables of dbt")},
    tags=["hex", "dbt"],
    doc_md=__doc__,
)
def hex_exposures() -> None:
    @task.bash(cwd=DBT_PROJECT, do_xcom_push=False)
    def dbt_build() -> str:
        # If this task was cleared, its results must not be those of the earlier attempt.
        build = f"{DBT} build --target-path '{TARGET}' --vars '{{{{ params.vars | tojson }}}}'"
        return f"rm -f '{TARGET}/run_results.json'; {build}"

    dbt_build() >> hex_projects.task_group(
        "hex",
        run_results=f"{TARGET}/run_results.json",
        use_cached_sql_results=False,  # they may be from before the build
        deferrable=True,
    )


hex_exposures()
