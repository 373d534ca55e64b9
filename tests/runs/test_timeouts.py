"""Time that is up, in every phase of an attempt: the run is found and cancelled, whatever else is noted."""

from __future__ import annotations

import pytest
from airflow.providers.common.compat.sdk import AirflowTaskTimeout

from airflow_provider_hex.api.errors import HexRunTimeout
from hex_emulator.client import Control
from tests.conftest import connect
from tests.runs.conftest import WAYS, Airflow, begin, finish, going, interrupted_when, operator, statuses


def time_is_up() -> None:
    raise AirflowTaskTimeout("Time is up.")


@pytest.fixture
def slow_clock(emulator: Control) -> None:
    """Runs of since a request are told from older ones by the time, which passes as it does."""
    emulator.clock(speed=1)


@pytest.mark.parametrize("max_tries", [0, 1], ids=["last-attempt", "retry-to-come"])
@pytest.mark.parametrize("way", ["waiting", "deferrable"])
def test_a_run_whose_time_is_up_is_cancelled(way: str, max_tries: int, emulator: Control, airflow: Airflow) -> None:
    going(emulator)
    airflow.max_tries = max_tries
    with pytest.raises(HexRunTimeout, match=r"was still RUNNING when its time was up.*The run was cancelled\."):
        finish(airflow.attempt(), timeout=0.3, **WAYS[way])
    assert statuses(emulator) == ["KILLED"]
    assert "failure" in airflow.record


@pytest.mark.parametrize("max_tries", [0, 1], ids=["last-attempt", "retry-to-come"])
def test_a_run_whose_execution_time_is_up_is_cancelled(max_tries: int, emulator: Control, airflow: Airflow) -> None:
    going(emulator)
    airflow.max_tries = max_tries
    with (
        interrupted_when(lambda: emulator.requests("GetRunStatus"), time_is_up),
        pytest.raises(AirflowTaskTimeout, match=r"Time is up\. Hex run .* The run was cancelled\."),
    ):
        operator().execute(airflow.attempt())
    assert statuses(emulator) == ["KILLED"]
    assert "failure" in airflow.record


@pytest.mark.parametrize("way", ["waiting", "deferrable"])
def test_a_run_that_a_timeout_leaves_is_the_retrys(way: str, emulator: Control, airflow: Airflow) -> None:
    going(emulator)
    with pytest.raises(HexRunTimeout, match=r"The run goes on, as cancel_on_timeout is off\."):
        finish(airflow.attempt(), timeout=0.3, cancel_on_timeout=False, **WAYS[way])
    (run,) = emulator.runs()
    assert run["status"] == "RUNNING"
    assert airflow.record["run"]["runId"] == run["runId"]
    emulator.set_status(run["runId"], "COMPLETED")
    assert finish(airflow.attempt(), **WAYS[way])["runId"] == run["runId"]


@pytest.mark.usefixtures("slow_clock")
@pytest.mark.parametrize("way", WAYS)
def test_time_that_is_up_while_the_request_is_out_finds_its_run_and_cancels_it(
    way: str, emulator: Control, airflow: Airflow
) -> None:
    going(emulator)
    emulator.fault("RunProject", delay=2, apply=True)
    with (
        interrupted_when(lambda: emulator.runs(), time_is_up),
        pytest.raises(AirflowTaskTimeout, match=r"Time is up\. Hex run .*: The run was cancelled\.") as raised,
    ):
        operator(**WAYS[way]).execute(airflow.attempt())
    (run,) = emulator.runs()
    assert run["runUrl"] in str(raised.value)
    assert run["status"] == "KILLED"
    assert len(emulator.requests("RunProject")) == 1


@pytest.mark.usefixtures("slow_clock")
def test_the_retry_after_that_starts_afresh(emulator: Control, airflow: Airflow) -> None:
    going(emulator)
    emulator.fault("RunProject", delay=2, apply=True)
    with interrupted_when(lambda: emulator.runs(), time_is_up), pytest.raises(AirflowTaskTimeout):
        operator().execute(airflow.attempt())
    begin(airflow.attempt())
    assert len(emulator.runs()) == 2
    assert airflow.xcoms["run_id"] == emulator.runs()[1]["runId"]


def test_a_request_that_made_no_run_until_time_was_up_leaves_nothing(emulator: Control, airflow: Airflow) -> None:
    emulator.fault("RunProject", delay=2, drop=True)
    with (
        interrupted_when(lambda: "hex_run" in airflow.records, time_is_up),
        pytest.raises(AirflowTaskTimeout, match=r"Time is up\. No run was started\."),
    ):
        operator().execute(airflow.attempt())
    assert not airflow.records
    assert not emulator.requests("CancelRun")


@pytest.mark.usefixtures("slow_clock")
def test_a_run_that_may_be_another_tasks_is_listed_and_not_cancelled(emulator: Control, airflow: Airflow) -> None:
    going(emulator)
    emulator.fault("RunProject", delay=2, apply=True)
    with (
        interrupted_when(lambda: emulator.runs(), time_is_up),
        pytest.raises(AirflowTaskTimeout, match=r"Time is up\. .*perhaps by others") as raised,
    ):
        operator(input_params={"region": "EMEA"}).execute(airflow.attempt())
    assert emulator.runs()[0]["runUrl"] in str(raised.value)
    assert statuses(emulator) == ["RUNNING"]
    assert set(airflow.record) == {"max_tries", "request"}  # Airflow retries after this error


@pytest.mark.usefixtures("slow_clock")
def test_a_run_that_cannot_be_found_just_now_stays_for_the_retry(
    emulator: Control, airflow: Airflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect(monkeypatch, {"retry_for": 0.01}, host=emulator.url)
    going(emulator)
    emulator.fault("RunProject", delay=2, apply=True)
    emulator.fault("GetProjectRuns", status=500)
    with (
        interrupted_when(lambda: emulator.runs(), time_is_up),
        pytest.raises(AirflowTaskTimeout, match=r"Time is up\. Hex answered GetProjectRuns .* with 500"),
    ):
        operator().execute(airflow.attempt())
    assert set(airflow.record) == {"max_tries", "request"}
    begin(airflow.attempt())
    assert len(emulator.runs()) == 1
    assert airflow.xcoms["run_id"] == emulator.runs()[0]["runId"]


@pytest.mark.usefixtures("slow_clock")
def test_a_run_that_time_was_up_for_is_left_if_it_is_to_be(emulator: Control, airflow: Airflow) -> None:
    going(emulator)
    emulator.fault("RunProject", delay=2, apply=True)
    with interrupted_when(lambda: emulator.runs(), time_is_up), pytest.raises(AirflowTaskTimeout, match="Time is up"):
        operator(cancel_on_timeout=False).execute(airflow.attempt())
    assert statuses(emulator) == ["RUNNING"]
    assert airflow.records


def test_time_that_is_up_before_anything_was_sent_leaves_nothing_to_look_for(
    emulator: Control, airflow: Airflow
) -> None:
    airflow.on_store = lambda method, value: time_is_up() if method == "set" else None
    with pytest.raises(AirflowTaskTimeout, match=r"^Time is up\.$"):
        operator().execute(airflow.attempt())
    assert not emulator.requests()


def test_time_that_is_up_while_room_is_waited_for_leaves_nothing(emulator: Control, airflow: Airflow) -> None:
    emulator.fault("RunProject", status=429, headers={"Retry-After": "60"})
    with (
        interrupted_when(lambda: emulator.requests("RunProject"), time_is_up),
        pytest.raises(AirflowTaskTimeout, match=r"^Time is up\.$"),
    ):
        operator(timeout=600).execute(airflow.attempt())
    assert not airflow.records
    assert [request["call"] for request in emulator.requests()] == ["RunProject"]


def test_time_that_is_up_while_the_last_attempt_looks_for_the_run_of_before_cancels_that(
    emulator: Control, airflow: Airflow
) -> None:
    going(emulator)
    begin(airflow.attempt())
    emulator.fault("GetRunStatus", delay=2)
    with (
        interrupted_when(lambda: emulator.requests("GetRunStatus"), time_is_up),
        pytest.raises(AirflowTaskTimeout, match=r"Time is up\."),
    ):
        operator().execute(airflow.attempt())
    assert statuses(emulator) == ["KILLED"]
