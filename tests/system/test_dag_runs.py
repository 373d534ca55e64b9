"""DAGs on a real Airflow: API server, scheduler, workers and triggerer, with real dbt where the DAG uses it."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from demo.local_airflow import LocalAirflow
from demo.waiting import wait_for
from hex_emulator.client import Control

# Generous, since they matter only when something is broken.
RUN_SECONDS = 600
pytestmark = [pytest.mark.system, pytest.mark.timeout(1800)]

EXAMPLE = "hex_after_dbt"
ORDERS_BUILT_BY_DBT = 12


@dataclass
class DagRun:
    """A DAG run that has ended: each task's states in their order, and its Hex runs and requests."""

    run_id: str
    state: str = ""
    states: dict[str, list[str]] = field(default_factory=dict)
    hex_runs: list[dict[str, Any]] = field(default_factory=list)
    requests: list[dict[str, Any]] = field(default_factory=list)

    @property
    def final_states(self) -> dict[str, str]:
        return {task: states[-1] for task, states in self.states.items()}

    @property
    def calls(self) -> list[str]:
        return [request["call"] for request in self.requests]


def run_to_end(
    airflow: LocalAirflow,
    emulator: Control,
    dag_id: str,
    run_id: str,
    *,
    waiting_task: str,
    outcome: str = "COMPLETED",
    conf: dict[str, str] | None = None,
) -> DagRun:
    """Trigger a DAG, with `conf` as its params, and wait until its run ends.

    Its Hex run ends with `outcome` once `waiting_task` is deferred, however late that is.
    """
    run = DagRun(run_id)
    emulator.next_run(pending=0, running=2 * RUN_SECONDS)
    runs_before, requests_before = len(emulator.runs()), len(emulator.requests())
    airflow.wait_for_dag(dag_id)
    airflow.api.trigger(dag_id, run_id, conf)

    def end() -> str | None:
        state: str = airflow.api.dag_run(dag_id, run_id)["state"]
        for task, task_state in airflow.api.task_states(dag_id, run_id).items():
            task_states = run.states.setdefault(task, [])
            if task_state is not None and task_state not in task_states[-1:]:
                task_states.append(task_state)
                if (task, task_state) == (waiting_task, "deferred"):
                    emulator.set_status(emulator.runs()[-1]["runId"], outcome)
        return state if state in ("success", "failed") else None

    run.state = wait_for(f"the end of {dag_id} {run_id}", end, RUN_SECONDS)
    run.hex_runs = emulator.runs()[runs_before:]
    run.requests = emulator.requests()[requests_before:]
    return run


@pytest.fixture(scope="module")
def completed(airflow: LocalAirflow, emulator: Control) -> DagRun:
    conf = {"as_of": "2026-01-08"}
    return run_to_end(airflow, emulator, EXAMPLE, "completed", waiting_task="wait_for_hex_run", conf=conf)


@pytest.fixture(scope="module")
def errored(airflow: LocalAirflow, emulator: Control) -> DagRun:
    return run_to_end(airflow, emulator, EXAMPLE, "errored", waiting_task="wait_for_hex_run", outcome="ERRORED")


def test_the_example_succeeds_when_its_hex_run_completes(completed: DagRun) -> None:
    assert completed.state == "success"
    assert completed.final_states == dict.fromkeys(
        ("dbt_build", "order_count", "start_hex_run", "wait_for_hex_run", "report"), "success"
    )
    assert [run["status"] for run in completed.hex_runs] == ["COMPLETED"]


def test_one_run_is_started_with_the_day_and_the_number_from_dbt_as_inputs(completed: DagRun) -> None:
    (request,) = [request for request in completed.requests if request["call"] == "RunProject"]
    assert request["body"]["inputParams"] == {"as_of": "2026-01-08", "order_count": ORDERS_BUILT_BY_DBT}
    assert set(completed.calls) == {"RunProject", "GetRunStatus", "GetProjectRuns"}


def test_the_day_is_that_of_the_dag_run_by_default(airflow: LocalAirflow, errored: DagRun) -> None:
    day = airflow.api.dag_run(EXAMPLE, errored.run_id)["run_after"][: len("2026-01-08")]
    assert errored.hex_runs[0]["inputs"]["as_of"] == day


def test_the_sensor_waits_in_the_triggerer(airflow: LocalAirflow, completed: DagRun) -> None:
    assert "deferred" in completed.states["wait_for_hex_run"]
    logs = airflow.home / "logs" / f"dag_id={EXAMPLE}" / f"run_id={completed.run_id}"
    written_in_the_triggerer = list(logs.glob("task_id=wait_for_hex_run/*.trigger.*.log"))
    assert len(written_in_the_triggerer) == 1


def test_the_report_logs_the_status_the_duration_and_the_url(airflow: LocalAirflow, completed: DagRun) -> None:
    events = [entry["event"] for entry in airflow.api.task_log(EXAMPLE, completed.run_id, "report")]
    url = completed.hex_runs[0]["runUrl"]
    assert [event for event in events if re.fullmatch(rf"Hex run COMPLETED after \d+\.\d s: {re.escape(url)}", event)]


def test_a_hex_run_that_errors_fails_the_sensor_with_its_url_and_trace_id(
    airflow: LocalAirflow, emulator: Control, errored: DagRun
) -> None:
    assert errored.state == "failed"
    assert errored.final_states["start_hex_run"] == "success"
    assert errored.final_states["wait_for_hex_run"] == "failed"
    assert errored.final_states["report"] == "upstream_failed"
    assert errored.calls.count("RunProject") == 1
    message = airflow.api.task_error(EXAMPLE, errored.run_id, "wait_for_hex_run")
    polls = [request for request in errored.requests if request["call"] in ("GetRunStatus", "GetProjectRuns")]
    assert message is not None
    assert errored.hex_runs[0]["runUrl"] in message
    assert any(f"Trace id: {poll['traceId']}." in message for poll in polls)


def test_an_operator_starts_a_run_and_waits_for_it_in_the_triggerer(airflow: LocalAirflow, emulator: Control) -> None:
    run = run_to_end(airflow, emulator, "hex_in_triggerer", "completed", waiting_task="run")
    assert run.state == "success"
    assert "deferred" in run.states["run"]
    assert run.calls.count("RunProject") == 1
    (hex_run,) = run.hex_runs
    assert airflow.api.xcom("hex_in_triggerer", "completed", "run", "run_url") == hex_run["runUrl"]
    result = airflow.api.xcom("hex_in_triggerer", "completed", "run")
    assert (result["runId"], result["status"]) == (hex_run["runId"], "COMPLETED")


def test_the_test_button_of_the_connection_form_names_the_owner_of_the_token(
    airflow: LocalAirflow, emulator: Control, token: str
) -> None:
    good = airflow.api.test_connection("hex_new", "hex", host=emulator.url, password=token)
    assert good["status"] is True
    assert good["message"].startswith(f"The token works at {emulator.api_url} (it belongs to ada@example.com) and can")
    bad = airflow.api.test_connection("hex_new", "hex", host=emulator.url, password="hxtp_0bad")
    assert bad["status"] is False
    assert "Check API token and Base URL" in bad["message"]


@pytest.mark.usefixtures("completed", "errored")
def test_the_token_is_in_no_file_of_airflow(airflow: LocalAirflow, token: str) -> None:
    files = [path for path in airflow.home.rglob("*") if path.is_file()]
    assert any(path.name.startswith("attempt=") for path in files)
    assert [path for path in files if token.encode() in content(path)] == []


def content(path: Path) -> bytes:
    """A file's content; nothing if the database has removed the file."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""
