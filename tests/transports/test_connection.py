"""Where requests go and what they carry: TLS, proxies, headers, timeouts, redirects."""

from __future__ import annotations

import socket

import pytest
import requests
import requests_mock
import urllib3

from airflow_provider_hex.api import errors, protocol
from hex_emulator.client import Control
from tests.conftest import TOKENS
from tests.transports.conftest import Blocking, Either, Transports
from tests.transports.servers import stranger, unconnectable

ME = protocol.me()


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
        with pytest.raises(errors.HexRequestRejected, match="Redirects are not followed"):
            transport.request(ME)
        if isinstance(transport, Blocking):  # its session follows redirects, but without the token
            transport.client.session.get(f"{server.url}/users/me")
            ((_, headers),) = elsewhere.received
            assert "authorization" not in headers
        else:
            assert not elsewhere.received


def test_an_error_of_a_proxy_shows_neither_its_password_nor_the_token(transports: Transports) -> None:
    with stranger(407) as proxy:
        address = proxy.url.replace("http://", "http://me:5ec4e7@")
        transport = transports(base_url="https://hex.invalid/api/v1", proxy=address, retry_for=0.001)
        with pytest.raises(errors.HexNotConnected, match="407") as raised:
            transport.request(protocol.run_project("5a8591dd-4039-49df-9202-96385ba3eff8"))
    assert "5ec4e7" not in str(raised.value) + repr(vars(raised.value))
    assert "authorization" not in proxy.received[0][1]


def test_an_exception_that_was_being_handled_is_not_the_reason_for_a_lost_response(transports: Transports) -> None:
    """As when a task cancels its run because it has timed out."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    transport = transports(base_url=f"http://127.0.0.1:{port}", retry_for=0.001)
    try:
        raise TimeoutError("Timeout, PID: 1")  # noqa: TRY301
    except TimeoutError:
        with pytest.raises(errors.HexNotConnected) as raised:
            transport.send(ME)
    assert "Errno 111" in str(raised.value)
    assert "Timeout" not in str(raised.value)


def test_a_connection_that_cannot_be_made_is_explained(transports: Transports) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    for url, words in ((f"http://127.0.0.1:{port}", "Errno 111"), ("http://hex.invalid", "")):
        transport = transports(base_url=url, retry_for=0.001)
        with pytest.raises(
            errors.HexNotConnected,
            match=f"No response from {url} to Me .*{words}.*Proxy of the Hex connection, and the network",
        ):
            transport.request(ME)


def test_a_connection_that_takes_too_long_is_given_up(transports: Transports) -> None:
    with unconnectable() as address:
        transport = transports(base_url=f"http://{address}", connect_timeout=0.2, retry_for=0.001)
        with pytest.raises(errors.HexNotConnected, match=r"no connection within 0\.2 s \(connect_timeout\)"):
            transport.request(ME)


def test_a_response_that_takes_too_long_is_given_up(transports: Transports, emulator: Control) -> None:
    emulator.fault("Me", delay=1)
    with pytest.raises(errors.HexUnreachable, match=r"no data for 0\.2 s \(read_timeout\)") as raised:
        transports(read_timeout=0.2).send(ME)
    assert type(raised.value) is errors.HexUnreachable


def test_a_response_that_stops_is_given_up(transports: Transports, emulator: Control) -> None:
    emulator.fault("Me", slow=60)
    with pytest.raises(errors.HexUnreachable, match="read_timeout"):
        transports(read_timeout=0.2).send(ME)


@pytest.mark.parametrize(
    "error",
    [
        requests.exceptions.InvalidSchema("Missing dependencies for SOCKS support."),
        requests.exceptions.ContentDecodingError("incorrect header check"),
        urllib3.exceptions.DecodeError("incorrect header check"),
        UnicodeError("label too long"),
        ConnectionResetError("reset"),
        OSError("Could not find a suitable TLS CA certificate bundle"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_exception_of_requests_becomes_an_error_that_may_have_acted(error: Exception, transport: Either) -> None:
    with requests_mock.Mocker() as mock:
        mock.get(requests_mock.ANY, exc=error)
        with pytest.raises(errors.HexUnreachable) as raised:
            transport.send(ME)
    assert raised.value.may_have_acted
    assert raised.value.__cause__ is None


@pytest.mark.parametrize(
    "error",
    [
        requests.exceptions.InvalidProxyURL("Please check proxy URL"),
        urllib3.exceptions.LocationParseError("http://[::1"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_url_that_cannot_be_requested_was_never_sent(error: Exception, transport: Either) -> None:
    with requests_mock.Mocker() as mock:
        mock.get(requests_mock.ANY, exc=error)
        with pytest.raises(errors.HexNotConnected) as raised:
            transport.send(ME)
    assert raised.value.no_effect
