"""Notifications in responses: one entry for each recipient."""

from collections.abc import Mapping, Sequence
from typing import Any

KINDS = (  # the field of a request, the type of its recipients, and their names, which the emulator makes up
    ("userIds", "USER", "User {}"),
    ("groupIds", "GROUP", "Group {}"),
    ("slackChannelIds", "SLACK_CHANNEL", "channel-{}"),
)
SAME = ("type", "includeSuccessScreenshot", "subject", "body")


def recipients(notifications: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the entries of a response.

    :param notifications: the notifications of the request.
    :returns: one entry for each recipient of each.
    """
    return [
        {**_common(sent), "recipientType": kind, "recipient": _recipient(kind, each, name.format(each))}
        for sent in notifications
        for field, kind, name in KINDS
        for each in sent.get(field, [])
    ]


def _common(sent: Mapping[str, Any]) -> dict[str, Any]:
    common = {name: sent[name] for name in SAME if name in sent}
    if sent["includeSuccessScreenshot"]:
        sent_format = sent.get("screenshotFormat", "png")
        common["screenshotFormat"] = [sent_format] if isinstance(sent_format, str) else sent_format
    return common


def _recipient(kind: str, each: str, name: str) -> dict[str, Any]:
    return {"id": each, "name": name, **({"isPrivate": False} if kind == "SLACK_CHANNEL" else {})}
