"""A retry and a clear of a Hex task behind dbt: its run is never lost, and the results are read again."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from airflow_provider_hex.airflow_compat import AirflowFailException, AirflowSkipException, TaskDeferred
from airflow_provider_hex.dbt.dag_run_results import statuses_of_dag_run
from airflow_provider_hex.dbt.operator import DbtModelsFailed, HexRefreshOperator
from airflow_provider_hex.dbt.run_results import DbtResultsMissing
from hex_emulator.client import Control
from tests.dbt.manifests import exposure, only_exposure, run_results
from tests.runs.conftest import (  # noqa: F401  # fixtures
    CANCELLED,
    LEFT_RUNNING,
    Airflow,
    airflow,
    keep_runs,
    no_run_is_new,
    starts,
    statuses,
)

STARTED = datetime(2026, 11, 26, 12, tzinfo=UTC)


class Dbt:
    """The results of dbt in a file, and how often they were read."""

    def __init__(self) -> None:
        self.statuses: dict[str, str] = {"daily": "success"}
        self.reads = 0

    def __call__(self, context: Any) -> Any:
        self.reads += 1
        return run_results(self.statuses)


@pytest.fixture
def dbt() -> Dbt:
    return Dbt()


def operator(dbt: Dbt, **options: Any) -> HexRefreshOperator:
    defaults = {"task_id": "run", "poll_interval": 0.05, "timeout": 60, "run_results": dbt}
    return HexRefreshOperator(exposure=only_exposure({"revenue": exposure("daily")}), **{**defaults, **options})


def die_while_waiting(dbt: Dbt, airflow: Airflow, emulator: Control) -> None:  # noqa: F811
    """Let an attempt start a run that does not end by itself, and leave it."""
    keep_runs(emulator)
    with pytest.raises(TaskDeferred):
        operator(dbt, deferrable=True).execute(airflow.attempt())


def test_a_retry_re_attaches_to_the_run_without_reading_the_results(
    dbt: Dbt,
    emulator: Control,
    airflow: Airflow,  # noqa: F811
) -> None:
    die_while_waiting(dbt, airflow, emulator)
    (run,) = emulator.runs()
    emulator.set_status(run["runId"], "COMPLETED")
    dbt.statuses = {"daily": "error"}
    assert operator(dbt).execute(airflow.attempt())["runId"] == run["runId"]
    assert (dbt.reads, starts(emulator)) == (1, 1)


def test_a_retry_after_a_run_that_failed_reads_the_results_again(
    dbt: Dbt,
    emulator: Control,
    airflow: Airflow,  # noqa: F811
) -> None:
    emulator.next_run(outcome="ERRORED")
    with pytest.raises(Exception, match="Hex run ERRORED"):
        operator(dbt).execute(airflow.attempt())
    dbt.statuses = {"daily": "error"}
    with pytest.raises(DbtModelsFailed, match="not refreshed: daily failed"):
        operator(dbt).execute(airflow.attempt())
    assert (dbt.reads, starts(emulator)) == (2, 1)


@pytest.mark.parametrize(
    ("after", "error"),
    [({"daily": "error"}, DbtModelsFailed), ({}, AirflowSkipException), ({"daily": "reused"}, AirflowSkipException)],
)
def test_a_clear_reads_the_results_again_and_cancels_the_run_that_was_left(
    after: dict[str, str],
    error: type[Exception],
    dbt: Dbt,
    emulator: Control,
    airflow: Airflow,  # noqa: F811
) -> None:
    die_while_waiting(dbt, airflow, emulator)
    assert statuses(emulator) == [LEFT_RUNNING]
    airflow.clear()
    dbt.statuses = after
    with pytest.raises(error):
        operator(dbt).execute(airflow.attempt())
    assert (dbt.reads, starts(emulator)) == (2, 1)
    assert statuses(emulator) == [CANCELLED]


def test_a_task_that_waited_for_a_free_kernel_does_not_read_the_results_again(
    dbt: Dbt,
    emulator: Control,
    airflow: Airflow,  # noqa: F811
) -> None:
    emulator.fault("RunProject", status=429, body={"reason": "Too many"}, headers={"Retry-After": "0"})
    context = airflow.attempt()
    with pytest.raises(TaskDeferred) as deferred:
        operator(dbt, deferrable=True).execute(context)
    assert deferred.value.method_name == "retry_start"
    dbt.statuses = {"daily": "error"}
    event = asyncio.run(anext(deferred.value.trigger.run()))
    run = operator(dbt).resume_execution("retry_start", {"event": event.payload}, context)
    assert run["status"] == "COMPLETED"
    assert dbt.reads == 1


def test_held_back_uses_no_retry_and_asks_nothing_of_hex(dbt: Dbt, emulator: Control, airflow: Airflow) -> None:  # noqa: F811
    dbt.statuses = {"daily": "skipped"}
    with pytest.raises(AirflowFailException, match=r"^not refreshed: daily was skipped$"):
        operator(dbt).execute(airflow.attempt())
    with pytest.raises(AirflowSkipException, match=r"^not refreshed: daily was skipped$"):
        operator(dbt, when_models_fail="skip").execute(airflow.attempt())
    dbt.statuses = {"orders": "success"}
    with pytest.raises(AirflowSkipException, match=r"^not refreshed: dbt built none of its models \(daily\)$"):
        operator(dbt).execute(airflow.attempt())
    assert not emulator.requests()


class TestOfDagRun:
    """Which results are of a DAG run: its start, and what a clear makes of that."""

    @pytest.mark.parametrize("key", ["run_after", "data_interval_end"])  # Airflow 2 has only the latter
    def test_results_from_before_a_clear_still_count(self, key: str) -> None:
        due = {"data_interval_end": None, key: STARTED}
        dag_run = SimpleNamespace(start_date=STARTED + timedelta(hours=1), clear_number=0, **due)
        content = run_results({"daily": "success"})
        with pytest.raises(DbtResultsMissing, match="is of an earlier dbt build"):
            statuses_of_dag_run(content, {"dag_run": dag_run})
        dag_run.clear_number = 1
        assert statuses_of_dag_run(content, {"dag_run": dag_run}) == {"model.shop.daily": "success"}
        with pytest.raises(DbtResultsMissing):
            statuses_of_dag_run(run_results({}, started="2026-11-26T11:00:00Z"), {"dag_run": dag_run})

    @pytest.mark.parametrize("nothing", [None, "", [], {}])
    def test_no_results_at_all_are_an_error(self, nothing: Any) -> None:
        with pytest.raises(DbtResultsMissing):
            statuses_of_dag_run(nothing, {})
        with pytest.raises(DbtResultsMissing):
            statuses_of_dag_run(lambda context: nothing, {})

    def test_files_may_be_a_list(self, tmp_path: Path) -> None:
        for name, status in (("build", "error"), ("retry", "success")):
            (tmp_path / name).write_text(json.dumps(run_results({"daily": status})))
        assert statuses_of_dag_run([tmp_path / "build", str(tmp_path / "retry")], {}) == {"model.shop.daily": "success"}

    def test_a_file_that_is_written_only_in_part_is_no_result(self, tmp_path: Path) -> None:
        (tmp_path / "build").write_text(json.dumps(run_results({"daily": "error"})))
        (tmp_path / "retry").write_text('{"results": [')
        assert statuses_of_dag_run([tmp_path / "build", tmp_path / "retry"], {}) == {"model.shop.daily": "error"}
        with pytest.raises(DbtResultsMissing, match="retry is not JSON"):
            statuses_of_dag_run(tmp_path / "retry", {})
