"""A DAG that waits for a run that it did not start.

What starts the run also triggers this DAG, and passes the `runId` of Hex's response as the parameter `run_id`.
"""

from datetime import timedelta
from typing import Any

try:
    from airflow.sdk import Param, dag, task
except ImportError:  # Airflow 2
    from airflow.decorators import dag, task
    from airflow.models.param import Param

from airflow_provider_hex.sensors.hex import HexRunSensor


@dag(
    schedule=None,
    params={"run_id": Param(type="string", format="uuid", title="The id of a Hex run")},
    tags=["hex"],
    doc_md=__doc__,
)
def hex_wait_for_run() -> None:
    @task
    def report(run: dict[str, Any]) -> None:
        print(f"{run['status']} after {run['elapsedTime'] / 1000:.0f} s: {run['runUrl']}")

    wait = HexRunSensor(
        task_id="wait",
        project_id="5a8591dd-4039-49df-9202-96385ba3eff8",
        run_id="{{ params.run_id }}",
        deferrable=True,  # wait in the triggerer, without a worker
        timeout=timedelta(hours=2),
        soft_fail=True,  # skip, and not fail, if the run fails or takes longer
    )
    report(wait.output)


hex_wait_for_run()
