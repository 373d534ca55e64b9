from __future__ import annotations

import re
from typing import Any

import pytest

from airflow_provider_hex.api import ids
from airflow_provider_hex.api.errors import HexInvalidInput
from tests.api.calls import LATER

PROJECT = "5a8591dd-4039-49df-9202-96385ba3eff8"
RUN = "78C33D18-170c-44d3-a227-b3194f134f73"


@pytest.mark.parametrize("value", [PROJECT, RUN])
@pytest.mark.parametrize("name", ["project_id", "run_id", "static_id"])
def test_an_id_is_a_uuid_in_any_case(name: str, value: str) -> None:
    assert ids.check_id(value, name) == value


@pytest.mark.parametrize(
    ("name", "value", "hint"),
    [
        ("project_id", f"https://app.hex.tech/acme/hex/{PROJECT}/draft/logic", f"Use the id in it alone: {PROJECT}."),
        ("project_id", f"https://eu.hex.tech/{RUN}/app/{PROJECT}/latest", f"alone: {PROJECT}."),
        ("project_id", f"app/{PROJECT}/latest?runId={RUN}", "Use the one in the project's URL"),
        ("project_id", f"/api/v1/projects/{PROJECT}/runs/{RUN}", f"alone: {PROJECT}."),
        ("project_id", f"/api/v1/project/{PROJECT}/run", f"alone: {PROJECT}."),
        ("run_id", f"https://app.hex.tech/acme/app/{PROJECT}/latest?runId={RUN}", f"alone: {RUN}."),
        ("run_id", f"/api/v1/projects/{PROJECT}/runs/{RUN}", f"alone: {RUN}."),
        ("run_id", f"https://app.hex.tech/acme/app/{PROJECT}/latest", "Use the one that RunProject returned"),
        ("static_id", f"/projects/{PROJECT}/runs/{RUN}/cells/{PROJECT}/image", f"alone: {PROJECT}."),
        ("static_id", "Revenue by region", "Use the static id of the chart's cell"),
        ("project_id", f" {PROJECT}\n", f"alone: {PROJECT}."),
        ("run_id", f"'{RUN}'", f"alone: {RUN}."),
        ("project_id", "", "after /hex/ or /app/"),
        ("project_id", "Daily revenue", "after /hex/ or /app/"),
        ("project_id", "..", "after /hex/ or /app/"),
        ("run_id", None, "run_id is None, which is no id"),
        ("run_id", 7, "run_id is 7, which is no id"),
        ("run_id", PROJECT + "0", "after runId="),
        ("run_id", "x" * 1000, "x…, which is no id"),
    ],
)
def test_what_is_no_id_is_refused_with_a_hint_how_to_get_the_right_one(name: str, value: Any, hint: str) -> None:
    with pytest.raises(HexInvalidInput, match=re.escape(hint)) as refusal:
        ids.check_id(value, name)
    assert str(refusal.value).startswith(f"{name} is ")
    assert len(str(refusal.value)) < 500


@pytest.mark.parametrize("length", [198, 199])
def test_a_long_value_is_cut_in_what_is_said_of_it(length: int) -> None:
    shown = f"'{'x' * length}'" if length == 198 else f"'{'x' * length}…"
    with pytest.raises(HexInvalidInput) as refusal:
        ids.check_id("x" * length, "run_id")
    assert str(refusal.value).startswith(f"run_id is {shown}, which is no id of Hex's. Use the one that RunProject")


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("project_id", "Use the one in the project's URL, after /hex/ or /app/"),
        ("run_id", "Use the one that RunProject returned, or the one in the run's URL, after runId="),
        ("static_id", "Use the static id of the chart's cell"),
    ],
)
def test_an_example_shows_what_an_id_is_like(name: str, hint: str) -> None:
    with pytest.raises(HexInvalidInput) as refusal:
        ids.check_id("Daily revenue", name)
    assert str(refusal.value) == f"{name} is 'Daily revenue', which is no id of Hex's. {hint}, like {PROJECT}."


@pytest.mark.parametrize("made_later", ["{{ params.project }}", "{% if a %}b{% endif %}", LATER])
def test_an_id_that_airflow_has_still_to_make_is_checked_later(made_later: Any) -> None:
    ids.check_unrendered_id(made_later, "project_id")


def test_an_id_that_is_none_shows_before_anything_is_rendered() -> None:
    with pytest.raises(HexInvalidInput, match=r"^run_id is 'params\.run', which is no id"):
        ids.check_unrendered_id("params.run", "run_id")
