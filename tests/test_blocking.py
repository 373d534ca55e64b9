"""The detection of calls that block an event loop, which tests of the triggers rest on."""

from __future__ import annotations

import asyncio
import socket
import sqlite3
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest
import requests
from blockbuster import BlockingError

from hex_emulator.client import Control
from tests.blocking import no_blocking_calls


def sleep() -> None:
    time.sleep(0)


def connect() -> object:
    return socket.create_connection(("127.0.0.1", 1), timeout=5)


def request() -> object:
    return requests.get("http://127.0.0.1:1/", timeout=5)


def query() -> object:
    return sqlite3.connect(":memory:").execute("select 1")


@pytest.fixture
def connected() -> Iterator[socket.socket]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours


@pytest.mark.parametrize("block", [sleep, connect, request, query])
def test_a_blocking_call_in_the_loop_is_detected(block: Callable[[], object]) -> None:
    async def call() -> None:
        block()

    with pytest.raises(BlockingError), no_blocking_calls():
        asyncio.run(call())


@pytest.mark.parametrize("handshake", [True, False], ids=["handshake", "read"])
def test_tls_in_the_loop_is_detected(connected: socket.socket, handshake: bool) -> None:
    async def call() -> None:
        connected.settimeout(5)
        context = ssl.create_default_context()
        with context.wrap_socket(connected, server_hostname="a", do_handshake_on_connect=handshake) as tls:
            tls.read()

    with pytest.raises(BlockingError), no_blocking_calls():
        asyncio.run(call())


def test_a_blocking_call_whose_error_is_handled_is_detected(connected: socket.socket) -> None:
    async def call() -> None:
        with suppress(Exception):
            connected.recv(1)

    with pytest.raises(BlockingError, match=r"socket\.recv"), no_blocking_calls():
        asyncio.run(call())


def test_what_does_not_block_the_loop_is_allowed(emulator: Control) -> None:
    async def call() -> None:
        await asyncio.to_thread(time.sleep, 0)
        await asyncio.to_thread(emulator.health)
        reader, writer = await asyncio.open_connection("127.0.0.1", int(emulator.url.rsplit(":", 1)[1]))
        writer.write(b"GET / HTTP/1.0\r\n\r\n")
        assert await reader.readline()
        writer.close()

    with no_blocking_calls():
        asyncio.run(call())
        time.sleep(0)


def test_the_detection_ends_with_the_block() -> None:
    async def call() -> None:
        time.sleep(0)

    with no_blocking_calls():
        pass
    asyncio.run(call())
