"""Error responses: tokens and scopes, unknown ids and unknown paths."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from hex_emulator.client import Control
from hex_emulator.workspace import Project, default_workspace

Connect = Callable[..., httpx.Client]
Start = Callable[..., dict[str, Any]]

PROJECT = f"/projects/{default_workspace().project('Daily revenue').id}"
UNKNOWN_ID = "00000000-0000-4000-8000-000000000000"
CALLS = [
    ("GET", "/users/me"),
    ("GET", "/projects"),
    ("GET", PROJECT),
    ("GET", f"{PROJECT}/queriedTables"),
    ("GET", f"{PROJECT}/runs"),
    ("POST", f"{PROJECT}/runs"),
    ("GET", f"{PROJECT}/runs/{UNKNOWN_ID}"),
    ("GET", f"{PROJECT}/runs/{UNKNOWN_ID}/cells/{UNKNOWN_ID}/image"),
    ("DELETE", f"{PROJECT}/runs/{UNKNOWN_ID}"),
]


def assert_is_hex_error(response: httpx.Response, status: int) -> None:
    assert response.status_code == status
    assert response.headers["Content-Type"] == "application/json"
    assert response.json().keys() == {"reason", "details", "traceId"}
    assert all(response.json().values())


def test_me_returns_the_owner_of_the_token(api: httpx.Client) -> None:
    assert api.get("/users/me").json()["email"] == "ada@example.com"


@pytest.mark.parametrize(("method", "path"), CALLS)
@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer hxtp_0", "Basic", "{token}", "Basic {token}"])
def test_every_call_needs_a_token(connect: Connect, method: str, path: str, header: str | None) -> None:
    token = default_workspace().token("full")
    headers = {} if header is None else {"Authorization": header.format(token=token)}
    assert_is_hex_error(connect(None).request(method, path, headers=headers), 401)


def test_the_token_is_checked_first(connect: Connect) -> None:
    assert connect(None).post("/projects/x/runs", content=b"{").status_code == 401


@pytest.mark.parametrize(("method", "path"), CALLS)
@pytest.mark.parametrize("token", ["read-only", "no-scopes"])
def test_a_token_needs_the_scope(connect: Connect, method: str, path: str, token: str) -> None:
    response = connect(token).request(method, path)
    if token == "read-only" and method == "GET":
        assert response.status_code == (404 if UNKNOWN_ID in path else 200)
    else:
        assert_is_hex_error(response, 403)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", f"/projects/{UNKNOWN_ID}"),
        ("GET", f"/projects/{UNKNOWN_ID}/queriedTables"),
        ("GET", f"{PROJECT}/runs/{UNKNOWN_ID}/cells/{UNKNOWN_ID}/image"),
        ("POST", f"/projects/{UNKNOWN_ID}/runs"),
        ("GET", f"/projects/{UNKNOWN_ID}/runs"),
        ("GET", f"/projects/{UNKNOWN_ID}/runs/{UNKNOWN_ID}"),
        ("DELETE", f"{PROJECT}/runs/{UNKNOWN_ID}"),
        ("GET", f"{PROJECT}/runs/{UNKNOWN_ID}"),
    ],
)
def test_an_unknown_id_is_not_found(api: httpx.Client, method: str, path: str) -> None:
    response = api.request(method, path)
    assert_is_hex_error(response, 404)
    assert UNKNOWN_ID in response.json()["details"]


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_a_run_is_not_found_in_another_project(api: httpx.Client, start: Start, health: Project, method: str) -> None:
    run = start()
    assert_is_hex_error(api.request(method, f"/projects/{health.id}/runs/{run['runId']}"), 404)


@pytest.mark.parametrize(
    "bad", ["daily-revenue", UNKNOWN_ID[:-1], UNKNOWN_ID.replace("-", ""), f"urn:uuid:{UNKNOWN_ID}"]
)
def test_an_id_that_is_no_uuid_is_malformed(unchecked: httpx.Client, bad: str) -> None:
    for path in (f"/projects/{bad}", f"/projects/{bad}/runs", f"{PROJECT}/runs/{bad}"):
        assert_is_hex_error(unchecked.get(path), 400)


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
def test_an_unknown_path_is_not_found(unchecked: httpx.Client, emulator: Control, method: str, path: str) -> None:
    assert_is_hex_error(unchecked.request(method, path), 404)
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
    unchecked: httpx.Client, emulator: Control, method: str, path: str, allowed: str
) -> None:
    response = unchecked.request(method, path)
    assert_is_hex_error(response, 405)
    assert response.headers["Allow"] == allowed
    assert emulator.requests("Unknown")[0]["method"] == method


@pytest.mark.parametrize("path", ["/api", "/api/", "/api/v2/users/me", "/favicon.ico", "/docs", "/openapi.json"])
def test_no_path_shows_the_framework(unchecked: httpx.Client, emulator: Control, path: str) -> None:
    assert_is_hex_error(unchecked.get(f"{emulator.url}{path}"), 404)
