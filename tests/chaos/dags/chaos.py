"""One task in each of the operator's ways to wait. The DAG run's conf names the project, and may name a connection."""

import os
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

from airflow.providers.common.compat.sdk import DAG

from airflow_provider_hex.operators.hex import HexRunProjectOperator

HOLDS = Path(os.environ["AIRFLOW_HOME"]) / "holds"
"""While a file named as the DAG run lies here, its task does not begin or go on, and says there that it is here."""


def hold(context: Any) -> None:
    file = HOLDS / context["dag_run"].run_id
    end = time.monotonic() + 120
    while file.exists() and time.monotonic() < end:
        file.with_suffix(".reached").touch()
        time.sleep(0.1)


def chaos(dag_id: str, **options: Any) -> DAG:
    with DAG(dag_id, schedule=None) as dag:
        HexRunProjectOperator(
            task_id="run",
            project_id="{{ dag_run.conf['project_id'] }}",
            hex_conn_id="{{ dag_run.conf.get('connection', 'hex_default') }}",
            pre_execute=hold,
            **{"poll_interval": 1, "retries": 1, "retry_delay": timedelta(seconds=1), **options},
        )
    return dag


worker = chaos("worker")
deferred = chaos("deferred", deferrable=True)
start_only = chaos("start_only", wait_for_completion=False)
with_options = chaos("with_options", update_published_results=True)
adopting = chaos("adopting", update_published_results=True, on_ambiguous_start="adopt")
worker_timeout = chaos("worker_timeout", timeout=8, retries=0)
deferred_timeout = chaos("deferred_timeout", timeout=8, retries=0, deferrable=True)
worker_execution_timeout = chaos("worker_execution_timeout", execution_timeout=timedelta(seconds=8), retries=0)
deferred_execution_timeout = chaos(
    "deferred_execution_timeout", execution_timeout=timedelta(seconds=8), retries=0, deferrable=True
)
timeout_that_leaves = chaos("timeout_that_leaves", timeout=8, cancel_on_timeout=False, retries=0, deferrable=True)

with DAG("mapped", schedule=None) as mapped:
    HexRunProjectOperator.partial(
        task_id="run",
        poll_interval=2,
        retries=2,
        retry_delay=timedelta(seconds=1),
        project_id="{{ dag_run.conf['project_id'] }}",
    ).expand(use_cached_sql_results=[True] * 25)
