"""What Hex responds, or fails to respond, in a story."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

from tests.chaos.gate import Forward, Response, reply
from tests.simulation.hex_answers import REFUSALS
from tests.simulation.hex_model import LATE_EFFECT, LIST_LAG


def answered(answer: str, forward: Forward) -> Response | None:
    """Do what a request asks for, and return the response that the story has for it."""
    if answer in REFUSALS:
        return reply(*REFUSALS[answer])
    if answer == "lost, and takes effect late":
        threading.Timer(LATE_EFFECT, forward).start()
    if answer.startswith("lost"):
        return None
    response = forward()
    if answer == "the response is lost" or response is None:
        return None
    if answer == "500, but done":
        return reply(500, {"reason": "sorry"})
    return _without_newest(response) if answer == "the newest runs are missing" else response


def _without_newest(response: Response) -> Response:
    data = response.json()
    since = datetime.now(UTC) - timedelta(seconds=LIST_LAG)
    data["runs"] = [run for run in data["runs"] if datetime.fromisoformat(run["startTime"]) <= since]
    return reply(response.status, data)
