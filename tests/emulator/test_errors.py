"""Error responses: tokens and scopes, unknown ids and unknown paths."""

from collections.abc import Callable

import httpx
import pytest

from hex_emulator.client import Control
from hex_emulator.generations.api import OLDER_CALLS, ApiName
from hex_emulator.workspace import Project, default_workspace
from tests.emulator.conftest import Connect, Start, error_text

PROJECT = f"/projects/{default_workspace().project('Daily revenue').id}"
UNKNOWN_ID = "00000000-0000-4000-8000-000000000000"
CALLS = {
    "Me": ("GET", "/users/me"),
    "ListProjects": ("GET", "/projects"),
    "GetProject": ("GET", PROJECT),
    "GetQueriedTables": ("GET", f"{PROJECT}/queriedTables"),
    "GetProjectRuns": ("GET", f"{PROJECT}/runs"),
    "RunProject": ("POST", f"{PROJECT}/runs"),
    "GetRunStatus": ("GET", f"{PROJECT}/runs/{UNKNOWN_ID}"),
    "GetChartImageFromRun": ("GET", f"{PROJECT}/runs/{UNKNOWN_ID}/cells/{UNKNOWN_ID}/image"),
    "CancelRun": ("DELETE", f"{PROJECT}/runs/{UNKNOWN_ID}"),
    "ListCells": ("GET", f"/cells?projectId={PROJECT.rpartition('/')[2]}"),
}
CODES = {400: "BAD_REQUEST", 403: "FORBIDDEN", 404: "NOT_FOUND", 405: "METHOD_NOT_SUPPORTED"}


@pytest.fixture(params=["2025", "2026", "mixed"])
def api_name(request: pytest.FixtureRequest) -> ApiName:
    name: ApiName = request.param
    return name


IsError = Callable[[httpx.Response, int, str], bool]


@pytest.fixture
def is_error(api_name: ApiName) -> IsError:
    """Return a function that checks whether a response is an error of the generation of a call."""

    def check(response: httpx.Response, status: int, call: str) -> bool:
        assert (response.status_code, response.headers["Content-Type"]) == (status, "application/json")
        body, trace_id = response.json(), response.headers.get("x-trace-id")
        assert (trace_id is None) == (api_name == "2025")
        if api_name == "2025" or (api_name == "mixed" and call in OLDER_CALLS):
            assert body.keys() == {"reason", "details", "traceId"}
            assert all(body.values())
            assert body["traceId"] == (trace_id or body["traceId"])
        else:
            assert body.keys() - {"issues"} == {"code", "message"}
            assert body["code"] == CODES[status]
        return True

    return check


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer hxtp_0", "Basic", "{token}", "Basic {token}"])
def test_every_call_needs_a_token(connect: Connect, api_name: ApiName, call: str, header: str | None) -> None:
    token = default_workspace().token("full")
    headers = {} if header is None else {"Authorization": header.format(token=token)}
    response = connect(None).request(*CALLS[call], headers=headers)
    assert response.status_code == 401
    if api_name == "2025":
        assert response.json().keys() == {"reason", "details", "traceId"}
    else:
        assert (response.text, response.headers["Content-Type"].partition(";")[0]) == ("Unauthorized", "text/plain")
        challenge = "Bearer" if header is None else 'Bearer error="invalid_token"'
        assert response.headers["WWW-Authenticate"] == challenge
        assert "x-trace-id" not in response.headers


@pytest.mark.parametrize("path", ["/projects/x/runs", "/nothing"])
def test_the_token_is_checked_first(connect: Connect, path: str) -> None:
    assert connect(None, checked=False).post(path, content=b"{").status_code == 401


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("token", ["read-only", "no-scopes"])
def test_a_token_needs_the_scope(connect: Connect, api_name: ApiName, is_error: IsError, call: str, token: str) -> None:
    method, path = CALLS[call]
    response = connect(token).request(method, path)
    needs_more = method != "GET" or (call in ("Me", "ListCells") and api_name != "2025")
    if token == "read-only" and not needs_more:
        assert response.status_code == (404 if UNKNOWN_ID in path else 200)
    else:
        assert is_error(response, 403, call)
        assert "The token lacks the scope" in error_text(response)


@pytest.mark.parametrize(
    ("call", "method", "path"),
    [
        ("GetProject", "GET", f"/projects/{UNKNOWN_ID}"),
        ("GetQueriedTables", "GET", f"/projects/{UNKNOWN_ID}/queriedTables"),
        ("GetChartImageFromRun", "GET", f"{PROJECT}/runs/{UNKNOWN_ID}/cells/{UNKNOWN_ID}/image"),
        ("RunProject", "POST", f"/projects/{UNKNOWN_ID}/runs"),
        ("GetProjectRuns", "GET", f"/projects/{UNKNOWN_ID}/runs"),
        ("GetRunStatus", "GET", f"/projects/{UNKNOWN_ID}/runs/{UNKNOWN_ID}"),
        ("CancelRun", "DELETE", f"{PROJECT}/runs/{UNKNOWN_ID}"),
        ("GetRunStatus", "GET", f"{PROJECT}/runs/{UNKNOWN_ID}"),
    ],
)
def test_an_unknown_id_is_not_found(api: httpx.Client, is_error: IsError, call: str, method: str, path: str) -> None:
    response = api.request(method, path)
    assert is_error(response, 404, call)
    assert UNKNOWN_ID in error_text(response)


@pytest.mark.parametrize("call", ["GetRunStatus", "CancelRun"])
def test_a_run_is_not_found_in_another_project(
    api: httpx.Client, start: Start, health: Project, is_error: IsError, call: str
) -> None:
    run = start()
    method, _ = CALLS[call]
    assert is_error(api.request(method, f"/projects/{health.id}/runs/{run['runId']}"), 404, call)


@pytest.mark.parametrize("call", ["GetRunStatus", "CancelRun"])
@pytest.mark.parametrize("status", [403, 404, 422])
def test_a_run_that_is_gone_has_the_status_that_was_set(
    api: httpx.Client, emulator: Control, start: Start, call: str, status: int
) -> None:
    emulator.set_vanished(status)  # type: ignore[arg-type]
    run = start()
    emulator.remove_run(run["runId"])
    method, _ = CALLS[call]
    response = api.request(method, run["runStatusUrl"])
    assert response.status_code == status
    assert run["runId"] in error_text(response)
    assert api.get(f"/projects/{run['projectId']}").status_code == 200


@pytest.mark.parametrize(
    "bad", ["daily-revenue", UNKNOWN_ID[:-1], UNKNOWN_ID.replace("-", ""), f"urn:uuid:{UNKNOWN_ID}", "a%2Fb", "a%2fb"]
)
def test_an_id_that_is_no_uuid_is_malformed_for_an_older_call_and_unknown_to_a_moved_one(
    unchecked: httpx.Client, api_name: ApiName, is_error: IsError, bad: str
) -> None:
    for call, method, path in (
        ("GetProject", "GET", f"/projects/{bad}"),
        ("GetProjectRuns", "GET", f"/projects/{bad}/runs"),
        ("GetRunStatus", "GET", f"{PROJECT}/runs/{bad}"),
        ("CancelRun", "DELETE", f"{PROJECT}/runs/{bad}"),
    ):
        older = api_name == "2025" or (api_name == "mixed" and call in OLDER_CALLS)
        assert is_error(unchecked.request(method, path), 400 if older else 404, call)


def test_an_escaped_slash_separates_nothing(unchecked: httpx.Client, start: Start, emulator: Control) -> None:
    run = start()
    path = f"/projects/{run['projectId']}%2Fruns%2F{run['runId']}"
    assert unchecked.get(path).status_code in (400, 404)
    assert unchecked.delete(path).status_code == 405  # as of a project, which cannot be deleted
    assert [entry["call"] for entry in emulator.requests()][1:] == ["GetProject", "Unknown"]
    assert emulator.requests()[1]["path"] == f"/api/v1{path}"


def test_the_case_of_an_id_does_not_matter(api: httpx.Client, start: Start) -> None:
    run = start()
    path = f"/projects/{run['projectId'].upper()}/runs/{run['runId'].upper()}"
    assert api.get(path).json()["runId"] == run["runId"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/nothing"),
        ("GET", "/users/me/"),
        ("POST", "/project/x/start"),
        ("TRACE", "/nothing"),
    ],
)
def test_an_unknown_path_is_not_found(
    unchecked: httpx.Client, emulator: Control, is_error: IsError, method: str, path: str
) -> None:
    assert is_error(unchecked.request(method, path), 404, "Unknown")
    assert emulator.requests("Unknown")[0]["path"] == f"/api/v1{path}"


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", f"{PROJECT}/runs", "GET, POST"),
        ("POST", f"{PROJECT}/runs/{UNKNOWN_ID}", "DELETE, GET"),
        ("PATCH", "/users/me", "GET"),
        ("POST", "/projects", "GET"),
        ("PUT", f"{PROJECT}/runs/{UNKNOWN_ID}/cells/{UNKNOWN_ID}/image", "GET"),
        ("PUT", f"{PROJECT.replace('projects', 'project')}/run", "GET, POST"),
        ("OPTIONS", "/users/me", "GET"),
    ],
)
def test_a_known_path_names_the_methods_that_it_takes(
    unchecked: httpx.Client, emulator: Control, is_error: IsError, method: str, path: str, allowed: str
) -> None:
    response = unchecked.request(method, path)
    assert is_error(response, 405, "Unknown")
    assert response.headers["Allow"] == allowed
    assert emulator.requests("Unknown")[0]["method"] == method


@pytest.mark.parametrize("path", ["/api/", "/api/v2/users/me"])
def test_another_path_below_the_api_is_unknown(
    unchecked: httpx.Client, emulator: Control, is_error: IsError, path: str
) -> None:
    assert is_error(unchecked.get(f"{emulator.url}{path}"), 404, "Unknown")


@pytest.mark.parametrize("path", ["/api", "/favicon.ico", "/docs", "/openapi.json"])
def test_no_path_shows_the_framework(unchecked: httpx.Client, emulator: Control, path: str) -> None:
    response = unchecked.get(f"{emulator.url}{path}")
    assert response.status_code == 404
    assert response.json().keys() == {"reason", "details", "traceId"}
