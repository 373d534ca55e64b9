"""What an attempt records, and when; and what happens to its run if it cannot be recorded."""

from __future__ import annotations

import time
from typing import Any

import pytest

from airflow_provider_hex.airflow_compat import AirflowFailException, TaskDeferred
from airflow_provider_hex.api.errors import (
    HexAmbiguousStart,
    HexError,
    HexNotFound,
    HexRateLimited,
    HexRequestRejected,
    HexRunFailed,
    HexServerError,
)
from hex_emulator.client import Control
from tests.conftest import connect
from tests.runs.conftest import (
    CANCELLED,
    LEFT_RUNNING,
    MODES,
    WAITING_MODES,
    Airflow,
    defer,
    finish,
    keep_runs,
    operator,
    starts,
    statuses,
)


def record_changes(airflow: Airflow, emulator: Control) -> list[tuple[str, int]]:
    """Return a list that grows with each change of the record: what it holds, and how many RunProjects Hex has then."""
    changes: list[tuple[str, int]] = []

    def add(method: str, value: Any) -> None:
        if method != "get":
            names = ("success", "failure", "run", "request")
            what = next(name for name in names if name in value) if method == "set" else "nothing"
            changes.append((what, starts(emulator)))

    airflow.on_store = add
    return changes


@pytest.mark.parametrize("mode", MODES)
def test_the_request_is_recorded_before_it_is_sent_and_the_run_after_it_and_the_success_at_the_end(
    mode: str, emulator: Control, airflow: Airflow
) -> None:
    changes = record_changes(airflow, emulator)
    finish(airflow.attempt(), **MODES[mode])
    assert changes == [("request", 0), ("run", 1), ("success", 1)]
    assert airflow.success == airflow.xcoms["run_id"]


def test_the_run_stays_recorded_during_the_wait(emulator: Control, airflow: Airflow) -> None:
    defer(airflow.attempt())
    (run,) = emulator.runs()
    expected = {name: run[name] for name in ("projectId", "runId", "runUrl", "traceId")}
    assert airflow.record == {"max_tries": 1, "run": expected, "started_at": pytest.approx(time.time(), abs=60)}


@pytest.mark.parametrize(
    ("options", "default_options"),
    [
        ({}, True),
        ({"input_params": {}}, True),
        ({"input_params": {"region": "EMEA"}}, False),
        ({"view_id": "v"}, False),
        ({"update_published_results": True}, False),
        ({"use_cached_sql_results": False}, False),
        ({"notifications": [{"type": "ALL", "includeSuccessScreenshot": False}]}, False),
    ],
)
def test_the_record_of_the_request_says_when_it_was_sent_and_whether_it_has_the_default_options(
    options: dict[str, Any], default_options: bool, emulator: Control, airflow: Airflow
) -> None:
    recorded: list[Any] = []
    airflow.on_store = lambda method, value: recorded.append(value)
    began = time.time()
    defer(airflow.attempt(), **options)
    request = next(value for value in recorded if value)["request"]
    assert request["default_options"] is default_options
    assert began <= request["sent_at"] <= time.time()


@pytest.mark.parametrize(
    ("fault", "options", "error"),
    [
        ({"status": 422}, {}, HexRequestRejected),
        ({"status": 404}, {}, HexNotFound),
        ({"status": 429}, {"timeout": 0.01}, HexRateLimited),
        ({"status": 503}, {"timeout": 0.01}, HexRateLimited),
        ({"status": 429}, {"deferrable": True}, TaskDeferred),
        ({"status": 503}, {"deferrable": True}, TaskDeferred),
    ],
)
def test_a_rejected_request_leaves_no_record(
    fault: dict[str, Any], options: dict[str, Any], error: type[BaseException], emulator: Control, airflow: Airflow
) -> None:
    emulator.fault("RunProject", times=None, **fault)
    changes = record_changes(airflow, emulator)
    with pytest.raises(error):
        operator(**options).execute(airflow.attempt())
    assert changes == [("request", 0), ("nothing", 1)]
    assert not airflow.records


def test_each_request_is_recorded_and_each_rejection_deletes_the_record(emulator: Control, airflow: Airflow) -> None:
    emulator.fault("RunProject", status=429, times=2, headers={"Retry-After": "0"})
    changes = record_changes(airflow, emulator)
    operator(wait_for_completion=False).execute(airflow.attempt())
    assert changes == [
        ("request", 0),
        ("nothing", 1),
        ("request", 1),
        ("nothing", 2),
        ("request", 2),
        ("run", 3),
        ("success", 3),
    ]


def test_the_request_stays_recorded_until_an_ambiguous_start_is_reconciled(emulator: Control, airflow: Airflow) -> None:
    emulator.fault("RunProject", drop=True, apply=True)
    changes = record_changes(airflow, emulator)
    finish(airflow.attempt())
    assert changes == [("request", 0), ("run", 1), ("success", 1)]
    assert len(emulator.runs()) == 1


def test_the_request_stays_recorded_if_the_start_may_be_reconciled_later(emulator: Control, airflow: Airflow) -> None:
    emulator.fault("RunProject", status=500, times=None)
    with pytest.raises(HexServerError):
        operator().execute(airflow.attempt())
    assert set(airflow.record) == {"max_tries", "request"}


def test_an_ambiguous_start_that_the_task_reports_leaves_no_record(emulator: Control, airflow: Airflow) -> None:
    emulator.fault("RunProject", drop=True, apply=True)
    with pytest.raises(HexAmbiguousStart, match=r"perhaps with other inputs or options"):
        operator(input_params={"region": "EMEA"}).execute(airflow.attempt())
    assert not airflow.records


@pytest.mark.parametrize("mode", WAITING_MODES)
def test_the_failure_of_a_run_is_recorded(mode: str, emulator: Control, airflow: Airflow) -> None:
    emulator.next_run(outcome="ERRORED", pending=0, running=0.5)
    with pytest.raises(HexRunFailed) as raised:
        finish(airflow.attempt(), **MODES[mode])
    assert airflow.record == {"max_tries": 1, "failure": str(raised.value)}


def test_a_task_that_is_not_durable_works_without_the_store(emulator: Control, airflow: Airflow) -> None:
    used: list[str] = []
    airflow.on_store = lambda method, value: used.append(method)
    for options in MODES.values():
        finish(airflow.attempt(), durable=False, **options)
    assert not used
    assert len(emulator.runs()) == 3


def failing(method: str, what: str | None = None) -> Any:
    """Make a method of the store fail, perhaps only for a record that holds ``what``."""

    def fail(used: str, value: Any) -> None:
        if used == method and (what is None or what in value):
            raise ConnectionError("The store does not respond.")

    return fail


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("failure", [("get", None), ("set", "request")], ids=["get", "set"])
def test_a_request_that_cannot_be_recorded_is_not_sent(
    failure: Any, mode: str, emulator: Control, airflow: Airflow
) -> None:
    airflow.on_store = failing(*failure)
    with pytest.raises(ConnectionError, match=r"The store does not respond\."):
        operator(**MODES[mode]).execute(airflow.attempt())
    assert not emulator.requests()


@pytest.mark.parametrize("mode", MODES)
def test_a_run_that_cannot_be_recorded_is_cancelled(mode: str, emulator: Control, airflow: Airflow) -> None:
    keep_runs(emulator)
    airflow.on_store = failing("set", "run")
    with pytest.raises(ConnectionError) as raised:
        operator(**MODES[mode]).execute(airflow.attempt())
    (run,) = emulator.runs()
    assert run["status"] == CANCELLED
    assert str(raised.value) == (
        f"The store does not respond. The run was cancelled. Trace id: {run['traceId']}. Run: {run['runUrl']}"
    )


def test_a_run_that_cannot_be_recorded_is_cancelled_though_the_attempt_was_superseded(
    emulator: Control, airflow: Airflow
) -> None:
    keep_runs(emulator)
    context = airflow.attempt()
    airflow.on_store = lambda method, value: airflow.attempt() if method == "set" and "run" in value else None
    with pytest.raises(RuntimeError, match=r"not the latest one.*The run was cancelled\."):
        operator().execute(context)
    assert statuses(emulator) == [CANCELLED]


def test_a_run_that_cannot_be_recorded_is_left_to_another_attempt_that_has_published_it(
    emulator: Control, airflow: Airflow
) -> None:
    """The other attempt has found the run by the record of the request, and re-attached to it."""
    keep_runs(emulator)
    context = airflow.attempt()

    def re_attach(method: str, value: Any) -> None:
        if method == "set" and "run" in value:
            airflow.on_store = lambda method, value: None
            defer(airflow.attempt())

    airflow.on_store = re_attach
    with pytest.raises(RuntimeError, match=r"not the latest one.* because another attempt of the task waits for it\."):
        operator().execute(context)
    assert statuses(emulator) == [LEFT_RUNNING]
    assert starts(emulator) == 1
    assert not emulator.requests("CancelRun")


@pytest.mark.parametrize("mode", MODES)
def test_a_success_that_cannot_be_recorded_does_not_fail_the_task(
    mode: str, emulator: Control, airflow: Airflow, logged: Any
) -> None:
    airflow.on_store = failing("set", "success")
    finish(airflow.attempt(), **MODES[mode])
    assert "could not be updated in Airflow's task state store: The store does not respond." in logged()
    assert airflow.record["run"]["runId"] == airflow.xcoms["run_id"]
    assert not airflow.success


def test_a_record_that_cannot_be_deleted_does_not_hide_the_rejection(emulator: Control, airflow: Airflow) -> None:
    airflow.on_store = failing("delete")
    emulator.fault("RunProject", status=404)
    with pytest.raises(HexNotFound) as raised:
        operator().execute(airflow.attempt())
    assert isinstance(raised.value, AirflowFailException)


def test_the_failure_of_a_run_is_reported_though_it_cannot_be_recorded(emulator: Control, airflow: Airflow) -> None:
    emulator.next_run(outcome="ERRORED", pending=0, running=0)
    airflow.on_store = failing("set", "failure")
    with pytest.raises(HexRunFailed, match="Hex run ERRORED"):
        operator().execute(airflow.attempt())


def test_a_request_whose_token_hex_rejects_leaves_no_record(
    emulator: Control, airflow: Airflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect(monkeypatch, host=emulator.url, password="not-a-token-of-hex")
    with pytest.raises(HexError, match="401"):
        operator().execute(airflow.attempt())
    assert not airflow.records
