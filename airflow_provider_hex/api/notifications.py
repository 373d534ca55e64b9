"""Whom Hex tells about a run's end (RunProject's ``notifications``)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast, get_args

from airflow_provider_hex.api.errors import HexInvalidInput
from airflow_provider_hex.api.models import Notification, NotificationType, ScreenshotFormat
from airflow_provider_hex.api.validation import choice, read_json, short, text, to_bool, to_json_object


def to_notifications(value: Any) -> list[Notification] | None:
    """Return rendered notifications as Hex takes them, or None for none.

    :raises HexInvalidInput: for a field that Hex does not have, lacks, or has another type for.
    """
    value = read_json(value, "notifications")
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


def _list_of(read: Callable[[Any, str], Any]) -> Callable[[Any, str], Any]:
    def read_all(value: Any, where: str) -> Any:
        if not isinstance(value, list):
            raise HexInvalidInput(f"{where} is {short(value)}; a list is needed.")
        return [read(item, f"{where}[{i}]") for i, item in enumerate(value)]

    return read_all


_NOTIFICATION: dict[str, Callable[[Any, str], Any]] = {
    "type": choice(get_args(NotificationType)),
    "includeSuccessScreenshot": to_bool,
    "screenshotFormat": _list_of(choice(get_args(ScreenshotFormat))),
    "slackChannelIds": _list_of(text),
    "userIds": _list_of(text),
    "groupIds": _list_of(text),
    "subject": text,
    "body": text,
}
