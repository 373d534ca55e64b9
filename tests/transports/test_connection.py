"""Where requests go and what they carry: TLS, proxies, headers, timeouts, redirects."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from airflow_provider_hex.api import errors, protocol
from hex_emulator.client import Control
from tests.conftest import TOKENS
from tests.https import https_to
from tests.transports.conftest import Blocking, Transports

ME = protocol.me()


class Stranger(ThreadingHTTPServer):
    """A server or proxy that is not Hex: it notes what it receives and answers as told."""

    def __init__(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.answer = status, headers, body
        self.received: list[tuple[str, dict[str, str]]] = []
        super().__init__(("127.0.0.1", 0), _Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: Stranger

    def do_GET(self) -> None:
        self.server.received.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
        status, headers, body = self.server.answer
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    do_CONNECT = do_GET  # noqa: N815

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def stranger(status: int = 200, body: bytes = b"{}", **headers: str) -> Iterator[Stranger]:
    with Stranger(status, headers, body) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def test_every_request_carries_the_token_and_the_extra_headers(transports: Transports) -> None:
    with stranger() as server:
        transports(base_url=server.url, headers={"X-Team": "data"}).send(ME)
    ((_, headers),) = server.received
    assert headers["authorization"] == f"Bearer {TOKENS['full']}"
    assert headers["x-team"] == "data"
    assert headers["user-agent"].startswith("airflow-provider-hex/")


def test_a_redirect_never_carries_the_token_to_another_host(transports: Transports) -> None:
    with stranger() as elsewhere, stranger(302, Location=f"{elsewhere.url}/users/me") as server:
        transport = transports(base_url=server.url)
        with pytest.raises(errors.HexRequestRejected, match="That is a redirect, which is not followed"):
            transport.request(ME)
        if isinstance(transport, Blocking):  # whoever takes the session follows redirects, without the token
            transport.client.session.get(f"{server.url}/users/me")
            ((_, headers),) = elsewhere.received
            assert "authorization" not in headers
        else:
            assert not elsewhere.received


def test_a_certificate_that_is_not_trusted_is_explained(
    transports: Transports, emulator: Control, tmp_path: Path
) -> None:
    with https_to(emulator.url, tmp_path / "certificate.pem") as domain:
        transport = transports(base_url=f"https://{domain}/api/v1", retry_for=0.001)
        with pytest.raises(errors.HexNotConnected, match=r"certificate verify failed.*connection's ca_bundle"):
            transport.request(ME)
    assert not emulator.requests()


@pytest.mark.parametrize("environment", [{}, {"REQUESTS_CA_BUNDLE": "/nowhere.pem", "CURL_CA_BUNDLE": "/nowhere.pem"}])
@pytest.mark.parametrize("trusting", ["ca_bundle", "verify"])
def test_a_certificate_of_ones_own_can_be_trusted(
    trusting: str,
    environment: dict[str, str],
    transports: Transports,
    emulator: Control,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    certificate = tmp_path / "certificate.pem"
    with https_to(emulator.url, certificate) as domain:
        trust = {"ca_bundle": str(certificate)} if trusting == "ca_bundle" else {"verify": False}
        assert transports(base_url=f"https://{domain}/api/v1", **trust).send(ME)["email"] == "ada@example.com"


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_a_ca_bundle_that_is_none_is_refused(content: str | None, transports: Transports, tmp_path: Path) -> None:
    bundle = tmp_path / "bundle.pem"
    if content is not None:
        bundle.write_text(content)
    with pytest.raises(errors.HexInvalidInput, match=r"ca_bundle '.*bundle\.pem' cannot be used here: .*PEM file"):
        transports(ca_bundle=str(bundle)).send(ME)


@pytest.mark.parametrize("environment", [{}, {"http_proxy": "http://127.0.0.1:1", "NO_PROXY": ""}])
def test_requests_go_through_the_proxy_that_the_connection_names(
    environment: dict[str, str], transports: Transports, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with stranger() as proxy:
        transports(base_url="http://hex.invalid/api/v1", proxy=proxy.url).send(ME)
    ((path, headers),) = proxy.received
    assert path == "http://hex.invalid/api/v1/users/me"
    assert headers["authorization"] == f"Bearer {TOKENS['full']}"


def test_a_proxy_that_refuses_is_named_without_its_password_or_the_token(transports: Transports) -> None:
    with stranger(407) as proxy:
        address = proxy.url.replace("http://", "http://me:5ec4e7@")
        transport = transports(base_url="https://hex.invalid/api/v1", proxy=address, retry_for=0.001)
        with pytest.raises(errors.HexNotConnected, match="407") as raised:
            transport.request(protocol.run_project("5a8591dd-4039-49df-9202-96385ba3eff8"))
    assert "5ec4e7" not in str(raised.value) + repr(vars(raised.value))
    assert "authorization" not in proxy.received[0][1]


def test_nobody_there_is_explained(transports: Transports) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    for url, words in ((f"http://127.0.0.1:{port}", "Errno 111"), ("http://hex.invalid", "")):
        transport = transports(base_url=url, retry_for=0.001)
        with pytest.raises(errors.HexNotConnected, match=f"No answer to Me .* from {url}: .*{words}.*host and proxy"):
            transport.request(ME)


@pytest.mark.timeout(10)
def test_a_connection_that_is_never_made_is_given_up(transports: Transports) -> None:
    """A socket whose queue is full takes no connection."""
    with socket.socket() as server, socket.socket() as first, socket.socket() as second:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        for waiting in (first, second):
            waiting.setblocking(False)
            waiting.connect_ex(server.getsockname())
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        transport = transports(base_url=url, connect_timeout=0.2, retry_for=0.001)
        with pytest.raises(errors.HexNotConnected, match=r"no connection within 0\.2 s \(connect_timeout\)"):
            transport.request(ME)


def test_an_answer_that_does_not_come_is_given_up(transports: Transports, emulator: Control) -> None:
    emulator.fault("Me", delay=1)
    with pytest.raises(errors.HexUnreachable, match=r"nothing came for 0\.2 s \(read_timeout\)") as raised:
        transports(read_timeout=0.2).send(ME)
    assert type(raised.value) is errors.HexUnreachable


def test_a_body_that_stops_coming_is_given_up(transports: Transports, emulator: Control) -> None:
    emulator.fault("Me", slow=60)
    with pytest.raises(errors.HexUnreachable, match="read_timeout"):
        transports(read_timeout=0.2).send(ME)
