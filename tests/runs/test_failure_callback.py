"""The operator's ``on_failure_callback``, called for a lost worker, and for a task that fails by itself."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest

try:
    from airflow.sdk import DAG
except ImportError:  # Airflow 2
    from airflow import DAG

from airflow_provider_hex.airflow_compat import AIRFLOW_V_3_3_PLUS, AirflowException
from airflow_provider_hex.api.errors import HexUnauthorized
from airflow_provider_hex.hooks.hex import HexHook
from airflow_provider_hex.operators.hex import HexRunProjectOperator
from airflow_provider_hex.runs import failure_callback
from airflow_provider_hex.triggers.run_xcom import push_run
from hex_emulator.client import Control
from tests.conftest import PROJECT
from tests.runs.conftest import CANCELLED, LEFT_RUNNING, Airflow, keep_runs, operator, statuses

pytestmark = pytest.mark.skipif(not AIRFLOW_V_3_3_PLUS, reason="the callback is set from Airflow 3.3 on")

LoseWorker = Callable[..., None]


class Manager:
    """The process that responds to one of the DAG processor's."""

    def __init__(self, states: list[str | None], run: dict[str, Any] | None) -> None:
        self._states = states
        self._xcoms = {"run_id": run["runId"], "run_url": run["runUrl"]} if run else {}

    def send(self, message: Any) -> Any:
        from airflow.sdk.execution_time.comms import TaskStatesResult, XComResult

        if type(message).__name__ == "GetTaskStates":
            state = self._states.pop(0) if len(self._states) > 1 else self._states[0]
            return TaskStatesResult(task_states={"manual": {"run": state}})
        return XComResult(key=message.key, value=self._xcoms.get(message.key))


@pytest.fixture
def run(emulator: Control) -> Any:
    """The run that the lost worker started. It does not end by itself."""
    keep_runs(emulator)
    return HexHook().run_project(PROJECT)


@pytest.fixture
def lose_worker(monkeypatch: pytest.MonkeyPatch) -> LoseWorker:
    """Fails a task as Airflow does when its worker is lost. Its states are those that Airflow responds with in turn."""
    from airflow.callbacks.callback_requests import TaskCallbackRequest
    from airflow.dag_processing.processor import _execute_task_callbacks
    from airflow.sdk.execution_time import task_runner

    monkeypatch.setattr(
        failure_callback, "time", SimpleNamespace(monotonic=iter(range(100)).__next__, sleep=lambda _: None)
    )

    def lose(states: list[str | None], run: Any, **options: Any) -> None:
        now = datetime.now(UTC)
        with DAG("lost", schedule=None, params={"project": PROJECT}) as dag:
            HexRunProjectOperator(**{"task_id": "run", "project_id": PROJECT, **options})
        unset = dict.fromkeys(("data_interval_start", "data_interval_end", "end_date", "partition_key", "conf"))
        dates = {"logical_date": now, "run_after": now, "start_date": now}
        names = {"dag_id": "lost", "run_id": "manual"}
        of_run = {"run_type": "manual", "state": "running", "consumed_asset_events": []}
        of_task = {"id": uuid4(), "task_id": "run", "try_number": 1, "map_index": -1, "dag_version_id": uuid4()}
        request = TaskCallbackRequest.model_validate(
            {
                "filepath": "lost.py",
                "bundle_name": "dags",
                "bundle_version": None,
                "msg": "The worker was lost.",
                "ti": {**names, **of_task},
                "task_callback_type": "failed",
                "context_from_server": {"dag_run": {**names, **dates, **unset, **of_run}, "max_tries": 0},
            }
        )
        monkeypatch.setattr(task_runner, "SUPERVISOR_COMMS", Manager(states, run), raising=False)
        bag: Any = SimpleNamespace(dags={"lost": dag}, get_dag=lambda dag_id: dag)
        log: Any = SimpleNamespace(info=print, warning=print, exception=fail)
        _execute_task_callbacks(bag, request, log)

    def fail(*arguments: Any) -> None:
        raise AssertionError(arguments)

    return lose


def test_its_run_is_cancelled(run: Any, lose_worker: LoseWorker, emulator: Control) -> None:
    lose_worker(["failed"], run)
    assert statuses(emulator) == [CANCELLED]


def test_its_run_is_cancelled_though_the_project_and_the_connection_are_templates(
    run: Any, lose_worker: LoseWorker, emulator: Control
) -> None:
    lose_worker(["failed"], run, project_id="{{ params.project }}", hex_conn_id="hex_{{ 'default' }}")
    assert statuses(emulator) == [CANCELLED]


def test_its_run_is_cancelled_though_airflow_fails_the_task_some_seconds_after_the_callback_began(
    run: Any, lose_worker: LoseWorker, emulator: Control
) -> None:
    lose_worker(["running", "running", "failed"], run)
    assert statuses(emulator) == [CANCELLED]


@pytest.mark.parametrize("state", ["running", "scheduled", "deferred", "success", None])
def test_its_run_is_left_running_if_the_task_was_cleared_meanwhile(
    state: str | None, run: Any, lose_worker: LoseWorker, emulator: Control
) -> None:
    lose_worker([state], run)
    assert statuses(emulator) == [LEFT_RUNNING]


def test_nothing_is_cancelled_if_it_had_published_no_run(lose_worker: LoseWorker, emulator: Control) -> None:
    lose_worker(["failed"], None)
    assert not emulator.requests()


def test_the_callbacks_of_the_user_are_kept(lose_worker: LoseWorker) -> None:
    called: list[Any] = []
    lose_worker(["failed"], None, on_failure_callback=called.append)
    assert len(called) == 1


def call_back(context: Any) -> None:
    for callback in context["ti"].task.on_failure_callback:
        callback(context)


def test_a_task_that_fails_by_itself_cancels_nothing_in_the_callback(emulator: Control, airflow: Airflow) -> None:
    keep_runs(emulator)
    airflow.max_tries = 0
    task, context = operator(timeout=0.1, cancel_on_timeout=False), airflow.attempt()
    with pytest.raises(AirflowException):
        task.execute(context)
    context["ti"].task = task
    call_back(context)
    assert statuses(emulator) == [LEFT_RUNNING]


def fail_by_a_wrong_token(emulator: Control, airflow: Airflow) -> Any:
    """Fail an attempt, which leaves its run to the retry. Return the context of its callbacks."""
    keep_runs(emulator)
    emulator.fault("GetRunStatus", status=401, body={"reason": "No."})
    emulator.fault("GetProjectRuns", status=401, body={"reason": "No."})
    task, context = operator(), airflow.attempt()
    with pytest.raises(HexUnauthorized, match="the task's next attempt re-attaches to it"):
        task.execute(context)
    context["ti"].task = task
    return context


def test_a_run_that_was_left_to_a_retry_is_cancelled_if_a_retry_policy_failed_the_task(
    emulator: Control, airflow: Airflow, logged: Callable[[], str]
) -> None:
    call_back(fail_by_a_wrong_token(emulator, airflow))
    assert statuses(emulator) == [CANCELLED]
    assert "The task failed without a retry. The run was cancelled. Run: http" in logged()


def test_but_not_by_an_attempt_that_is_not_the_latest(emulator: Control, airflow: Airflow) -> None:
    context = fail_by_a_wrong_token(emulator, airflow)
    airflow.attempt()
    call_back(context)
    assert statuses(emulator) == [LEFT_RUNNING]


@pytest.mark.parametrize("is_latest", [True, False])
def test_a_run_that_was_left_to_the_last_attempt_is_cancelled_if_that_fails_before_it_executes_the_operator(
    is_latest: bool, emulator: Control, airflow: Airflow
) -> None:
    """As when a template cannot be rendered, or in a ``pre_execute``."""
    fail_by_a_wrong_token(emulator, airflow)
    context = airflow.attempt()
    context["ti"].task, context["ti"].state = operator(project_id="{{ undefined }}"), "failed"
    if not is_latest:
        push_run(airflow.attempt()["ti"], emulator.runs()[0])
    call_back(context)
    assert statuses(emulator) == [CANCELLED if is_latest else LEFT_RUNNING]


def test_nothing_is_cancelled_if_the_record_is_of_a_run_that_has_ended(emulator: Control, airflow: Airflow) -> None:
    operator().execute(airflow.attempt())
    context = airflow.attempt()
    context["ti"].task, context["ti"].state = operator(), "failed"
    call_back(context)
    assert not emulator.requests("CancelRun")
