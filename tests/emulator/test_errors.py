"""Who may call, and what is not there."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from hex_emulator.client import Control
from hex_emulator.workspace import Project, default_workspace

Connect = Callable[..., httpx.Client]
Start = Callable[..., dict[str, Any]]

PROJECT = f"/projects/{default_workspace().project('Daily revenue').id}"
NOBODY = "00000000-0000-4000-8000-000000000000"
CALLS = [
    ("GET", "/users/me"),
    ("GET", "/projects"),
    ("GET", PROJECT),
    ("GET", f"{PROJECT}/queriedTables"),
    ("GET", f"{PROJECT}/runs"),
    ("POST", f"{PROJECT}/runs"),
    ("GET", f"{PROJECT}/runs/{NOBODY}"),
    ("GET", f"{PROJECT}/runs/{NOBODY}/cells/{NOBODY}/image"),
    ("DELETE", f"{PROJECT}/runs/{NOBODY}"),
]


def assert_is_hex_error(answer: httpx.Response, status: int) -> None:
    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.json().keys() == {"reason", "details", "traceId"}
    assert all(answer.json().values())


def test_a_token_tells_whose_it_is(api: httpx.Client) -> None:
    assert api.get("/users/me").json()["email"] == "ada@example.com"


@pytest.mark.parametrize(("method", "path"), CALLS)
@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer hxtp_0", "Basic", "{token}", "Basic {token}"])
def test_every_call_needs_a_token(connect: Connect, method: str, path: str, header: str | None) -> None:
    token = default_workspace().token("full")
    headers = {} if header is None else {"Authorization": header.format(token=token)}
    assert_is_hex_error(connect(None).request(method, path, headers=headers), 401)


def test_the_token_is_asked_for_before_anything_else(connect: Connect) -> None:
    assert connect(None).post("/projects/x/runs", content=b"{").status_code == 401


@pytest.mark.parametrize(("method", "path"), CALLS)
@pytest.mark.parametrize("token", ["read-only", "no-scopes"])
def test_a_token_needs_the_scope(connect: Connect, method: str, path: str, token: str) -> None:
    answer = connect(token).request(method, path)
    if token == "read-only" and method == "GET":
        assert answer.status_code == (404 if NOBODY in path else 200)
    else:
        assert_is_hex_error(answer, 403)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", f"/projects/{NOBODY}"),
        ("GET", f"/projects/{NOBODY}/queriedTables"),
        ("GET", f"{PROJECT}/runs/{NOBODY}/cells/{NOBODY}/image"),
        ("POST", f"/projects/{NOBODY}/runs"),
        ("GET", f"/projects/{NOBODY}/runs"),
        ("GET", f"/projects/{NOBODY}/runs/{NOBODY}"),
        ("DELETE", f"{PROJECT}/runs/{NOBODY}"),
        ("GET", f"{PROJECT}/runs/{NOBODY}"),
    ],
)
def test_what_does_not_exist_is_not_found(api: httpx.Client, method: str, path: str) -> None:
    answer = api.request(method, path)
    assert_is_hex_error(answer, 404)
    assert NOBODY in answer.json()["details"]


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_a_run_is_not_found_in_another_project(api: httpx.Client, start: Start, health: Project, method: str) -> None:
    run = start()
    assert_is_hex_error(api.request(method, f"/projects/{health.id}/runs/{run['runId']}"), 404)


@pytest.mark.parametrize("bad", ["daily-revenue", NOBODY[:-1], NOBODY.replace("-", ""), f"urn:uuid:{NOBODY}"])
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
        ("POST", f"{PROJECT}/runs/{NOBODY}", "DELETE, GET"),
        ("PATCH", "/users/me", "GET"),
        ("POST", "/projects", "GET"),
        ("PUT", f"{PROJECT}/runs/{NOBODY}/cells/{NOBODY}/image", "GET"),
        ("PUT", f"{PROJECT.replace('projects', 'project')}/run", "GET, POST"),
        ("OPTIONS", "/users/me", "GET"),
    ],
)
def test_a_known_path_names_the_methods_that_it_takes(
    unchecked: httpx.Client, emulator: Control, method: str, path: str, allowed: str
) -> None:
    answer = unchecked.request(method, path)
    assert_is_hex_error(answer, 405)
    assert answer.headers["Allow"] == allowed
    assert emulator.requests("Unknown")[0]["method"] == method


@pytest.mark.parametrize("path", ["/api", "/api/", "/api/v2/users/me", "/favicon.ico", "/docs", "/openapi.json"])
def test_no_path_shows_the_framework(unchecked: httpx.Client, emulator: Control, path: str) -> None:
    assert_is_hex_error(unchecked.get(f"{emulator.url}{path}"), 404)
