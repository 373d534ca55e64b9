"""One DAG for each way in which a task can wait for a Hex run."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

try:
    from airflow.sdk import DAG, BaseOperator
except ImportError:  # Airflow 2
    from airflow import DAG
    from airflow.models import BaseOperator

from airflow_provider_hex.operators.hex import HexRunProjectOperator
from airflow_provider_hex.sensors.hex import HexRunSensor

PROJECT = "5a8591dd-4039-49df-9202-96385ba3eff8"

WAYS: dict[str, dict[str, Any]] = {
    "operator_in_worker": {"deferrable": False, "poll_interval": 0.1},
    "operator_deferred": {"deferrable": True, "poll_interval": 0.1},
    "sensor_poke": {"mode": "poke", "poke_interval": 0.1},
    "sensor_reschedule": {"mode": "reschedule", "poke_interval": 0.1},
    "sensor_deferred": {"deferrable": True, "poke_interval": 0.1},
}
AT_MOST = 240
"""Seconds for a task that should not time out, however slow the machine is."""
VARIANTS: dict[str, dict[str, Any]] = {
    "": {"timeout": AT_MOST},
    "_for_a_second": {"timeout": 1},
    "_with_retries": {"timeout": AT_MOST, "retries": 3, "retry_delay": timedelta(0)},
    "_with_an_execution_timeout": {"timeout": AT_MOST, "execution_timeout": timedelta(seconds=3)},
}
OPERATOR_VARIANTS: dict[str, dict[str, Any]] = {
    "_leaving_it": {"timeout": 1, "cancel_on_timeout": False},
    "_polling_at_the_timeout_only": {"timeout": 6, "poll_interval": 60},
}
SENSOR_VARIANTS: dict[str, dict[str, Any]] = {
    "_softly": {"timeout": 1, "soft_fail": True},
    "_softly_for_long": {"timeout": AT_MOST, "soft_fail": True},
    "_polling_at_the_timeout_only": {"timeout": 6, "poke_interval": 10},
}


def waiting(dag_id: str, **options: Any) -> DAG:
    """A DAG whose task ``wait`` waits for a run, which it or the task ``start`` has started."""
    with DAG(dag_id, schedule=None) as dag:
        if "operator" in dag_id:
            HexRunProjectOperator(task_id="wait", project_id=PROJECT, **options)
        else:
            start: BaseOperator = HexRunProjectOperator(task_id="start", project_id=PROJECT, wait_for_completion=False)
            HexRunSensor(task_id="wait", project_id=PROJECT, run_id=start.output["run_id"], **options)  # type: ignore[index]
    return dag


for way, options in WAYS.items():
    own_variants = OPERATOR_VARIANTS if "operator" in way else SENSOR_VARIANTS
    for variant, more in (VARIANTS | own_variants).items():
        globals()[way + variant] = waiting(way + variant, **options | more)
