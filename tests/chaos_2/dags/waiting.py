"""One DAG for each way in which a task can wait for its Hex run until something gets in the way."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.providers.common.compat.sdk import DAG

from airflow_provider_hex.operators.hex import HexRunProjectOperator

PROJECT = "78c33d18-170c-44d3-a227-b3194f134f73"  # "Warehouse health" in the emulator
WAYS = {"worker": False, "deferred": True}
VARIANTS: dict[str, dict[str, Any]] = {
    "": {},
    "_with_a_retry": {"retries": 1},
    "_with_a_timeout": {"timeout": 15},
    "_with_an_execution_timeout": {"execution_timeout": timedelta(seconds=15)},
    "_leaving_it": {"execution_timeout": timedelta(seconds=15), "cancel_on_timeout": False},
}

for way, deferrable in WAYS.items():
    for variant, options in VARIANTS.items():
        with DAG(way + variant, schedule=None) as dag:
            HexRunProjectOperator(
                task_id="run",
                project_id=PROJECT,
                deferrable=deferrable,
                poll_interval=1,
                retry_delay=timedelta(0),  # a running task that is cleared waits for it too
                **{"retries": 0, **options},
            )
        globals()[dag.dag_id] = dag
