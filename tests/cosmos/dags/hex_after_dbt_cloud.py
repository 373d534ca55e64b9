"""A job of dbt Cloud builds the models of a dbt project, and the Hex projects run that are based on them."""

import os
from typing import Any

from airflow.providers.dbt.cloud.hooks.dbt import DbtCloudHook
from airflow.providers.dbt.cloud.operators.dbt import DbtCloudRunJobOperator
from airflow.sdk import DAG

from airflow_provider_hex.dbt import HexExposures

MANIFEST = os.environ["DBT_TARGET_PATH"] + "/manifest.json"
STEP = int(os.environ["DBT_CLOUD_STEP"]) if "DBT_CLOUD_STEP" in os.environ else None


def results_of_job(context: dict[str, Any]) -> Any:
    """Return the results of the job's run. Its id is there even if the job has failed."""
    run_id = context["ti"].xcom_pull(task_ids="dbt", key="job_run_id")
    return DbtCloudHook().get_job_run_artifact(run_id, "run_results.json", step=STEP).json()


hex_projects = HexExposures(MANIFEST)

with DAG("hex_after_dbt_cloud", schedule=None):
    dbt = DbtCloudRunJobOperator(task_id="dbt", job_id=48617, deferrable=True)
    dbt >> hex_projects.task_group("hex", run_results=results_of_job, deferrable=True)
