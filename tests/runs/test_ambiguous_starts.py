"""What an attempt does with a RunProject of the attempt before, of which nobody knows what came of it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from airflow_provider_hex.api.errors import HexAmbiguousStart, HexError, HexRequestRejected
from hex_emulator.client import Control
from tests.conftest import PROJECT, PROJECTS, connect
from tests.runs.conftest import WAYS, Airflow, begin, finish, going, interrupted_when, operator, statuses

INPUTS = {"region": "EMEA"}


@pytest.fixture(autouse=True)
def _time_passes_as_it_does(emulator: Control) -> None:
    emulator.clock(speed=1)


def left_asking(emulator: Control, airflow: Airflow, **options: Any) -> None:
    """A first attempt died between its note and Hex's answer. Whether a run was made is for the test to say."""
    notes: list[dict[str, str]] = []
    airflow.on_store = lambda method, value: notes.append(dict(airflow.records))
    emulator.fault("RunProject", status=422)
    with pytest.raises(HexRequestRejected):
        operator(**options).execute(airflow.attempt())
    airflow.on_store = lambda method, value: None
    airflow.records = notes[-1]
    assert set(airflow.record) == {"max_tries", "request"}


def made(emulator: Control, status: str = "RUNNING", **options: Any) -> dict[str, Any]:
    """A run of the project that somebody started by API: that attempt, perhaps."""
    going(emulator, status=status)
    return emulator.start_run(PROJECT, **{"trigger": "API", **options})


def starts(emulator: Control) -> int:
    """How many RunProjects Hex has received, but for the one of the attempt before."""
    return len(emulator.requests("RunProject")) - 1


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("options", [{}, {"input_params": INPUTS}, {"on_ambiguous_start": "adopt"}])
def test_if_it_made_no_run_one_is_started(
    options: dict[str, Any], way: str, emulator: Control, airflow: Airflow
) -> None:
    emulator.clock(speed=10)
    left_asking(emulator, airflow, **options)
    finish(airflow.attempt(), **options, **WAYS[way])
    assert starts(emulator) == len(emulator.runs()) == 1
    assert not airflow.records


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("options", [{}, {"input_params": INPUTS, "on_ambiguous_start": "adopt"}])
def test_the_one_run_that_it_must_have_made_is_taken(
    options: dict[str, Any], way: str, emulator: Control, airflow: Airflow
) -> None:
    left_asking(emulator, airflow, **options)
    run = made(emulator, inputs=options.get("input_params"))
    airflow.on_store = lambda method, value: (
        emulator.set_status(run["runId"], "COMPLETED") if method == "set" and "run" in value else None
    )
    assert finish(airflow.attempt(), **options, **WAYS[way])["runId"] == run["runId"]
    assert airflow.xcoms == {"run_id": run["runId"], "run_url": run["runUrl"]}
    assert starts(emulator) == 0
    assert not airflow.records


def test_the_run_is_noted_in_the_intents_place(emulator: Control, airflow: Airflow) -> None:
    left_asking(emulator, airflow)
    run = made(emulator)
    begin(airflow.attempt())
    assert airflow.record["run"]["runId"] == run["runId"]
    assert "request" not in airflow.record


def test_a_run_that_completed_meanwhile_gives_the_result(emulator: Control, airflow: Airflow) -> None:
    left_asking(emulator, airflow)
    run = made(emulator, "COMPLETED")
    assert operator(deferrable=True).execute(airflow.attempt())["runId"] == run["runId"]
    assert starts(emulator) == 0


@pytest.mark.parametrize("end", ["ERRORED", "KILLED", "UNABLE_TO_ALLOCATE_KERNEL"])
def test_beside_runs_that_ended_badly_another_is_started(end: str, emulator: Control, airflow: Airflow) -> None:
    left_asking(emulator, airflow)
    made(emulator, end)
    begin(airflow.attempt())
    assert starts(emulator) == 1


@pytest.mark.parametrize(
    ("options", "runs", "doubt"),
    [
        ({"input_params": INPUTS}, 1, "perhaps by others"),
        ({}, 2, "several runs"),
        ({"on_ambiguous_start": "adopt"}, 2, "several runs"),
        ({"on_ambiguous_start": "fail"}, 1, "on_ambiguous_start='fail'"),
        ({"on_ambiguous_start": "fail"}, 0, "on_ambiguous_start='fail'"),
    ],
)
@pytest.mark.parametrize("way", WAYS)
def test_if_it_cannot_be_told_the_task_fails_and_lists_what_there_is(
    way: str, options: dict[str, Any], runs: int, doubt: str, emulator: Control, airflow: Airflow
) -> None:
    left_asking(emulator, airflow, **options)
    urls = [made(emulator)["runUrl"] for _ in range(runs)]
    with pytest.raises(HexAmbiguousStart) as raised:
        operator(**options, **WAYS[way]).execute(airflow.attempt())
    assert f"RunProject for project {PROJECT} was sent at 20" in str(raised.value)
    assert doubt in str(raised.value)
    assert all(url in str(raised.value) for url in urls)
    assert starts(emulator) == 0
    assert not emulator.requests("CancelRun")
    assert not airflow.records


def test_whoever_clears_the_task_after_that_has_it_started(emulator: Control, airflow: Airflow) -> None:
    left_asking(emulator, airflow, on_ambiguous_start="fail")
    with pytest.raises(HexAmbiguousStart):
        operator(on_ambiguous_start="fail").execute(airflow.attempt())
    airflow.clear()
    begin(airflow.attempt(), on_ambiguous_start="fail")
    assert starts(emulator) == 1


@pytest.mark.parametrize("way", ["waiting", "deferrable"])
def test_after_a_clear_a_run_that_is_going_is_cancelled(
    way: str, emulator: Control, airflow: Airflow, written: Callable[[], str]
) -> None:
    left_asking(emulator, airflow)
    old = made(emulator)
    emulator.next_run(pending=0, running=0)
    airflow.clear()
    assert finish(airflow.attempt(), **WAYS[way])["runId"] != old["runId"]
    assert statuses(emulator) == ["KILLED", "COMPLETED"]
    assert starts(emulator) == 1
    assert old["runUrl"] in written()


@pytest.mark.parametrize("end", ["COMPLETED", "ERRORED", "KILLED"])
@pytest.mark.parametrize("options", [{}, {"input_params": INPUTS}])
def test_after_a_clear_runs_that_have_ended_are_left_aside(
    options: dict[str, Any], end: str, emulator: Control, airflow: Airflow
) -> None:
    left_asking(emulator, airflow, **options)
    old = [made(emulator, end)["runId"] for _ in range(2)]
    airflow.clear()
    begin(airflow.attempt(), **options)
    assert airflow.xcoms["run_id"] not in old
    assert starts(emulator) == 1
    assert not emulator.requests("CancelRun")


def test_runs_of_before_it_are_not_taken(emulator: Control, airflow: Airflow) -> None:
    old = [made(emulator)["runId"] for _ in range(2)]
    emulator.clock(advance=60)
    left_asking(emulator, airflow)
    begin(airflow.attempt())
    assert airflow.xcoms["run_id"] not in old
    assert starts(emulator) == 1


@pytest.mark.parametrize("trigger", ["SCHEDULED", "APP_REFRESH"])
def test_runs_that_were_not_started_by_api_are_not_taken(trigger: str, emulator: Control, airflow: Airflow) -> None:
    left_asking(emulator, airflow)
    made(emulator, trigger=trigger)
    begin(airflow.attempt())
    assert starts(emulator) == 1


def test_a_run_is_found_though_the_clock_of_the_machine_that_asked_for_it_is_ahead(
    emulator: Control, airflow: Airflow
) -> None:
    run = made(emulator)
    emulator.clock(advance=8)
    left_asking(emulator, airflow)
    begin(airflow.attempt())
    assert airflow.xcoms["run_id"] == run["runId"]


def test_a_run_of_long_after_the_request_is_somebody_elses(emulator: Control, airflow: Airflow) -> None:
    emulator.clock(speed=10)
    left_asking(emulator, airflow)
    asking = {**airflow.record["request"], "at": airflow.record["request"]["sent_at"] - 3600}
    airflow.records["hex_run"] = json.dumps({**airflow.record, "request": asking})
    theirs = made(emulator)
    finish(airflow.attempt())
    assert starts(emulator) == 1
    assert airflow.xcoms["run_id"] != theirs["runId"]
    assert statuses(emulator) == ["RUNNING", "COMPLETED"]


@pytest.mark.parametrize("since", [0.0, 1.0], ids=["at-once", "late"])
def test_the_grace_is_counted_from_the_request(
    since: float, emulator: Control, airflow: Airflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect(monkeypatch, {"start_grace": 1}, host=emulator.url)
    left_asking(emulator, airflow)
    asked_at = airflow.record["request"]["sent_at"]
    time.sleep(max(asked_at + since - time.time(), 0.0))
    began = time.time()
    begin(airflow.attempt())
    assert time.time() - asked_at >= 1
    assert time.time() - began < 1.9 - since
    assert len(emulator.requests("GetProjectRuns")) == 1


def test_an_intent_that_cannot_be_settled_just_now_stays(
    emulator: Control, airflow: Airflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    left_asking(emulator, airflow)
    connect(monkeypatch, {"retry_for": 0.01}, host=emulator.url)
    emulator.fault("GetProjectRuns", status=500)
    with pytest.raises(HexError, match="500"):
        operator().execute(airflow.attempt())
    assert set(airflow.record) == {"max_tries", "request"}
    assert starts(emulator) == 0


@pytest.mark.parametrize("state", ["failed", "restarting"])
def test_a_kill_while_it_is_settled_does_not_wait_for_the_grace_and_cancels_the_run(
    state: str, emulator: Control, airflow: Airflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect(monkeypatch, {"start_grace": 60}, host=emulator.url)
    left_asking(emulator, airflow)
    made(emulator)
    airflow.state = state
    task, context, began = operator(), airflow.attempt(), time.monotonic()
    with (
        interrupted_when(lambda: time.monotonic() > began + 0.2, task.on_kill),
        pytest.raises(HexError, match="killed"),
    ):
        task.execute(context)
    assert time.monotonic() - began < 5
    assert statuses(emulator) == ["KILLED"]
    assert starts(emulator) == 0


def test_it_is_settled_in_the_project_that_it_was_for(emulator: Control, airflow: Airflow) -> None:
    """The task's project may be another by now: it is templated."""
    left_asking(emulator, airflow)
    old = made(emulator)
    begin(airflow.attempt(), project_id=PROJECTS["Warehouse health"])
    assert airflow.xcoms["run_id"] != old["runId"]
    assert statuses(emulator)[0] == "KILLED"


def test_a_task_that_is_not_durable_does_not_settle_it(emulator: Control, airflow: Airflow) -> None:
    left_asking(emulator, airflow)
    made(emulator)
    begin(airflow.attempt(), durable=False)
    assert starts(emulator) == 1
    assert not emulator.requests("GetProjectRuns")
