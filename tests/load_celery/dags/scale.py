"""Mapped tasks that start all at once. Their arguments come from the environment."""

import json
import os
from datetime import timedelta

try:
    from airflow.sdk import DAG
except ImportError:  # Airflow 2
    from airflow import DAG

from airflow_provider_hex.operators.hex import HexRunProjectOperator

TASKS = json.loads(os.environ["LOAD_TASKS"])

with DAG("scale", schedule=None, max_active_tasks=24) as dag:
    HexRunProjectOperator.partial(task_id="run", retries=2, retry_delay=timedelta(seconds=1)).expand_kwargs(TASKS)
