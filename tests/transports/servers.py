"""Servers that are not Hex: proxies, and what a client may meet in place of Hex."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TypeVar

S = TypeVar("S", bound=ThreadingHTTPServer)


class Stranger(ThreadingHTTPServer):
    """Records the requests that it receives, and responds to all alike. It serves as a proxy for http, too."""

    daemon_threads = True

    def __init__(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.response = status, headers, body
        self.received: list[tuple[str, dict[str, str]]] = []
        super().__init__(("127.0.0.1", 0), _Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: Stranger

    def do_GET(self) -> None:
        self.server.received.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
        status, headers, body = self.server.response
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    do_CONNECT = do_GET  # noqa: N815

    def log_message(self, format: str, *args: object) -> None:
        pass


class _Tunnel(_Handler):
    """A proxy for https: connects to the address that is asked for, and passes everything on."""

    def do_CONNECT(self) -> None:
        self.server.received.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
        host, _, port = self.path.rpartition(":")
        with socket.create_connection((host, int(port))) as target:
            self.send_response(200)
            self.end_headers()
            back = threading.Thread(target=_pass_on, args=[target, self.connection], daemon=True)
            back.start()
            _pass_on(self.connection, target)
            back.join()
        self.close_connection = True


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)


@contextmanager
def serving(server: S) -> Iterator[S]:
    """Serve within the ``with`` block."""
    with server:
        thread = threading.Thread(target=server.serve_forever, args=[0.01])
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def stranger(status: int = 200, body: bytes = b"{}", **headers: str) -> Iterator[Stranger]:
    with serving(Stranger(status, headers, body)) as server:
        yield server


@contextmanager
def https_proxy() -> Iterator[Stranger]:
    server = Stranger(200, {}, b"{}")
    server.RequestHandlerClass = _Tunnel
    with serving(server):
        yield server


@contextmanager
def unconnectable() -> Iterator[str]:
    """The address of a socket whose queue is full, so that no connection to it is ever made."""
    with socket.socket() as server, socket.socket() as first, socket.socket() as second:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        for waiting in (first, second):
            waiting.setblocking(False)
            waiting.connect_ex(server.getsockname())
        yield f"127.0.0.1:{server.getsockname()[1]}"
