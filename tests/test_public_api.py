"""What is public, ``docs/public_api.txt``, and the types of it in a DAG file."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from docs.public_api import FILE, text

CHECKOUT = Path(__file__).parents[1]
DAG_FILE = '''
"""A DAG file, as a user's mypy checks it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import DAG, task

from airflow_provider_hex.api.errors import HexError, HexRunFailed
from airflow_provider_hex.api.models import Notification, Run, RunStatus, StartedRun
from airflow_provider_hex.hooks.hex import HexHook
from airflow_provider_hex.operators.hex import HexRunProjectOperator
from airflow_provider_hex.sensors.hex import HexRunSensor

PROJECT = "5a8591dd-4039-49df-9202-96385ba3eff8"
notification: Notification = {"type": "FAILURE", "includeSuccessScreenshot": False, "slackChannelIds": ["C0123"]}


class Mine(HexRunProjectOperator):
    template_fields = HexRunProjectOperator.template_fields + ["greeting"]

    def __init__(self, greeting: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.greeting = greeting


with DAG("dag", schedule=None):
    run = HexRunProjectOperator(
        task_id="run",
        project_id=PROJECT,
        input_params={"region": "EMEA"},
        notifications=[notification],
        timeout=timedelta(hours=2),
        poll_interval=5,
        on_ambiguous_start="adopt",
        retries=2,
    )
    HexRunProjectOperator.partial(task_id="mapped", project_id=PROJECT).expand(input_params=[{"region": "EMEA"}])
    HexRunProjectOperator(task_id="old", project_id=PROJECT, input_parameters={}, synchronous=False, wait_seconds=5)
    HexRunSensor(task_id="wait", project_id=PROJECT, run_id="{{ ti.xcom_pull('run', key='run_id') }}")
    Mine(task_id="mine", project_id=PROJECT, greeting="hello")

    @task
    def report() -> str:
        hook = HexHook("hex_default")
        started: StartedRun = hook.run_project(PROJECT, {"region": "EMEA"}, use_cached_sql_results=False)
        try:
            finished: Run = hook.wait_for_run(PROJECT, started["runId"], timeout=600)
        except HexRunFailed as error:
            return f"{error} {error.trace_id}"
        except HexError as error:
            return str(error.status)
        old: Run = hook.run_and_poll(PROJECT, None, False, 3, 600)
        titles = [project["title"] for project in hook.list_projects()]
        return f"{RunStatus.of(finished).is_success} {old['status']} {titles}"

    report()
'''
WRONG = [
    ("poll_interval=5", 'poll_interval="5"', "poll_interval"),
    ('on_ambiguous_start="adopt"', 'on_ambiguous_start="guess"', "on_ambiguous_start"),
    ("notifications=[notification]", "notifications=notification", "notifications"),
    ("use_cached_sql_results=False)", "use_cache=False)", "use_cache"),
    ('started["runId"]', 'started["run_id"]', "run_id"),
    ('"type": "FAILURE"', '"type": "NEVER"', "type"),
]


def test_the_list_of_what_is_public_is_up_to_date() -> None:
    assert FILE.read_text(encoding="utf-8") == text(), "write it again with: make public-api"


def type_errors(folder: Path, **files: str) -> str:
    """Check files with mypy, as users do, and return what it prints."""
    for name, content in files.items():
        (folder / f"{name}.py").write_text(content)
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file=", "--no-error-summary"]
    paths = [str(folder / f"{name}.py") for name in files]
    done = subprocess.run([*command, *paths], cwd=CHECKOUT, capture_output=True, text=True, check=False)
    assert not done.stderr
    return done.stdout


def test_a_dag_file_passes_mypy_and_wrong_arguments_do_not(tmp_path: Path) -> None:
    pytest.importorskip("mypy", reason="mypy is installed with Airflow 3.3 only")
    wrong = {}
    for number, (right, replacement, _) in enumerate(WRONG):
        assert DAG_FILE.count(right) == 1
        wrong[f"wrong_{number}"] = DAG_FILE.replace(right, replacement)
    errors = type_errors(tmp_path, right=DAG_FILE, **wrong)
    assert "right.py" not in errors, errors
    for number, (_, _, word) in enumerate(WRONG):
        own = [line for line in errors.splitlines() if f"wrong_{number}.py" in line and "error:" in line]
        assert len(own) == 1, errors
        assert word in own[0]
