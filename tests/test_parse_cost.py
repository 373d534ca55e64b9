"""What parsing a DAG file with the operator and the sensor imports and connects to. `make bench-parse` measures it."""

from __future__ import annotations

import json
import os
import subprocess
import sys

SCRIPT = """
import json, sys
try:
    from airflow.sdk import DAG
except ImportError:  # Airflow 2
    from airflow import DAG
from airflow_provider_hex.airflow_compat import BaseOperator, BaseSensorOperator, conf

with DAG("without_hex", schedule=None):
    BaseOperator(task_id="task")  # imports HTTP libraries on Airflow 3.0

before = set(sys.modules)
events = []
connects = ("socket.connect", "sqlite3.connect")
sys.addaudithook(lambda event, args: events.append(event) if event in connects else None)

from airflow_provider_hex.operators.hex import HexRunProjectOperator
from airflow_provider_hex.sensors.hex import HexRunSensor

PROJECT = "5a8591dd-4039-49df-9202-96385ba3eff8"
with DAG("dag", schedule=None):
    run = HexRunProjectOperator(task_id="run", project_id=PROJECT, input_params={"a": 1}, deferrable=True)
    HexRunSensor(task_id="wait", project_id=PROJECT, run_id=run.output["run_id"])

print(json.dumps({"modules": sorted(set(sys.modules) - before), "events": events}))
"""


def test_parsing_connects_to_nothing_and_imports_no_http_library() -> None:
    # To read this connection would fail.
    environment = os.environ | {"AIRFLOW_CONN_HEX_DEFAULT": "{this is no connection"}
    result = subprocess.run([sys.executable, "-c", SCRIPT], env=environment, capture_output=True, text=True, check=True)
    found = json.loads(result.stdout.splitlines()[-1])
    assert found["events"] == []
    assert "airflow_provider_hex.operators.hex" in found["modules"]
    libraries = {name.partition(".")[0] for name in found["modules"]}
    assert not libraries & {"requests", "httpx", "urllib3", "tenacity", "aiohttp", "asyncio", "ssl"}


def test_the_package_itself_imports_neither_airflow_nor_http() -> None:
    script = "import sys, airflow_provider_hex, airflow_provider_hex.get_provider_info; print('\\n'.join(sys.modules))"
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    libraries = {name.partition(".")[0] for name in result.stdout.split()}
    assert "airflow_provider_hex" in libraries
    assert not libraries & {"airflow", "requests", "httpx"}
