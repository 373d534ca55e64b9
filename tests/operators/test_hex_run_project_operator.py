"""What shows when a DAG is parsed, and what happens when a task is killed. The rest is in ``tests/dag_runs``."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import DAG, TaskDeferred, XComArg

from airflow_provider_hex.api.errors import HexError, HexInvalidInput
from airflow_provider_hex.operators.hex import HexRunProjectOperator
from airflow_provider_hex.triggers import events
from airflow_provider_hex.triggers.hex import HexRunTrigger, HexStartTrigger
from demo.waiting import wait_for
from hex_emulator.client import Control
from tests.conftest import PROJECT


def operator(**options: Any) -> HexRunProjectOperator:
    return HexRunProjectOperator(**{"task_id": "run", "project_id": PROJECT, **options})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"input_params": {"a": 1}, "view_id": "v"}, "either input_params or a view_id"),
        ({"input_params": {"a": 1}, "update_published_results": True}, "Hex ignores input_params"),
        ({"input_params": {"a": {1, 2}}}, r"input_params\['a'\] is a set"),
        ({"input_params": {"a": float("nan")}}, "is nan"),
        ({"project_id": f"https://app.hex.tech/acme/hex/{PROJECT}/draft"}, f"Use the id in it alone: {PROJECT}"),
        ({"on_ambiguous_start": "guess"}, "on_ambiguous_start is 'guess'; one of reconcile, adopt, fail is needed"),
        ({"notifications": [{"type": b"ALL"}]}, r"notifications\[0\]\['type'\] is a bytes"),
    ],
)
def test_what_hex_would_refuse_or_ignore_shows_when_the_dag_is_parsed(options: dict[str, Any], message: str) -> None:
    with pytest.raises(HexInvalidInput, match=message):
        operator(**options)


@pytest.mark.parametrize(
    "options",
    [
        {"input_params": {"a": 1}, "update_published_results": "{{ params.publish }}"},
        {"input_params": {}, "view_id": "v"},
        {"input_params": "{{ params.inputs }}", "view_id": "{{ params.view }}"},
        {"view_id": "v", "update_published_results": True},
    ],
)
def test_what_may_turn_out_well_waits_until_it_is_rendered(options: dict[str, Any]) -> None:
    operator(**options)


def test_xcoms_may_stand_anywhere_in_the_inputs() -> None:
    with DAG("dag", schedule=None):
        first = operator()
        second = HexRunProjectOperator(
            task_id="second", project_id=PROJECT, input_params={"run": first.output, "more": [first.output]}
        )
        assert isinstance(first.output, XComArg)
        assert second.upstream_task_ids == {"run"}


def test_a_timeout_may_be_a_timedelta() -> None:
    assert operator(timeout=timedelta(minutes=2)).timeout == 120
    assert operator(timeout=None).timeout is None
    assert operator(poll_interval=timedelta(seconds=5)).poll_interval == 5
    assert operator().timeout == 3600


@pytest.mark.parametrize("name", ["timeout", "poll_interval"])
@pytest.mark.parametrize("value", [0, -1, float("nan"), float("inf"), True, "60", timedelta(0)])
def test_a_time_that_is_none_shows_when_the_dag_is_parsed(name: str, value: Any) -> None:
    with pytest.raises(HexInvalidInput, match=f"{name} is "):
        operator(**{name: value})


class Told(dict[str, Any]):
    """Stands where Airflow's task instance does: it takes XComs."""

    task_id, map_index = "run", -1

    def xcom_push(self, key: str, value: Any) -> None:
        self[key] = value


@contextmanager
def killed_when(condition: Callable[[], object], task: HexRunProjectOperator) -> Iterator[None]:
    """Call the task's ``on_kill`` from another thread, once the condition holds."""

    def kill() -> None:
        wait_for("the moment to kill", lambda: condition() or None, seconds=10, pause=0.01)
        task.on_kill()

    thread = threading.Thread(target=kill)
    thread.start()
    try:
        yield
    finally:
        thread.join()


def test_a_task_that_is_killed_while_it_waits_cancels_its_run(emulator: Control) -> None:
    emulator.next_run(timeline=[("RUNNING", None)])
    task = operator(poll_interval=0.05)
    with (
        killed_when(lambda: emulator.requests("GetRunStatus"), task),
        pytest.raises(HexError, match=r"killed while it waited for the run|ended KILLED"),
    ):
        task.execute({"ti": Told()})
    assert emulator.runs()[0]["status"] == "KILLED"
    assert len(emulator.requests("CancelRun")) == 1


def test_a_task_that_is_killed_while_it_starts_its_run_cancels_it(emulator: Control) -> None:
    emulator.next_run(timeline=[("RUNNING", None)])
    emulator.fault("RunProject", delay=0.5, apply=True)
    task = operator(poll_interval=0.05)
    with (
        killed_when(lambda: emulator.runs(), task),
        pytest.raises(HexError, match=r"killed while it started the run.*The run was cancelled\."),
    ):
        task.execute({"ti": Told()})
    assert emulator.runs()[0]["status"] == "KILLED"


def test_a_task_that_cannot_tell_of_its_run_cancels_it(emulator: Control) -> None:
    class Deaf(Told):
        def xcom_push(self, key: str, value: Any) -> None:
            raise ConnectionError("Airflow does not answer.")

    emulator.next_run(timeline=[("RUNNING", None)])
    with pytest.raises(ConnectionError, match=r"Airflow does not answer\. Hex run .* The run was cancelled\."):
        operator().execute({"ti": Deaf()})
    assert emulator.runs()[0]["status"] == "KILLED"


def test_a_task_that_is_killed_before_or_after_its_run_cancels_nothing(emulator: Control) -> None:
    operator().on_kill()
    emulator.next_run(pending=0, running=0)
    task = operator()
    task.execute({"ti": Told()})
    task.on_kill()
    assert not emulator.requests("CancelRun")


@pytest.mark.parametrize("options", [{"deferrable": True}, {"wait_for_completion": False}])
def test_a_run_that_has_been_handed_on_is_not_cancelled(options: dict[str, Any], emulator: Control) -> None:
    task = operator(**options)
    with contextlib.suppress(TaskDeferred):
        task.execute({"ti": Told()})
    task.on_kill()
    assert not emulator.requests("CancelRun")


@pytest.mark.parametrize("failure", ["Trigger timeout", "Trigger failure"])
def test_a_wait_that_airflow_gave_up_cancels_the_run(failure: str, emulator: Control) -> None:
    """What Airflow resumes a task with whose trigger crashed, or ran into the time limit of the deferral."""
    emulator.next_run(timeline=[("RUNNING", None)])
    told = Told()
    with pytest.raises(TaskDeferred):
        operator(deferrable=True).execute({"ti": told})
    told.xcom_pull = lambda task_ids, key, map_indexes: told[key]  # type: ignore[attr-defined]
    with pytest.raises(Exception, match=rf"{failure} Hex run {told['run_id']} .* The run was cancelled\."):
        operator(deferrable=True).resume_execution("__fail__", {"error": failure}, {"ti": told})
    assert emulator.runs()[0]["status"] == "KILLED"


def refused(emulator: Control, **options: Any) -> TaskDeferred:
    """The deferral of a task for which Hex has no room."""
    emulator.limits(kernels=0)
    with pytest.raises(TaskDeferred) as deferred:
        operator(deferrable=True, **options).execute({"ti": Told()})
    return deferred.value


@pytest.mark.parametrize("options", [{}, {"wait_for_completion": False}])
def test_a_deferrable_task_for_which_there_is_no_room_gives_its_worker_back(
    options: dict[str, Any], emulator: Control
) -> None:
    deferral = refused(emulator, timeout=600, **options)
    assert isinstance(deferral.trigger, HexStartTrigger)
    assert deferral.method_name == "retry_start"
    assert deferral.timeout == pytest.approx(timedelta(seconds=660), abs=timedelta(seconds=5))
    assert [request["call"] for request in emulator.requests()] == ["RunProject"]
    assert not emulator.runs()


def test_a_wait_for_room_says_what_it_waits_for_and_how_long(
    emulator: Control, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    with caplog.at_level(logging.INFO):
        refused(emulator, timeout=600)
    written = "".join(capsys.readouterr()) + caplog.text  # Airflow 3's loggers print, Airflow 2's log
    assert "All of Hex's kernels are in use" in written
    assert "Waiting in the triggerer for a slot to start the run: 0 s or more, and 600 s at the most." in written


def test_when_it_may_it_asks_again_and_its_time_goes_on_running(emulator: Control) -> None:
    refused(emulator)
    emulator.limits(kernels=25)
    told = Told()
    with pytest.raises(TaskDeferred) as deferred:
        operator(deferrable=True, timeout=600).resume_execution(
            "retry_start", {"event": events.slot_acquired(time.time() - 500)}, {"ti": told}
        )
    assert isinstance(deferred.value.trigger, HexRunTrigger)
    assert deferred.value.trigger.timeout == pytest.approx(100, abs=5)
    assert told["run_id"] == emulator.runs()[0]["runId"]


def test_a_task_that_is_refused_again_says_that_it_requeued(emulator: Control) -> None:
    first = refused(emulator)
    assert isinstance(first.trigger, HexStartTrigger)
    assert not first.trigger.requeued
    with pytest.raises(TaskDeferred) as deferred:
        operator(deferrable=True).resume_execution(
            "retry_start", {"event": events.slot_acquired(first.trigger.began)}, {"ti": Told()}
        )
    assert isinstance(deferred.value.trigger, HexStartTrigger)
    assert deferred.value.trigger.requeued
    assert deferred.value.trigger.began == first.trigger.began


@pytest.mark.parametrize("failure", ["Trigger timeout", "Trigger failure"])
def test_a_wait_for_room_that_airflow_gave_up_cancels_nothing(failure: str, emulator: Control) -> None:
    refused(emulator)
    told = Told()
    told.xcom_pull = lambda task_ids, key, map_indexes: None  # type: ignore[attr-defined]
    with pytest.raises(Exception, match=failure):
        operator(deferrable=True).resume_execution("__fail__", {"error": failure}, {"ti": told})
    assert not emulator.requests("CancelRun")
