"""A DAG as it was written for airflow-provider-hex 0.1.9, with what Airflow 3 has no more replaced."""

from datetime import datetime

from airflow import DAG
from airflow.operators.python import PythonOperator

from airflow_provider_hex.hooks.hex import HexHook
from airflow_provider_hex.operators.hex import HexRunProjectOperator

PROJECT = "5a8591dd-4039-49df-9202-96385ba3eff8"


def status_of(run):
    return HexHook(hex_conn_id="hex_default").run_status(PROJECT, run["runId"])["status"]


with DAG("nightly", schedule=None, start_date=datetime(2023, 6, 1)) as dag:
    refresh = HexRunProjectOperator(
        task_id="refresh",
        hex_conn_id="hex_default",
        project_id=PROJECT,
        input_parameters={"region": "EMEA"},
        synchronous=True,
        wait_seconds=1,
        timeout=600,
        kill_on_timeout=True,
    )
    report = PythonOperator(task_id="report", python_callable=status_of, op_args=[refresh.output])
