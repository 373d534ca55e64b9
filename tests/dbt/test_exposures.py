"""What is read from a manifest, and what is left of it when it is trimmed."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_hex.dbt.exposures import ExposureReading, read_exposures
from airflow_provider_hex.dbt.graph import short_name
from airflow_provider_hex.dbt.trim import trim
from tests.dbt.manifests import OTHER_URL, URL, exposure, manifest

PROJECT = "5a8591dd-4039-49df-9202-96385ba3eff8"


def read(**exposures: dict[str, Any]) -> ExposureReading:
    return read_exposures(manifest(exposures))


def names(reading: ExposureReading) -> list[str]:
    return [each.name for each in reading.exposures]


@pytest.mark.parametrize(
    "url",
    [
        URL,
        "https://app.hex.tech/acme/app/Revenue-033WhiRrYfY6YugmSpdB8W/latest?embedded=true",
        "https://eu.hex.tech/acme/hex/033WhiRrYfY6YugmSpdB8W/draft",
        f"https://hex.example.com/acme/app/{PROJECT}",
        f"app.hex.tech/acme/app/{PROJECT}",
    ],
)
def test_an_exposure_with_the_url_of_a_hex_project_is_one(url: str) -> None:
    reading = read(revenue=exposure("daily", url=url))
    assert names(reading) == ["revenue"]
    assert reading.exposures[0].url == url
    assert reading.exposures[0].project_id in (PROJECT, "019eb848-2e32-77f8-991b-aaa5018c75b4")


@pytest.mark.parametrize(
    "url", [None, "", "https://bi.example.com/acme/app/" + PROJECT, "https://hexagon.example.com/x", "not a URL"]
)
def test_an_exposure_of_something_else_is_ignored(url: str | None) -> None:
    assert read(revenue=exposure("daily", url=url)) == ExposureReading((), ())


@pytest.mark.parametrize("project", [PROJECT, OTHER_URL])
@pytest.mark.parametrize("url", [None, URL, "https://bi.example.com/1"])
def test_the_project_in_meta_overrides_the_url(project: str, url: str | None) -> None:
    (found,) = read(revenue=exposure("daily", url=url, hex={"project_id": project, "view_id": "emea"})).exposures
    assert found.project == project
    assert found.arguments == {"view_id": "emea"}
    assert found.url == (OTHER_URL if project == OTHER_URL else None)


def test_meta_may_stand_in_either_of_two_places() -> None:
    old = exposure("daily", url=None) | {"meta": {"hex": {"project_id": PROJECT}}, "config": {"enabled": True}}
    assert names(read(revenue=old)) == ["revenue"]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (
            {"url": "https://app.hex.tech/acme/home"},
            "Its url is not that of a project.",
        ),
        ({"hex": {"project_id": "revenue"}}, "project_id is 'revenue', which is not an id"),
        ({"hex": {}, "url": None}, "neither a url nor meta.hex.project_id"),
        ({"hex": "yes"}, "meta.hex is 'yes', but must be a mapping"),
        ({"hex": {"input_params": ["EMEA"]}}, "input_params is of type list, but must be a dict"),
        ({"hex": {"input_params": {"a": 1}, "view_id": "x"}}, "Pass either input_params or view_id"),
    ],
)
def test_an_exposure_that_cannot_be_used_is_a_problem_and_the_others_are_read(
    fields: dict[str, Any], message: str
) -> None:
    reading = read(bad=exposure("daily", **fields), good=exposure("daily"))
    assert names(reading) == ["good"]
    (problem,) = reading.problems
    assert problem.unique_id == "exposure.shop.bad"
    assert message in problem.message


def test_exposures_of_one_project_with_equal_meta_are_one_with_the_models_of_all() -> None:
    reading = read(
        a=exposure("daily", "orders", hex={"view_id": "x"}, label="A", owner={"name": "Ann"}),
        b=exposure("orders", "customers", hex={"view_id": "x"}, owner={"name": "Bob"}, description="What b is."),
        c=exposure("orders", hex={"view_id": "y"}),
    )
    assert names(reading) == ["a", "c"]
    both = reading.exposures[0]
    assert both.unique_ids == ("exposure.shop.a", "exposure.shop.b")
    assert (both.label, both.owner, both.description) == ("A, b", "Ann, Bob", "What b is.")
    assert [short_name(each) for each in both.models] == ["daily", "orders", "customers"]
    assert set(both.nodes) == set(both.models)


def test_the_id_and_the_url_of_a_project_are_one_project() -> None:
    assert names(read(a=exposure("daily"), b=exposure("orders", hex={"project_id": PROJECT.upper()}))) == ["a"]
    assert names(read(a=exposure("daily"), b=exposure("orders", url=URL.replace("/app/", "/hex/")))) == ["a"]


def test_exposures_of_two_packages_have_different_names() -> None:
    reading = read(**{"shop.revenue": exposure("daily"), "finance.revenue": exposure("ledger", url=OTHER_URL)})
    assert names(reading) == ["finance__revenue", "shop__revenue"]


def test_names_are_unique_when_they_are_ids_of_tasks() -> None:
    data = manifest({name: exposure("daily", hex={"view_id": name}) for name in ("a", "b", "c", "d")})
    for unique_id, name in zip(data["exposures"], ("Rev (EU)", "Rev [EU]", "dbt_succeeded", "x" * 200), strict=True):
        data["exposures"][unique_id]["name"] = name
    assert names(read_exposures(data)) == ["shop__Rev__EU_", "shop__Rev__EU__2", "dbt_succeeded_2", "x" * 200]


@pytest.mark.parametrize(
    ("owner", "shown"),
    [
        ({"name": "Ann", "email": "ann@example.com"}, "Ann"),
        ({"email": "ann@example.com"}, "ann@example.com"),
        ({"email": ["ann@example.com", "bob@example.com"]}, "ann@example.com, bob@example.com"),
        (None, ""),
    ],
)
def test_the_owner_is_a_name_or_an_address(owner: Any, shown: str) -> None:
    assert read(revenue=exposure("daily", owner=owner)).exposures[0].owner == shown


def test_the_models_of_a_metric_stand_for_it() -> None:
    data = manifest(
        {"revenue": exposure("metric.shop.double", "orders")},
        {
            "metric.shop.double": ["metric.shop.revenue"],
            "metric.shop.revenue": ["semantic_model.shop.orders"],
            "semantic_model.shop.orders": ["daily"],
        },
    )
    assert read_exposures(data).exposures[0].models == ("model.shop.orders", "model.shop.daily")


def test_a_manifest_of_an_old_dbt_without_some_sections_is_read() -> None:
    assert read_exposures({"exposures": {}}) == read_exposures({}) == ExposureReading((), ())


@st.composite
def manifests(draw: st.DrawFn) -> dict[str, Any]:
    some = st.lists(st.sampled_from(["a", "b", "c", "d", "metric.shop.m", "source.shop.raw.s"]), unique=True)
    urls = st.sampled_from([URL, OTHER_URL, None, "https://app.hex.tech/acme/home", "https://bi.example.com/"])
    no_meta: dict[str, Any] = {}
    metas = st.sampled_from([no_meta, {"hex": {"view_id": "x"}}, {"hex": {"project_id": PROJECT}}, {"hex": []}])
    exposures = {
        draw(st.sampled_from(["shop.x", "shop.y", "finance.x"])): exposure(*draw(some), url=draw(urls), **draw(metas))
        for _ in range(draw(st.integers(0, 3)))
    }
    parents = {
        "b": ["a"],
        "c": draw(st.sampled_from([["b"], ["a", "b"], ["source.shop.raw.s"]])),
        "metric.shop.m": ["c"],
    }
    materialized = {name: draw(st.sampled_from(["table", "view", "ephemeral"])) for name in "abcd"}
    tests = {name: draw(st.lists(st.sampled_from("abcd"), min_size=1, unique=True)) for name in ("t", "u")}
    return manifest(exposures, parents, materialized=materialized, tests=tests)


@given(manifests())
def test_a_trimmed_manifest_reads_as_the_whole_one(data: dict[str, Any]) -> None:
    trimmed = trim(data)
    assert read_exposures(trimmed) == read_exposures(data)
    assert json.loads(json.dumps(trimmed)) == trimmed == trim(trimmed)
