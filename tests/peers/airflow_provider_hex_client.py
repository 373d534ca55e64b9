"""A program with airflow-provider-hex 0.1.9: ``run PROJECT INPUTS`` or ``cancel PROJECT``. It prints JSON."""

import json
import sys
from collections.abc import Callable
from datetime import datetime
from typing import Any

from airflow import DAG

from airflow_provider_hex.hooks.hex import HexHook
from airflow_provider_hex.operators.hex import HexRunProjectOperator


def run(project: str, inputs: str) -> Any:
    with DAG("refresh", start_date=datetime(2026, 1, 1), schedule=None) as dag:
        HexRunProjectOperator(
            task_id="run_hex", project_id=project, input_parameters=json.loads(inputs), wait_seconds=0.5
        )
    [task] = dag.test().get_task_instances()
    return {"state": task.state, "returned": task.xcom_pull("run_hex")}


def cancel(project: str) -> str:
    hook = HexHook()
    run = hook.run_project(project)
    return hook.cancel_run(project, run["runId"])


if __name__ == "__main__":
    commands: dict[str, Callable[..., Any]] = {"run": run, "cancel": cancel}
    print(json.dumps(commands[sys.argv[1]](*sys.argv[2:])))
