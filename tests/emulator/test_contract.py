import json
from typing import Any

import pytest

from tests.contract import check_request, check_response

PROJECT = "5a8591dd-4039-49df-9202-96385ba3eff8"
RUNS = f"/api/v1/projects/{PROJECT}/runs"
RUN = f"{RUNS}/78c33d18-170c-44d3-a227-b3194f134f73"
JSON = {"Content-Type": "application/json; charset=utf-8"}


def a_run(**changes: Any) -> str:
    run = {
        "projectId": PROJECT,
        "projectVersion": 1,
        "runId": PROJECT,
        "runUrl": "https://example.com",
        "status": "PENDING",
        "startTime": None,
        "endTime": "2026-01-01T00:00:00.000Z",
        "elapsedTime": 12.5,
        "traceId": "t",
        "stateEvents": [{"type": "STATUS", "value": "PENDING", "timestamp": "now"}],
    }
    return json.dumps(run | changes)


@pytest.mark.parametrize(
    ("method", "path", "query", "body"),
    [
        ("POST", RUNS, None, None),
        ("post", f"https://app.hex.tech{RUNS}", None, {"inputParams": {"anything": [1]}, "dryRun": True}),
        ("POST", RUNS, None, b'{"notifications": [{"type": "ALL", "includeSuccessScreenshot": false}]}'),
        ("GET", RUNS, {"limit": "100", "offset": 0, "statusFilter": "KILLED"}, None),
        ("GET", f"{RUNS}?limit=5", None, None),
        ("GET", "/api/v1/projects", "statuses=a&statuses=b&includeTrashed=true", None),
        ("DELETE", RUN, None, None),
    ],
)
def test_a_request_as_in_the_reference_is_accepted(method: str, path: str, query: Any, body: Any) -> None:
    check_request(method, path, query, body)


@pytest.mark.parametrize(
    ("method", "path", "query", "body", "message"),
    [
        ("POST", f"/api/v1/project/{PROJECT}/run", None, None, "has no POST"),
        ("PUT", RUNS, None, None, "has no PUT"),
        ("GET", "/v1/users/me", None, None, "has no GET"),
        ("POST", RUNS.replace(PROJECT, "daily"), None, None, "projectId"),
        ("POST", RUNS, None, {"inputs": {}}, "inputs"),
        ("POST", RUNS, None, {"inputParams": None}, "inputParams"),
        ("POST", RUNS, None, {"dryRun": "true"}, "dryRun"),
        ("POST", RUNS, None, {"notifications": [{"type": "ALL"}]}, "includeSuccessScreenshot"),
        ("POST", RUNS, None, b"{", "no JSON"),
        ("POST", RUNS, None, b'{"inputParams": {"a": NaN}}', "no JSON"),
        ("POST", RUNS, {"limit": "1"}, None, "no query parameter limit"),
        ("GET", RUNS, {"limit": "101"}, None, "101"),
        ("GET", RUNS, {"limit": "many"}, None, "many"),
        ("GET", RUNS, "limit=1&limit=2", None, "sent twice"),
        ("GET", RUNS, {"statusFilter": "DONE"}, None, "DONE"),
        ("GET", RUN, None, {}, "takes no body"),
    ],
)
def test_a_request_against_the_reference_is_rejected(
    method: str, path: str, query: Any, body: Any, message: str
) -> None:
    with pytest.raises(AssertionError, match=message):
        check_request(method, path, query, body)


@pytest.mark.parametrize(
    ("method", "path", "status", "headers", "body"),
    [
        ("GET", RUN, 200, JSON, a_run()),
        ("GET", RUN, 200, {"content-type": "application/json"}, a_run(endTime=None).encode()),
        ("DELETE", RUN, 204, {}, b""),
        ("POST", RUNS, 422, JSON, '{"reason": "r", "invalid": [{"paramValue": 1}], "notFound": ["a"]}'),
        ("GET", RUN, 401, JSON, '{"reason": "r", "details": "d", "traceId": "t"}'),
        ("GET", RUN, 502, {"Content-Type": "text/html"}, "<html>Bad gateway"),
    ],
)
def test_a_response_as_in_the_reference_is_accepted(
    method: str, path: str, status: int, headers: dict[str, str], body: Any
) -> None:
    check_response(method, path, status, headers, body)


@pytest.mark.parametrize(
    ("method", "path", "status", "headers", "body", "message"),
    [
        ("GET", RUN, 200, JSON, a_run(status="DONE"), "DONE"),
        ("GET", RUN, 200, JSON, a_run(runId="r-1"), "runId"),
        ("GET", RUN, 200, JSON, a_run(startTime="2026-01-01 00:00:00"), "startTime"),
        ("GET", RUN, 200, JSON, a_run(startTime="2026-01-99T00:00:00Z"), "startTime"),
        ("GET", RUN, 200, JSON, a_run(elapsedTime="12"), "elapsedTime"),
        ("GET", RUN, 200, JSON, a_run(traceId=None), "traceId"),
        ("GET", RUN, 200, JSON, a_run(elapsed=1), "elapsed"),
        ("GET", RUN, 200, JSON, a_run(stateEvents=[{"at": "now"}]), "at"),
        ("GET", RUN, 200, JSON, "{}", "required"),
        ("GET", RUN, 200, JSON, a_run()[:100], "no JSON"),
        ("GET", RUN, 200, {"Content-Type": "text/html"}, a_run(), "application/json"),
        ("GET", RUN, 201, JSON, a_run(), "not in the reference"),
        ("GET", RUN, 418, JSON, "{}", "not in the reference"),
        ("GET", RUN, 404, JSON, '{"detail": "Not Found"}', "detail"),
        ("GET", RUN, 401, {"Content-Type": "text/html"}, "<html>", "application/json"),
        ("DELETE", RUN, 204, {}, b"{}", "no body"),
        ("POST", RUNS, 422, JSON, '{"invalid": [{"name": "a"}]}', "name"),
        ("POST", RUNS, 503, {"Content-Type": "text/html"}, "<html>", "application/json"),
    ],
)
def test_a_response_against_the_reference_is_rejected(
    method: str, path: str, status: int, headers: dict[str, str], body: Any, message: str
) -> None:
    with pytest.raises(AssertionError, match=message):
        check_response(method, path, status, headers, body)
