from __future__ import annotations

import json
from typing import Any

import pytest

from airflow_provider_hex.api import notifications
from airflow_provider_hex.api.errors import HexInvalidInput

NOTIFICATION = {"type": "ALL", "includeSuccessScreenshot": False}


def test_valid_notifications_are_sent_unchanged() -> None:
    full = {
        **NOTIFICATION,
        "screenshotFormat": "pdf",
        "slackChannelIds": ["C1"],
        "userIds": ["u"],
        "groupIds": [],
        "subject": "Done",
        "body": "The run has ended.",
    }
    assert notifications.to_notifications([full]) == [full]
    assert notifications.to_notifications((NOTIFICATION,)) == [NOTIFICATION]
    assert notifications.to_notifications(json.dumps([full])) == [full]
    assert notifications.to_notifications([{**NOTIFICATION, "includeSuccessScreenshot": "True"}]) == [
        {"type": "ALL", "includeSuccessScreenshot": True}
    ]
    assert notifications.to_notifications(None) == notifications.to_notifications(" ") == []


@pytest.mark.parametrize("value", ["png", ["png"], ("png",)])
def test_the_format_of_the_screenshot_is_sent_as_one_text(value: Any) -> None:
    sent = notifications.to_notifications([{**NOTIFICATION, "screenshotFormat": value}])
    assert sent == [{**NOTIFICATION, "screenshotFormat": "png"}]


@pytest.mark.parametrize("value", ["csv", "xlsx", "gif", "", None, [], ["csv"], ["png", "pdf"], [["png"]], {"png": 1}])
def test_a_format_that_hex_does_not_take_is_rejected(value: Any) -> None:
    with pytest.raises(HexInvalidInput) as raised:
        notifications.to_notifications([{**NOTIFICATION, "screenshotFormat": value}])
    shown = "csv" if value == ["csv"] else ["png"] if value == [["png"]] else value
    assert str(raised.value) == (f"notifications[0]['screenshotFormat'] is {shown!r}, but must be one of png, pdf.")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (NOTIFICATION, " is {'type': 'ALL', 'includeSuccessScreenshot': False}, but must be a list."),
        (7, " is 7, but must be a list."),
        (b"[]", " is b'[]', but must be a list."),
        ("[", " is a string that is not JSON: Expecting value: line 1 column 2 (char 1)."),
        ([7], "[0] is of type int, but must be a dict."),
        ([NOTIFICATION, {"type": "ALL"}], "[1] has no includeSuccessScreenshot, which Hex requires."),
        ([{}], "[0] has no type, which Hex requires."),
        ([None], "[0] has no type, which Hex requires."),
        ([{**NOTIFICATION, "slack": "C1"}], "[0] has the field 'slack', which Hex does not know."),
        ([{**NOTIFICATION, "type": "SOME"}], "[0]['type'] is 'SOME', but must be one of SUCCESS, FAILURE, ALL."),
        (
            [{**NOTIFICATION, "includeSuccessScreenshot": 1}],
            "[0]['includeSuccessScreenshot'] is 1, but must be true or false.",
        ),
        ([{**NOTIFICATION, "userIds": "u"}], "[0]['userIds'] is 'u', but must be a list."),
        ([{**NOTIFICATION, "slackChannelIds": ["C", 1]}], "[0]['slackChannelIds'][1] is 1, but must be text."),
        ([{**NOTIFICATION, "groupIds": [1]}], "[0]['groupIds'][0] is 1, but must be text."),
        ([{**NOTIFICATION, "subject": None}], "[0]['subject'] is None, but must be text."),
        (
            [{**NOTIFICATION, "body": b""}],
            "[0]['body'] is of type bytes, which JSON cannot represent. Use a string, a number, a boolean, a list or a "
            "dict.",
        ),
    ],
)
def test_a_notification_that_hex_would_reject_is_rejected(value: Any, message: str) -> None:
    with pytest.raises(HexInvalidInput) as raised:
        notifications.to_notifications(value)
    assert str(raised.value) == f"notifications{message}"
