from __future__ import annotations

import datetime
import decimal
import json
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
