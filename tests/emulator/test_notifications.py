"""Notifications: what RunProject takes, and the recipients in responses."""

import httpx
import pytest

from hex_emulator.client import Control
from hex_emulator.generations.api import ApiName
from hex_emulator.workspace import Project
from tests.emulator.conftest import Start, StatusOf


@pytest.fixture(params=["2025", "2026"])
def api_name(request: pytest.FixtureRequest) -> ApiName:
    name: ApiName = request.param
    return name


def test_a_response_has_an_entry_for_each_recipient(start: Start, status_of: StatusOf) -> None:
    to_three = {"userIds": ["u1"], "groupIds": ["g1"], "slackChannelIds": ["C1"]}
    run = start(
        notifications=[
            {"type": "ALL", "includeSuccessScreenshot": True, "screenshotFormat": "pdf", "subject": "S", **to_three},
            {"type": "FAILURE", "includeSuccessScreenshot": False, "userIds": ["u1"], "body": "B"},
            {"type": "SUCCESS", "includeSuccessScreenshot": True, "groupIds": []},
        ]
    )
    first = {"type": "ALL", "includeSuccessScreenshot": True, "screenshotFormat": ["pdf"], "subject": "S"}
    assert run["notifications"] == [
        {**first, "recipientType": "USER", "recipient": {"id": "u1", "name": "User u1"}},
        {**first, "recipientType": "GROUP", "recipient": {"id": "g1", "name": "Group g1"}},
        {
            **first,
            "recipientType": "SLACK_CHANNEL",
            "recipient": {"id": "C1", "name": "channel-C1", "isPrivate": False},
        },
        {
            "type": "FAILURE",
            "includeSuccessScreenshot": False,
            "body": "B",
            "recipientType": "USER",
            "recipient": {"id": "u1", "name": "User u1"},
        },
    ]
    assert status_of(run)["notifications"] == run["notifications"]


def test_a_screenshot_is_a_png_by_default(start: Start) -> None:
    run = start(notifications=[{"type": "ALL", "includeSuccessScreenshot": True, "userIds": ["u1"]}])
    assert run["notifications"][0]["screenshotFormat"] == ["png"]


@pytest.mark.parametrize("screenshot_format", ["csv", "PNG", ["xlsx"], [["png"]], None, 1])
def test_another_format_is_rejected(api: httpx.Client, revenue: Project, screenshot_format: object) -> None:
    notification = {"type": "ALL", "includeSuccessScreenshot": True, "screenshotFormat": screenshot_format}
    response = api.post(f"/projects/{revenue.id}/runs", json={"notifications": [notification]})
    assert response.status_code == 400


def test_only_the_older_call_takes_a_list_of_formats(api: httpx.Client, revenue: Project, emulator: Control) -> None:
    """As this project's first contract had it; no document of Hex does."""
    notification = {"type": "ALL", "includeSuccessScreenshot": True, "screenshotFormat": ["png"], "userIds": ["u"]}
    body = {"notifications": [notification]}
    emulator.set_api("mixed")
    assert api.post(f"/projects/{revenue.id}/runs", json=body).status_code == 400
    emulator.set_api("2025")
    response = api.post(f"/projects/{revenue.id}/runs", json=body)
    assert response.json()["notifications"][0]["screenshotFormat"] == ["png"]
