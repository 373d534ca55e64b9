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


class XComArg:
    """What another task returns: Airflow's own has this method too."""

    def resolve(self) -> None: ...


LATER = XComArg()
NO_FORM = "which JSON cannot hold. Make it a string, a number, a boolean, a list or a dict."
HALF = "holds half a character (a lone surrogate), which JSON cannot hold."


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"a": float("nan")}, "input_params['a'] is nan, which JSON cannot hold."),
        ({"a": [1, float("inf")]}, "input_params['a'][1] is inf, which JSON cannot hold."),
        ({"a": {"b": {1, 2}}}, f"input_params['a']['b'] is a set, {NO_FORM}"),
        ({"a": b"bytes"}, f"input_params['a'] is a bytes, {NO_FORM}"),
        ({"a": decimal.Decimal("1.5")}, f"input_params['a'] is a Decimal, {NO_FORM}"),
        ({"a": object()}, f"input_params['a'] is a object, {NO_FORM}"),
        ({"a": "{{ b }}", "c": LATER}, f"input_params['c'] is a XComArg, {NO_FORM}"),
        ({1: "a"}, "input_params has the name 1, a int; names are strings."),
        ({"a": {2: "b"}}, "input_params['a'] has the name 2, a int; names are strings."),
        ({"a": "\ud800"}, f"input_params['a'] {HALF}"),
        ({"\udfff": 1}, f"input_params {HALF}"),
    ],
)
def test_what_json_cannot_hold_is_refused_by_place_and_type(value: Any, message: str) -> None:
    with pytest.raises(HexInvalidInput) as refusal:
        inputs.to_json(value, "input_params")
    assert str(refusal.value) == message


def test_what_airflow_has_still_to_make_is_passed_over_before_it_is_made() -> None:
    value = {"a": "{{ b }}", "c": [LATER, {"d": LATER}]}
    assert inputs.to_json(value, "input_params", unrendered=True) == value
    with pytest.raises(HexInvalidInput, match=re.escape(f"input_params['c'][1] is a object, {NO_FORM}")):
        inputs.to_json({"c": [LATER, object()]}, "input_params", unrendered=True)


def test_a_template_may_render_to_json() -> None:
    assert inputs.to_json_object('{"a": 1}', "input_params") == {"a": 1}
    assert inputs.to_json_object("", "input_params") is None
    assert inputs.to_json_object(None, "input_params") is None


@pytest.mark.parametrize("value", ["{a: 1}", "[1]", ["a"], 1])
def test_inputs_that_are_no_dict_are_refused(value: Any) -> None:
    with pytest.raises(HexInvalidInput, match=r"^input_params is a \w+"):
        inputs.to_json_object(value, "input_params")


def test_inputs_are_named_in_what_is_wrong_with_them() -> None:
    with pytest.raises(HexInvalidInput, match=r"^input_params is a list; a dict of names and values is needed\.$"):
        inputs.to_json_object("[1]", "input_params")
    with pytest.raises(HexInvalidInput, match=r"^input_params\['a'\] is a set"):
        inputs.to_json_object({"a": {1}}, "input_params")


@pytest.mark.parametrize(("value", "expected"), [(True, True), ("True", True), (" false ", False), (False, False)])
def test_a_template_may_render_to_a_boolean(value: Any, expected: bool) -> None:
    assert inputs.to_bool(value, "use_cached_sql_results") is expected


@pytest.mark.parametrize("value", ["yes", "", None, 1, "{{ x }}"])
def test_anything_else_is_no_boolean(value: Any) -> None:
    with pytest.raises(HexInvalidInput) as refusal:
        inputs.to_bool(value, "use_cached_sql_results")
    assert str(refusal.value) == f"use_cached_sql_results is {value!r}; true or false is needed."


def test_what_holds_itself_is_refused() -> None:
    value: dict[str, Any] = {}
    value["a"] = [value]
    with pytest.raises(HexInvalidInput, match=r"^input_params is nested too deeply, or holds itself\.$"):
        inputs.to_json(value, "input_params")
    with pytest.raises(HexInvalidInput, match=r"^input_params is a string that is not JSON: "):
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


@pytest.mark.parametrize("length", [198, 199])
def test_a_long_value_is_cut_in_what_is_said_of_it(length: int) -> None:
    shown = f"'{'x' * length}'" if length == 198 else f"'{'x' * length}…"
    with pytest.raises(HexInvalidInput) as refusal:
        inputs.check_id("x" * length, "run_id")
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
        inputs.check_id("Daily revenue", name)
    assert str(refusal.value) == f"{name} is 'Daily revenue', which is no id of Hex's. {hint}, like {PROJECT}."


@pytest.mark.parametrize("made_later", ["{{ params.project }}", "{% if a %}b{% endif %}", LATER])
def test_an_id_that_airflow_has_still_to_make_is_checked_later(made_later: Any) -> None:
    inputs.check_unrendered_id(made_later, "project_id")


def test_an_id_that_is_none_shows_before_anything_is_rendered() -> None:
    with pytest.raises(HexInvalidInput, match=r"^run_id is 'params\.run', which is no id"):
        inputs.check_unrendered_id("params.run", "run_id")


ALL = {"project_id": PROJECT, "input_params": None, "view_id": None, "notifications": None}


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"project_id": "{{ params.project }}"},
        {"input_params": {"a": LATER, "b": ["{{ c }}"]}, "notifications": [{"userIds": LATER}]},
        {"input_params": LATER, "notifications": LATER},
        {"input_params": "{{ a }}", "view_id": "v"},
        {"input_params": {"a": 1}, "view_id": "{{ v }}"},
        {"input_params": {"a": 1}, "update_published_results": "{{ b }}"},
        {"view_id": "v", "update_published_results": True},
    ],
)
def test_what_may_be_right_once_it_is_rendered_is_let_through(options: dict[str, Any]) -> None:
    inputs.check_unrendered(**{**ALL, "update_published_results": False, **options})


BOTH = "A run takes either input_params or a view_id: a saved view has inputs of its own."
IGNORED = (
    "With update_published_results Hex ignores input_params and runs with the published defaults. Leave one of them "
    "out."
)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"project_id": "x"}, "project_id is 'x', which is no id of Hex's. Use the one in the project's URL, after"),
        ({"input_params": {"a": {1}}}, "input_params['a'] is a set"),
        ({"input_params": {LATER: 1}}, "input_params has the name"),
        ({"notifications": [{"subject": b""}]}, "notifications[0]['subject'] is a bytes"),
        ({"input_params": {"a": LATER}, "view_id": "v"}, BOTH),
        ({"input_params": {"a": 1}, "update_published_results": True}, IGNORED),
    ],
)
def test_what_cannot_be_right_shows_before_it_is_rendered(options: dict[str, Any], message: str) -> None:
    with pytest.raises(HexInvalidInput, match=f"^{re.escape(message)}"):
        inputs.check_unrendered(**{**ALL, "update_published_results": False, **options})


def test_options_that_hex_does_not_take_together_are_refused() -> None:
    inputs.check_combination({}, "v", True)
    inputs.check_combination({"a": 1}, None, False)
    for view_id, update, message in (("v", False, BOTH), ("v", True, BOTH), (None, True, IGNORED)):
        with pytest.raises(HexInvalidInput) as refusal:
            inputs.check_combination({"a": 1}, view_id, update)
        assert str(refusal.value) == message


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
        (NOTIFICATION, " is a dict; a list of dicts is needed."),
        (7, " is a int; a list of dicts is needed."),
        (b"[]", " is a bytes; a list of dicts is needed."),
        ("[", " is a string that is not JSON: Expecting value: line 1 column 2 (char 1)."),
        ([7], "[0] is a int; a dict of names and values is needed."),
        ([NOTIFICATION, {"type": "ALL"}], "[1] has no includeSuccessScreenshot, which Hex needs."),
        ([{}], "[0] has no type, which Hex needs."),
        ([None], "[0] has no type, which Hex needs."),
        ([{**NOTIFICATION, "slack": "C1"}], "[0] has the field 'slack', which Hex does not have."),
        ([{**NOTIFICATION, "type": "SOME"}], "[0]['type'] is 'SOME'; one of SUCCESS, FAILURE, ALL is needed."),
        (
            [{**NOTIFICATION, "includeSuccessScreenshot": 1}],
            "[0]['includeSuccessScreenshot'] is 1; true or false is needed.",
        ),
        (
            [{**NOTIFICATION, "screenshotFormat": ["png", "gif"]}],
            "[0]['screenshotFormat'][1] is 'gif'; one of png, pdf, csv, xlsx is needed.",
        ),
        ([{**NOTIFICATION, "userIds": "u"}], "[0]['userIds'] is 'u'; a list is needed."),
        ([{**NOTIFICATION, "slackChannelIds": ["C", 1]}], "[0]['slackChannelIds'][1] is 1; a text is needed."),
        ([{**NOTIFICATION, "groupIds": [1]}], "[0]['groupIds'][0] is 1; a text is needed."),
        ([{**NOTIFICATION, "subject": None}], "[0]['subject'] is None; a text is needed."),
        (
            [{**NOTIFICATION, "body": b""}],
            "[0]['body'] is a bytes, which JSON cannot hold. Make it a string, a number, a boolean, a list or a dict.",
        ),
    ],
)
def test_a_notification_that_hex_does_not_take_is_refused(value: Any, message: str) -> None:
    with pytest.raises(HexInvalidInput) as refusal:
        inputs.to_notifications(value)
    assert str(refusal.value) == f"notifications{message}"


def test_a_count_keeps_to_its_bounds() -> None:
    assert [inputs.check_count(n, "n", 1, 100) for n in (1, 100)] == [1, 100]
    assert inputs.check_count(10**9, "n", 0) == 10**9
    for bad in (0, 101, 1.0, "1", True, None):
        with pytest.raises(HexInvalidInput) as refusal:
            inputs.check_count(bad, "n", 1, 100)
        assert str(refusal.value) == f"n is {bad!r}; a whole number, from 1 to 100, is needed."
    with pytest.raises(HexInvalidInput, match=r"^n is -1; a whole number, 0 or more, is needed\.$"):
        inputs.check_count(-1, "n", 0)


def test_a_choice_is_one_of_those_or_none() -> None:
    inputs.check_choice(None, ("a", "b"), "letter")
    inputs.check_choice("b", ("a", "b"), "letter")
    with pytest.raises(HexInvalidInput, match=r"^letter is 'c'; one of a, b is needed\.$"):
        inputs.check_choice("c", ("a", "b"), "letter")


def test_a_text_is_a_text_or_none() -> None:
    assert [inputs.to_text(value, "view_id") for value in ("v", "", None)] == ["v", None, None]
    with pytest.raises(HexInvalidInput, match=r"^view_id is 7; a text is needed\.$"):
        inputs.to_text(7, "view_id")
    with pytest.raises(HexInvalidInput, match=r"^view_id holds half a character"):
        inputs.to_text("\ud800", "view_id")


def test_a_time_is_in_seconds_or_a_timedelta() -> None:
    minute = datetime.timedelta(minutes=1)
    assert [inputs.to_seconds(value, "timeout") for value in (0.5, 60, minute, None)] == [0.5, 60, 60, None]


@pytest.mark.parametrize("value", [0, -1, True, "60", float("inf"), float("nan"), datetime.timedelta(0), [1]])
def test_what_is_no_length_of_time_is_refused(value: Any) -> None:
    with pytest.raises(HexInvalidInput) as refusal:
        inputs.to_seconds(value, "timeout")
    assert str(refusal.value) == f"timeout is {value!r}; seconds (more than 0) or a timedelta are needed."
