"""Mapped tasks that start all at once. Their arguments come from the environment.

They poll every 2 s, which is half a minute for Hex here. By default, they would poll when earlier runs of the project
ended, but by Hex's clock, which is much faster than Airflow's.
"""

import json
import os
from datetime import timedelta

from airflow.providers.common.compat.sdk import DAG

from airflow_provider_hex.operators.hex import HexRunProjectOperator

TASKS = json.loads(os.environ["LOAD_TASKS"])

with DAG("scale", schedule=None, max_active_tasks=24) as dag:
    HexRunProjectOperator.partial(
        task_id="run", retries=2, retry_delay=timedelta(seconds=1), poll_interval=2
    ).expand_kwargs(TASKS)
