from __future__ import annotations

import json
from typing import Any

import pytest

from airflow_provider_hex.api import notifications
from airflow_provider_hex.api.errors import HexInvalidInput

NOTIFICATION = {"type": "ALL", "includeSuccessScreenshot": False}


def test_notifications_are_sent_as_they_are() -> None:
    full = {
        **NOTIFICATION,
        "screenshotFormat": ["png", "pdf"],
        "slackChannelIds": ["C1"],
        "userIds": ["u"],
        "groupIds": [],
        "subject": "Done",
        "body": "Look.",
    }
    assert notifications.to_notifications([full]) == [full]
    assert notifications.to_notifications((NOTIFICATION,)) == [NOTIFICATION]
    assert notifications.to_notifications(json.dumps([full])) == [full]
    assert notifications.to_notifications([{**NOTIFICATION, "includeSuccessScreenshot": "True"}]) == [
        {"type": "ALL", "includeSuccessScreenshot": True}
    ]
    assert notifications.to_notifications(None) is None
    assert notifications.to_notifications(" ") is None


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (NOTIFICATION, " is a dict; a list of dicts is needed."),
        (7, " is a int; a list of dicts is needed."),
        (b"[]", " is a bytes; a list of dicts is needed."),
        ("[", " is a string that is not JSON: Expecting value: line 1 column 2 (char 1)."),
        ([7], "[0] is a int; a dict of names and values is needed."),
        ([NOTIFICATION, {"type": "ALL"}], "[1] has no includeSuccessScreenshot, which Hex needs."),
        ([{}], "[0] has no type, which Hex needs."),
        ([None], "[0] has no type, which Hex needs."),
        ([{**NOTIFICATION, "slack": "C1"}], "[0] has the field 'slack', which Hex does not have."),
        ([{**NOTIFICATION, "type": "SOME"}], "[0]['type'] is 'SOME'; one of SUCCESS, FAILURE, ALL is needed."),
        (
            [{**NOTIFICATION, "includeSuccessScreenshot": 1}],
            "[0]['includeSuccessScreenshot'] is 1; true or false is needed.",
        ),
        (
            [{**NOTIFICATION, "screenshotFormat": ["png", "gif"]}],
            "[0]['screenshotFormat'][1] is 'gif'; one of png, pdf, csv, xlsx is needed.",
        ),
        ([{**NOTIFICATION, "userIds": "u"}], "[0]['userIds'] is 'u'; a list is needed."),
        ([{**NOTIFICATION, "slackChannelIds": ["C", 1]}], "[0]['slackChannelIds'][1] is 1; a text is needed."),
        ([{**NOTIFICATION, "groupIds": [1]}], "[0]['groupIds'][0] is 1; a text is needed."),
        ([{**NOTIFICATION, "subject": None}], "[0]['subject'] is None; a text is needed."),
        (
            [{**NOTIFICATION, "body": b""}],
            "[0]['body'] is a bytes, which JSON cannot hold. Make it a string, a number, a boolean, a list or a dict.",
        ),
    ],
)
def test_a_notification_that_hex_does_not_take_is_refused(value: Any, message: str) -> None:
    with pytest.raises(HexInvalidInput) as refusal:
        notifications.to_notifications(value)
    assert str(refusal.value) == f"notifications{message}"
