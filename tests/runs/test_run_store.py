"""The record in Airflow's task state store."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_hex.api.start import StartRequest
from airflow_provider_hex.runs.run_store import Record, RunStore
from tests.runs.conftest import Airflow

RUN = {"projectId": "p", "runId": "r", "runUrl": "https://hex/r", "traceId": "t", "projectVersion": 7}
RECORDED_RUN = {name: RUN[name] for name in ("projectId", "runId", "runUrl", "traceId")}
REQUEST = StartRequest(1_800_000_000.25, default_options=True)


def new_attempt(airflow: Airflow, **options: Any) -> RunStore:
    """Begin an attempt, and return its access to the record."""
    return RunStore(airflow.attempt(), **{"durable": True, **options})


def use(store: RunStore) -> None:
    """Record all there is to record, and delete it."""
    store.record_request("p", REQUEST)
    store.record_run(RUN)
    store.record_success(RUN)
    store.record_failure("It ended ERRORED.")
    store.delete()


def test_the_first_attempt_finds_nothing(airflow: Airflow) -> None:
    assert new_attempt(airflow).load() is None


def test_the_next_attempt_finds_the_fields_that_identify_a_run(airflow: Airflow) -> None:
    new_attempt(airflow).record_run(RUN)
    assert new_attempt(airflow).load() == Record(is_retry=True, run=RECORDED_RUN)


def test_the_next_attempt_finds_when_the_run_was_started(airflow: Airflow) -> None:
    new_attempt(airflow).record_run(RUN, 1_800_000_000.5)
    assert new_attempt(airflow).load() == Record(is_retry=True, run=RECORDED_RUN, started_at=1_800_000_000.5)


def test_fields_of_the_run_that_hex_did_not_report_are_not_recorded(airflow: Airflow) -> None:
    new_attempt(airflow).record_run({"projectId": "p", "runId": "r", "runUrl": None})
    assert airflow.record["run"] == {"projectId": "p", "runId": "r"}


@pytest.mark.parametrize("default_options", [True, False])
def test_the_next_attempt_finds_the_request_as_it_was_recorded(default_options: bool, airflow: Airflow) -> None:
    request = StartRequest(1_800_000_000.25, default_options)
    new_attempt(airflow).record_request("p", request)
    expected = Record(is_retry=True, project_id="p", request=request, started_at=request.sent_at)
    assert new_attempt(airflow).load() == expected


def test_each_attempt_that_starts_another_run_records_which_run_was_recorded_before(airflow: Airflow) -> None:
    new_attempt(airflow).record_run(RUN)
    airflow.clear()
    for _ in range(2):
        store = new_attempt(airflow)
        store.load()
        store.record_request("p", REQUEST)
    record = new_attempt(airflow).load()
    assert record
    assert record.run is None
    assert record.earlier_run_id == "r"


def test_the_next_attempt_does_not_find_a_deleted_record(airflow: Airflow) -> None:
    store = new_attempt(airflow)
    store.record_request("p", REQUEST)
    store.delete()
    assert new_attempt(airflow).load() is None


def test_the_next_attempt_finds_how_the_run_failed(airflow: Airflow) -> None:
    store = new_attempt(airflow)
    store.record_run(RUN)
    store.record_failure("It ended ERRORED.")
    assert new_attempt(airflow).load() == Record(is_retry=True, failure="It ended ERRORED.")


def test_the_next_attempt_finds_that_the_task_succeeded_with_the_run(airflow: Airflow) -> None:
    store = new_attempt(airflow)
    store.record_run(RUN)
    store.record_success(RUN)
    assert new_attempt(airflow).load() == Record(is_retry=True, run=RECORDED_RUN, success=True)


def test_no_attempt_after_a_clear_is_a_retry_of_one_before_it(airflow: Airflow) -> None:
    new_attempt(airflow).record_run(RUN)
    airflow.clear()
    for _ in range(2):
        assert new_attempt(airflow).load() == Record(is_retry=False, run=RECORDED_RUN)


def test_a_record_of_an_unknown_kind_is_ignored(airflow: Airflow) -> None:
    store = new_attempt(airflow)
    airflow.records["hex_run"] = '"r"'
    assert store.load() is None


@pytest.mark.parametrize("context", [{}, {"task_state_store": None}], ids=["before-airflow-3.3", "none"])
def test_without_a_task_state_store_nothing_is_recorded_and_nothing_fails(
    context: dict[str, Any], airflow: Airflow
) -> None:
    store = RunStore({"ti": airflow.attempt()["ti"], **context}, durable=True)  # type: ignore[typeddict-item]
    use(store)
    assert not store.is_available
    assert store.load() is None
    assert not store.is_visible()
    store.record_run(RUN)
    assert not store.has_run


def test_a_task_that_is_not_durable_does_not_use_the_task_state_store(airflow: Airflow) -> None:
    used: list[str] = []
    airflow.on_store = lambda method, value: used.append(method)
    store = new_attempt(airflow, durable=False)
    use(store)
    assert not store.is_available
    assert store.load() is None
    assert not store.is_visible()
    store.record_run(RUN)
    assert not store.has_run
    assert not used


def test_only_a_request_and_a_run_must_be_recorded(airflow: Airflow) -> None:
    def fail(method: str, value: Any) -> None:
        raise ConnectionError("The store does not respond.")

    store = new_attempt(airflow)
    airflow.on_store = fail
    store.delete()
    store.record_success(RUN)
    store.record_failure("It ended ERRORED.")
    with pytest.raises(ConnectionError):
        store.record_request("p", REQUEST)
    with pytest.raises(ConnectionError):
        store.record_run(RUN)


def test_the_record_names_the_run_from_the_moment_that_it_is_recorded(airflow: Airflow) -> None:
    store = new_attempt(airflow)
    assert not store.has_run
    store.record_request("p", REQUEST)
    assert not store.has_run
    store.record_run(RUN)
    assert store.has_run
    store.record_request("p", REQUEST)  # of another run
    assert not store.has_run


def test_the_record_does_not_name_a_run_that_could_not_be_recorded(airflow: Airflow) -> None:
    def fail(method: str, value: Any) -> None:
        raise ConnectionError("The store does not respond.")

    store = new_attempt(airflow)
    airflow.on_store = fail
    with pytest.raises(ConnectionError):
        store.record_run(RUN)
    assert not store.has_run


@pytest.mark.parametrize("recorded", ["run", "request", "failure"])
def test_the_record_that_an_attempt_loads_may_lead_to_a_run(recorded: str, airflow: Airflow) -> None:
    store = new_attempt(airflow)
    store.record_request("p", REQUEST)
    if recorded != "request":
        store.record_run(RUN)
    if recorded == "failure":
        store.record_failure("It ended ERRORED.")
    next_store = new_attempt(airflow)
    next_store.load()
    assert next_store.has_run is (recorded != "failure")


def test_the_record_names_the_run_of_a_task_that_resumes_after_a_deferral(airflow: Airflow) -> None:
    context = airflow.attempt()
    RunStore(context, durable=True).record_run(RUN)
    assert RunStore(context, durable=True, has_run=True).has_run


def test_the_record_is_visible_to_the_latest_attempt_only(airflow: Airflow) -> None:
    store = new_attempt(airflow)
    assert not store.is_visible()
    store.record_run(RUN)
    assert store.is_visible()
    latest = new_attempt(airflow)
    assert not store.is_visible()
    assert latest.is_visible()
