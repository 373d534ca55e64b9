from collections.abc import Callable, Iterator
from contextlib import ExitStack
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
    """One emulator for all tests. Its time stands still: a test moves it."""
    with running(speed=0) as control:
        yield control


@pytest.fixture
def emulator(server: Control) -> Iterator[Control]:
    yield server
    server.reset()


@pytest.fixture
def connect(emulator: Control) -> Iterator[Connect]:
    """A client of the Hex API with the token of that name. It checks every answer, unless told not to because
    the reference does not know the answer."""
    with ExitStack() as clients:

        def new_client(token_name: str | None = "full", checked: bool = True) -> httpx.Client:
            token = default_workspace().token(token_name) if token_name else None
            return clients.enter_context((checked_client if checked else _client)(emulator, token))

        yield new_client


def checked_client(emulator: Control, token: str | None) -> httpx.Client:
    """A client of this emulator's Hex API that checks every answer against the reference."""
    client = _client(emulator, token)
    client.event_hooks = {"response": [_check]}
    return client


def _client(emulator: Control, token: str | None) -> httpx.Client:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return httpx.Client(base_url=emulator.api_url, headers=headers, trust_env=False, verify=False, timeout=5)


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
    """Published, with inputs; its runs are pending for 1 s and run for 4 s."""
    return default_workspace().project("Daily revenue")


@pytest.fixture
def health() -> Project:
    """Published, without inputs; its runs are pending for 0.5 s and run for 2 s."""
    return default_workspace().project("Warehouse health")


@pytest.fixture
def draft() -> Project:
    """Never published."""
    return default_workspace().project("Pricing draft")


@pytest.fixture
def start(api: httpx.Client, revenue: Project) -> Start:
    """Start a run, of "Daily revenue" unless told otherwise; what RunProject answers."""

    def start_run(project: Project = revenue, **body: Any) -> dict[str, Any]:
        response = api.post(f"/projects/{project.id}/runs", json=body)
        assert response.status_code == 201, response.text
        answer: dict[str, Any] = response.json()
        return answer

    return start_run


@pytest.fixture
def status_of(api: httpx.Client) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """What GetRunStatus says now of a run that `start` started."""

    def get(run: dict[str, Any]) -> dict[str, Any]:
        response = api.get(f"/projects/{run['projectId']}/runs/{run['runId']}")
        assert response.status_code == 200, response.text
        answer: dict[str, Any] = response.json()
        return answer

    return get
