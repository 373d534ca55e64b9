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
    """A project that reads two tables, both of which read ``orders``; one has a test."""
    return only_exposure(
        {"revenue": exposure("daily", "monthly")},
        {"daily": ["orders"], "monthly": ["orders"]},
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


def test_a_test_of_a_table_further_up_holds_nothing_back(revenue: HexExposure) -> None:
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
    assert judged(found, another="success", orders="error") == Refresh(("another",))


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

    def counted(node: str) -> set[str]:
        is_view = data["nodes"][node]["config"]["materialized"] in ("view", "ephemeral")
        was_in_run = statuses.get(node) in ("success", "error", "skipped", "partial success")
        if is_view and not was_in_run:
            return {node}.union(*(counted(parent) for parent in parent_map.get(node, [])))
        return {node}

    models = set().union(*(counted(model) for model in parent_map["exposure.shop.e"]))
    known = ancestors("exposure.shop.e")
    for test, read in parent_map.items():
        if test.startswith("test.") and models & set(read):
            if statuses.get(test) in ("fail", "error"):
                return HeldBack
            if statuses.get(test) == "skipped" and set(read) <= known:
                return HeldBack
    of_models = {statuses.get(model) for model in models}
    if of_models & {"error", "skipped", "partial success"}:
        return HeldBack
    return Refresh if "success" in of_models else NothingBuilt


@settings(max_examples=500)
@given(dbt_runs())
def test_random_graphs_and_results_are_judged_as_the_oracle_does(case: tuple[dict[str, Any], dict[str, str]]) -> None:
    data, statuses = case
    (found,) = read_exposures(data).exposures
    assert type(verdict(found, statuses)) is oracle(data, statuses)
