"""The emulator as a server."""

import socket
from concurrent.futures import ThreadPoolExecutor
from time import monotonic
from urllib.parse import urlsplit

import httpx
import pytest

from hex_emulator.server import listen, running
from tests.emulator.conftest import wait_until


def test_two_emulators_share_nothing() -> None:
    with running() as one, running() as other:
        assert one.url != other.url
        one.start_run(one.workspace().projects[0].id)
        assert len(one.runs()) == 1
        assert other.runs() == []


def test_it_stops_at_once_although_connections_are_open() -> None:
    with ThreadPoolExecutor() as pool, httpx.Client(trust_env=False, timeout=300) as client:
        with running() as emulator:
            url = f"{emulator.api_url}/users/me"
            client.get(url)
            emulator.fault("Me", delay=300)
            waiting = pool.submit(client.get, url)
            wait_until(lambda: len(emulator.requests()) == 2)
            client.get(emulator.url)
            start = monotonic()
        assert monotonic() - start < 60  # not the 300 s of the delay
        with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
            waiting.result()


def test_its_port_is_free_after_it_has_stopped() -> None:
    with running() as emulator:
        port = urlsplit(emulator.url).port
        assert port
    with running(port=port) as emulator:
        assert emulator.health()["status"] == "ok"


def test_a_port_in_use_is_an_os_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        emulator = running(port=taken.getsockname()[1])
        with pytest.raises(OSError, match="in use"):
            emulator.__enter__()


def test_it_serves_many_requests_at_the_same_time() -> None:
    count = 30
    with ThreadPoolExecutor(count) as pool, httpx.Client(trust_env=False, timeout=300) as client, running() as emulator:
        emulator.fault("Me", times=None, delay=300)
        waiting = [pool.submit(client.get, f"{emulator.api_url}/users/me") for _ in range(count)]
        wait_until(lambda: len(emulator.requests()) == count)
        assert not any(response.done() for response in waiting)


def test_it_keeps_a_connection_alive() -> None:
    with running() as emulator, httpx.Client(trust_env=False, timeout=60) as client:
        streams = (client.get(emulator.url).extensions["network_stream"] for _ in range(10))
        assert len({stream.get_extra_info("client_addr") for stream in streams}) == 1


def test_a_response_in_two_packets_is_not_delayed() -> None:
    with listen("127.0.0.1", 0) as listening, socket.create_connection(listening.getsockname()):
        connection, _ = listening.accept()
        with connection:
            assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
