from __future__ import annotations

import re
from typing import Any

import pytest

from airflow_provider_hex.api import ids
from airflow_provider_hex.api.errors import HexInvalidInput
from tests.api.calls import PROJECT, UNRESOLVED
from tests.api.project_urls import titled

RUN = "78C33D18-170c-44d3-a227-b3194f134f73"


@pytest.mark.parametrize("value", [PROJECT, RUN])
@pytest.mark.parametrize("name", ["project_id", "run_id", "static_id"])
def test_an_id_is_a_uuid_in_any_letter_case(name: str, value: str) -> None:
    assert ids.to_id(value, name) == value


@pytest.mark.parametrize("url", [f"https://app.hex.tech/acme/hex/{PROJECT}/draft/logic", titled(PROJECT)])
def test_a_projects_url_stands_for_its_id(url: str) -> None:
    ids.check_unrendered_id(url, "project_id")
    assert ids.to_id(url, "project_id") == ids.to_project(url).id == ids.known_project_id(url) == PROJECT
    for name in ("run_id", "static_id"):
        with pytest.raises(HexInvalidInput, match="which is not an id"):
            ids.to_id(url, name)


@pytest.mark.parametrize("value", [PROJECT, PROJECT.upper(), "Daily revenue", "None", ""])
def test_a_value_that_is_no_url_is_left_for_the_call_to_report(value: str) -> None:
    assert ids.known_project_id(value) == value


@pytest.mark.parametrize(
    ("name", "value", "hint"),
    [
        ("project_id", f"see https://app.hex.tech/acme/hex/{PROJECT}/draft", f"only the id in it: {PROJECT}."),
        ("project_id", f"https://eu.hex.tech/app/{PROJECT}/latest", f"only the id in it: {PROJECT}."),
        ("project_id", f"app/{PROJECT}/latest?runId={RUN}", "Use the project's URL, or the id in it"),
        ("project_id", "https://app.hex.tech/acme/app/Daily-revenue/latest", "Use the project's URL, or the id in it"),
        ("project_id", f"/api/v1/projects/{PROJECT}/runs/{RUN}", f"only the id in it: {PROJECT}."),
        ("project_id", f"/api/v1/project/{PROJECT}/run", f"only the id in it: {PROJECT}."),
        ("run_id", f"https://app.hex.tech/acme/app/{PROJECT}/latest?runId={RUN}", f"only the id in it: {RUN}."),
        ("run_id", f"/api/v1/projects/{PROJECT}/runs/{RUN}", f"only the id in it: {RUN}."),
        ("run_id", f"https://app.hex.tech/acme/app/{PROJECT}/latest", "Use the id that RunProject returned"),
        ("static_id", f"/projects/{PROJECT}/runs/{RUN}/cells/{PROJECT}/image", f"only the id in it: {PROJECT}."),
        ("static_id", "Revenue by region", "Use the static id of the chart's cell"),
        ("project_id", f" {PROJECT}\n", f"only the id in it: {PROJECT}."),
        ("run_id", f"'{RUN}'", f"only the id in it: {RUN}."),
        ("project_id", "", "after /hex/ or /app/"),
        ("project_id", "Daily revenue", "after /hex/ or /app/"),
        ("project_id", "..", "after /hex/ or /app/"),
        ("run_id", None, "run_id is None, which is not an id"),
        ("run_id", 7, "run_id is 7, which is not an id"),
        ("run_id", PROJECT + "0", "after runId="),
        ("run_id", "x" * 1000, "x…, which is not an id"),
    ],
)
def test_an_invalid_id_is_rejected_with_a_hint_where_to_find_the_right_one(name: str, value: Any, hint: str) -> None:
    with pytest.raises(HexInvalidInput, match=re.escape(hint)) as raised:
        ids.to_id(value, name)
    assert str(raised.value).startswith(f"{name} is ")
    assert len(str(raised.value)) < 500


@pytest.mark.parametrize("length", [198, 199])
def test_a_long_value_is_cut_in_the_message(length: int) -> None:
    shown = f"'{'x' * length}'" if length == 198 else f"'{'x' * length}…"
    with pytest.raises(HexInvalidInput) as raised:
        ids.to_id("x" * length, "run_id")
    assert str(raised.value).startswith(f"run_id is {shown}, which is not an id. Use the id that RunProject")


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("project_id", "Use the project's URL, or the id in it, after /hex/ or /app/"),
        ("run_id", "Use the id that RunProject returned, or the one in the run's URL, after runId="),
        ("static_id", "Use the static id of the chart's cell"),
    ],
)
def test_the_message_shows_an_example_of_an_id(name: str, hint: str) -> None:
    with pytest.raises(HexInvalidInput) as raised:
        ids.to_id("Daily revenue", name)
    assert str(raised.value) == f"{name} is 'Daily revenue', which is not an id. {hint}, for example {PROJECT}."


@pytest.mark.parametrize("template", ["{{ params.project }}", "{% if a %}b{% endif %}", UNRESOLVED])
def test_an_id_that_airflow_has_yet_to_resolve_is_not_checked_before(template: Any) -> None:
    ids.check_unrendered_id(template, "project_id")


def test_an_invalid_id_without_a_template_is_rejected_before_rendering() -> None:
    with pytest.raises(HexInvalidInput, match=r"^run_id is 'params\.run', which is not an id"):
        ids.check_unrendered_id("params.run", "run_id")
