from __future__ import annotations

import datetime
import json
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_hex.api import validation
from airflow_provider_hex.api.errors import HexInvalidInput
from tests.api.calls import UNRESOLVED

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda children: st.lists(children) | st.dictionaries(st.text(), children),
)


def message(validator: Any, *args: Any, **limits: Any) -> str:
    with pytest.raises(HexInvalidInput) as raised:
        validator(*args, **limits)
    return str(raised.value)


@given(st.dictionaries(st.text(), json_values))
@settings(deadline=None)
def test_a_value_that_json_can_represent_is_sent_unchanged(value: dict[str, Any]) -> None:
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


WRONG_TYPE = "which JSON cannot represent. Use a string, a number, a boolean, a list or a dict."
HALF = "contains half a character (a lone surrogate), which JSON cannot represent."


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"a": float("nan")}, "input_params['a'] is nan, which JSON cannot represent."),
        ({"a": [1, float("inf")]}, "input_params['a'][1] is inf, which JSON cannot represent."),
        ({"a": {"b": {1, 2}}}, f"input_params['a']['b'] is of type set, {WRONG_TYPE}"),
        ({"a": b"bytes"}, f"input_params['a'] is of type bytes, {WRONG_TYPE}"),
        ({"a": object()}, f"input_params['a'] is of type object, {WRONG_TYPE}"),
        ({"a": "{{ b }}", "c": UNRESOLVED}, f"input_params['c'] is of type XComArg, {WRONG_TYPE}"),
        ({1: "a"}, "input_params has the key 1 of type int, but keys must be strings."),
        ({"a": {2: "b"}}, "input_params['a'] has the key 2 of type int, but keys must be strings."),
        ({"a": "\ud800"}, f"input_params['a'] {HALF}"),
        ({"\udfff": 1}, f"input_params {HALF}"),
    ],
)
def test_a_value_that_json_cannot_represent_is_rejected_with_its_place_and_type(value: Any, expected: str) -> None:
    assert message(validation.to_json, value, "input_params") == expected


def test_unresolved_values_are_accepted_only_before_rendering() -> None:
    value = {"a": "{{ b }}", "c": [UNRESOLVED, {"d": UNRESOLVED}]}
    assert validation.to_json(value, "input_params", unrendered=True) == value
    with pytest.raises(HexInvalidInput, match=re.escape(f"input_params['c'][1] is of type object, {WRONG_TYPE}")):
        validation.to_json({"c": [UNRESOLVED, object()]}, "input_params", unrendered=True)
    assert message(validation.to_json, "{{ \ud800 }}", "input_params", unrendered=True) == f"input_params {HALF}"


@pytest.mark.parametrize("value", ['{"a": 1}', {"a": 1}])
def test_a_json_object_may_be_written_as_json(value: Any) -> None:
    assert validation.to_json_object(value, "input_params") == {"a": 1}


@pytest.mark.parametrize("value", ["", " ", "null", None])
def test_a_json_object_is_empty_if_there_is_none(value: Any) -> None:
    assert validation.to_json_object(value, "input_params") == {}


@pytest.mark.parametrize(("value", "found"), [("[1]", "list"), (["a"], "list"), (1, "int"), ("7", "int")])
def test_any_other_json_is_not_an_object(value: Any, found: str) -> None:
    assert message(validation.to_json_object, value, "input_params") == (
        f"input_params is of type {found}, but must be a dict."
    )


def test_text_that_is_not_json_is_rejected() -> None:
    assert message(validation.to_json_object, "{a: 1}", "input_params").startswith(
        "input_params is a string that is not JSON: Expecting property name"
    )


def test_the_message_names_the_place_in_a_json_object() -> None:
    assert message(validation.to_json_object, {"a": {1}}, "input_params").startswith("input_params['a'] is of type set")


@pytest.mark.parametrize(("value", "expected"), [(True, True), ("True", True), (" false ", False), (False, False)])
def test_a_boolean_may_be_written_as_text(value: Any, expected: bool) -> None:
    assert validation.to_bool(value, "use_cached_sql_results") is expected


@pytest.mark.parametrize("value", ["yes", "", None, 1, "{{ x }}"])
def test_anything_else_is_not_a_boolean(value: Any) -> None:
    assert message(validation.to_bool, value, "dry_run") == f"dry_run is {value!r}, but must be true or false."


def test_a_value_that_contains_itself_is_rejected() -> None:
    value: dict[str, Any] = {}
    value["a"] = [value]
    assert (
        message(validation.to_json, value, "input_params") == "input_params is nested too deeply, or contains itself."
    )
    assert message(validation.to_json_object, "[" * 100_000, "input_params").startswith(
        "input_params is a string that is not JSON: "
    )


def test_a_count_is_a_whole_number_within_its_limits() -> None:
    assert [validation.to_count(n, "n", 1, 100) for n in (1, 100)] == [1, 100]
    assert validation.to_count(10**30 + 1, "n", 0) == 10**30 + 1
    assert [validation.to_count(n, "n", text=True) for n in ("7", " 7 ", 7.0)] == [7, 7, 7]
    assert type(validation.to_count(7.0, "n")) is int


@pytest.mark.parametrize("value", [0, 101, 1.5, "1.5", "x", "", "7", True, None, [1], float("nan"), 10**400])
def test_anything_else_is_not_a_count(value: Any) -> None:
    shown = validation.short(value)
    assert (
        message(validation.to_count, value, "n", 1, 100) == f"n is {shown}, but must be a whole number from 1 to 100."
    )


@pytest.mark.parametrize("value", [-1, float("inf")])
def test_a_count_may_have_no_upper_limit(value: Any) -> None:
    assert message(validation.to_count, value, "n", 0) == f"n is {value}, but must be a whole number of at least 0."
    assert message(validation.to_count, 0, "n") == "n is 0, but must be a whole number of at least 1."


def test_a_choice_is_one_of_the_texts() -> None:
    assert validation.to_choice("b", "letter", ("a", "b")) == "b"
    for value in ("c", None, ["a"], 7):
        assert message(validation.to_choice, value, "letter", ("a", "b")) == (
            f"letter is {value!r}, but must be one of a, b."
        )


def test_a_text_is_any_text_that_json_can_represent() -> None:
    assert [validation.to_text(value, "view_id") for value in ("v", "", " ")] == ["v", "", " "]
    assert message(validation.to_text, 7, "view_id") == "view_id is 7, but must be text."
    assert message(validation.to_text, None, "view_id") == "view_id is None, but must be text."
    assert message(validation.to_text, "\ud800", "view_id") == f"view_id {HALF}"


@pytest.mark.parametrize("value", [None, "", " \n"])
def test_an_optional_value_may_be_missing(value: Any) -> None:
    assert validation.to_optional(value, "view_id", validation.to_text) is None


def test_an_optional_value_that_is_given_is_validated() -> None:
    assert validation.to_optional("v", "view_id", validation.to_text) == "v"
    assert message(validation.to_optional, 7, "view_id", validation.to_text) == "view_id is 7, but must be text."
    assert message(validation.to_optional, 0, "n", validation.to_count, least=2).endswith("at least 2.")


def test_a_list_is_any_sequence_but_text_and_each_item_is_validated() -> None:
    assert validation.to_list(("a", "b"), "ids", validation.to_text) == ["a", "b"]
    assert message(validation.to_list, ["a", 7], "ids", validation.to_text) == "ids[1] is 7, but must be text."
    for value in ("a", b"a", None, {"a": 1}):
        assert message(validation.to_list, value, "ids", validation.to_text) == f"ids is {value!r}, but must be a list."


def test_a_duration_is_a_number_of_seconds_or_a_timedelta() -> None:
    minute = datetime.timedelta(minutes=1)
    assert [validation.to_seconds(value, "timeout", text=True) for value in (0.5, 60, "60", minute)] == [
        0.5,
        60,
        60,
        60,
    ]
    assert validation.to_seconds(86400, "timeout", most=86400) == 86400


NOT_SECONDS = [0, -1, True, "x", "", "60", "nan", float("inf"), float("nan"), datetime.timedelta(0), [1], None, 10**400]


@pytest.mark.parametrize("value", NOT_SECONDS)
def test_anything_else_is_not_a_duration(value: Any) -> None:
    shown = validation.short(value)
    assert message(validation.to_seconds, value, "timeout") == (
        f"timeout is {shown}, but must be a number of seconds, more than 0, or a timedelta."
    )


def test_a_duration_may_have_an_upper_limit() -> None:
    assert message(validation.to_seconds, 86400.5, "Read timeout", most=86400) == (
        "Read timeout is 86400.5, but must be a number of seconds, more than 0 and at most 86400, or a timedelta."
    )


@pytest.mark.parametrize("length", [198, 199])
def test_a_long_value_is_cut_after_200_characters(length: int) -> None:
    assert validation.short("x" * length) == (f"'{'x' * length}'" if length == 198 else f"'{'x' * length}…")
