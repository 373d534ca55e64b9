"""A DAG with one task for each kind of task in the simulation. An environment variable has their arguments as JSON."""

import json
import os
from datetime import timedelta

try:
    from airflow.sdk import DAG
except ImportError:  # Airflow 2
    from airflow import DAG

from airflow_provider_hex.operators.hex import HexRunProjectOperator

for dag_id, task in json.loads(os.environ.get("STORIES", "{}")).items():
    with DAG(dag_id, schedule=None) as dag:
        limit = task["execution_timeout"]
        HexRunProjectOperator(
            task_id="run",
            project_id="{{ dag_run.conf['project_id'] }}",
            hex_conn_id="{{ dag_run.conf['connection'] }}-{{ ti.try_number }}",  # so that Hex can tell the attempts
            retries=task["retries"],
            retry_delay=timedelta(seconds=task["retry_delay"]),
            execution_timeout=None if limit is None else timedelta(seconds=limit),
            **task["arguments"],
        )
    globals()[dag_id] = dag
