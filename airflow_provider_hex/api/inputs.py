"""What may be asked of Hex: refused here, before anything is sent, if Hex would refuse or ignore it."""

from __future__ import annotations

import datetime
import json
import math
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, cast, get_args

from airflow_provider_hex.api.errors import HexInvalidInput
from airflow_provider_hex.api.models import Notification, NotificationType, ScreenshotFormat


def check_id(value: Any, name: str) -> str:
    """Return an id of Hex's, which is a UUID.

    :param name: ``project_id``, ``run_id`` or ``static_id``.
    :raises HexInvalidInput: for anything else; if the id is in there, in a pasted URL say, the message shows it.
    """
    text = value if isinstance(value, str) else ""
    if re.fullmatch(_ID, text):
        return text
    found = re.search(_IN_URL[name], text) or re.fullmatch(rf"\W*({_ID})\W*", text)
    hint = f"Use the id in it alone: {found.group(1)}." if found else _WHERE[name]
    raise HexInvalidInput(f"{name} is {_short(value)}, which is no id of Hex's. {hint}")


_ID = "(?i:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})"
_IN_URL = {
    "project_id": rf"/(?:hex|app|projects?)/({_ID})",
    "run_id": rf"(?:runId=|/runs?/)({_ID})",
    "static_id": rf"/cells/({_ID})",
}
_EXAMPLE = "like 5a8591dd-4039-49df-9202-96385ba3eff8"
_WHERE = {
    "project_id": f"Use the one in the project's URL, after /hex/ or /app/, {_EXAMPLE}.",
    "run_id": f"Use the one that RunProject returned, or the one in the run's URL, after runId=, {_EXAMPLE}.",
    "static_id": f"Use the static id of the chart's cell, {_EXAMPLE}.",
}


def check_choice(value: Any, choices: Collection[str], name: str) -> None:
    """Refuse what is neither None nor one of the choices.

    :raises HexInvalidInput: for anything else.
    """
    if value is not None:
        _choice(choices)(value, name)


def check_count(value: Any, name: str, least: int, most: float = math.inf) -> int:
    """Return a whole number within its bounds.

    :raises HexInvalidInput: for anything else.
    """
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        bounds = f"{least} or more" if most == math.inf else f"from {least} to {most}"
        raise HexInvalidInput(f"{name} is {_short(value)}; a whole number, {bounds}, is needed.")
    return value


def check_unrendered(
    project_id: Any, input_params: Any, view_id: Any, notifications: Any, update_published_results: Any
) -> None:
    """Refuse what is wrong whatever its templates render to, so that it shows when the DAG is parsed.

    :raises HexInvalidInput: as the functions for each argument.
    """
    check_unrendered_id(project_id, "project_id")
    check_combination(
        *(None if _is_template(option) else option for option in (input_params, view_id, update_published_results))
    )
    to_json(input_params, "input_params", unrendered=True)
    to_json(notifications, "notifications", unrendered=True)


def check_unrendered_id(value: Any, name: str) -> None:
    """Refuse an id that is none, unless a template has still to make it.

    :raises HexInvalidInput: as :func:`check_id`.
    """
    if not _is_template(value):
        check_id(value, name)


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
            _to_json(key, where, False): _to_json(item, f"{where}[{key!r}]", unrendered) for key, item in value.items()
        }
    if isinstance(value, Sequence) and not isinstance(value, (bytes, bytearray, memoryview)):
        return [_to_json(item, f"{where}[{i}]", unrendered) for i, item in enumerate(value)]
    if unrendered and _is_template(value):
        return value
    raise HexInvalidInput(
        f"{where} is a {type(value).__name__}, which JSON cannot hold. Make it a string, a number, a boolean, "
        "a list or a dict."
    )


def to_json_object(value: Any, where: str) -> dict[str, Any] | None:
    """Return a rendered mapping as JSON, or None for none; a string is read as JSON, as templates may give one."""
    value = _read_json(value, where)
    if value is None:
        return None
    if not isinstance(value, Mapping):
        raise HexInvalidInput(f"{where} is a {type(value).__name__}; a dict of names and values is needed.")
    result: dict[str, Any] = to_json(value, where)
    return result


def to_notifications(value: Any) -> list[Notification] | None:
    """Return rendered notifications as Hex takes them, or None for none.

    :raises HexInvalidInput: for a field that Hex does not have, lacks, or has another type for.
    """
    value = _read_json(value, "notifications")
    if value is None:
        return None
    if isinstance(value, (str, bytes, Mapping)) or not isinstance(value, Sequence):
        raise HexInvalidInput(f"notifications is a {type(value).__name__}; a list of dicts is needed.")
    return [_notification(item, f"notifications[{i}]") for i, item in enumerate(value)]


def _notification(item: Any, where: str) -> Notification:
    fields = to_json_object(item, where) or {}
    for name in ("type", "includeSuccessScreenshot"):
        if name not in fields:
            raise HexInvalidInput(f"{where} has no {name}, which Hex needs.")
    for name in fields:
        if name not in _NOTIFICATION:
            raise HexInvalidInput(f"{where} has the field {name!r}, which Hex does not have.")
    return cast(
        Notification, {name: _NOTIFICATION[name](value, f"{where}[{name!r}]") for name, value in fields.items()}
    )


def _read_json(value: Any, where: str) -> Any:
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
    text = str(value).strip().lower()
    if text in ("true", "false"):
        return text == "true"
    raise HexInvalidInput(f"{where} is {value!r}; true or false is needed.")


def to_text(value: Any, where: str) -> str | None:
    """Return a text, or None for none.

    :raises HexInvalidInput: for anything else.
    """
    text: str | None = to_json(None if value is None else _text(value, where) or None, where)
    return text


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


def _choice(choices: Collection[str]) -> Callable[[Any, str], Any]:
    def read(value: Any, where: str) -> Any:
        if value not in choices:
            raise HexInvalidInput(f"{where} is {_short(value)}; one of {', '.join(choices)} is needed.")
        return value

    return read


def _list_of(read: Callable[[Any, str], Any]) -> Callable[[Any, str], Any]:
    def read_all(value: Any, where: str) -> Any:
        if not isinstance(value, list):
            raise HexInvalidInput(f"{where} is {_short(value)}; a list is needed.")
        return [read(item, f"{where}[{i}]") for i, item in enumerate(value)]

    return read_all


def _text(value: Any, where: str) -> Any:
    if not isinstance(value, str):
        raise HexInvalidInput(f"{where} is {_short(value)}; a text is needed.")
    return value


_NOTIFICATION: dict[str, Callable[[Any, str], Any]] = {
    "type": _choice(get_args(NotificationType)),
    "includeSuccessScreenshot": to_bool,
    "screenshotFormat": _list_of(_choice(get_args(ScreenshotFormat))),
    "slackChannelIds": _list_of(_text),
    "userIds": _list_of(_text),
    "groupIds": _list_of(_text),
    "subject": _text,
    "body": _text,
}


def _short(value: Any) -> str:
    """Show a value, capped in length."""
    text = repr(value)
    return text if len(text) <= 200 else f"{text[:200]}…"


def _is_template(value: Any) -> bool:
    """Whether Airflow has still to make the value: a Jinja template, or an ``XComArg`` and its like."""
    return hasattr(value, "resolve") or (isinstance(value, str) and ("{{" in value or "{%" in value))
