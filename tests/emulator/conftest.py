"""Fixtures: an emulator whose time stands still, and clients of its Hex API."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from time import monotonic, sleep
from typing import Any

import httpx
import pytest

from hex_emulator.client import Control
from hex_emulator.generations.api import ApiName
from hex_emulator.server import running
from hex_emulator.workspace import Project, default_workspace
from tests.contract import check_response

Connect = Callable[..., httpx.Client]
Start = Callable[..., dict[str, Any]]
StatusOf = Callable[..., dict[str, Any]]


@pytest.fixture(scope="session")
def server() -> Iterator[Control]:
    """Return one emulator for all tests. Its time stands still: a test moves it."""
    with running(speed=0) as control:
        yield control


@pytest.fixture
def api_name() -> ApiName:
    """Return the state of the API. A module whose tests hold for several overrides it, with parameters."""
    return "mixed"


@pytest.fixture
def emulator(server: Control, api_name: ApiName) -> Iterator[Control]:
    server.set_api(api_name)
    yield server
    server.reset()


@pytest.fixture
def connect(emulator: Control, api_name: ApiName) -> Iterator[Connect]:
    """Return a function that returns a client of the Hex API, with the token of a name.

    The client checks every response against the reference, unless ``checked`` is false.
    """
    with ExitStack() as clients:

        def new_client(token_name: str | None = "full", checked: bool = True) -> httpx.Client:
            token = default_workspace().token(token_name) if token_name else None
            client = checked_client(emulator, token, api_name) if checked else _client(emulator, token)
            return clients.enter_context(client)

        yield new_client


def checked_client(emulator: Control, token: str | None, api_name: ApiName = "mixed") -> httpx.Client:
    """Return a client of an emulator's Hex API that checks every response against the reference."""

    def check(response: httpx.Response) -> None:
        method, url = response.request.method, str(response.request.url)
        status, headers, body = response.status_code, response.headers, response.read()
        check_response(method, url, status, headers, body, all_moved=api_name == "2026")

    client = _client(emulator, token)
    client.event_hooks = {"response": [check]}
    return client


def _client(emulator: Control, token: str | None) -> httpx.Client:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return httpx.Client(base_url=emulator.api_url, headers=headers, trust_env=False, verify=False, timeout=60)


def error_text(response: httpx.Response) -> str:
    """Return what an error of either generation says; fail if it is of neither."""
    body = response.json()
    if "reason" in body:
        assert body.keys() == {"reason", "details", "traceId"}
        return f"{body['reason']}: {body['details']}"
    assert body.keys() - {"issues"} == {"code", "message"}
    return "; ".join([body["message"], *(issue["message"] for issue in body.get("issues", []))])


def wait_until(condition: Callable[[], Any]) -> None:
    """Wait until a condition is true, for at most a minute."""
    deadline = monotonic() + 60
    while not condition():
        assert monotonic() < deadline, "the condition was never true"
        sleep(0.01)


@pytest.fixture
def api(connect: Connect) -> httpx.Client:
    return connect()


@pytest.fixture
def unchecked(connect: Connect) -> httpx.Client:
    return connect(checked=False)


@pytest.fixture
def revenue() -> Project:
    """Return a published project with inputs; its runs are pending for 1 s and run for 4 s."""
    return default_workspace().project("Daily revenue")


@pytest.fixture
def health() -> Project:
    """Return a published project without inputs; its runs are pending for 0.5 s and run for 2 s."""
    return default_workspace().project("Warehouse health")


@pytest.fixture
def draft() -> Project:
    """Return a project that was never published."""
    return default_workspace().project("Pricing draft")


@pytest.fixture
def start(api: httpx.Client, revenue: Project) -> Start:
    """Return a function that starts a run (default: of "Daily revenue"), and returns RunProject's response."""

    def start_run(project: Project = revenue, **body: Any) -> dict[str, Any]:
        response = api.post(f"/projects/{project.id}/runs", json=body)
        assert response.status_code == 201, response.text
        run: dict[str, Any] = response.json()
        return run

    return start_run


@pytest.fixture
def status_of(api: httpx.Client) -> StatusOf:
    """Return a function that returns GetRunStatus' response for a run that ``start`` started."""

    def get(run: dict[str, Any], **options: Any) -> dict[str, Any]:
        response = api.get(f"/projects/{run['projectId']}/runs/{run['runId']}", **options)
        assert response.status_code == 200, response.text
        body: dict[str, Any] = response.json()
        return body

    return get
