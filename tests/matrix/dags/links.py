"""Mapped operators with a retry, and a sensor. Hex decides how long their runs take, and how they end."""

from datetime import timedelta

try:
    from airflow.sdk import DAG
except ImportError:  # Airflow 2
    from airflow import DAG

from airflow_provider_hex.operators.hex import HexRunProjectOperator
from airflow_provider_hex.sensors.hex import HexRunSensor

PROJECT = "5a8591dd-4039-49df-9202-96385ba3eff8"  # "Daily revenue" in the emulator

with DAG("links", schedule=None, default_args={"deferrable": True}):
    HexRunProjectOperator.partial(
        task_id="refresh", project_id=PROJECT, poll_interval=2, retries=1, retry_delay=timedelta(0)
    ).expand(input_params=[{"region": "AMER"}, {"region": "EMEA"}])
    HexRunSensor(task_id="wait", project_id=PROJECT, run_id="{{ dag_run.conf['run_id'] }}", poke_interval=2, retries=0)
