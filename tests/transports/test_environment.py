"""Proxies and certificates, as the environment and the connection name them: the same for both clients."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from airflow_provider_hex.api import errors, protocol
from hex_emulator.client import Control
from tests.conftest import TOKENS
from tests.https import https_to
from tests.transports.conftest import Transports
from tests.transports.servers import https_proxy, stranger

ME = protocol.me()
CA_VARIABLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


@pytest.fixture(autouse=True)
def empty_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.lower().endswith("_proxy") or name in CA_VARIABLES:
            monkeypatch.delenv(name)


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    return tmp_path / "certificate.pem"


@pytest.fixture
def https_url(emulator: Control, certificate: Path) -> Iterator[str]:
    with https_to(emulator.url, certificate) as domain:
        yield f"https://{domain}/api/v1"


@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "connection"])
def test_https_goes_through_the_proxy(
    variable: str, https_url: str, transports: Transports, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with https_proxy() as proxy:
        options = {"ca_bundle": str(certificate)}
        if variable == "connection":
            options["proxy"] = proxy.url
        else:
            monkeypatch.setenv(variable, proxy.url)
        transport = transports(base_url=https_url, **options)
        assert transport.send(ME)["email"] == "ada@example.com"
        ((path, headers),) = proxy.received
    assert f"https://{path}/api/v1" == https_url
    assert "authorization" not in headers


@pytest.mark.parametrize(
    ("host", "no_proxy", "direct"),
    [
        ("hex.invalid", "", False),
        ("hex.invalid", "*", True),
        ("hex.invalid", "hex.invalid", True),
        ("HEX.invalid", "hex.INVALID", True),
        ("hex.invalid", "invalid", True),
        ("hex.invalid", ".invalid", True),
        ("hex.invalid", "x.invalid", False),
        ("hex.invalid", "other.invalid, hex.invalid", True),
        ("hex.invalid:8080", "hex.invalid", True),
        ("hex.invalid:8080", "hex.invalid:8080", True),
        ("hex.invalid:8080", "hex.invalid:8081", False),
        ("hex.invalid", "hex.invalid:80", True),
        ("hex.invalid", "10.0.0.0/8,fd00::/8", False),
        ("127.0.0.1:1", "127.0.0.1", True),
        ("127.0.0.1:1", "127.0.0.1:1", True),
        ("127.0.0.1:1", "127.0.0.0/8", True),
        ("127.0.0.1:1", "10.0.0.0/8,127.0.0.0/8", True),
        ("127.0.0.1:1", "fd00::/8,::1", False),
        ("127.0.0.1:1", "10.0.0.0/8", False),
        ("[::1]:1", "::1", True),
        ("[::1]:1", "[::1]", True),
        ("[::1]:1", "[::1]:1", True),
        ("[::1]:1", "[::1]:2", False),
        ("[::1]:1", "fd00::/8", False),
        ("[::1]:1", "fd00::/8, ::/8", True),
        ("[::1]:1", "127.0.0.0/8", False),
        ("[fd00::7]:1", "fd00::/8", True),
    ],
)
def test_no_proxy_names_hosts_ports_addresses_and_networks(
    host: str, no_proxy: str, direct: bool, transports: Transports, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A direct connection fails, because nothing listens there."""
    with stranger() as proxy:
        monkeypatch.setenv("ALL_PROXY", proxy.url)
        monkeypatch.setenv("NO_PROXY", no_proxy)
        transport = transports(base_url=f"http://{host}/api/v1", connect_timeout=0.5)
        if direct:
            with pytest.raises(errors.HexNotConnected):
                transport.send(ME)
        else:
            transport.send(ME)
        assert len(proxy.received) == (not direct)


def test_the_connections_proxy_overrides_the_environment(
    transports: Transports, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"http_proxy": "http://127.0.0.1:1", "ALL_PROXY": "http://127.0.0.1:1", "NO_PROXY": "*"}.items():
        monkeypatch.setenv(name, value)
    with stranger() as proxy:
        transports(base_url="http://hex.invalid/api/v1", proxy=proxy.url).send(ME)
    ((path, headers),) = proxy.received
    assert path == "http://hex.invalid/api/v1/users/me"
    assert headers["authorization"] == f"Bearer {TOKENS['full']}"


@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "ALL_PROXY"])
@pytest.mark.parametrize("proxy", ["http://", "http://5ec4e7@proxy:port", "ftp://proxy", "http://[::1", "http:///x"])
def test_a_malformed_proxy_is_an_error_when_the_client_is_made(
    proxy: str, variable: str, transports: Transports, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, proxy)
    with pytest.raises(errors.HexInvalidInput, match=rf"{variable} is not the URL of a proxy") as raised:
        transports(base_url="https://hex.invalid/api/v1")
    assert "5ec4e7" not in str(raised.value)


def test_a_socks_proxy_without_pysocks_is_an_error_when_the_client_is_made(
    transports: Transports, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALL_PROXY", "socks5h://127.0.0.1:1")
    with pytest.raises(errors.HexInvalidInput, match=r"ALL_PROXY names a SOCKS proxy.*install requests\[socks\]"):
        transports()


def test_a_proxy_that_does_not_apply_may_be_malformed(
    transports: Transports, emulator: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://")
    assert transports().send(ME)["email"] == "ada@example.com"


@pytest.mark.parametrize("variable", CA_VARIABLES)
def test_the_environment_names_the_authorities_to_trust(
    variable: str, https_url: str, transports: Transports, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, str(certificate))
    assert transports(base_url=https_url).send(ME)["email"] == "ada@example.com"


@pytest.mark.parametrize("environment", ["", "/nowhere.pem"])
@pytest.mark.parametrize("trusting", ["ca_bundle", "verify"])
def test_the_connection_overrides_the_environments_authorities(
    trusting: str,
    environment: str,
    https_url: str,
    transports: Transports,
    certificate: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for variable in CA_VARIABLES:
        monkeypatch.setenv(variable, environment)
    trust = {"ca_bundle": str(certificate)} if trusting == "ca_bundle" else {"verify": False}
    assert transports(base_url=https_url, **trust).send(ME)["email"] == "ada@example.com"


@pytest.mark.parametrize("variable", [*CA_VARIABLES, "ca_bundle"])
@pytest.mark.parametrize("content", [None, "not a certificate"])
def test_a_ca_bundle_that_cannot_be_used_is_an_error_when_the_client_is_made(
    content: str | None, variable: str, transports: Transports, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = tmp_path / "bundle.pem"
    if content is not None:
        bundle.write_text(content)
    options = {}
    if variable == "ca_bundle":
        options["ca_bundle"] = str(bundle)
    else:
        monkeypatch.setenv(variable, str(bundle))
    with pytest.raises(
        errors.HexInvalidInput, match=rf"{variable}\b.* is '.*bundle\.pem', which cannot be used here: .*PEM file"
    ):
        transports(**options)


def test_an_untrusted_certificate_is_a_permanent_error(
    https_url: str, transports: Transports, emulator: Control
) -> None:
    transport = transports(base_url=https_url)
    with pytest.raises(errors.HexUntrustedCertificate, match=r"certificate verify failed.*CA bundle") as raised:
        transport.request(ME)
    assert not transport.pauses
    assert not raised.value.transient
    assert not raised.value.may_have_acted
    assert not raised.value.retry_helps
    assert not emulator.requests()


def test_an_untrusted_certificate_behind_a_proxy_is_a_permanent_error(
    https_url: str, transports: Transports, monkeypatch: pytest.MonkeyPatch
) -> None:
    with https_proxy() as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        with pytest.raises(errors.HexUntrustedCertificate):
            transports(base_url=https_url).request(ME)
        assert len(proxy.received) == 1


def test_a_ca_bundle_that_was_replaced_is_read_again(
    transports: Transports, emulator: Control, https_url: str, certificate: Path, tmp_path: Path
) -> None:
    bundle = tmp_path / "bundle.pem"
    with https_to(emulator.url, bundle):
        pass
    with pytest.raises(errors.HexUntrustedCertificate):
        transports(base_url=https_url, ca_bundle=str(bundle)).send(ME)
    bundle.write_bytes(certificate.read_bytes())
    assert transports(base_url=https_url, ca_bundle=str(bundle)).send(ME)["email"] == "ada@example.com"
