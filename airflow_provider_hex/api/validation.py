"""Validators for the values that users and templates give. Nothing is sent that Hex would reject or ignore.

Each ``to_…(value, name)`` returns the value in the type that Hex needs. Where templates are allowed, it also accepts
the text that a template renders to: ``"true"``, a JSON document. For anything else, ``HexInvalidInput`` is raised, and
says what ``name`` is and what it must be. ``name`` is the argument's name, or the place in it: ``input_params['n']``.
"""

from __future__ import annotations

import datetime
import json
import math
import re
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, TypeVar

from airflow_provider_hex.api.errors import HexInvalidInput
from airflow_provider_hex.api.scalars import plain

T = TypeVar("T")

_LONGEST_SHOWN = 200


def to_optional(value: Any, name: str, read: Callable[..., T], **limits: Any) -> T | None:
    """Return None for None or a blank text, and otherwise what another validator returns.

    :param read: the validator for a value that is given.
    :param limits: further arguments of the validator.
    """
    missing = value is None or (isinstance(value, str) and not value.strip())
    return None if missing else read(value, name, **limits)


def to_text(value: Any, name: str) -> str:
    """Return a text unchanged, if JSON can represent it."""
    if not isinstance(value, str):
        raise invalid(value, name, "text")
    if re.search("[\ud800-\udfff]", value):
        raise HexInvalidInput(f"{name} contains half a character (a lone surrogate), which JSON cannot represent.")
    return value


def to_bool(value: Any, name: str) -> bool:
    """Return a boolean, also from ``"true"`` or ``"false"`` in any letter case."""
    written = str(value).strip().lower()
    if written not in ("true", "false"):
        raise invalid(value, name, "true or false")
    return written == "true"


def to_count(value: Any, name: str, least: int = 1, most: float = math.inf, *, text: bool = False) -> int:
    """Return a whole number.

    :param least: the smallest number allowed. Default: 1.
    :param most: the largest number allowed. Default: no limit.
    :param text: accept a text with a number, as a connection may have it. Default: no.
    """
    number = _number(value, text)
    if not (least <= number <= most and number.is_integer()):
        limits = f"of at least {least}" if most == math.inf else f"from {least} to {most}"
        raise invalid(value, name, f"a whole number {limits}")
    return value if isinstance(value, int) else int(number)


def to_seconds(value: Any, name: str, most: float = math.inf, *, text: bool = False) -> float:
    """Return a duration of more than 0 seconds.

    :param value: a number of seconds, or a ``timedelta``.
    :param most: the longest duration allowed, in seconds. Default: no limit.
    :param text: accept a text with a number, as a connection may have it. Default: no.
    """
    seconds = value.total_seconds() if isinstance(value, datetime.timedelta) else _number(value, text)
    if not 0 < seconds <= most or seconds == math.inf:
        at_most = "" if most == math.inf else f" and at most {most:g}"
        raise invalid(value, name, f"a number of seconds, more than 0{at_most}, or a timedelta")
    return seconds


def to_choice(value: Any, name: str, choices: Collection[str]) -> str:
    """Return one of several texts, the ``choices``."""
    if value not in choices:
        raise invalid(value, name, f"one of {', '.join(choices)}")
    return str(value)


def to_list(value: Any, name: str, read: Callable[[Any, str], T]) -> list[T]:
    """Return the items of a list or another sequence.

    :param read: the validator for each item.
    """
    if not _is_list(value):
        raise invalid(value, name, "a list")
    return [read(item, f"{name}[{i}]") for i, item in enumerate(value)]


def to_json(value: Any, name: str, *, unrendered: bool = False) -> Any:
    """Return a value in the types of JSON.

    Dates and times become ISO strings, sequences become lists. Values of a warehouse become what
    :func:`~airflow_provider_hex.api.scalars.plain` says. None is JSON's null.

    :param unrendered: allow what Airflow has yet to resolve, such as an ``XComArg``. Default: no.
    """
    try:
        return _to_json(value, name, unrendered)
    except RecursionError:
        raise HexInvalidInput(f"{name} is nested too deeply, or contains itself.") from None


def to_json_object(value: Any, name: str, *, unrendered: bool = False) -> dict[str, Any]:
    """Return a mapping in the types of JSON; an empty one for None or a blank text.

    :param value: a mapping, its JSON, None or a blank text.
    :param unrendered: allow in it what Airflow has yet to resolve, such as an ``XComArg``. Default: no.
    """
    value = parse_json(value, name)
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise HexInvalidInput(f"{name} is of type {type(value).__name__}, but must be a dict.")
    result: dict[str, Any] = to_json(value, name, unrendered=unrendered)
    return result


def parse_json(value: Any, name: str) -> Any:
    """Return the content of a JSON text, None for a blank text, and a value of any other type unchanged."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value) if value.strip() else None
    except (ValueError, RecursionError) as error:
        raise HexInvalidInput(f"{name} is a string that is not JSON: {error}.") from None


def invalid(value: Any, name: str, needed: str) -> HexInvalidInput:
    """Return the error for an invalid value.

    :param value: the value, which the message shows. So it must not be a secret.
    :param needed: what it must be, such as ``a list``.
    """
    return HexInvalidInput(f"{name} is {short(value)}, but must be {needed}.")


def short(value: Any) -> str:
    """Return a value's ``repr``, cut after 200 characters."""
    shown = repr(value)
    return shown if len(shown) <= _LONGEST_SHOWN else f"{shown[:_LONGEST_SHOWN]}…"


def is_template(value: Any) -> bool:
    """Return whether Airflow has yet to resolve the value: a Jinja template, an ``XComArg`` or the like."""
    return hasattr(value, "resolve") or (isinstance(value, str) and ("{{" in value or "{%" in value))


def _to_json(value: Any, name: str, unrendered: bool) -> Any:
    if isinstance(value, Mapping):
        return {_to_key(key, name): _to_json(item, f"{name}[{key!r}]", unrendered) for key, item in value.items()}
    if _is_list(value):
        return [_to_json(item, f"{name}[{i}]", unrendered) for i, item in enumerate(value)]
    if unrendered and not isinstance(value, str) and is_template(value):
        return value
    return _to_json_scalar(plain(value, name), name)


def _to_json_scalar(value: Any, name: str) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        raise HexInvalidInput(f"{name} is {value}, which JSON cannot represent.")
    if isinstance(value, int) and not _can_be_written(value):
        digits = sys.get_int_max_str_digits()
        raise HexInvalidInput(f"{name} is an integer of more than {digits} digits, which is too long.")
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, str):
        return to_text(value, name)
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    raise HexInvalidInput(
        f"{name} is of type {type(value).__name__}, which JSON cannot represent. Use a string, a number, a boolean, "
        "a list or a dict."
    )


def _can_be_written(value: int) -> bool:
    try:
        return bool(int.__repr__(value))
    except ValueError:
        return False


def _to_key(key: Any, name: str) -> str:
    if not isinstance(key, str):
        raise HexInvalidInput(f"{name} has the key {key!r} of type {type(key).__name__}, but keys must be strings.")
    return to_text(key, name)


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, (str, bytes, bytearray, memoryview))


def _number(value: Any, text: bool) -> float:
    """Return a number, or not-a-number for anything else."""
    try:
        return math.nan if isinstance(value, bool) or (isinstance(value, str) and not text) else float(value)
    except (TypeError, ValueError, OverflowError):
        return math.nan
