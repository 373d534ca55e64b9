"""A task for each way to start a Hex run and to wait for it. The DAG run's conf names the project of the last one."""

try:
    from airflow.sdk import DAG
except ImportError:  # Airflow 2
    from airflow import DAG

from airflow_provider_hex.operators.hex import HexRunProjectOperator
from airflow_provider_hex.sensors.hex import HexRunSensor

PROJECT = "5a8591dd-4039-49df-9202-96385ba3eff8"  # "Daily revenue" in the emulator

with DAG("every_way", schedule=None, default_args={"retries": 0}):
    started = HexRunProjectOperator(task_id="start", project_id=PROJECT, wait_for_completion=False)
    waited = HexRunSensor(
        task_id="wait", project_id=PROJECT, run_id="{{ ti.xcom_pull(task_ids='start')['runId'] }}", deferrable=True
    )
    mapped = HexRunProjectOperator.partial(task_id="mapped", project_id=PROJECT, deferrable=False).expand(
        input_params=[{"region": "AMER"}, {"region": "EMEA"}]
    )
    deferred = HexRunProjectOperator(
        task_id="deferred", project_id="{{ dag_run.conf['project_id'] }}", deferrable=True, poll_interval=2
    )
    started >> waited >> mapped >> deferred
