"""What dbt itself writes, for each way in which its commands end. dbt runs once for all tests of this file."""

from __future__ import annotations

import json
import subprocess
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_hex.dbt.exposures import ExposureReading, read_exposures
from airflow_provider_hex.dbt.graph import short_name
from airflow_provider_hex.dbt.run_results import DbtResultsMissing, merge_results
from airflow_provider_hex.dbt.trim import trim
from airflow_provider_hex.dbt.verdict import HeldBack, NothingBuilt, Refresh, verdict

PYTHON = Path(__file__).parents[2] / ".envs" / "dbt" / "bin" / "python"

REFRESHED, NOTHING_BUILT = "refreshed", "nothing built"


@pytest.fixture(scope="module")
def dbt(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the files of each command, see ``run_dbt.py``."""
    folder = tmp_path_factory.mktemp("dbt")
    script = Path(__file__).with_name("run_dbt.py")
    done = subprocess.run([PYTHON, script, folder], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture(scope="module")
def manifest(dbt: Path) -> dict[str, Any]:
    return load(dbt / "build" / "manifest.json")


@pytest.fixture(scope="module")
def reading(manifest: dict[str, Any]) -> ExposureReading:
    return read_exposures(manifest)


def load(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_text())
    return content


def results(dbt: Path, *commands: str) -> list[tuple[str, dict[str, Any]]]:
    return [(each, load(dbt / each / "run_results.json")) for each in commands]


def started(dbt: Path, command: str) -> datetime:
    ((_, document),) = results(dbt, command)
    return datetime.fromisoformat(document["metadata"]["invocation_started_at"])


def outcomes(reading: ExposureReading, dbt: Path, *commands: str) -> dict[str, str]:
    """By exposure: refreshed, nothing built, or why it is held back."""
    statuses = merge_results(results(dbt, *commands))
    found = {each.name: verdict(each, statuses) for each in reading.exposures}
    return {name: each.why if isinstance(each, HeldBack) else WORDS[type(each)] for name, each in found.items()}


WORDS = {Refresh: REFRESHED, NothingBuilt: NOTHING_BUILT}


def test_the_exposures_are_read(reading: ExposureReading) -> None:
    models = {each.name: [short_name(model) for model in each.models] for each in reading.exposures}
    assert models == {
        "customers": ["customer_report"],
        "finance__revenue": ["ledger"],
        "off": ["orders"],
        "on_ephemeral": ["recent_orders"],
        "on_metric": ["orders"],
        "on_seed": ["raw_orders"],
        "on_snapshot": ["orders_snapshot"],
        "on_source": ["web.raw_orders"],
        "on_view": ["orders_view"],
        "project_in_meta": ["orders"],
        "shop__revenue": ["daily_revenue", "orders"],  # of two exposures
        "revenue_in_asia": ["daily_revenue"],
    }
    (problem,) = reading.problems
    assert problem.unique_id == "exposure.shop.home_page_of_hex"


def test_an_exposure_has_what_its_task_shows(reading: ExposureReading) -> None:
    (found,) = [each for each in reading.exposures if each.name == "shop__revenue"]
    assert found.unique_ids == ("exposure.shop.revenue", "exposure.shop.revenue_of_each_order")
    assert found.label == "Revenue, daily, revenue_of_each_order"
    assert found.owner == "Ann, Bob"
    assert found.description == "What the shop *earns*."
    assert found.project_id == "019eb848-2e32-77f8-991b-aaa5018c75b4"
    assert found.arguments == {"input_params": {"region": "EMEA"}}


def test_a_trimmed_manifest_reads_as_the_whole_one(manifest: dict[str, Any], reading: ExposureReading) -> None:
    trimmed = trim(manifest)
    assert read_exposures(trimmed) == reading
    assert len(json.dumps(trimmed)) < len(json.dumps(manifest)) / 50


@pytest.mark.parametrize("command", ["build", "warning"])
def test_a_build_without_failures_refreshes_all_but_what_reads_a_source(
    command: str, reading: ExposureReading, dbt: Path
) -> None:
    found = outcomes(reading, dbt, command)
    assert found.pop("on_source") == NOTHING_BUILT
    assert set(found.values()) == {REFRESHED}


def test_dbt_run_builds_neither_seeds_nor_snapshots(reading: ExposureReading, dbt: Path) -> None:
    found = outcomes(reading, dbt, "run")
    assert {name for name, each in found.items() if each == NOTHING_BUILT} == {"on_seed", "on_snapshot", "on_source"}
    assert set(found.values()) == {REFRESHED, NOTHING_BUILT}


def test_a_failing_model_holds_back_what_reads_it(reading: ExposureReading, dbt: Path) -> None:
    found = outcomes(reading, dbt, "failing_model")
    assert found.pop("customers") == "customer_report was skipped, because customers failed"
    assert found.pop("on_source") == NOTHING_BUILT
    assert set(found.values()) == {REFRESHED}


def test_a_failing_test_holds_back_what_reads_its_model(reading: ExposureReading, dbt: Path) -> None:
    why = "test unique_orders_order_id of orders failed"
    skipped = f"was skipped, because {why}"
    assert outcomes(reading, dbt, "failing_test") == {
        "customers": REFRESHED,
        "finance__revenue": REFRESHED,
        "off": why,
        "on_ephemeral": f"orders_view {skipped}",
        "on_metric": why,
        "on_seed": REFRESHED,
        "on_snapshot": f"orders_snapshot {skipped}",
        "on_source": NOTHING_BUILT,
        "on_view": f"orders_view {skipped}",
        "project_in_meta": why,
        "shop__revenue": f"daily_revenue {skipped}; {why}",
        "revenue_in_asia": f"daily_revenue {skipped}",
    }


def test_a_failing_test_holds_back_the_same_after_dbt_run_which_builds_before_it_tests(
    reading: ExposureReading, dbt: Path
) -> None:
    in_one_command = outcomes(reading, dbt, "failing_test")
    in_two = outcomes(reading, dbt, "failing_test_run", "failing_test_test")
    of_run = in_two.keys() - {"on_seed", "on_snapshot"}  # which dbt run does not build
    words = {REFRESHED, NOTHING_BUILT}
    assert {name for name in of_run if in_two[name] not in words} == {
        name for name in of_run if in_one_command[name] not in words
    }


def test_dbt_retry_writes_only_what_it_built_and_replaces_that_of_the_build(
    reading: ExposureReading, dbt: Path
) -> None:
    retried = outcomes(reading, dbt, "retry")
    assert retried.pop("customers") == REFRESHED
    assert set(retried.values()) == {NOTHING_BUILT}
    both = outcomes(reading, dbt, "failing_model", "retry")
    assert both.pop("on_source") == NOTHING_BUILT
    assert set(both.values()) == {REFRESHED}


def test_with_select_only_what_reads_the_selected_models_is_refreshed(reading: ExposureReading, dbt: Path) -> None:
    found = outcomes(reading, dbt, "only_orders")
    refreshed = {name for name, each in found.items() if each == REFRESHED}
    views = {"on_view", "on_ephemeral"}  # the views were not built, but the table that they show
    assert refreshed == {"off", "on_metric", "project_in_meta", "shop__revenue"} | views
    assert set(found.values()) == {REFRESHED, NOTHING_BUILT}


@pytest.mark.parametrize(("command", "refreshed"), [("seed", {"on_seed"}), ("snapshot", {"on_snapshot"})])
def test_seeds_and_snapshots_have_commands_of_their_own(
    command: str, refreshed: set[str], reading: ExposureReading, dbt: Path
) -> None:
    found = outcomes(reading, dbt, command)
    assert {name for name, each in found.items() if each == REFRESHED} == refreshed


def test_a_build_of_tests_alone_refreshes_nothing(reading: ExposureReading, dbt: Path) -> None:
    assert set(outcomes(reading, dbt, "only_a_test").values()) == {NOTHING_BUILT}


@pytest.mark.parametrize("command", ["compile", "test"])
def test_a_command_that_builds_nothing_replaces_the_results_and_is_refused(command: str, dbt: Path) -> None:
    with pytest.raises(DbtResultsMissing, match=f"is of dbt {command}, which builds no models"):
        merge_results(results(dbt, command))


def test_an_error_in_a_file_leaves_the_earlier_results_which_are_refused(dbt: Path) -> None:
    assert load(dbt / "error_in_a_file" / "run_results.json") == load(dbt / "build" / "run_results.json")
    later = started(dbt, "snapshot")  # so the DAG run began after the build that left its results
    with pytest.raises(DbtResultsMissing, match="is of an earlier dbt build"):
        merge_results(results(dbt, "error_in_a_file"), since=later)
    assert merge_results(results(dbt, "build"), since=started(dbt, "build") - timedelta(seconds=1))
