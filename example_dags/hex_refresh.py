"""A Hex project runs with the day as its input. The task succeeds if the run completes."""

try:
    from airflow.sdk import DAG
except ImportError:  # Airflow 2
    from airflow import DAG

from airflow_provider_hex.operators.hex import HexRunProjectOperator

with DAG("hex_refresh", schedule=None):  # or "@daily", with a start_date
    HexRunProjectOperator(
        task_id="refresh_dashboard",
        project_id="5a8591dd-4039-49df-9202-96385ba3eff8",  # the project's id, or its URL
        input_params={"as_of": "{{ (dag_run.logical_date or dag_run.run_after) | ds }}"},
        deferrable=True,  # wait in the triggerer, without a worker
        retries=2,  # a retry re-attaches to the run (Airflow 3.3 and later)
    )
