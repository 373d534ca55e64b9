from __future__ import annotations

import datetime
import decimal
import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_hex.api import inputs
from airflow_provider_hex.api.errors import HexInvalidInput

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda children: st.lists(children) | st.dictionaries(st.text(), children),
)


@given(st.dictionaries(st.text(), json_values))
def test_what_json_can_hold_is_sent_as_it_is(value: dict[str, Any]) -> None:
    assert inputs.to_json(value, "input_params") == value
    assert json.loads(json.dumps(value)) == value


def test_dates_and_times_become_iso_strings() -> None:
    moment = datetime.datetime(2026, 11, 21, 6, 30, tzinfo=datetime.UTC)
    value = {"date": moment.date(), "moment": moment, "time": moment.time(), "list": (moment.date(),)}
    assert inputs.to_json(value, "input_params") == {
        "date": "2026-11-21",
        "moment": "2026-11-21T06:30:00+00:00",
        "time": "06:30:00",
        "list": ["2026-11-21"],
    }


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"a": float("nan")}, r"input_params\['a'\] is nan"),
        ({"a": [1, float("inf")]}, r"input_params\['a'\]\[1\] is inf"),
        ({"a": {"b": {1, 2}}}, r"input_params\['a'\]\['b'\] is a set"),
        ({"a": b"bytes"}, "is a bytes"),
        ({"a": decimal.Decimal("1.5")}, "is a Decimal"),
        ({"a": object()}, "is a object"),
        ({1: "a"}, "the name 1, a int"),
        ({"a": "\ud800"}, r"input_params\['a'\] holds half a character"),
        ({"\udfff": 1}, "holds half a character"),
    ],
)
def test_what_json_cannot_hold_is_refused_by_place_and_type(value: Any, message: str) -> None:
    with pytest.raises(HexInvalidInput, match=message):
        inputs.to_json(value, "input_params")


def test_a_template_may_render_to_json() -> None:
    assert inputs.to_json_object('{"a": 1}', "input_params") == {"a": 1}
    assert inputs.to_json_object("", "input_params") is None
    assert inputs.to_json_object(None, "input_params") is None


@pytest.mark.parametrize("value", ["{a: 1}", "[1]", ["a"], 1])
def test_inputs_that_are_no_dict_are_refused(value: Any) -> None:
    with pytest.raises(HexInvalidInput, match="input_params is a"):
        inputs.to_json_object(value, "input_params")


@pytest.mark.parametrize(("value", "expected"), [(True, True), ("True", True), (" false ", False), (False, False)])
def test_a_template_may_render_to_a_boolean(value: Any, expected: bool) -> None:
    assert inputs.to_bool(value, "use_cached_sql_results") is expected


@pytest.mark.parametrize("value", ["yes", "", None, 1, "{{ x }}"])
def test_anything_else_is_no_boolean(value: Any) -> None:
    with pytest.raises(HexInvalidInput, match="use_cached_sql_results is"):
        inputs.to_bool(value, "use_cached_sql_results")


def test_what_holds_itself_is_refused() -> None:
    value: dict[str, Any] = {}
    value["a"] = [value]
    with pytest.raises(HexInvalidInput, match="nested too deeply, or holds itself"):
        inputs.to_json(value, "input_params")
    with pytest.raises(HexInvalidInput, match="is a string that is not JSON"):
        inputs.to_json_object("[" * 100_000, "input_params")


PROJECT = "5a8591dd-4039-49df-9202-96385ba3eff8"
RUN = "78C33D18-170c-44d3-a227-b3194f134f73"


@pytest.mark.parametrize("value", [PROJECT, RUN])
@pytest.mark.parametrize("name", ["project_id", "run_id", "static_id"])
def test_an_id_is_a_uuid_in_any_case(name: str, value: str) -> None:
    assert inputs.check_id(value, name) == value


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
        inputs.check_id(value, name)
    assert str(refusal.value).startswith(f"{name} is ")
    assert len(str(refusal.value)) < 500


def test_an_id_that_a_template_makes_is_checked_later() -> None:
    inputs.check_unrendered_id("{{ params.project }}", "project_id")
    with pytest.raises(HexInvalidInput):
        inputs.check_unrendered_id("params.project", "project_id")


NOTIFICATION = {"type": "ALL", "includeSuccessScreenshot": False}


def test_notifications_are_sent_as_they_are() -> None:
    full = {
        **NOTIFICATION,
        "screenshotFormat": ["png", "pdf"],
        "slackChannelIds": ["C1"],
        "userIds": ["u"],
        "groupIds": [],
        "subject": "Done",
        "body": "Look.",
    }
    assert inputs.to_notifications([full]) == [full]
    assert inputs.to_notifications((NOTIFICATION,)) == [NOTIFICATION]
    assert inputs.to_notifications(json.dumps([full])) == [full]
    assert inputs.to_notifications([{**NOTIFICATION, "includeSuccessScreenshot": "True"}]) == [
        {"type": "ALL", "includeSuccessScreenshot": True}
    ]
    assert inputs.to_notifications(None) is None
    assert inputs.to_notifications(" ") is None


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (NOTIFICATION, "notifications is a dict; a list of dicts is needed"),
        (7, "notifications is a int"),
        (b"[]", "notifications is a bytes"),
        ("[", "is a string that is not JSON"),
        ([7], "notifications[0] is a int"),
        ([NOTIFICATION, {"type": "ALL"}], "notifications[1] has no includeSuccessScreenshot"),
        ([{}], "notifications[0] has no type"),
        ([{**NOTIFICATION, "slack": "C1"}], "has the field 'slack', which Hex does not have"),
        ([{**NOTIFICATION, "type": "SOME"}], "notifications[0]['type'] is 'SOME'; one of SUCCESS, FAILURE, ALL"),
        ([{**NOTIFICATION, "includeSuccessScreenshot": 1}], "['includeSuccessScreenshot'] is 1; true or false"),
        ([{**NOTIFICATION, "screenshotFormat": ["gif"]}], "['screenshotFormat'][0] is 'gif'; one of png, pdf"),
        ([{**NOTIFICATION, "userIds": "u"}], "['userIds'] is 'u'; a list is needed"),
        ([{**NOTIFICATION, "groupIds": [1]}], "['groupIds'][0] is 1; a text is needed"),
        ([{**NOTIFICATION, "subject": None}], "['subject'] is None; a text is needed"),
        ([{**NOTIFICATION, "body": b""}], "['body'] is a bytes"),
    ],
)
def test_a_notification_that_hex_does_not_take_is_refused(value: Any, message: str) -> None:
    with pytest.raises(HexInvalidInput, match=re.escape(message)):
        inputs.to_notifications(value)


def test_a_count_keeps_to_its_bounds() -> None:
    assert [inputs.check_count(n, "n", 1, 100) for n in (1, 100)] == [1, 100]
    assert inputs.check_count(10**9, "n", 0) == 10**9
    for bad in (0, 101, 1.0, "1", True, None):
        with pytest.raises(HexInvalidInput, match=r"n is .*; a whole number, from 1 to 100, is needed"):
            inputs.check_count(bad, "n", 1, 100)
    with pytest.raises(HexInvalidInput, match="a whole number, 0 or more, is needed"):
        inputs.check_count(-1, "n", 0)


def test_a_text_is_a_text_or_none() -> None:
    assert [inputs.to_text(value, "view_id") for value in ("v", "", None)] == ["v", None, None]
    with pytest.raises(HexInvalidInput, match="view_id is 7; a text is needed"):
        inputs.to_text(7, "view_id")
