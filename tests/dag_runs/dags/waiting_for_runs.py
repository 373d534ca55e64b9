"""One DAG for each way in which a task can wait for a Hex run."""

from __future__ import annotations

from typing import Any

from airflow.providers.common.compat.sdk import DAG, BaseOperator

from airflow_provider_hex.operators.hex import HexRunProjectOperator
from airflow_provider_hex.sensors.hex import HexRunSensor

PROJECT = "5a8591dd-4039-49df-9202-96385ba3eff8"

operator_waits: dict[str, dict[str, Any]] = {
    "operator_in_worker": {"deferrable": False, "poll_interval": 0.1},
    "operator_deferred": {"deferrable": True, "poll_interval": 0.1},
}
sensor_waits: dict[str, dict[str, Any]] = {
    "sensor_poke": {"mode": "poke", "poke_interval": 0.1},
    "sensor_reschedule": {"mode": "reschedule", "poke_interval": 0.1},
    "sensor_deferred": {"deferrable": True, "poke_interval": 0.1},
}


def task_waits(dag_id: str, options: dict[str, Any], **more: Any) -> DAG:
    """A DAG whose task ``wait`` waits for a run: one that it starts itself, or one that ``start`` did."""
    with DAG(dag_id, schedule=None) as dag:
        if "operator" in dag_id:
            HexRunProjectOperator(task_id="wait", project_id=PROJECT, **options, **more)
        else:
            start: BaseOperator = HexRunProjectOperator(
                task_id="start", project_id=PROJECT, wait_for_completion=False
            )
            HexRunSensor(task_id="wait", project_id=PROJECT, run_id=start.output["run_id"], **options, **more)
    return dag


for way, options in (operator_waits | sensor_waits).items():
    globals()[way] = task_waits(way, options, timeout=30)
    globals()[f"{way}_for_a_second"] = task_waits(f"{way}_for_a_second", options, timeout=1)
    globals()[f"{way}_softly"] = task_waits(f"{way}_softly", options, timeout=1, soft_fail=True) if "sensor" in way else None
