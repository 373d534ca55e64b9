"""Whether a project is refreshed: the table in docs/dbt.md, and random graphs against a slow oracle."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_hex.dbt.exposures import HexExposure, read_exposures
from airflow_provider_hex.dbt.verdict import HeldBack, NothingBuilt, Refresh, Verdict, verdict
from tests.dbt.manifests import exposure, manifest, node_id, only_exposure


def judged(found: HexExposure, **statuses: str) -> Verdict:
    """The verdict for the statuses of models, and of tests: ``test__unique`` is the test ``unique``."""
    return verdict(found, {node_id(name.replace("test__", "test.shop.")): each for name, each in statuses.items()})


@pytest.fixture
def revenue() -> HexExposure:
    """A project that reads two tables, each of which reads another; tests are of one and of what it reads."""
    return only_exposure(
        {"revenue": exposure("daily", "monthly")},
        {"daily": ["orders"], "monthly": ["costs"]},
        tests={"unique": ["daily"], "positive": ["orders"], "related": ["daily", "customers"]},
    )


@pytest.mark.parametrize("other", [{}, {"monthly": "success"}, {"monthly": "no-op"}, {"monthly": "reused"}])
def test_a_project_is_refreshed_if_one_of_its_models_was_built(revenue: HexExposure, other: dict[str, str]) -> None:
    found = judged(revenue, daily="success", orders="success", **other)
    assert found == Refresh(("daily", "monthly") if other.get("monthly") == "success" else ("daily",))


@pytest.mark.parametrize("statuses", [{}, {"orders": "success"}, {"daily": "no-op"}, {"daily": "reused"}])
def test_a_project_is_not_refreshed_if_none_of_its_models_was_built(
    revenue: HexExposure, statuses: dict[str, str]
) -> None:
    assert judged(revenue, **statuses) == NothingBuilt(("daily", "monthly"))


@pytest.mark.parametrize(
    ("statuses", "why"),
    [
        ({"daily": "error"}, "daily failed"),
        ({"daily": "partial success"}, "daily failed in part"),
        ({"daily": "skipped"}, "daily was skipped"),
        ({"daily": "skipped", "orders": "error"}, "daily was skipped, because orders failed"),
        (
            {"daily": "skipped", "test__positive": "fail"},
            "daily was skipped, because test positive of orders failed",
        ),
        ({"daily": "error", "test__unique": "skipped"}, "daily failed; test unique of daily was skipped"),
        ({"test__unique": "fail"}, "test unique of daily failed"),
        ({"test__unique": "error"}, "test unique of daily failed with an error"),
        ({"test__related": "fail"}, "test related of daily failed"),
    ],
)
def test_a_project_is_held_back_if_a_model_or_a_test_failed(
    revenue: HexExposure, statuses: dict[str, str], why: str
) -> None:
    assert judged(revenue, monthly="success", **statuses) == HeldBack(why)


@pytest.mark.parametrize("status", ["pass", "warn", "reused"])
def test_a_test_that_passes_or_warns_holds_nothing_back(revenue: HexExposure, status: str) -> None:
    assert judged(revenue, daily="success", test__unique=status) == Refresh(("daily",))


def test_a_test_of_a_table_that_was_not_in_this_run_holds_nothing_back_below_it(revenue: HexExposure) -> None:
    assert judged(revenue, daily="success", test__positive="fail") == Refresh(("daily",))


def test_a_test_that_was_skipped_because_of_a_model_that_the_project_does_not_read_holds_nothing_back(
    revenue: HexExposure,
) -> None:
    assert judged(revenue, daily="success", customers="error", test__related="skipped") == Refresh(("daily",))


def test_the_message_names_the_model_that_a_test_was_declared_for() -> None:
    customers = only_exposure({"customers": exposure("customers")}, tests={"related": ["orders", "customers"]})
    assert judged(customers, customers="success", test__related="fail") == HeldBack("test related of orders failed")


def test_what_dbt_says_of_the_exposure_itself_is_ignored(revenue: HexExposure) -> None:
    statuses = {"exposure.shop.revenue": "skipped", "model.shop.daily": "success"}
    assert verdict(revenue, statuses) == Refresh(("daily",))
    assert verdict(revenue, {"exposure.shop.revenue": "success"}) == NothingBuilt(("daily", "monthly"))


@pytest.mark.parametrize("kind", ["view", "ephemeral"])
def test_a_view_that_was_not_built_passes_on_what_was_done_to_its_parents(kind: str) -> None:
    found = only_exposure(
        {"revenue": exposure("a_view")},
        {"a_view": ["another"], "another": ["orders"], "orders": ["raw"]},
        materialized={"a_view": kind, "another": kind},
        tests={"unique": ["orders"]},
    )
    assert judged(found, orders="success") == Refresh(("orders",))
    assert judged(found, orders="success", test__unique="fail") == HeldBack("test unique of orders failed")
    assert judged(found, raw="success") == NothingBuilt(("a_view",))
    assert judged(found, another="success") == Refresh(("another",))
    assert judged(found, another="success", orders="error") == HeldBack("orders failed")
    assert judged(found, another="error", orders="success") == HeldBack("another failed")


@pytest.mark.parametrize("kind", ["table", "view"])
def test_a_failing_test_above_what_was_built_counts_as_dbt_build_would_not_have_built_it(kind: str) -> None:
    found = only_exposure(
        {"revenue": exposure("daily", "costs")},
        {"daily": ["orders"], "orders": ["raw", "source.shop.web.s"]},
        materialized={"daily": kind},
        tests={
            "unique": ["orders"],
            "of_raw": ["raw"],
            "of_source": ["source.shop.web.s"],
            "related": ["raw", "other"],
            "both": ["raw", "costs"],
        },
    )
    run = {"daily": "success", "orders": "success", "raw": "success"}  # dbt run, and then dbt test
    assert judged(found, **run, test__unique="fail") == HeldBack("test unique of orders failed")
    assert judged(found, **run, test__of_raw="fail") == HeldBack("test of_raw of raw failed")
    assert judged(found, **run, test__of_source="fail") == HeldBack("test of_source of web.s failed")
    assert judged(found, **run, test__both="error") == HeldBack("test both of raw failed with an error")
    assert judged(found, **run, test__related="fail") == Refresh(("daily", "orders") if kind == "view" else ("daily",))
    not_in_run = {"daily": "success", "test__of_raw": "fail", "test__of_source": "fail"}
    assert judged(found, **not_in_run) == Refresh(("daily",))


@pytest.mark.parametrize("kind", ["table", "incremental", "materialized_view", "snapshot"])
def test_what_has_data_passes_nothing_on(kind: str) -> None:
    found = only_exposure({"revenue": exposure("daily")}, {"daily": ["orders"]}, materialized={"daily": kind})
    assert judged(found, orders="success") == NothingBuilt(("daily",))


STATUSES = [None, None, "success", "success", "error", "skipped", "partial success", "no-op", "reused"]
TEST_STATUSES = [None, "pass", "pass", "warn", "fail", "error", "skipped", "no-op"]
KINDS = ["table", "incremental", "view", "view", "ephemeral", "ephemeral"]


@st.composite
def dbt_runs(draw: st.DrawFn) -> tuple[dict[str, Any], dict[str, str]]:
    """A manifest with one exposure on random models, and a status for some of its nodes."""
    names = [f"m{number}" for number in range(draw(st.integers(1, 6)))]
    parents = {name: draw(st.lists(st.sampled_from(names[:i]), unique=True)) for i, name in enumerate(names) if i}
    materialized = {name: draw(st.sampled_from(KINDS)) for name in names}
    some = st.lists(st.sampled_from(names), min_size=1, max_size=2, unique=True)
    tests = {f"t{number}": draw(some) for number in range(draw(st.integers(0, 2)))}
    statuses = {node_id(name): draw(st.sampled_from(STATUSES)) for name in names}
    statuses |= {f"test.shop.{name}": draw(st.sampled_from(TEST_STATUSES)) for name in tests}
    data = manifest({"e": exposure(*draw(some))}, parents, materialized=materialized, tests=tests)
    return data, {name: status for name, status in statuses.items() if status}


def oracle(data: dict[str, Any], statuses: dict[str, str]) -> type[Verdict]:
    """The rules of the table, one after the other, by recursion over the manifest itself."""
    parent_map = data["parent_map"]

    def ancestors(node: str) -> set[str]:
        return {node}.union(*(ancestors(parent) for parent in parent_map.get(node, [])))

    def is_view(node: str) -> bool:
        return data["nodes"][node]["config"]["materialized"] in ("view", "ephemeral")

    def counted(node: str, also_above_what_was_built: bool) -> set[str]:
        if statuses.get(node) in ("error", "skipped", "partial success"):
            return {node}  # what is above is why
        if is_view(node) or (also_above_what_was_built and statuses.get(node) == "success"):
            above = [counted(parent, also_above_what_was_built) for parent in parent_map.get(node, [])]
            return {node}.union(*above)
        return {node}

    direct = parent_map["exposure.shop.e"]
    models = set().union(*(counted(model, False) for model in direct))
    built_upon = set().union(*(counted(model, True) for model in direct))
    known = ancestors("exposure.shop.e")
    if {statuses.get(node) for node in built_upon} & {"error", "skipped", "partial success"}:
        return HeldBack
    for test, read in parent_map.items():
        status = statuses.get(test) if test.startswith("test.") else None
        in_run = {node for node in built_upon if statuses.get(node) == "success" or is_view(node)}
        if status in ("fail", "error", "skipped") and (in_run | models) & set(read) and set(read) <= known:
            return HeldBack
        if status in ("fail", "error") and models & set(read):
            return HeldBack
    return Refresh if "success" in {statuses.get(model) for model in models} else NothingBuilt


@settings(max_examples=500)
@given(dbt_runs())
def test_random_graphs_and_results_are_judged_as_the_oracle_does(case: tuple[dict[str, Any], dict[str, str]]) -> None:
    data, statuses = case
    (found,) = read_exposures(data).exposures
    assert type(verdict(found, statuses)) is oracle(data, statuses)
