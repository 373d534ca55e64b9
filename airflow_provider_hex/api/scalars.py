"""Single values as a warehouse or a data frame has them, as Python's own. numpy and pandas are not imported."""

from __future__ import annotations

import datetime
import sys
from decimal import Decimal
from typing import Any
from uuid import UUID

from airflow_provider_hex.api.errors import HexInvalidInput


def plain(value: Any, name: str) -> Any:
    """Return a value as one of Python's own types, unchanged if it is of no type known here.

    * A ``Decimal`` becomes an int if it is integral, and else the nearest float, whose JSON has up to 17 digits.
    * A ``UUID`` becomes text.
    * A scalar of numpy becomes Python's value, a ``datetime64`` a date or a datetime, without nanoseconds.

    :param name: the place of the value, for the message.
    :raises HexInvalidInput: it is not a number or a time (NaN, NaT), or too large for JSON's readers.
    """
    if str(type(value).__name__) == "NaTType":  # pandas has it as a subclass of datetime
        raise _no_value(value, name)
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, Decimal):
        return _of_decimal(value, name)
    if getattr(value, "shape", None) == () and hasattr(value, "dtype"):
        return _of_numpy(value, name)
    return value


def _of_decimal(value: Decimal, name: str) -> int | float:
    if not value.is_finite() or value.copy_abs() > sys.float_info.max:
        raise _no_value(value, name)
    return int(value) if value == value.to_integral_value() else float(value)


def _of_numpy(value: Any, name: str) -> Any:
    kind = getattr(value.dtype, "kind", "")
    if kind == "f":
        return float(value)
    if kind in ("b", "i", "u", "U"):
        return value.item()
    return _of_datetime64(value, name) if kind == "M" else value


def _of_datetime64(value: Any, name: str) -> datetime.date:
    found = value.item()
    if isinstance(found, int):  # nanoseconds, or a year that Python's dates do not have
        found = value.astype("datetime64[us]").item()
    if not isinstance(found, datetime.date):
        raise _no_value(value, name)
    return found


def _no_value(value: Any, name: str) -> HexInvalidInput:
    return HexInvalidInput(f"{name} is {value}, which JSON cannot represent.")
