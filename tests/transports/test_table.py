"""The table: every call with every fault of the emulator, in both generations of Hex's API, through both clients.

A row says what the result is, a value or an error, and which requests the emulator received.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from airflow_provider_hex.api import errors
from hex_emulator.client import Control
from hex_emulator.generations.api import ApiName
from tests.conftest import PROJECT
from tests.transports.conftest import Either
from tests.transports.kinds import KINDS

VALUE = "value"
AGAIN = ["same", "same"]
ONCE = ["same"]
MANY = ["same", "..."]
LISTED = ["RunProject", "GetProjectRuns"]
FOUND = [*LISTED, "GetRunStatus"]  # the new run is pending, so the list does not show when it began
STARTED_AGAIN = [*LISTED, "RunProject"]
CHECKED_BY_A_POLL = ["CancelRun", "GetRunStatus"]


@dataclass(frozen=True)
class Fault:
    """What the emulator does, and the result: for most calls, for RunProject, and for CancelRun."""

    does: dict[str, Any]
    outcome: Any = VALUE
    requests: list[str] = field(default_factory=lambda: AGAIN)
    start_outcome: Any = None
    start_requests: list[str] | None = None
    cancel_requests: list[str] | None = None

    def expected(self, call: str) -> tuple[Any, list[str]]:
        outcome, requests = self.outcome, self.requests
        if call == "RunProject":
            outcome = self.start_outcome or outcome
            requests = self.start_requests or requests
        if call == "CancelRun":
            requests = self.cancel_requests or requests
        return outcome, [call if name == "same" else name for name in requests]


def rejected(status: int, error: type[errors.HexError], body: Any = None) -> Fault:
    body = body or {"reason": "No", "details": "Not so", "traceId": "t-1"}
    return Fault({"status": status, "body": body}, error, ONCE, cancel_requests=CHECKED_BY_A_POLL)


def lost(**does: Any) -> Fault:
    """No response comes, or an invalid one; Hex did nothing."""
    return Fault(does, start_requests=STARTED_AGAIN)


def lost_after(**does: Any) -> Fault:
    """The same, but Hex did what was requested."""
    cancel_again = ["CancelRun", "CancelRun", "GetRunStatus"]
    return Fault({**does, "apply": True}, start_requests=FOUND, cancel_requests=cancel_again)


def always(error: type[errors.HexError], **does: Any) -> Fault:
    return Fault({**does, "times": None}, error, MANY, start_requests=LISTED * 3)


HTML = {"body": "<html><h1>Bad gateway</h1></html>", "content_type": "text/html"}
LIMIT = {"body": {"reason": "Too many"}}

FAULTS = {
    "nothing": Fault({"delay": 0.001}, requests=ONCE),
    "a delay": Fault({"delay": 0.1}, requests=ONCE),
    "a slow body": Fault({"slow": 0.1}, requests=ONCE),
    "a wrong content type": Fault({"content_type": "text/plain"}, requests=ONCE),
    "absurd headers": Fault({"headers": {"Retry-After": "-1e99", "X-RateLimit-Remaining": "no"}}, requests=ONCE),
    "dropped before": lost(drop=True),
    "dropped after": lost_after(drop=True),
    "dropped twice": Fault({"drop": True, "times": 2}, requests=["same"] * 3, start_requests=[*LISTED, *STARTED_AGAIN]),
    "500 before": lost(status=500),
    "500 after": lost_after(status=500),
    "502 of a proxy before": lost(status=502, **HTML),
    "504 of a proxy after": lost_after(status=504, **HTML),
    "408": lost(status=408),
    "half a response": Fault({"truncate": True}, start_requests=FOUND, cancel_requests=ONCE),
    "HTML with 200": Fault({"status": 200, **HTML}, start_requests=STARTED_AGAIN),
    "a JSON array": Fault({"status": 200, "body": [1, 2]}, start_requests=STARTED_AGAIN),
    "no body": Fault({"status": 200, "body": ""}, start_requests=STARTED_AGAIN, cancel_requests=ONCE),
    "429": Fault({"status": 429, **LIMIT}),
    "429, Retry-After": Fault({"status": 429, **LIMIT, "headers": {"Retry-After": "30"}}),
    "429, X-RateLimit-Reset": Fault({"status": 429, **LIMIT, "headers": {"X-RateLimit-Reset": "30"}}),
    "429 five times": Fault({"status": 429, **LIMIT, "times": 5}, requests=["same"] * 6),
    "503": Fault({"status": 503, "body": {"reason": "No kernel"}}),
    "500 always": always(errors.HexServerError, status=500),
    "dropped always": always(errors.HexUnreachable, drop=True),
    "half a response always": Fault(
        {"truncate": True, "times": None}, errors.HexInvalidResponse, MANY, VALUE, FOUND, cancel_requests=ONCE
    ),
    "429 always": Fault({"status": 429, **LIMIT, "times": None}, errors.HexRateLimited, MANY),
    "a redirect": rejected(302, errors.HexRequestRejected),
    "400": rejected(400, errors.HexRequestRejected),
    "401": rejected(401, errors.HexUnauthorized),
    "403": rejected(403, errors.HexForbidden),
    "403 of a proxy": rejected(403, errors.HexForbidden, "<html>Forbidden</html>"),
    "404": rejected(404, errors.HexNotFound),
    "409": rejected(409, errors.HexRequestRejected),
    "422": rejected(422, errors.HexRequestRejected),
}

CANCELLED_WITHOUT_A_BODY = ("no body", "half a response always")


@pytest.mark.parametrize("call", KINDS)
@pytest.mark.parametrize("what", FAULTS)
@pytest.mark.parametrize("api", ["2025", "2026"])
def test_the_table(call: str, what: str, api: ApiName, transport: Either, emulator: Control) -> None:
    emulator.set_api(api)
    kind, fault = KINDS[call], FAULTS[what]
    outcome, requests = fault.expected(call)
    if requests == FOUND and api == "2025":
        requests = LISTED  # this list has the stateEvents, which show when a run began
    if call == "CancelRun" and what in CANCELLED_WITHOUT_A_BODY:
        outcome = VALUE  # the response has no body that could be cut
    emulator.no_limits()  # the number of retries is random, and may exceed them
    trigger = "SCHEDULED" if call == "RunProject" else "API"
    emulator.next_run(timeline=[(kind.course, None)])
    run_id = emulator.start_run(PROJECT, trigger=trigger)["runId"]
    emulator.fault(call, **fault.does)

    if outcome == VALUE:
        assert kind.is_right(kind.make(transport, run_id), run_id)
    else:
        with pytest.raises(errors.HexError) as raised:
            kind.make(transport, run_id)
        error = raised.value
        assert type(error) is outcome
        assert error.method in ("GET", "POST", "DELETE")
        assert f"{call} ({error.method} {error.path})" in str(error)

    received = [request["call"] for request in emulator.requests()]
    if requests[-1] == "...":
        assert set(received) == {call}
        assert 3 <= len(received) <= 3000
    else:
        assert received == requests
    new_runs = len(emulator.runs()) - 1
    assert new_runs == (call == "RunProject" and outcome == VALUE)
    if call == "CancelRun" and outcome == VALUE and what != "no body":
        assert emulator.runs()[0]["status"] == "KILLED"
