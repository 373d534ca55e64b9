"""RunProject's ``notifications``: messages that Hex sends when a run ends.

See https://learn.hex.tech/docs/api/api-reference#operation/RunProject.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, cast, get_args

from airflow_provider_hex.api.errors import HexInvalidInput
from airflow_provider_hex.api.models import Notification, NotificationType, ScreenshotFormat
from airflow_provider_hex.api.validation import parse_json, to_bool, to_choice, to_json_object, to_list, to_text


def _to_format(value: Any, name: str) -> str:
    """Return the format of the screenshot. Hex takes one text, but its responses have a list of one."""
    if isinstance(value, (list, tuple)) and len(value) == 1:
        (value,) = value
    return to_choice(value, name, get_args(ScreenshotFormat))


_to_texts = partial(to_list, read=to_text)
_READERS: dict[str, Callable[[Any, str], Any]] = {
    "type": partial(to_choice, choices=get_args(NotificationType)),
    "includeSuccessScreenshot": to_bool,
    "screenshotFormat": _to_format,
    "slackChannelIds": _to_texts,
    "userIds": _to_texts,
    "groupIds": _to_texts,
    "subject": to_text,
    "body": to_text,
}


def to_notifications(value: Any) -> list[Notification]:
    """Return a list of notifications, an empty one for None or a blank text.

    :param value: a list of dicts, its JSON, None or a blank text. A ``screenshotFormat`` may also be a list of one.
    :raises HexInvalidInput: it is not such a list, or a field is unknown, missing or invalid.
    """
    value = parse_json(value, "notifications")
    return [] if value is None else to_list(value, "notifications", _to_notification)


def _to_notification(value: Any, name: str) -> Notification:
    fields = to_json_object(value, name)
    for needed in ("type", "includeSuccessScreenshot"):
        if needed not in fields:
            raise HexInvalidInput(f"{name} has no {needed}, which Hex requires.")
    for field in fields:
        if field not in _READERS:
            raise HexInvalidInput(f"{name} has the field {field!r}, which Hex does not know.")
    return cast("Notification", {field: _READERS[field](item, f"{name}[{field!r}]") for field, item in fields.items()})
