"""One task for each of the operator's ways to wait. The DAG run's conf names the project, and may name a connection."""

import os
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

try:
    from airflow.sdk import DAG
except ImportError:  # Airflow 2
    from airflow import DAG

from airflow_provider_hex.operators.hex import HexRunProjectOperator

HOLDS = Path(os.environ["AIRFLOW_HOME"]) / "holds"
"""A task is held before it begins or resumes, while a file named as its DAG run is here. It creates `….reached`."""
HELD_AT_MOST = 600.0
TIME_LIMIT = 15
MODES = {"worker": False, "deferred": True}
TIME_LIMITS: dict[str, dict[str, Any]] = {
    "timeout": {"timeout": TIME_LIMIT},
    "execution_timeout": {"execution_timeout": timedelta(seconds=TIME_LIMIT)},
}


def hold(context: Any) -> None:
    file = HOLDS / context["dag_run"].run_id
    end = time.monotonic() + HELD_AT_MOST
    while file.exists() and time.monotonic() < end:
        file.with_suffix(".reached").touch()
        time.sleep(0.1)


def chaos(dag_id: str, **options: Any) -> None:
    with DAG(dag_id, schedule=None) as dag:
        HexRunProjectOperator(
            task_id="run",
            project_id="{{ dag_run.conf['project_id'] }}",
            hex_conn_id="{{ dag_run.conf.get('connection', 'hex_default') }}",
            pre_execute=hold,
            **{"poll_interval": 1, "retries": 1, "retry_delay": timedelta(seconds=1), **options},
        )
    globals()[dag_id] = dag


chaos("last_attempt", retries=0)

for mode, deferrable in MODES.items():
    chaos(mode, deferrable=deferrable)
    for limit, options in TIME_LIMITS.items():
        chaos(f"{mode}_{limit}", deferrable=deferrable, retries=0, **options)
        chaos(f"{mode}_{limit}_no_cancel", deferrable=deferrable, retries=0, cancel_on_timeout=False, **options)

chaos("start_only", wait_for_completion=False)
chaos("with_options", update_published_results=True)
chaos("adopting", update_published_results=True, on_ambiguous_start="adopt")

with DAG("mapped", schedule=None) as mapped:
    HexRunProjectOperator.partial(
        task_id="run",
        poll_interval=2,
        retries=2,
        retry_delay=timedelta(seconds=1),
        project_id="{{ dag_run.conf['project_id'] }}",
    ).expand(use_cached_sql_results=[True] * 25)
