"""When an attempt notes what, next to what Hex receives; and what becomes of its run if it cannot."""

from __future__ import annotations

import time
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import TaskDeferred

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
from tests.runs.conftest import WAYS, Airflow, begin, finish, going, operator, statuses


def watch(airflow: Airflow, emulator: Control) -> list[tuple[str, int]]:
    """What is written, and how many RunProjects Hex has received by then."""
    seen: list[tuple[str, int]] = []

    def look(method: str, value: Any) -> None:
        if method != "get":
            what = next(name for name in value if name != "max_tries") if method == "set" else "nothing"
            seen.append((what, len(emulator.requests("RunProject"))))

    airflow.on_store = look
    return seen


@pytest.mark.parametrize("way", WAYS)
def test_the_intent_is_noted_before_the_request_and_the_run_after_it_and_nothing_stays(
    way: str, emulator: Control, airflow: Airflow
) -> None:
    seen = watch(airflow, emulator)
    finish(airflow.attempt(), **WAYS[way])
    assert seen == [("request", 0), ("run", 1), ("nothing", 1)]
    assert not airflow.records


def test_the_run_stays_noted_while_it_is_waited_for(emulator: Control, airflow: Airflow) -> None:
    begin(airflow.attempt())
    (run,) = emulator.runs()
    noted = {name: run[name] for name in ("projectId", "runId", "runUrl", "traceId")}
    assert airflow.record == {"max_tries": 1, "run": noted}


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
def test_the_intent_says_when_and_whether_the_run_will_be_like_any_other(
    options: dict[str, Any], default_options: bool, emulator: Control, airflow: Airflow
) -> None:
    written: list[Any] = []
    airflow.on_store = lambda method, value: written.append(value)
    began = time.time()
    begin(airflow.attempt(), **options)
    asked = next(value for value in written if value)["request"]
    assert asked["default_options"] is default_options
    assert began <= asked["sent_at"] <= time.time()


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
def test_a_request_that_was_refused_leaves_no_note(
    fault: dict[str, Any], options: dict[str, Any], error: type[BaseException], emulator: Control, airflow: Airflow
) -> None:
    emulator.fault("RunProject", times=None, **fault)
    seen = watch(airflow, emulator)
    with pytest.raises(error):
        operator(**options).execute(airflow.attempt())
    assert seen == [("request", 0), ("nothing", 1)]
    assert not airflow.records


def test_each_request_is_noted_and_each_refusal_too(emulator: Control, airflow: Airflow) -> None:
    emulator.fault("RunProject", status=429, times=2, headers={"Retry-After": "0"})
    seen = watch(airflow, emulator)
    operator(wait_for_completion=False).execute(airflow.attempt())
    assert seen == [
        ("request", 0),
        ("nothing", 1),
        ("request", 1),
        ("nothing", 2),
        ("request", 2),
        ("run", 3),
        ("nothing", 3),
    ]


def test_an_unclear_answer_leaves_the_intent_until_it_is_settled(emulator: Control, airflow: Airflow) -> None:
    emulator.fault("RunProject", drop=True, apply=True)
    seen = watch(airflow, emulator)
    finish(airflow.attempt())
    assert seen == [("request", 0), ("run", 1), ("nothing", 1)]
    assert len(emulator.runs()) == 1


def test_an_intent_that_could_not_be_settled_but_may_be_later_stays(emulator: Control, airflow: Airflow) -> None:
    emulator.fault("RunProject", status=500, times=None)
    with pytest.raises(HexServerError):
        operator().execute(airflow.attempt())
    assert set(airflow.record) == {"max_tries", "request"}


def test_an_intent_that_somebody_was_told_of_is_dropped(emulator: Control, airflow: Airflow) -> None:
    emulator.fault("RunProject", drop=True, apply=True)
    with pytest.raises(HexAmbiguousStart, match=r"perhaps by others"):
        operator(input_params={"region": "EMEA"}).execute(airflow.attempt())
    assert not airflow.records


@pytest.mark.parametrize("way", ["waiting", "deferrable"])
def test_of_a_run_that_ended_badly_it_stays_noted_how(way: str, emulator: Control, airflow: Airflow) -> None:
    emulator.next_run(outcome="ERRORED", pending=0, running=0.5)
    with pytest.raises(HexRunFailed) as raised:
        finish(airflow.attempt(), **WAYS[way])
    assert airflow.record == {"max_tries": 1, "failure": str(raised.value)}


def test_a_task_that_is_not_durable_works_without_the_store(emulator: Control, airflow: Airflow) -> None:
    seen: list[str] = []
    airflow.on_store = lambda method, value: seen.append(method)
    for way in WAYS.values():
        finish(airflow.attempt(), durable=False, **way)
    assert not seen
    assert len(emulator.runs()) == 3


def failing_at(method: str, what: str | None = None) -> Any:
    def fail(used: str, value: Any) -> None:
        if used == method and (what is None or what in value):
            raise ConnectionError("The store does not answer.")

    return fail


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("failure", [("get", None), ("set", "request")], ids=["get", "set"])
def test_nothing_is_sent_that_cannot_be_noted(failure: Any, way: str, emulator: Control, airflow: Airflow) -> None:
    airflow.on_store = failing_at(*failure)
    with pytest.raises(ConnectionError, match=r"The store does not answer\."):
        operator(**WAYS[way]).execute(airflow.attempt())
    assert not emulator.requests()


@pytest.mark.parametrize("way", WAYS)
def test_a_run_that_cannot_be_noted_is_cancelled(way: str, emulator: Control, airflow: Airflow) -> None:
    going(emulator)
    airflow.on_store = failing_at("set", "run")
    with pytest.raises(ConnectionError) as raised:
        operator(**WAYS[way]).execute(airflow.attempt())
    (run,) = emulator.runs()
    assert run["status"] == "KILLED"
    assert str(raised.value) == (
        f"The store does not answer. Hex run {run['runId']} of project {run['projectId']} ({run['runUrl']}, trace id "
        f"{run['traceId']}): The run was cancelled."
    )


def test_a_run_that_cannot_be_noted_is_cancelled_though_another_attempt_is_there(
    emulator: Control, airflow: Airflow
) -> None:
    going(emulator)
    context = airflow.attempt()
    airflow.on_store = lambda method, value: airflow.attempt() if method == "set" and "run" in value else None
    with pytest.raises(RuntimeError, match=r"not the present one.*The run was cancelled\."):
        operator().execute(context)
    assert statuses(emulator) == ["KILLED"]


@pytest.mark.parametrize("way", WAYS)
def test_a_note_that_cannot_be_deleted_does_not_fail_the_task(
    way: str, emulator: Control, airflow: Airflow, written: Any
) -> None:
    airflow.on_store = failing_at("delete")
    finish(airflow.attempt(), **WAYS[way])
    assert "does not take a note: The store does not answer." in written()
    assert airflow.records


def test_an_intent_that_cannot_be_deleted_does_not_hide_the_refusal(emulator: Control, airflow: Airflow) -> None:
    airflow.on_store = failing_at("delete")
    emulator.fault("RunProject", status=404)
    with pytest.raises(HexNotFound):
        operator().execute(airflow.attempt())


def test_how_it_ended_is_told_though_it_cannot_be_noted(emulator: Control, airflow: Airflow) -> None:
    emulator.next_run(outcome="ERRORED", pending=0, running=0)
    airflow.on_store = failing_at("set", "failure")
    with pytest.raises(HexRunFailed, match="ended ERRORED"):
        operator().execute(airflow.attempt())


def test_what_the_token_may_not_do_leaves_no_note(
    emulator: Control, airflow: Airflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect(monkeypatch, host=emulator.url, password="nobody-knows-it")
    with pytest.raises(HexError, match="401"):
        operator().execute(airflow.attempt())
    assert not airflow.records
