"""What an attempt does with a recorded RunProject whose response the previous attempt did not record."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from airflow_provider_hex.airflow_compat import AirflowFailException
from airflow_provider_hex.api.errors import HexAmbiguousStart, HexError, HexForbidden, HexRequestRejected
from hex_emulator.client import Control
from tests.conftest import PROJECT, PROJECTS, connect
from tests.runs.conftest import (
    CANCELLED,
    LEFT_RUNNING,
    MODES,
    WAITING_MODES,
    Airflow,
    defer,
    finish,
    interrupted_when,
    keep_runs,
    operator,
    statuses,
)

INPUTS = {"region": "EMEA"}


@pytest.fixture(autouse=True)
def _clock_of_hex_keeps_real_time(emulator: Control) -> None:
    emulator.clock(speed=1)


def die_while_starting(emulator: Control, airflow: Airflow, **options: Any) -> None:
    """Leave the record of a first attempt that died before it read Hex's response. It has started no run, so far."""
    records: list[dict[str, str]] = []
    airflow.on_store = lambda method, value: records.append(dict(airflow.records))
    emulator.fault("RunProject", status=422)
    with pytest.raises(HexRequestRejected):
        operator(**options).execute(airflow.attempt())
    airflow.on_store = lambda method, value: None
    airflow.records = records[-1]
    assert set(airflow.record) == {"max_tries", "request"}


def api_run(emulator: Control, status: str = "RUNNING", **options: Any) -> dict[str, Any]:
    """Start a run of the project by API: perhaps that of the previous attempt."""
    keep_runs(emulator, status=status)
    return emulator.start_run(PROJECT, **{"trigger": "API", **options})


def starts_since(emulator: Control) -> int:
    """Return how many RunProjects Hex has received, apart from that of the previous attempt."""
    return len(emulator.requests("RunProject")) - 1


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("options", [{}, {"input_params": INPUTS}, {"on_ambiguous_start": "adopt"}])
def test_if_it_started_no_run_the_next_attempt_starts_one(
    options: dict[str, Any], mode: str, emulator: Control, airflow: Airflow
) -> None:
    emulator.clock(speed=10)
    die_while_starting(emulator, airflow, **options)
    finish(airflow.attempt(), **options, **MODES[mode])
    assert starts_since(emulator) == len(emulator.runs()) == 1
    assert airflow.success == emulator.runs()[0]["runId"]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("options", [{}, {"input_params": INPUTS, "on_ambiguous_start": "adopt"}])
def test_the_only_run_that_it_can_have_started_is_taken(
    options: dict[str, Any], mode: str, emulator: Control, airflow: Airflow
) -> None:
    die_while_starting(emulator, airflow, **options)
    run = api_run(emulator, inputs=options.get("input_params"))
    airflow.on_store = lambda method, value: (
        emulator.set_status(run["runId"], "COMPLETED") if method == "set" and "run" in value else None
    )
    assert finish(airflow.attempt(), **options, **MODES[mode])["runId"] == run["runId"]
    assert airflow.published == {"run_id": run["runId"], "run_url": run["runUrl"]}
    assert starts_since(emulator) == 0
    assert airflow.success == run["runId"]


def test_the_record_of_the_run_replaces_that_of_the_request(emulator: Control, airflow: Airflow) -> None:
    die_while_starting(emulator, airflow)
    run = api_run(emulator)
    defer(airflow.attempt())
    assert airflow.record["run"]["runId"] == run["runId"]
    assert "request" not in airflow.record


def test_the_result_of_a_run_that_has_completed_is_taken(emulator: Control, airflow: Airflow) -> None:
    die_while_starting(emulator, airflow)
    run = api_run(emulator, "COMPLETED")
    assert operator(deferrable=True).execute(airflow.attempt())["runId"] == run["runId"]
    assert starts_since(emulator) == 0


@pytest.mark.parametrize("status", ["ERRORED", "KILLED", "UNABLE_TO_ALLOCATE_KERNEL"])
def test_if_its_run_has_failed_another_is_started(status: str, emulator: Control, airflow: Airflow) -> None:
    die_while_starting(emulator, airflow)
    api_run(emulator, status)
    defer(airflow.attempt())
    assert starts_since(emulator) == 1


@pytest.mark.parametrize(
    ("options", "runs", "doubt"),
    [
        ({"input_params": INPUTS}, 1, "perhaps with other inputs or options"),
        ({}, 2, "several runs"),
        ({"on_ambiguous_start": "adopt"}, 2, "several runs"),
        ({"on_ambiguous_start": "fail"}, 1, "on_ambiguous_start='fail'"),
        ({"on_ambiguous_start": "fail"}, 0, "on_ambiguous_start='fail'"),
    ],
)
@pytest.mark.parametrize("mode", MODES)
def test_if_it_is_unknown_which_run_it_started_the_task_fails_and_lists_the_runs(
    mode: str, options: dict[str, Any], runs: int, doubt: str, emulator: Control, airflow: Airflow
) -> None:
    die_while_starting(emulator, airflow, **options)
    urls = [api_run(emulator)["runUrl"] for _ in range(runs)]
    with pytest.raises(HexAmbiguousStart) as raised:
        operator(**options, **MODES[mode]).execute(airflow.attempt())
    assert f"RunProject for project {PROJECT} was sent at 20" in str(raised.value)
    assert doubt in str(raised.value)
    assert all(url in str(raised.value) for url in urls)
    assert starts_since(emulator) == 0
    assert not emulator.requests("CancelRun")
    assert not airflow.records


def test_a_task_that_is_cleared_after_that_failure_starts_a_run(emulator: Control, airflow: Airflow) -> None:
    die_while_starting(emulator, airflow, on_ambiguous_start="fail")
    with pytest.raises(HexAmbiguousStart):
        operator(on_ambiguous_start="fail").execute(airflow.attempt())
    airflow.clear()
    defer(airflow.attempt(), on_ambiguous_start="fail")
    assert starts_since(emulator) == 1


@pytest.mark.parametrize("mode", WAITING_MODES)
def test_after_a_clear_its_run_is_cancelled_and_another_started(
    mode: str, emulator: Control, airflow: Airflow, logged: Callable[[], str]
) -> None:
    die_while_starting(emulator, airflow)
    old = api_run(emulator)
    emulator.next_run(pending=0, running=0)
    airflow.clear()
    assert finish(airflow.attempt(), **MODES[mode])["runId"] != old["runId"]
    assert statuses(emulator) == [CANCELLED, "COMPLETED"]
    assert starts_since(emulator) == 1
    assert old["runUrl"] in logged()


@pytest.mark.parametrize("status", ["COMPLETED", "ERRORED", "KILLED"])
@pytest.mark.parametrize("options", [{}, {"input_params": INPUTS}])
def test_after_a_clear_runs_that_have_ended_are_ignored(
    options: dict[str, Any], status: str, emulator: Control, airflow: Airflow
) -> None:
    die_while_starting(emulator, airflow, **options)
    old = [api_run(emulator, status)["runId"] for _ in range(2)]
    airflow.clear()
    defer(airflow.attempt(), **options)
    assert airflow.xcoms["run_id"] not in old
    assert starts_since(emulator) == 1
    assert not emulator.requests("CancelRun")


def test_runs_that_were_started_before_the_request_are_not_taken(emulator: Control, airflow: Airflow) -> None:
    old = [api_run(emulator)["runId"] for _ in range(2)]
    emulator.clock(advance=60)
    die_while_starting(emulator, airflow)
    defer(airflow.attempt())
    assert airflow.xcoms["run_id"] not in old
    assert starts_since(emulator) == 1


@pytest.mark.parametrize("trigger", ["SCHEDULED", "APP_REFRESH"])
def test_runs_that_were_not_started_by_api_are_not_taken(trigger: str, emulator: Control, airflow: Airflow) -> None:
    die_while_starting(emulator, airflow)
    api_run(emulator, trigger=trigger)
    defer(airflow.attempt())
    assert starts_since(emulator) == 1


def test_its_run_is_found_though_the_clock_of_the_worker_that_sent_the_request_is_ahead(
    emulator: Control, airflow: Airflow
) -> None:
    run = api_run(emulator)
    emulator.clock(advance=8)
    die_while_starting(emulator, airflow)
    defer(airflow.attempt())
    assert airflow.xcoms["run_id"] == run["runId"]


@pytest.mark.parametrize("mode", MODES)
def test_the_run_of_before_a_clear_is_not_taken_though_it_began_just_before_the_request(
    mode: str, emulator: Control, airflow: Airflow
) -> None:
    emulator.next_run(pending=0, running=0, times=2)
    first = finish(airflow.attempt(), **MODES[mode])
    airflow.clear()
    die_while_starting(emulator, airflow)
    assert finish(airflow.attempt(), **MODES[mode])["runId"] != first["runId"]
    assert len(emulator.runs()) == 2


def test_an_attempt_after_a_clear_does_not_take_the_run_of_before_the_clear(
    emulator: Control, airflow: Airflow
) -> None:
    """The task does not wait, so its first run continues. Then Hex fails to start the second one."""
    keep_runs(emulator, times=2)
    first = operator(wait_for_completion=False).execute(airflow.attempt())
    airflow.clear()
    emulator.fault("RunProject", status=500)
    second = operator(wait_for_completion=False).execute(airflow.attempt())
    assert second["runId"] != first["runId"]
    assert len(emulator.runs()) == 2


def test_its_run_is_found_though_it_was_pending_for_long(emulator: Control, airflow: Airflow) -> None:
    die_while_starting(emulator, airflow)
    request = {**airflow.record["request"], "sent_at": airflow.record["request"]["sent_at"] - 100}
    airflow.records["hex_run"] = json.dumps({**airflow.record, "request": request})
    emulator.next_run(timeline=[("PENDING", 90), ("RUNNING", None)])
    run = emulator.start_run(PROJECT, trigger="API")
    emulator.clock(advance=100)
    defer(airflow.attempt())
    assert airflow.xcoms["run_id"] == run["runId"]
    assert starts_since(emulator) == 0


def test_a_run_that_was_started_long_after_the_request_is_not_taken(emulator: Control, airflow: Airflow) -> None:
    emulator.clock(speed=10)
    die_while_starting(emulator, airflow)
    request = {**airflow.record["request"], "sent_at": airflow.record["request"]["sent_at"] - 3600}
    airflow.records["hex_run"] = json.dumps({**airflow.record, "request": request})
    other = api_run(emulator)
    finish(airflow.attempt())
    assert starts_since(emulator) == 1
    assert airflow.xcoms["run_id"] != other["runId"]
    assert statuses(emulator) == [LEFT_RUNNING, "COMPLETED"]


@pytest.mark.parametrize(("start_grace", "age"), [(1, 0), (60, 61)], ids=["at-once", "late"])
def test_the_start_grace_is_counted_from_the_request(
    start_grace: int, age: int, emulator: Control, airflow: Airflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect(monkeypatch, {"start_grace": start_grace}, host=emulator.url)
    die_while_starting(emulator, airflow)
    sent_at = airflow.record["request"]["sent_at"] - age
    request = {**airflow.record["request"], "sent_at": sent_at}
    airflow.records["hex_run"] = json.dumps({**airflow.record, "request": request})
    began = time.time()
    defer(airflow.attempt())
    assert time.time() - sent_at >= start_grace
    assert time.time() - began < 30
    assert len(emulator.requests("GetProjectRuns")) == 1


def test_the_record_stays_while_the_start_cannot_be_reconciled(
    emulator: Control, airflow: Airflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    die_while_starting(emulator, airflow)
    connect(monkeypatch, {"retry_for": 0.01}, host=emulator.url)
    emulator.fault("GetProjectRuns", status=500, times=None)
    with pytest.raises(HexError, match="500"):
        operator().execute(airflow.attempt())
    assert set(airflow.record) == {"max_tries", "request"}
    assert starts_since(emulator) == 0


@pytest.mark.parametrize("state", ["failed", "restarting"])
def test_a_kill_while_the_start_is_reconciled_does_not_wait_for_the_start_grace_and_cancels_the_run(
    state: str, emulator: Control, airflow: Airflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect(monkeypatch, {"start_grace": 60}, host=emulator.url)
    die_while_starting(emulator, airflow)
    api_run(emulator)
    airflow.state = state
    loaded = threading.Event()
    airflow.on_store = lambda method, value: loaded.set()
    task, context, began = operator(), airflow.attempt(), time.monotonic()
    with (
        interrupted_when(loaded.is_set, task.on_kill),
        pytest.raises(HexError, match="killed"),
    ):
        task.execute(context)
    assert time.monotonic() - began < 30
    assert statuses(emulator) == [CANCELLED]
    assert starts_since(emulator) == 0


def test_the_start_is_reconciled_in_the_project_that_it_was_for(emulator: Control, airflow: Airflow) -> None:
    """The task may run another project by now, because its project_id is templated."""
    die_while_starting(emulator, airflow)
    old = api_run(emulator)
    defer(airflow.attempt(), project_id=PROJECTS["Warehouse health"])
    assert airflow.xcoms["run_id"] != old["runId"]
    assert statuses(emulator)[0] == CANCELLED


def test_a_task_that_is_not_durable_does_not_reconcile_the_start(emulator: Control, airflow: Airflow) -> None:
    die_while_starting(emulator, airflow)
    api_run(emulator)
    defer(airflow.attempt(), durable=False)
    assert starts_since(emulator) == 1
    assert not emulator.requests("GetProjectRuns")


@pytest.mark.parametrize(("max_tries", "is_permanent"), [(1, True), (2, False)])
@pytest.mark.parametrize("call", ["GetProjectRuns", "GetRunStatus"])
def test_a_token_that_is_rejected_while_the_start_is_reconciled_leaves_it_to_the_next_retry(
    call: str, max_tries: int, is_permanent: bool, emulator: Control, airflow: Airflow
) -> None:
    airflow.max_tries = max_tries
    die_while_starting(emulator, airflow)
    api_run(emulator)
    for rejected in (call, "GetProject"):
        emulator.fault(rejected, status=403)
    with pytest.raises(HexForbidden) as raised:
        operator().execute(airflow.attempt())
    assert isinstance(raised.value, AirflowFailException) is is_permanent
    if not is_permanent:
        defer(airflow.attempt())
        assert statuses(emulator) == ["RUNNING"]
        assert starts_since(emulator) == 0
