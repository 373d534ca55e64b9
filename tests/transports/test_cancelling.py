"""A cancelled call of ``AsyncHexClient`` ends at once, and so do its thread and its request."""

from __future__ import annotations

import asyncio
import contextvars
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from airflow_provider_hex.api import protocol
from airflow_provider_hex.api.async_client import AsyncHexClient
from airflow_provider_hex.api.config import HexConfig
from airflow_provider_hex.api.steps import Pause, Steps
from hex_emulator.client import Control
from tests.conftest import TOKENS
from tests.transports.servers import unconnectable

ME = protocol.me()
MAX_WAIT = 30.0
"""Seconds within which what is cancelled must have ended. Every timeout of the client is ten times as long."""


class Silent:
    """A server that accepts connections, sends at most the given bytes, and then nothing."""

    def __init__(self, listening: socket.socket, sends: bytes) -> None:
        self.address = f"127.0.0.1:{listening.getsockname()[1]}"
        self.received = threading.Event()
        self.received_again = threading.Event()
        self.closed = threading.Event()
        self._listening = listening
        self._sends = sends

    def serve(self) -> None:
        with suppress(OSError):  # the test has ended
            connection, _ = self._listening.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(self._sends)
                self.received.set()
                while connection.recv(65536):
                    self.received_again.set()
        self.closed.set()


@contextmanager
def silent(sends: bytes = b"") -> Iterator[Silent]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = Silent(listening, sends)
        threading.Thread(target=server.serve, daemon=True).start()
        yield server


def config(url: str) -> HexConfig:
    return HexConfig(url, "hxtw_1f", connect_timeout=10 * MAX_WAIT, read_timeout=10 * MAX_WAIT, retry_for=10 * MAX_WAIT)


def client_threads() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread.name == "hex-client"}


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(MAX_WAIT):
        while not condition():
            await asyncio.sleep(0.005)


async def cancel_when(condition: Callable[[], object], url: str, steps: Steps[object]) -> None:
    before = client_threads()
    async with AsyncHexClient(config(url)) as client:
        task = asyncio.create_task(client.carry_out(steps))
        await until(condition)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await until(lambda: client_threads() <= before)


def connecting(address: str) -> int:
    """Return how many sockets of this process are being connected to an address."""
    found = psutil.Process().net_connections("tcp4")
    return sum(c.status == psutil.CONN_SYN_SENT and f"{c.raddr.ip}:{c.raddr.port}" == address for c in found)


def sends_me() -> Steps[object]:
    return (yield ME)


@pytest.mark.parametrize(
    ("scheme", "sends"),
    [
        ("http", b""),
        ("https", b""),
        ("http", b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"),
        ("http", b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{"),
    ],
    ids=["no response", "no TLS handshake", "half a response", "half a response without a length"],
)
def test_a_request_without_a_response_is_aborted(scheme: str, sends: bytes, caplog: pytest.LogCaptureFixture) -> None:
    with silent(sends) as server:
        asyncio.run(cancel_when(server.received.is_set, f"{scheme}://{server.address}", sends_me()))
        assert server.closed.wait(MAX_WAIT)
    assert not caplog.records


def test_a_request_on_a_kept_connection_is_aborted() -> None:
    """The server responds to the first request only."""
    responded = threading.Event()

    def steps() -> Steps[object]:
        yield ME
        responded.set()
        return (yield ME)

    me = b'{"id": "u", "email": "ada@example.com"}'
    with silent(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(me), me)) as server:
        asyncio.run(cancel_when(server.received_again.is_set, f"http://{server.address}", steps()))
        assert responded.is_set()
        assert server.closed.wait(MAX_WAIT)


def test_a_connection_that_is_being_made_is_aborted() -> None:
    with unconnectable() as address:
        before = connecting(address)
        asyncio.run(cancel_when(lambda: connecting(address) > before, f"http://{address}", sends_me()))


def test_a_wait_is_ended_and_no_request_follows() -> None:
    waiting = threading.Event()

    def steps() -> Steps[object]:
        waiting.set()
        yield Pause(10 * MAX_WAIT)
        return (yield ME)

    with silent() as server:
        asyncio.run(cancel_when(waiting.is_set, f"http://{server.address}", steps()))
        assert not server.received.is_set()


def test_other_calls_of_the_same_client_continue(emulator: Control) -> None:
    emulator.fault("Me", delay=10 * MAX_WAIT)

    async def main() -> None:
        async with AsyncHexClient(replace(config(emulator.api_url), token=TOKENS["full"])) as client:
            first = asyncio.create_task(client.send(ME))
            await until(lambda: emulator.requests("Me"))
            other = asyncio.create_task(client.carry_out(steps()))
            await until(started.is_set)
            first.cancel()
            assert await other == "ada@example.com"

    started = threading.Event()

    def steps() -> Steps[object]:
        started.set()
        yield Pause(0.2)
        return (yield ME)["email"]

    asyncio.run(main())


def test_logs_keep_the_context_of_the_call() -> None:
    name: contextvars.ContextVar[str] = contextvars.ContextVar("name")

    def reads() -> Steps[object]:
        yield Pause(0)
        return name.get()

    async def main() -> object:
        async with AsyncHexClient(config("http://127.0.0.1:1")) as client:
            name.set("trigger")
            return await client.carry_out(reads())

    assert asyncio.run(main()) == "trigger"


PROGRAM = """
import asyncio, sys
from airflow_provider_hex.api import protocol
from airflow_provider_hex.api.async_client import AsyncHexClient
from airflow_provider_hex.api.config import HexConfig

async def main():
    async with AsyncHexClient(HexConfig(sys.argv[1], "hxtw_1f", connect_timeout=300, read_timeout=300)) as client:
        call = asyncio.create_task(client.send(protocol.me()))
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
        {end}

asyncio.run(main())
print("ended")
"""


@pytest.mark.parametrize("end", ["call.cancel()", "pass"], ids=["the call is cancelled", "the loop is stopped"])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_process_ends_although_hex_never_responds(scheme: str, end: str) -> None:
    with silent() as server:
        command = [sys.executable, "-c", PROGRAM.format(end=end), f"{scheme}://{server.address}"]
        checkout = Path(__file__).parents[2]
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=checkout
        ) as program:
            try:
                assert server.received.wait(MAX_WAIT)
                output, _ = program.communicate("end\n", timeout=MAX_WAIT)
            finally:
                program.kill()
        assert output == "ended\n"
        assert program.returncode == 0
        assert server.closed.wait(MAX_WAIT)
