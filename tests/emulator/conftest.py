"""Fixtures: an emulator whose time stands still, and clients of its Hex API."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from time import monotonic, sleep
from typing import Any

import httpx
import pytest

from hex_emulator.client import Control
from hex_emulator.server import running
from hex_emulator.workspace import Project, default_workspace
from tests.contract import check_response

Connect = Callable[..., httpx.Client]
Start = Callable[..., dict[str, Any]]


@pytest.fixture(scope="session")
def server() -> Iterator[Control]:
    """Return one emulator for all tests. Its time stands still: a test moves it."""
    with running(speed=0) as control:
        yield control


@pytest.fixture
def emulator(server: Control) -> Iterator[Control]:
    yield server
    server.reset()


@pytest.fixture
def connect(emulator: Control) -> Iterator[Connect]:
    """Return a function that returns a client of the Hex API, with the token of a name.

    The client checks every response against the reference, unless ``checked`` is false.
    """
    with ExitStack() as clients:

        def new_client(token_name: str | None = "full", checked: bool = True) -> httpx.Client:
            token = default_workspace().token(token_name) if token_name else None
            return clients.enter_context((checked_client if checked else _client)(emulator, token))

        yield new_client


def checked_client(emulator: Control, token: str | None) -> httpx.Client:
    """Return a client of an emulator's Hex API that checks every response against the reference."""
    client = _client(emulator, token)
    client.event_hooks = {"response": [_check]}
    return client


def _client(emulator: Control, token: str | None) -> httpx.Client:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return httpx.Client(base_url=emulator.api_url, headers=headers, trust_env=False, verify=False, timeout=60)


def wait_until(condition: Callable[[], Any]) -> None:
    """Wait until a condition is true, for at most a minute."""
    deadline = monotonic() + 60
    while not condition():
        assert monotonic() < deadline, "the condition was never true"
        sleep(0.01)


def _check(response: httpx.Response) -> None:
    request = response.request
    check_response(request.method, str(request.url), response.status_code, response.headers, response.read())


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
def status_of(api: httpx.Client) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Return a function that returns GetRunStatus' response for a run that ``start`` started."""

    def get(run: dict[str, Any]) -> dict[str, Any]:
        response = api.get(f"/projects/{run['projectId']}/runs/{run['runId']}")
        assert response.status_code == 200, response.text
        body: dict[str, Any] = response.json()
        return body

    return get
