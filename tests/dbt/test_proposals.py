"""What a Hex project depends on in dbt, by the names of the tables that it queries."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_hex.dbt.proposals import Relations, Upstream, exposure, table_parts


def node(unique_id: str, relation_name: str | None, **more: Any) -> dict[str, Any]:
    resource_type, package, name = unique_id.split(".")[:3]
    return {
        "resource_type": resource_type,
        "package_name": package,
        "name": name,
        "relation_name": relation_name,
        **more,
    }


MANIFEST = {
    "metadata": {"project_name": "shop"},
    "nodes": {
        unique_id: node(unique_id, relation, **more)
        for unique_id, relation, more in (
            ("model.shop.daily_revenue", '"shop"."main"."daily_revenue"', {}),
            ("seed.shop.customers", '"shop"."raw"."customers"', {}),
            ("snapshot.shop.orders_history", '"shop"."snapshots"."Orders_History"', {}),
            ("model.shop.orders", '"shop"."main"."orders"', {}),
            ("model.other.orders", '"shop"."other"."orders"', {}),
            ("model.shop.people.v2", '"shop"."main"."people_v2"', {"version": 2}),
            ("model.shop.ephemeral", None, {}),
            ("test.shop.not_null_daily_revenue", '"shop"."main_dbt_test__audit"."failures"', {}),
        )
    },
    "sources": {
        "source.shop.erp.items": {"source_name": "erp", "name": "items", "relation_name": '"shop"."erp"."items"'},
        "source.shop.erp.old": {"source_name": "erp", "name": "old", "relation_name": '"shop"."main"."daily_revenue"'},
    },
}


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("orders", ("orders",)),
        ("Shop.Main.ORDERS", ("shop", "main", "orders")),
        ('"Shop"."main"."o.r""ders"', ("shop", "main", 'o.r"ders')),
        ("`my-project.shop.orders`", ("my-project", "shop", "orders")),
        ("`my-project`.`shop`.orders", ("my-project", "shop", "orders")),
        ("[shop].[dbo].[Order Items]", ("shop", "dbo", "order items")),
        (" shop . orders ", ("shop", "orders")),
        ("", ()),
    ],
)
def test_a_table_name_is_split_at_the_dots_outside_of_quotes(name: str, parts: tuple[str, ...]) -> None:
    assert table_parts(name) == parts


@pytest.mark.parametrize(
    ("table", "found"),
    [
        ("daily_revenue", ["ref('daily_revenue')"]),
        ("MAIN.DAILY_REVENUE", ["ref('daily_revenue')"]),
        ("linked.shop.main.daily_revenue", ["ref('daily_revenue')"]),
        ("staging.daily_revenue", []),
        ("revenue", []),
        ("customers", ["ref('customers')"]),
        ("orders_history", ["ref('orders_history')"]),
        ("people_v2", ["ref('people', v=2)"]),
        ("other.orders", ["ref('other', 'orders')"]),
        ("orders", ["ref('orders')", "ref('other', 'orders')"]),
        ("erp.items", ["source('erp', 'items')"]),
        ("failures", []),
        ("", []),
    ],
)
def test_a_table_is_found_by_as_much_of_its_name_as_hex_has(table: str, found: list[str]) -> None:
    assert Relations(MANIFEST).find(table) == found


def test_tables_that_are_unknown_or_ambiguous_are_listed_apart() -> None:
    upstream = Relations(MANIFEST).upstream(["main.orders", "daily_revenue", "shop.main.orders", "orders", "budget"])
    assert upstream == Upstream(("ref('daily_revenue')", "ref('orders')"), unknown=("budget",), ambiguous=("orders",))


def test_an_exposure_names_the_project_and_has_a_name_that_dbt_accepts_and_no_other_exposure_has() -> None:
    project = {"id": "5a8591dd", "title": "Daily revenue (EMEA)", "owner": {"email": "ada@example.com"}}
    taken = {"daily_revenue_emea"}
    assert exposure(project, ["ref('orders')"], taken) == {
        "name": "daily_revenue_emea_2",
        "label": "Daily revenue (EMEA)",
        "type": "dashboard",
        "owner": {"email": "ada@example.com"},
        "depends_on": ["ref('orders')"],
        "config": {"meta": {"hex": {"project_id": "5a8591dd"}}},
    }
    assert exposure({"id": "78c33d18", "title": "売上"}, [], taken)["name"] == "hex_project"
