"""DAGs that start runs with values from templates and other tasks."""

from __future__ import annotations

import datetime
from typing import Any

try:
    from airflow.sdk import DAG, task
except ImportError:  # Airflow 2
    from airflow import DAG
    from airflow.decorators import task  # type: ignore[attr-defined,no-redef]

from airflow_provider_hex.operators.hex import HexRunProjectOperator
from airflow_provider_hex.sensors.hex import HexRunSensor

with DAG("everything_templated", schedule=None, render_template_as_native_obj=True) as everything_templated:
    HexRunProjectOperator(
        task_id="run",
        project_id="{{ dag_run.conf['project'] }}",
        input_params={
            "as_of": "{{ dag_run.conf['as_of'] }}",
            "order_count": "{{ dag_run.conf['orders'] | int }}",
            "region": "EMEA",
        },
        notifications=[{"type": "ALL", "includeSuccessScreenshot": False, "subject": "{{ dag_run.conf['as_of'] }}"}],
        use_cached_sql_results="{{ dag_run.conf['cached'] }}",
        hex_conn_id="hex_{{ 'default' }}",
        wait_for_completion=False,
    )

with DAG("a_saved_view", schedule=None) as a_saved_view:
    HexRunProjectOperator(
        task_id="run",
        project_id="{{ dag_run.conf['project'] }}",
        view_id="{{ dag_run.conf['view'] }}",
        update_published_results="{{ dag_run.conf['publish'] }}",
        poll_interval=0.1,
    )

with DAG("inputs_from_tasks", schedule=None) as inputs_from_tasks:

    @task
    def yesterday() -> datetime.date:
        return datetime.date(2026, 11, 20)

    @task(multiple_outputs=True)
    def numbers() -> dict[str, Any]:
        return {"orders": 42}

    run = HexRunProjectOperator(
        task_id="run",
        project_id="{{ dag_run.conf['project'] }}",
        input_params={"as_of": yesterday(), "order_count": numbers()["orders"]},  # type: ignore[index]
        wait_for_completion=False,
    )
    HexRunSensor(
        task_id="wait",
        project_id="{{ dag_run.conf['project'] }}",
        run_id="{{ ti.xcom_pull(task_ids='run')['runId'] }}",
        poke_interval=0.1,
    )
    run >> inputs_from_tasks.get_task("wait")


for waits in ("deferred", "in_worker"):
    with DAG(f"mapped_{waits}", schedule=None) as dag:
        HexRunProjectOperator.partial(
            task_id="run",
            project_id="{{ dag_run.conf['project'] }}",
            deferrable=waits == "deferred",
            poll_interval=0.1,
        ).expand(input_params=[{"region": "EMEA"}, {"region": "APAC"}, {"region": "AMER"}])
    globals()[dag.dag_id] = dag

with DAG("results_from_operators", schedule=None):
    start = HexRunProjectOperator(
        task_id="start", project_id="{{ dag_run.conf['project'] }}", wait_for_completion=False
    )
    HexRunSensor(task_id="wait", run_id=start.output, poke_interval=0.1)  # type: ignore[arg-type]
    starts = HexRunProjectOperator.partial(
        task_id="starts", project_id="{{ dag_run.conf['project'] }}", wait_for_completion=False
    ).expand(input_params=[{"region": "EMEA"}, {"region": "APAC"}])
    HexRunSensor.partial(task_id="waits", poke_interval=0.1).expand(run_id=starts.output)
