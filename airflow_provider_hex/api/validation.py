"""Values that templates and users give, read or refused before anything is sent."""

from __future__ import annotations

import datetime
import json
import math
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from airflow_provider_hex.api.errors import HexInvalidInput


def to_json(value: Any, where: str, *, unrendered: bool = False) -> Any:
    """Return a value as JSON can hold it; dates and times become ISO strings.

    :param where: the value's name, for the message.
    :param unrendered: pass over what Airflow has still to resolve.
    :raises HexInvalidInput: for what JSON has no form for, named by its place and type.
    """
    try:
        return _to_json(value, where, unrendered)
    except RecursionError:
        raise HexInvalidInput(f"{where} is nested too deeply, or holds itself.") from None


def _to_json(value: Any, where: str, unrendered: bool) -> Any:
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, str):
        if re.search("[\ud800-\udfff]", value):
            raise HexInvalidInput(f"{where} holds half a character (a lone surrogate), which JSON cannot hold.")
        return value
    if isinstance(value, float):
        if math.isfinite(value):
            return value
        raise HexInvalidInput(f"{where} is {value}, which JSON cannot hold.")
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str):
                raise HexInvalidInput(f"{where} has the name {key!r}, a {type(key).__name__}; names are strings.")
        return {
            _to_json(key, where, unrendered): _to_json(item, f"{where}[{key!r}]", unrendered)
            for key, item in value.items()
        }
    if isinstance(value, Sequence) and not isinstance(value, (bytes, bytearray, memoryview)):
        return [_to_json(item, f"{where}[{i}]", unrendered) for i, item in enumerate(value)]
    if unrendered and is_template(value):
        return value
    raise HexInvalidInput(
        f"{where} is a {type(value).__name__}, which JSON cannot hold. Make it a string, a number, a boolean, "
        "a list or a dict."
    )


def to_json_object(value: Any, where: str) -> dict[str, Any] | None:
    """Return a rendered mapping as JSON, or None for none; a string is read as JSON, as templates may give one."""
    value = read_json(value, where)
    if value is None:
        return None
    if not isinstance(value, Mapping):
        raise HexInvalidInput(f"{where} is a {type(value).__name__}; a dict of names and values is needed.")
    result: dict[str, Any] = to_json(value, where)
    return result


def read_json(value: Any, where: str) -> Any:
    """Return a value, or what a string, as templates may give one, says in JSON; None for a blank string."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value) if value.strip() else None
    except (ValueError, RecursionError) as error:
        raise HexInvalidInput(f"{where} is a string that is not JSON: {error}.") from None


def to_bool(value: Any, where: str) -> bool:
    """Return a boolean, also from what a template renders it to.

    :raises HexInvalidInput: for anything but a boolean, ``"true"`` or ``"false"``.
    """
    if isinstance(value, bool):
        return value
    written = str(value).strip().lower()
    if written in ("true", "false"):
        return written == "true"
    raise HexInvalidInput(f"{where} is {value!r}; true or false is needed.")


def to_text(value: Any, where: str) -> str | None:
    """Return a text, or None for none.

    :raises HexInvalidInput: for anything else.
    """
    given: str | None = to_json(None if value is None else text(value, where) or None, where)
    return given


def to_seconds(value: Any, where: str) -> float | None:
    """Return a length of time in seconds, or None for none.

    :raises HexInvalidInput: for anything but a timedelta or a number that is more than nothing.
    """
    if value is None:
        return None
    seconds = value.total_seconds() if isinstance(value, datetime.timedelta) else value
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not 0 < seconds < math.inf:
        raise HexInvalidInput(f"{where} is {value!r}; seconds (more than 0) or a timedelta are needed.")
    return seconds


def check_choice(value: Any, choices: Collection[str], name: str) -> None:
    """Refuse what is neither None nor one of the choices.

    :raises HexInvalidInput: for anything else.
    """
    if value is not None:
        choice(choices)(value, name)


def choice(choices: Collection[str]) -> Callable[[Any, str], Any]:
    """Return what returns a value if it is one of the choices, and refuses it by its name otherwise."""

    def read(value: Any, where: str) -> Any:
        if value not in choices:
            raise HexInvalidInput(f"{where} is {short(value)}; one of {', '.join(choices)} is needed.")
        return value

    return read


def check_count(value: Any, name: str, least: int, most: float = math.inf) -> int:
    """Return a whole number within its bounds.

    :raises HexInvalidInput: for anything else.
    """
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        bounds = f"{least} or more" if most == math.inf else f"from {least} to {most}"
        raise HexInvalidInput(f"{name} is {short(value)}; a whole number, {bounds}, is needed.")
    return value


def text(value: Any, where: str) -> Any:
    """Return a value if it is a text, and refuse it by its name otherwise."""
    if not isinstance(value, str):
        raise HexInvalidInput(f"{where} is {short(value)}; a text is needed.")
    return value


def short(value: Any) -> str:
    """Show a value, capped in length."""
    shown = repr(value)
    return shown if len(shown) <= 200 else f"{shown[:200]}…"


def is_template(value: Any) -> bool:
    """Whether Airflow has still to make the value: a Jinja template, or an ``XComArg`` and its like."""
    return hasattr(value, "resolve") or (isinstance(value, str) and ("{{" in value or "{%" in value))
