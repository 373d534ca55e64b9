"""What the operator does with the arguments of 0.1.9 when the task runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from airflow_provider_hex.airflow_compat import (
    AirflowException,
    AirflowFailException,
    BaseOperator,
    TaskDeferred,
)
from airflow_provider_hex.api.errors import HexInvalidInput, HexRunTimeout
from airflow_provider_hex.operators.hex import HexRunProjectOperator
from hex_emulator.client import Control
from tests.conftest import PROJECT, PROJECTS
from tests.runs.conftest import Airflow, keep_runs, starts, statuses

INPUTS = {"region": "APAC"}
pytestmark = pytest.mark.usefixtures("warned")


def new(operator: Any = HexRunProjectOperator, **options: Any) -> Any:
    return operator(**{"task_id": "run", "project_id": PROJECT, "wait_seconds": 0.05, **options})


def body(emulator: Control) -> Any:
    (request,) = emulator.requests("RunProject")
    return request["body"]


# Each row of "where 'unchanged' and today's strictness meet"


def test_the_result_is_the_last_status_when_the_task_waits(airflow: Airflow, emulator: Control) -> None:
    result = new(input_parameters=INPUTS).execute(airflow.attempt())
    assert result["status"] == "COMPLETED"
    keys = {"projectId", "runId", "runUrl", "status", "startTime", "endTime", "elapsedTime", "traceId"}
    assert keys <= result.keys()
    assert body(emulator) == {"inputParams": INPUTS}


def test_the_result_is_the_response_to_run_project_when_it_does_not_wait(airflow: Airflow, emulator: Control) -> None:
    keep_runs(emulator)
    result = new(synchronous=False).execute(airflow.attempt())
    assert {"projectId", "runId", "runUrl", "runStatusUrl", "traceId"} <= result.keys()
    assert statuses(emulator) == ["RUNNING"]


@pytest.mark.parametrize("synchronous", [True, False])
def test_update_cache_runs_sql_anew_and_updates_the_published_app(
    synchronous: bool, airflow: Airflow, emulator: Control
) -> None:
    new(update_cache=True, synchronous=synchronous, input_parameters={}).execute(airflow.attempt())
    assert body(emulator) == {"updatePublishedResults": True, "useCachedSqlResults": False}


@pytest.mark.parametrize("inputs", [INPUTS, '{"region": "APAC"}'])
def test_inputs_win_over_update_cache_if_the_task_does_not_wait(
    inputs: Any, airflow: Airflow, emulator: Control, logged: Callable[[], str]
) -> None:
    new(update_cache=True, synchronous=False, input_parameters=inputs).execute(airflow.attempt())
    assert body(emulator) == {"inputParams": INPUTS}
    assert "update_cache=True has no effect, because there are input_parameters" in logged()


@pytest.mark.parametrize("inputs", [INPUTS, '{"region": "APAC"}'])
def test_inputs_with_update_cache_fail_the_task_if_it_waits(inputs: Any, airflow: Airflow, emulator: Control) -> None:
    with pytest.raises(AirflowFailException, match="Pass either input_parameters or update_cache"):
        new(update_cache=True, input_parameters=inputs).execute(airflow.attempt())
    assert not emulator.requests()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"project_id": "abc", "input_parameters": {}}, "project_id is 'abc', which is not an id"),
        ({"project_id": "", "wait_seconds": 3}, "project_id is '', which is not an id"),
        ({"input_parameters": "no JSON"}, "input_params is a string that is not JSON"),
        ({"wait_seconds": -1}, "poll_interval is -1, but must be a number of seconds"),
        ({"update_cache": "maybe"}, "update_cache is 'maybe', but must be true or false"),
        ({"timeout": "600"}, "timeout is '600', but must be a number of seconds"),
    ],
)
def test_an_invalid_value_fails_the_task_before_anything_is_sent(
    options: dict[str, Any], message: str, airflow: Airflow, emulator: Control
) -> None:
    with pytest.raises(HexInvalidInput, match=message):
        new(**options).execute(airflow.attempt())
    assert not emulator.requests()


@pytest.mark.parametrize("timeout", [0, None])
def test_there_may_be_no_timeout(timeout: int | None, airflow: Airflow, emulator: Control) -> None:
    emulator.next_run(timeline=[("RUNNING", 3), ("COMPLETED", None)])
    assert new(timeout=timeout).execute(airflow.attempt())["status"] == "COMPLETED"


@pytest.mark.parametrize(("kill", "status"), [(True, "KILLED"), (False, "RUNNING")])
def test_kill_on_timeout_decides_about_the_run(kill: bool, status: str, airflow: Airflow, emulator: Control) -> None:
    keep_runs(emulator)
    with pytest.raises(HexRunTimeout) as raised:
        new(timeout=0.5, kill_on_timeout=kill).execute(airflow.attempt())
    assert isinstance(raised.value, AirflowException)
    assert statuses(emulator) == [status]


def test_there_may_be_no_pause_between_two_polls(airflow: Airflow, emulator: Control) -> None:
    assert new(wait_seconds=0).execute(airflow.attempt())["status"] == "COMPLETED"


def test_notifications_need_no_users_and_groups(airflow: Airflow, emulator: Control) -> None:
    notifications = [{"type": "FAILURE", "includeSuccessScreenshot": False, "slackChannelIds": ["C0123"]}]
    new(notifications=notifications).execute(airflow.attempt())
    assert body(emulator) == {"notifications": notifications}


# Subclasses


class WithOwnExecute(HexRunProjectOperator):
    """It reads and sets old attributes, and changes the result."""

    def execute(self, context: Any) -> Any:
        assert self.notifications == []
        if self.synchronous:
            self.input_parameters = {**(self.input_parameters or {}), "order_count": 7}
            self.wait_seconds = 0
            self.timeout = 0
            self.notifications.append({"type": "ALL", "includeSuccessScreenshot": False})
        return {**super().execute(context), "more": 1}


def test_a_subclass_sets_old_attributes_before_the_run(airflow: Airflow, emulator: Control) -> None:
    result = new(WithOwnExecute, input_parameters=INPUTS).execute(airflow.attempt())
    assert body(emulator) == {
        "inputParams": {**INPUTS, "order_count": 7},
        "notifications": [{"type": "ALL", "includeSuccessScreenshot": False}],
    }
    assert (result["status"], result["more"]) == ("COMPLETED", 1)


class UpdatesTheCache(HexRunProjectOperator):
    """It sets ``update_cache`` when the task runs."""

    def execute(self, context: Any) -> Any:
        self.update_cache = True
        return super().execute(context)


def test_a_subclass_sets_update_cache_before_the_run(airflow: Airflow, emulator: Control) -> None:
    new(UpdatesTheCache, synchronous=False, input_params=INPUTS).execute(airflow.attempt())
    assert body(emulator) == {"inputParams": INPUTS}


class TemplatedCache(HexRunProjectOperator):
    """It renders ``update_cache``."""

    template_fields = HexRunProjectOperator.template_fields + ["update_cache"]  # noqa: RUF005


@pytest.mark.parametrize("operator", [HexRunProjectOperator, TemplatedCache])
def test_update_cache_may_be_a_template(operator: Any, airflow: Airflow, emulator: Control) -> None:
    task = new(operator, update_cache="{{ fresh }}")
    task.render_template_fields({"fresh": True})
    task.execute(airflow.attempt())
    assert body(emulator) == {"updatePublishedResults": True, "useCachedSqlResults": False}


@pytest.fixture
def deferring_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the operator be deferrable by default, as ``[operators] default_deferrable`` does when it is imported."""
    defaults: Any = HexRunProjectOperator.__init__.__wrapped__.__wrapped__.__kwdefaults__  # type: ignore[attr-defined]
    monkeypatch.setitem(defaults, "deferrable", True)


@pytest.mark.usefixtures("deferring_by_default")
def test_default_deferrable_defers_the_operator_but_no_subclass_with_its_own_execute(
    airflow: Airflow, emulator: Control
) -> None:
    assert new(WithOwnExecute).execute(airflow.attempt())["more"] == 1
    assert new(WithOwnExecute, deferrable=True).deferrable
    airflow.clear()
    with pytest.raises(TaskDeferred):
        new().execute(airflow.attempt())


class ForEachProject(HexRunProjectOperator):
    """It runs several projects, one after the other."""

    def execute(self, context: Any) -> Any:
        results = []
        for region in ("EMEA", "APAC", "AMER"):
            self.input_parameters = {"region": region}
            results.append(super().execute(context))
        return results


@pytest.mark.parametrize("deferrable", [False, True])
def test_a_subclass_may_run_several_projects_in_one_attempt(
    deferrable: bool, airflow: Airflow, emulator: Control
) -> None:
    options = {} if not deferrable else {"synchronous": False, "deferrable": True}
    results = new(ForEachProject, **options).execute(airflow.attempt())
    assert [run["inputs"]["region"] for run in emulator.runs()] == ["EMEA", "APAC", "AMER"]
    assert [result["runId"] for result in results] == [run["runId"] for run in emulator.runs()]
    assert airflow.xcoms["run_id"] == emulator.runs()[0]["runId"]


class AddsAnInput(HexRunProjectOperator):
    """Its inputs are a property."""

    @property
    def input_parameters(self) -> Any:
        return {**(self._inputs or {}), "order_count": 7}

    @input_parameters.setter
    def input_parameters(self, inputs: Any) -> None:
        self._inputs = inputs


@pytest.mark.parametrize("inputs", [None, {"region": "{{ region }}"}])
def test_a_subclass_may_have_a_property_with_an_old_name(inputs: Any, airflow: Airflow, emulator: Control) -> None:
    task = new(AddsAnInput, input_parameters=inputs) if inputs else new(AddsAnInput)
    task.render_template_fields({"region": "APAC"})
    task.execute(airflow.attempt())
    assert body(emulator) == {"inputParams": {**(INPUTS if inputs else {}), "order_count": 7}}


# Without Airflow's context


@pytest.mark.parametrize("context", [{}, None])
def test_the_operator_runs_without_a_context(context: Any, emulator: Control, logged: Callable[[], str]) -> None:
    assert new().execute(context)["status"] == "COMPLETED"
    assert "could not be asked" not in logged()


def test_it_starts_a_run_without_a_context(emulator: Control, logged: Callable[[], str]) -> None:
    keep_runs(emulator)
    assert new(synchronous=False).execute({})["runId"] == emulator.runs()[0]["runId"]
    assert "could not be asked" not in logged()


def test_it_does_not_defer_without_a_context(emulator: Control) -> None:
    assert new(deferrable=True).execute({})["status"] == "COMPLETED"


def test_it_cancels_its_run_without_a_context(emulator: Control) -> None:
    keep_runs(emulator)
    with pytest.raises(HexRunTimeout, match="The run was cancelled"):
        new(timeout=0.5).execute({})
    assert statuses(emulator) == ["KILLED"]


@pytest.mark.parametrize("task_id", ["inner", "run"])
def test_an_operator_within_another_task_keeps_no_record_and_does_not_defer(
    task_id: str, airflow: Airflow, emulator: Control
) -> None:
    context = {**airflow.attempt(), "task": BaseOperator(task_id="run")}
    results = [
        new(task_id=task_id, deferrable=True, input_parameters={"region": region}).execute(context)
        for region in ("EMEA", "APAC")
    ]
    assert [run["inputs"]["region"] for run in emulator.runs()] == ["EMEA", "APAC"]
    assert [result["runId"] for result in results] == [run["runId"] for run in emulator.runs()]
    assert airflow.record is None
    assert not airflow.xcoms


def test_a_retry_still_takes_the_run_of_the_previous_attempt(airflow: Airflow, emulator: Control) -> None:
    keep_runs(emulator)
    task = new(synchronous=False)
    first = task.execute(airflow.attempt())
    assert task.execute(airflow.attempt())["runId"] == first["runId"]
    assert starts(emulator) == 1


def test_another_project_may_be_run_by_the_same_operator(airflow: Airflow, emulator: Control) -> None:
    context = airflow.attempt()
    task = new()
    task.execute(context)
    task.project_id = PROJECTS["Warehouse health"]
    assert task.execute(context)["projectId"] == PROJECTS["Warehouse health"]
    assert starts(emulator) == 2
