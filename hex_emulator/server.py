"""The emulator as an HTTP server: in a thread for tests, in the foreground for ``python -m hex_emulator``."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn
from fastapi import FastAPI
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from hex_emulator.app import create_app
from hex_emulator.client import Control
from hex_emulator.clock import http_date
from hex_emulator.emulator import VanishedStatus
from hex_emulator.fault_response import ABORT
from hex_emulator.generations.api import ApiName
from hex_emulator.limits import Limits, LimitsOf
from hex_emulator.workspace import Workspace, load_workspace


class _AbortableProtocol(H11Protocol):
    """Lets the application close the connection without a response."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        app = self.app

        async def abortable(scope: Scope, receive: Receive, send: Send) -> None:
            scope.setdefault("extensions", {})[ABORT] = transport.abort
            await app(scope, receive, send)

        self.app = abortable


def _dated(app: FastAPI) -> ASGIApp:
    """Wrap the application, so that each response without a ``Date`` gets the emulated time."""

    async def dated(scope: Scope, receive: Receive, send: Send) -> None:
        async def send_dated(message: Message) -> None:
            if message["type"] == "http.response.start" and b"date" not in dict(message["headers"]):
                now = http_date(app.state.emulator.clock.now().timestamp())
                message["headers"] = [*message["headers"], (b"date", now.encode())]
            await send(message)

        await app(scope, receive, send_dated)

    return dated


class Server(uvicorn.Server):
    """A server that stops at once: it closes open connections, also those that wait for a response.

    :param app: what :func:`~hex_emulator.app.create_app` returned.
    """

    def __init__(self, app: FastAPI) -> None:
        super().__init__(
            uvicorn.Config(
                _dated(app),
                date_header=False,
                http=_AbortableProtocol,
                loop="asyncio",
                ws="none",
                lifespan="off",
                log_level="warning",
                access_log=False,
                timeout_graceful_shutdown=1,
            )
        )

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close all connections, and then do as uvicorn does.

        :param sockets: the sockets that it listens on.
        """
        for connection in list(self.server_state.connections):
            if connection.transport is not None:
                connection.transport.abort()
        await super().shutdown(sockets)


def listen(host: str, port: int) -> socket.socket:
    """Listen on an address.

    :param host: the address.
    :param port: the port; 0 for any free one.
    :returns: the socket, for :meth:`Server.run`.
    :raises OSError: if the address is in use or does not belong to this machine.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.create_server((host, port), family=family, backlog=512)
    # Connections inherit it. Without it each response, sent as two packets, waits 40 ms for the client's ACK.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listening


def base_url(listening: socket.socket) -> str:
    """Return the URL of a server.

    :param listening: the socket that it listens on.
    :returns: the URL, without a path.
    """
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


@contextmanager
def running(
    workspace: Workspace | Path | str | None = None,
    speed: float = 1.0,
    port: int = 0,
    limits: Limits | LimitsOf = "2026",
    *,
    api: ApiName = "mixed",
    vanished: VanishedStatus = 404,
) -> Iterator[Control]:
    """Serve an emulator on 127.0.0.1 for the length of a ``with`` block.

    :param workspace: its projects and tokens, or a TOML file of them; default: ``workspace.toml``.
    :param speed: emulated seconds in one real second; 0 stops time.
    :param port: its port; 0 for any free one.
    :param limits: its limits: those of Hex in a year, or others.
    :param api: which calls are of the older generation, see :func:`~hex_emulator.app.create_app`.
    :param vanished: the status of GetRunStatus and CancelRun for a run that does not exist.
    :returns: what controls the emulator.
    :raises OSError: if the port is in use.
    """
    if isinstance(workspace, Path | str):
        workspace = load_workspace(workspace)
    server = Server(create_app(workspace, speed, limits, api=api, vanished=vanished))
    listening = listen("127.0.0.1", port)
    thread = threading.Thread(target=server.run, args=([listening],), name="hex-emulator", daemon=True)
    with Control(base_url(listening)) as control:
        thread.start()
        try:
            yield control
        finally:
            server.should_exit = True
            thread.join()
