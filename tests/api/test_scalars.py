"""Inputs out of a warehouse or a data frame."""

from __future__ import annotations

import datetime
import json
import sys
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_hex.api.errors import HexInvalidInput
from airflow_provider_hex.api.validation import to_json, to_json_object

ID = "5a8591dd-4039-49df-9202-96385ba3eff8"


def sent(value: Any) -> Any:
    """The JSON text of a value, in a place like that of an input."""
    return json.dumps(to_json_object({"days": [0, 1, value]}, "input_params")["days"][2])


def message(value: Any) -> str:
    with pytest.raises(HexInvalidInput) as raised:
        to_json({"days": [0, 1, value]}, "input_params")
    return str(raised.value)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Decimal(7), "7"),
        (Decimal("7.00"), "7"),
        (Decimal("-0"), "0"),
        (Decimal("1E+3"), "1000"),
        (Decimal("9007199254740993"), "9007199254740993"),
        (Decimal("0.1"), "0.1"),
        (Decimal("-12345678.90"), "-12345678.9"),
        (Decimal("0.30000000000000000001"), "0.3"),
        (Decimal("1E-400"), "0.0"),
        (UUID(ID.upper()), f'"{ID}"'),
        (None, "null"),
    ],
)
def test_a_value_of_a_warehouse_is_sent_as_json(value: Any, text: str) -> None:
    assert sent(value) == text


def test_the_largest_decimal_is_the_largest_that_json_readers_take() -> None:
    assert sent(Decimal(sys.float_info.max)) == str(int(sys.float_info.max))
    assert message(Decimal("1E+309")) == "input_params['days'][2] is 1E+309, which JSON cannot represent."


@given(st.decimals(allow_nan=False, allow_infinity=False, places=6, min_value=-(10**9), max_value=10**9))
def test_a_decimal_that_a_float_can_represent_keeps_its_value(value: Decimal) -> None:
    assert Decimal(sent(value)) == value


@pytest.mark.parametrize("text", ["1E+1000000", "-1E+1000000"])
def test_a_decimal_that_python_cannot_compute_with_is_rejected_with_its_place(text: str) -> None:
    assert message(Decimal(text)) == f"input_params['days'][2] is {text}, which JSON cannot represent."


@pytest.mark.parametrize("value", [10**5000, -(10**5000)], ids=["positive", "negative"])
def test_an_integer_that_python_cannot_write_is_rejected_with_its_place(value: int) -> None:
    limit = sys.get_int_max_str_digits()
    assert message(value) == (f"input_params['days'][2] is an integer of more than {limit} digits, which is too long.")
    assert sent(10 ** (limit - 1)) == f"1{'0' * (limit - 1)}"


@pytest.mark.parametrize("value", [Decimal("NaN"), Decimal("sNaN"), Decimal("-Infinity")])
def test_a_decimal_that_is_no_number_is_rejected_with_its_place(value: Decimal) -> None:
    assert message(value) == f"input_params['days'][2] is {value}, which JSON cannot represent."


WRONG_TYPE = "which JSON cannot represent. Use a string, a number, a boolean, a list or a dict."


@pytest.mark.parametrize(
    ("value", "type_name"),
    [
        ({1}, "set"),
        (frozenset(), "frozenset"),
        (datetime.timedelta(1), "timedelta"),
        (b"x", "bytes"),
        (bytearray(), "bytearray"),
        (1j, "complex"),
        ({}.values(), "dict_values"),
        (iter([]), "list_iterator"),
    ],
)
def test_a_value_without_a_form_in_json_is_rejected_with_its_place(value: Any, type_name: str) -> None:
    assert message(value) == f"input_params['days'][2] is of type {type_name}, {WRONG_TYPE}"


def test_none_is_sent_as_null_since_hex_documents_nothing_else() -> None:
    assert to_json_object({"x": None}, "input_params") == {"x": None}
    assert to_json_object('{"x": null}', "input_params") == {"x": None}


def test_an_object_that_only_resembles_a_scalar_is_rejected() -> None:
    class Tensor:
        shape = ()
        dtype = "float32"

    assert message(Tensor()) == f"input_params['days'][2] is of type Tensor, {WRONG_TYPE}"


def test_scalars_of_numpy_are_sent_as_their_values() -> None:
    np = pytest.importorskip("numpy")
    for value, text in [
        (np.int8(7), "7"),
        (np.int64(-7), "-7"),
        (np.uint64(2**64 - 1), str(2**64 - 1)),
        (np.float64(0.1), "0.1"),
        (np.float32(1.5), "1.5"),
        (np.float16(1.5), "1.5"),
        (np.longdouble(1.5), "1.5"),
        (np.bool_(True), "true"),
        (np.str_("x"), '"x"'),
        (np.array(7), "7"),
        (np.datetime64("2026-11-21"), '"2026-11-21"'),
        (np.datetime64("2026-11"), '"2026-11-01"'),
        (np.datetime64("2026-11-21T06:30"), '"2026-11-21T06:30:00"'),
        (np.datetime64("2026-11-21T06:30:00.5"), '"2026-11-21T06:30:00.500000"'),
        (np.datetime64("2026-11-21T06:30:00.000001009", "ns"), '"2026-11-21T06:30:00.000001"'),
    ]:
        assert sent(value) == text, repr(value)


def test_scalars_of_numpy_that_are_no_value_are_rejected_with_their_place() -> None:
    np = pytest.importorskip("numpy")
    for value, shown in [
        (np.float64("nan"), "nan"),
        (np.float32("-inf"), "-inf"),
        (np.datetime64("NaT"), "NaT"),
        (np.datetime64("NaT", "ns"), "NaT"),
        (np.datetime64("12026-01-01"), "12026-01-01"),
    ]:
        assert message(value) == f"input_params['days'][2] is {shown}, which JSON cannot represent."
    for value, type_name in [
        (np.timedelta64(1, "D"), "timedelta64"),
        (np.complex128(1), "complex128"),
        (np.bytes_(b"x"), "bytes_"),
        (np.array([1, 2]), "ndarray"),
        (np.array({1}, dtype=object), "ndarray"),
    ]:
        assert message(value) == f"input_params['days'][2] is of type {type_name}, {WRONG_TYPE}"


def test_scalars_of_pandas_are_sent_as_their_values() -> None:
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(
        {"n": [7], "x": [0.5], "ok": [True], "name": ["EMEA"], "at": [pd.Timestamp("2026-11-21 06:30")]}
    )
    row = frame.iloc[0].to_dict()
    assert to_json_object(row, "input_params") == {
        "n": 7,
        "x": 0.5,
        "ok": True,
        "name": "EMEA",
        "at": "2026-11-21T06:30:00",
    }
    assert [type(value) for value in to_json_object(row, "input_params").values()] == [int, float, bool, str, str]
    assert sent(pd.Timestamp("2026-11-21 06:30", tz="UTC")) == '"2026-11-21T06:30:00+00:00"'
    assert sent(frame["n"].sum()) == "7"
    assert sent(pd.array([7], dtype="Int64")[0]) == "7"


def test_scalars_of_pandas_that_are_no_value_are_rejected_with_their_place() -> None:
    pd = pytest.importorskip("pandas")
    assert message(pd.NaT) == "input_params['days'][2] is NaT, which JSON cannot represent."
    for value, type_name in [
        (pd.NA, "NAType"),
        (pd.Timedelta(1, "D"), "Timedelta"),
        (pd.Series([1]), "Series"),
        (pd.Period("2026-11"), "Period"),
    ]:
        assert message(value) == f"input_params['days'][2] is of type {type_name}, {WRONG_TYPE}"
