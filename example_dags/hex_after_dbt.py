"""dbt builds tables, then a Hex project runs on them, with the day and the number of orders as inputs.

    dbt_build >> order_count >> start_hex_run >> wait_for_hex_run >> report

It needs the connection `hex_default` (type `hex`, with a Hex token as its API token), a dbt project, and dbt itself,
best in a separate environment, so that its requirements do not clash with Airflow's. Two variables set the paths:

    DBT_COMMAND      the dbt command; default: the one on the PATH
    DBT_PROJECT_DIR  the dbt project; default: demo/dbt_project beside this folder
"""

import os
import shlex
from pathlib import Path
from typing import Any

try:
    from airflow.sdk import Param, dag, task
except ImportError:  # Airflow 2
    from airflow.decorators import dag, task
    from airflow.models.param import Param

from airflow_provider_hex.operators.hex import HexRunProjectOperator
from airflow_provider_hex.sensors.hex import HexRunSensor

DBT = shlex.quote(os.environ.get("DBT_COMMAND", "dbt"))
DBT_PROJECT = os.environ.get("DBT_PROJECT_DIR", str(Path(__file__).parents[1] / "demo" / "dbt_project"))

# The id in the Hex project's URL, here that of "Daily revenue" in the emulator's workspace.
HEX_PROJECT = "5a8591dd-4039-49df-9202-96385ba3eff8"

# A DAG run that is triggered by hand or by API has no logical date in Airflow 3, and so no `ds`.
AS_OF = "{{ params.as_of or (dag_run.logical_date or dag_run.run_after) | ds }}"


@dag(
    schedule=None,
    max_active_runs=1,  # two runs would build the same tables
    default_args={"retries": 0},
    params={"as_of": Param(None, type=["null", "string"], format="date", title="Day (default: the run's)")},
    tags=["hex", "dbt"],
    doc_md=__doc__,
)
def hex_after_dbt() -> None:
    @task.bash(cwd=DBT_PROJECT, do_xcom_push=False)
    def dbt_build() -> str:
        return f"{DBT} build"

    @task.bash(cwd=DBT_PROJECT, output_processor=int)
    def order_count() -> str:
        """The last line of the command's output becomes the task's result, as a number."""
        return f"{DBT} --quiet run-operation print_order_count"

    @task
    def report(run: dict[str, Any]) -> None:
        print(f"Hex run {run['status']} after {run['elapsedTime'] / 1000:.1f} s: {run['runUrl']}")

    orders = order_count()
    start_hex_run = HexRunProjectOperator(
        task_id="start_hex_run",
        project_id=HEX_PROJECT,
        input_params={"as_of": AS_OF, "order_count": orders},
        wait_for_completion=False,
    )
    # The sensor waits in the triggerer, so a run of hours holds no worker. A run that fails makes this task fail.
    wait_for_hex_run = HexRunSensor(
        task_id="wait_for_hex_run",
        project_id=HEX_PROJECT,
        run_id=start_hex_run.output["run_id"],
        poke_interval=5,
        timeout=3600,
        deferrable=True,
    )

    dbt_build() >> orders
    report(wait_for_hex_run.output)


hex_after_dbt()
