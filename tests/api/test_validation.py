from __future__ import annotations

import datetime
import decimal
import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_hex.api.errors import HexInvalidInput
from tests.api.calls import LATER

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda children: st.lists(children) | st.dictionaries(st.text(), children),
)


@given(st.dictionaries(st.text(), json_values))
def test_what_json_can_hold_is_sent_as_it_is(value: dict[str, Any]) -> None:
    assert validation.to_json(value, "input_params") == value
    assert json.loads(json.dumps(value)) == value


def test_dates_and_times_become_iso_strings() -> None:
    moment = datetime.datetime(2026, 11, 21, 6, 30, tzinfo=datetime.UTC)
    value = {"date": moment.date(), "moment": moment, "time": moment.time(), "list": (moment.date(),)}
    assert validation.to_json(value, "input_params") == {
        "date": "2026-11-21",
        "moment": "2026-11-21T06:30:00+00:00",
        "time": "06:30:00",
        "list": ["2026-11-21"],
    }


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
        validation.to_json(value, "input_params")
    assert str(refusal.value) == message


def test_what_airflow_has_still_to_make_is_passed_over_before_it_is_made() -> None:
    value = {"a": "{{ b }}", "c": [LATER, {"d": LATER}]}
    assert validation.to_json(value, "input_params", unrendered=True) == value
    with pytest.raises(HexInvalidInput, match=re.escape(f"input_params['c'][1] is a object, {NO_FORM}")):
        validation.to_json({"c": [LATER, object()]}, "input_params", unrendered=True)


def test_a_template_may_render_to_json() -> None:
    assert validation.to_json_object('{"a": 1}', "input_params") == {"a": 1}
    assert validation.to_json_object("", "input_params") is None
    assert validation.to_json_object(None, "input_params") is None


@pytest.mark.parametrize("value", ["{a: 1}", "[1]", ["a"], 1])
def test_inputs_that_are_no_dict_are_refused(value: Any) -> None:
    with pytest.raises(HexInvalidInput, match=r"^input_params is a \w+"):
        validation.to_json_object(value, "input_params")


def test_inputs_are_named_in_what_is_wrong_with_them() -> None:
    with pytest.raises(HexInvalidInput, match=r"^input_params is a list; a dict of names and values is needed\.$"):
        validation.to_json_object("[1]", "input_params")
    with pytest.raises(HexInvalidInput, match=r"^input_params\['a'\] is a set"):
        validation.to_json_object({"a": {1}}, "input_params")


@pytest.mark.parametrize(("value", "expected"), [(True, True), ("True", True), (" false ", False), (False, False)])
def test_a_template_may_render_to_a_boolean(value: Any, expected: bool) -> None:
    assert validation.to_bool(value, "use_cached_sql_results") is expected


@pytest.mark.parametrize("value", ["yes", "", None, 1, "{{ x }}"])
def test_anything_else_is_no_boolean(value: Any) -> None:
    with pytest.raises(HexInvalidInput) as refusal:
        validation.to_bool(value, "use_cached_sql_results")
    assert str(refusal.value) == f"use_cached_sql_results is {value!r}; true or false is needed."


def test_what_holds_itself_is_refused() -> None:
    value: dict[str, Any] = {}
    value["a"] = [value]
    with pytest.raises(HexInvalidInput, match=r"^input_params is nested too deeply, or holds itself\.$"):
        validation.to_json(value, "input_params")
    with pytest.raises(HexInvalidInput, match=r"^input_params is a string that is not JSON: "):
        validation.to_json_object("[" * 100_000, "input_params")


def test_a_count_keeps_to_its_bounds() -> None:
    assert [validation.check_count(n, "n", 1, 100) for n in (1, 100)] == [1, 100]
    assert validation.check_count(10**9, "n", 0) == 10**9
    for bad in (0, 101, 1.0, "1", True, None):
        with pytest.raises(HexInvalidInput) as refusal:
            validation.check_count(bad, "n", 1, 100)
        assert str(refusal.value) == f"n is {bad!r}; a whole number, from 1 to 100, is needed."
    with pytest.raises(HexInvalidInput, match=r"^n is -1; a whole number, 0 or more, is needed\.$"):
        validation.check_count(-1, "n", 0)


def test_a_choice_is_one_of_those_or_none() -> None:
    validation.check_choice(None, ("a", "b"), "letter")
    validation.check_choice("b", ("a", "b"), "letter")
    with pytest.raises(HexInvalidInput, match=r"^letter is 'c'; one of a, b is needed\.$"):
        validation.check_choice("c", ("a", "b"), "letter")


def test_a_text_is_a_text_or_none() -> None:
    assert [validation.to_text(value, "view_id") for value in ("v", "", None)] == ["v", None, None]
    with pytest.raises(HexInvalidInput, match=r"^view_id is 7; a text is needed\.$"):
        validation.to_text(7, "view_id")
    with pytest.raises(HexInvalidInput, match=r"^view_id holds half a character"):
        validation.to_text("\ud800", "view_id")


def test_a_time_is_in_seconds_or_a_timedelta() -> None:
    minute = datetime.timedelta(minutes=1)
    assert [validation.to_seconds(value, "timeout") for value in (0.5, 60, minute, None)] == [0.5, 60, 60, None]


@pytest.mark.parametrize("value", [0, -1, True, "60", float("inf"), float("nan"), datetime.timedelta(0), [1]])
def test_what_is_no_length_of_time_is_refused(value: Any) -> None:
    with pytest.raises(HexInvalidInput) as refusal:
        validation.to_seconds(value, "timeout")
    assert str(refusal.value) == f"timeout is {value!r}; seconds (more than 0) or a timedelta are needed."
