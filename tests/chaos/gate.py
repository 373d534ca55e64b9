"""A gate in front of Hex and of the API that Airflow's workers use: a test may stop each request, before and after it.

Airflow and the provider run unchanged: only their URLs lead here.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx

HOST = "127.0.0.1"
EXECUTION_API = "/execution/"
OF_ONE_CONNECTION = {"connection", "content-length", "host", "keep-alive", "transfer-encoding", "accept-encoding"}
"""Headers that are not passed on."""


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def token(self) -> str:
        return self.headers.get("authorization", "").removeprefix("Bearer ")

    @property
    def subject(self) -> str | None:
        """The task instance that a worker's token is for."""
        _, _, payload = self.token.partition(".")
        payload = payload.partition(".")[0]
        return str(json.loads(base64.urlsafe_b64decode(payload + "==")).get("sub")) if payload else None

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Response:
    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


def reply(status: int, data: Any, headers: Mapping[str, str] | None = None) -> Response:
    return Response(status, {"Content-Type": "application/json", **(headers or {})}, json.dumps(data).encode())


Forward = Callable[[], Response | None]
"""Sends the request on, and returns the response; None if there is none."""


class Gate(ThreadingHTTPServer):
    """Passes requests on to Airflow or Hex. ``guard`` is asked about each, and may do anything with it.

    :param airflow: Airflow's URL.
    :param hex: Hex's URL.
    """

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, airflow: str, hex: str) -> None:
        super().__init__((HOST, 0), _Handler)
        self._upstreams = airflow, hex
        self._http = httpx.Client(timeout=120, trust_env=False, limits=httpx.Limits(max_connections=None))
        self.guard: Callable[[Request, Forward], Response | None] = lambda request, forward: forward()

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.server_port}"

    def respond(self, request: Request) -> Response | None:
        """Return the response to a request; None to close the connection without one."""
        return self.guard(request, lambda: self._forward(request))

    def _forward(self, request: Request) -> Response | None:
        airflow, hex = self._upstreams
        url = f"{airflow if request.path.startswith(EXECUTION_API) else hex}{request.path}"
        headers = {name: value for name, value in request.headers.items() if name not in OF_ONE_CONNECTION}
        try:
            response = self._http.request(
                request.method, url, headers={**headers, "accept-encoding": "identity"}, content=request.body
            )
        except httpx.TransportError:
            return None
        return Response(response.status_code, dict(response.headers), response.content)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Be silent about clients that were killed."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Gate

    def _respond(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        response = self.server.respond(Request(self.command, self.path, headers, body))
        if response is None:
            self.close_connection = True
            return
        self.send_response_only(response.status)
        for name, value in response.headers.items():
            if name.lower() not in OF_ONE_CONNECTION:
                self.send_header(name, value)
        if "date" not in {name.lower() for name in response.headers}:
            self.send_header("Date", self.date_time_string())
        self.send_header("Content-Length", str(len(response.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(response.body)

    def __getattr__(self, name: str) -> Any:
        """Return the method for any HTTP method: ``do_GET`` and so on."""
        if name.startswith("do_"):
            return self._respond
        raise AttributeError(name)

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing."""
