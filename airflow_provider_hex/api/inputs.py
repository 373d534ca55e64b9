"""What may be asked of RunProject: refused here, before anything is sent, if Hex would refuse or ignore it."""

from __future__ import annotations

import datetime
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from airflow_provider_hex.api.errors import HexInvalidInput


def check_unrendered(input_params: Any, view_id: Any, notifications: Any, update_published_results: Any) -> None:
    """Refuse what is wrong whatever its templates render to, so that it shows when the DAG is parsed.

    :raises HexInvalidInput: as :func:`check_combination` and :func:`to_json`.
    """
    check_combination(
        *(None if _is_template(option) else option for option in (input_params, view_id, update_published_results))
    )
    to_json(input_params, "input_params", unrendered=True)
    to_json(notifications, "notifications", unrendered=True)


def check_combination(input_params: Any, view_id: Any, update_published_results: Any) -> None:
    """Refuse options that Hex does not take together.

    Only whether they are given counts, so templates can be checked before they are rendered.

    :raises HexInvalidInput: ``view_id`` together with ``input_params`` is an error to Hex; with
        ``update_published_results`` Hex ignores the ``input_params`` and shows numbers nobody asked for.
    """
    if input_params and view_id:
        raise HexInvalidInput("A run takes either input_params or a view_id: a saved view has inputs of its own.")
    if input_params and update_published_results:
        raise HexInvalidInput(
            "With update_published_results Hex ignores input_params and runs with the published defaults. "
            "Leave one of them out."
        )


def to_json(value: Any, where: str, *, unrendered: bool = False) -> Any:
    """Return a value as JSON can hold it; dates and times become ISO strings.

    :param where: the value's name, for the message.
    :param unrendered: pass over what Airflow has still to resolve.
    :raises HexInvalidInput: for what JSON has no form for, named by its place and type.
    """
    if value is None or isinstance(value, (bool, int, str)):
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
        return {key: to_json(item, f"{where}[{key!r}]", unrendered=unrendered) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, (bytes, bytearray, memoryview)):
        return [to_json(item, f"{where}[{i}]", unrendered=unrendered) for i, item in enumerate(value)]
    if unrendered and _is_template(value):
        return value
    raise HexInvalidInput(
        f"{where} is a {type(value).__name__}, which JSON cannot hold. Make it a string, a number, a boolean, "
        "a list or a dict."
    )


def to_json_object(value: Any, where: str) -> dict[str, Any] | None:
    """Return a rendered mapping as JSON, or None for none; a string is read as JSON, as templates may give one."""
    if isinstance(value, str):
        try:
            value = json.loads(value) if value.strip() else None
        except ValueError as error:
            raise HexInvalidInput(f"{where} is a string that is not JSON: {error}.") from None
    if value is None:
        return None
    if not isinstance(value, Mapping):
        raise HexInvalidInput(f"{where} is a {type(value).__name__}; a dict of names and values is needed.")
    result: dict[str, Any] = to_json(value, where)
    return result


def to_bool(value: Any, where: str) -> bool:
    """Return a boolean, also from what a template renders it to.

    :raises HexInvalidInput: for anything but a boolean, ``"true"`` or ``"false"``.
    """
    if isinstance(value, bool):
        return value
    text = str(value).strip().lower()
    if text in ("true", "false"):
        return text == "true"
    raise HexInvalidInput(f"{where} is {value!r}; true or false is needed.")


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


def _is_template(value: Any) -> bool:
    """Whether Airflow has still to make the value: a Jinja template, or an ``XComArg`` and its like."""
    return hasattr(value, "resolve") or (isinstance(value, str) and ("{{" in value or "{%" in value))
