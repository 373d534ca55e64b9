"""Results of dbt: which are of this DAG run, and which replace others."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from airflow_provider_hex.dbt.run_results import DbtResultsMissing, merge_results
from tests.dbt.manifests import run_results

STARTED = datetime(2026, 11, 26, 12, tzinfo=UTC)
"""When the results were started, and the DAG run."""


BROKEN: list[dict[str, Any]] = [
    {"results": None},
    {"results": [{"status": "success"}]},
    {"results": [None]},
    {"results": "none"},
    {"metadata": None},
    {"args": None},
]
"""What a file may have that was written by something else."""


@pytest.mark.parametrize("which", ["build", "run", "seed", "snapshot"])
def test_results_of_a_command_that_builds_are_read(which: str) -> None:
    document = run_results({"daily": "success"}, which=which)
    assert merge_results([("a.json", document)], since=STARTED) == {"model.shop.daily": "success"}


@pytest.mark.parametrize(
    ("document", "why"),
    [
        (None, "a.json does not exist"),
        ([], "a.json is not the whole run_results.json of a dbt command"),
        ({"nodes": {}, "metadata": {}}, "a.json is not the whole run_results.json of a dbt command"),
        (
            run_results({}, which="compile"),
            "a.json is of dbt compile, which builds no models, started at 2026",
        ),
        *[
            (run_results({"daily": "success"}) | broken, "a.json is not the whole run_results.json of a dbt command")
            for broken in BROKEN
        ],
        ("it is not JSON", "a.json cannot be read: it is not JSON"),
        (run_results({}, which="test"), "a.json is of dbt test, which builds no models"),
        (
            run_results({}, started="2026-11-26T11:00:00Z"),
            "a.json is of an earlier dbt build, started at 2026-11-26",
        ),
        (run_results({}, started="yesterday"), "a.json is of an earlier dbt build, started at None"),
    ],
)
def test_what_is_not_of_this_dag_run_is_no_result_and_the_message_says_why(document: Any, why: str) -> None:
    with pytest.raises(DbtResultsMissing) as raised:
        merge_results([("a.json", document)], since=STARTED)
    assert why in str(raised.value)
    assert not raised.value.retry_helps


def test_no_document_is_no_result() -> None:
    with pytest.raises(DbtResultsMissing):
        merge_results([])


def test_clocks_may_differ_by_ten_seconds() -> None:
    document = run_results({"daily": "success"})
    assert merge_results([("a.json", document)], since=STARTED + timedelta(seconds=9))
    with pytest.raises(DbtResultsMissing):
        merge_results([("a.json", document)], since=STARTED + timedelta(seconds=11))


def test_the_time_of_writing_stands_for_a_start_that_an_older_dbt_did_not_write() -> None:
    document = run_results({"daily": "success"})
    del document["metadata"]["invocation_started_at"]
    assert merge_results([("a.json", document)], since=STARTED)


def test_later_results_replace_those_of_their_nodes() -> None:
    build = run_results({"daily": "error", "orders": "success"})
    retry = run_results({"daily": "success"})
    assert merge_results([("build", build), ("retry", retry)], since=STARTED) == {
        "model.shop.daily": "success",
        "model.shop.orders": "success",
    }


@pytest.mark.parametrize(
    "later",
    [
        None,
        run_results({"daily": "success"}, started="2026-11-25T12:00:00Z"),
        "it is not JSON",
        [],
        *[run_results({"daily": "success"}) | broken for broken in BROKEN],
    ],
)
def test_a_later_document_may_be_missing_or_old_or_broken_as_of_a_retry_that_was_not_needed(
    later: Any, caplog: pytest.LogCaptureFixture
) -> None:
    build = run_results({"daily": "error"})
    with caplog.at_level(logging.WARNING, "airflow_provider_hex"):
        assert merge_results([("build", build), ("retry", later)], since=STARTED) == {"model.shop.daily": "error"}
    assert "retry" in caplog.text


def test_results_of_dbt_test_may_follow_those_of_dbt_run() -> None:
    run, tests = run_results({"daily": "success"}, which="run"), run_results({"test.shop.a": "fail"}, which="test")
    assert merge_results([("run", run), ("test", tests)], since=STARTED)["test.shop.a"] == "fail"
