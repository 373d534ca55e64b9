import socket
from concurrent.futures import ThreadPoolExecutor
from time import monotonic
from urllib.parse import urlsplit

import httpx
import pytest

from hex_emulator.limits import Limits
from hex_emulator.server import running


def test_two_emulators_know_nothing_of_each_other() -> None:
    with running() as one, running() as other:
        assert one.url != other.url
        one.start_run(one.workspace().projects[0].id)
        assert len(one.runs()) == 1
        assert other.runs() == []


def test_it_stops_at_once_though_connections_are_open() -> None:
    with ThreadPoolExecutor() as pool, httpx.Client(trust_env=False, timeout=10) as client:
        with running() as emulator:
            url = f"{emulator.api_url}/users/me"
            client.get(url)
            emulator.fault("Me", delay=60)
            waiting = pool.submit(client.get, url)
            deadline = monotonic() + 5
            while len(emulator.requests()) < 2:
                assert monotonic() < deadline, "the second request never came"
            client.get(emulator.url)
            start = monotonic()
        assert monotonic() - start < 1
        with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
            waiting.result()


def test_its_port_is_free_afterwards() -> None:
    with running() as emulator:
        port = urlsplit(emulator.url).port
        assert port
    with running(port=port) as emulator:
        assert emulator.health()["status"] == "ok"


def test_a_taken_port_is_an_os_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        emulator = running(port=taken.getsockname()[1])
        with pytest.raises(OSError, match="in use"):
            emulator.__enter__()


def test_it_answers_a_few_hundred_requests_a_second() -> None:
    with running(limits=Limits().switched_off()) as emulator, httpx.Client(trust_env=False) as client:
        token = emulator.workspace().token("full")
        project = emulator.workspace().projects[0]
        run = emulator.start_run(project.id)
        url = f"{emulator.api_url}/projects/{project.id}/runs/{run['runId']}"
        start = monotonic()
        for _ in range(200):
            assert client.get(url, headers={"Authorization": f"Bearer {token}"}).status_code == 200
        assert monotonic() - start < 2
