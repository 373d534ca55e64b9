import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from hex_emulator.generations.api import APIS
from hex_emulator.limits import GROUPS, LIMITS, RULES
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
        "runTrigger": "API",
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
        ("POST", RUNS, 422, JSON, '{"traceId": "t", "invalid": [], "notFound": ["a"]}'),
        ("POST", RUNS, 422, JSON, '{"code": "c", "message": "m", "issues": [{"message": "i"}]}'),
        ("GET", RUN, 200, JSON, a_run(projectVersion="draft")),
        ("GET", RUN, 401, {"Content-Type": "text/plain; charset=utf-8"}, b"Unauthorized"),
        ("GET", RUN, 429, {"Content-Type": "text/plain"}, "slow down"),
        ("GET", RUN, 429, JSON, '{"anything": 1}'),
        ("GET", RUN, 500, JSON, '{"code": "c", "message": "m"}'),
        ("DELETE", RUN, 422, JSON, '{"reason": "r"}'),
        ("GET", "/api/v1/users/me", 200, JSON, '{"org": {"id": "o"}, "token": null}'),
        ("GET", "/api/v1/users/me", 200, JSON, '{"id": "i", "email": "e", "role": "r", "org": {"id": "o"}}'),
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
        ("POST", RUNS, 422, JSON, '{"invalid": [{"name": "a"}]}', "anyOf|not valid"),
        ("POST", RUNS, 422, JSON, '{"reason": "r", "code": "c", "message": "m"}', "not valid"),
        ("GET", RUN, 422, JSON, '{"traceId": "t", "invalid": [], "notFound": []}', "not valid"),
        ("DELETE", RUN, 422, JSON, '{"code": "c", "message": "m"}', "reason"),
        ("GET", RUN, 200, JSON, a_run(projectVersion=1.5), "projectVersion"),
        ("GET", RUN, 403, {"Content-Type": "text/plain"}, "Forbidden", "application/json"),
        ("GET", "/api/v1/users/me", 200, JSON, '{"id": "i", "org": {"id": "o"}}', "not valid"),
        ("POST", RUNS, 503, {"Content-Type": "text/html"}, "<html>", "application/json"),
    ],
)
def test_a_response_against_the_reference_is_rejected(
    method: str, path: str, status: int, headers: dict[str, str], body: Any, message: str
) -> None:
    with pytest.raises(AssertionError, match=message):
        check_response(method, path, status, headers, body)


def test_errors_of_every_call_may_be_of_the_moved_generation_if_all_calls_have_moved() -> None:
    error = '{"code": "c", "message": "m"}'
    check_response("DELETE", RUN, 422, JSON, error, all_moved=True)
    with pytest.raises(AssertionError, match="reason"):
        check_response("DELETE", RUN, 422, JSON, error)


def test_a_header_that_is_a_parameter_is_checked() -> None:
    check_request("GET", RUN, headers={"Enable-Expanded-Stats": "true", "X-Other": "1"})
    with pytest.raises(AssertionError, match="GetProjectRuns has no header"):
        check_request("GET", RUNS, headers={"enable-expanded-stats": "true"})


def test_the_trace_id_in_the_header_is_text() -> None:
    check_response("GET", RUN, 404, {**JSON, "X-Trace-Id": "t"}, '{"code": "c", "message": "m"}')


CALLS = {
    operation["operationId"]: operation
    for item in yaml.safe_load((Path(__file__).parents[1] / "openapi.yaml").read_text())["paths"].values()
    for method, operation in item.items()
    if method != "parameters"
}


def test_the_emulator_has_moved_the_calls_that_the_reference_says_have_moved() -> None:
    moved, older = APIS["2026"].generation("Me"), APIS["2025"].generation("Me")
    generations = {"moved": moved, "older": older}
    for name, call in CALLS.items():
        assert APIS["mixed"].generation(name) is generations[call["x-hex-generation"]]
        assert (APIS["2025"].generation(name), APIS["2026"].generation(name)) == (older, moved)


def test_the_emulators_limits_are_those_of_the_reference() -> None:
    for name, call in CALLS.items():
        rules = {rule for rule in RULES if rule.kind == GROUPS.get(name)}
        counts = [{"minute" if rule.seconds == 60 else "hour": getattr(LIMITS["2026"], rule.limit) for rule in rules}]
        documented = call.get("x-hex-limits", {}).values()
        expected = [{unit: count for unit, count in limit.items() if unit != "mayVary"} for limit in documented]
        assert counts == (expected or [{}])
