from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_hex.api.address import base_url
from airflow_provider_hex.api.errors import HexInvalidInput

EXAMPLE = "https://app.hex.tech"


@pytest.mark.parametrize(
    ("host", "url"),
    [
        (None, "https://app.hex.tech/api/v1"),
        ("", "https://app.hex.tech/api/v1"),
        ("  ", "https://app.hex.tech/api/v1"),
        ("app.hex.tech", "https://app.hex.tech/api/v1"),
        (" eu.hex.tech\n", "https://eu.hex.tech/api/v1"),
        ("EU.hex.tech", "https://eu.hex.tech/api/v1"),
        ("//X.hex.tech", "https://x.hex.tech/api/v1"),
        ("//eu.hex.tech", "https://eu.hex.tech/api/v1"),
        ("https://eu.hex.tech", "https://eu.hex.tech/api/v1"),
        ("HTTPS://eu.hex.tech/", "https://eu.hex.tech/api/v1"),
        ("https://eu.hex.tech/api", "https://eu.hex.tech/api/v1"),
        ("https://eu.hex.tech/api/v1", "https://eu.hex.tech/api/v1"),
        ("eu.hex.tech/api/v1/", "https://eu.hex.tech/api/v1"),
        ("https://eu.hex.tech/acme/hex/My-project/draft?view=app#x", "https://eu.hex.tech/api/v1"),
        ("https://app.hex.tech:443", "https://app.hex.tech/api/v1"),
        ("http://localhost:80", "http://localhost/api/v1"),
        ("http://localhost:443", "http://localhost:443/api/v1"),
        ("hex.acme.internal:8443", "https://hex.acme.internal:8443/api/v1"),
        ("http://localhost:8765", "http://localhost:8765/api/v1"),
        ("http://127.0.0.1:8765/", "http://127.0.0.1:8765/api/v1"),
        ("http://[::1]:8765", "http://[::1]:8765/api/v1"),
        ("http://hex.localhost:8765", "http://hex.localhost:8765/api/v1"),
        ("http://::1", "http://[::1]/api/v1"),
        ("fd00::17", "https://[fd00::17]/api/v1"),
        ("fd00::17/api/v1", "https://[fd00::17]/api/v1"),
        ("https://fd00::17?x", "https://[fd00::17]/api/v1"),
        ("[fd00::17]:8443", "https://[fd00::17]:8443/api/v1"),
    ],
)
def test_every_way_to_write_the_host_gives_the_base_url(host: str | None, url: str) -> None:
    assert base_url(host) == url


def test_the_schema_and_port_fields_count() -> None:
    assert base_url("localhost", schema="http", port=8765) == "http://localhost:8765/api/v1"
    assert base_url("app.hex.tech", port=443) == "https://app.hex.tech/api/v1"
    assert base_url("https://eu.hex.tech:444", schema="http", port=8765) == "https://eu.hex.tech:444/api/v1"


@pytest.mark.parametrize(
    ("conn_type", "schema", "scheme"),
    [
        ("hex", None, "https"),
        (None, "", "https"),
        ("hex", "https", "https"),
        ("hex", " HTTP:// ", "http"),
        ("hex", "api/v1", "https"),
        ("hex", "httpx", "https"),
        ("http", None, "http"),
        ("HTTP", "api/v1", "http"),
        ("http", "https", "https"),
        ("https", None, "https"),
        ("https", "http", "https"),
        ("https", "acme/hex", "https"),
    ],
)
def test_the_type_of_the_connection_and_its_schema_give_the_scheme(
    conn_type: str | None, schema: str | None, scheme: str
) -> None:
    assert base_url("localhost", schema=schema, conn_type=conn_type) == f"{scheme}://localhost/api/v1"
    assert base_url("https://localhost", schema=schema, conn_type=conn_type) == "https://localhost/api/v1"
    assert base_url("http://localhost", schema=schema, conn_type=conn_type) == "http://localhost/api/v1"


@pytest.mark.parametrize("host", ["::1::", "fd00::17]", "http://g::1"])
def test_what_is_no_ipv6_address_is_rejected(host: str) -> None:
    with pytest.raises(HexInvalidInput, match="is not a URL"):
        base_url(host)


@pytest.mark.parametrize("host", ["https", "https:/app.hex.tech", "http:/eu.hex.tech", "https//app.hex.tech", "HTTPS:"])
def test_a_scheme_is_no_host(host: str) -> None:
    """Airflow reads the host ``https`` from the connection URI ``hex://:TOKEN@https:/app.hex.tech``."""
    with pytest.raises(HexInvalidInput, match=f"'{host}', which is not a URL. Write it like {EXAMPLE}"):
        base_url(host, schema="app.hex.tech")


@pytest.mark.parametrize("host", ["ftp://eu.hex.tech", "https://", "two words"])
def test_what_is_not_a_url_is_rejected(host: str) -> None:
    with pytest.raises(HexInvalidInput) as raised:
        base_url(host)
    assert (
        str(raised.value)
        == f"The Base URL of the Hex connection is {host!r}, which is not a URL. Write it like {EXAMPLE}"
    )


def test_the_error_says_why_it_is_not_a_url() -> None:
    with pytest.raises(HexInvalidInput) as raised:
        base_url("https://eu.hex.tech:port")
    assert str(raised.value).startswith(
        "The Base URL of the Hex connection is 'https://eu.hex.tech:port', which is not a URL: Port could not be cast"
    )


@pytest.mark.parametrize(
    "host",
    ["https://user:5ec4e7@app.hex.tech", "https://user:5ec4e7@app.hex.tech:port", "hxtw_5ec4e7", "https://hxtp_5ec4e7"],
)
def test_a_token_in_the_host_is_rejected_and_not_shown(host: str) -> None:
    with pytest.raises(HexInvalidInput) as raised:
        base_url(host)
    assert str(raised.value) == (
        "The Base URL of the Hex connection contains a token, a user name or a password. Put the token into the "
        f"API token field, and write the Base URL like {EXAMPLE}"
    )


def test_http_to_another_machine_needs_allow_http() -> None:
    with pytest.raises(HexInvalidInput) as raised:
        base_url("http://hex.acme.internal")
    assert str(raised.value) == (
        "The Hex connection would send its token unencrypted to hex.acme.internal. Use https, or set Allow "
        "plain HTTP (allow_http in the extra) if you want that."
    )
    with pytest.raises(HexInvalidInput, match="unencrypted"):
        base_url("http://localhost.acme.internal")
    assert base_url("http://hex.acme.internal", allow_http=True) == "http://hex.acme.internal/api/v1"


@given(st.text())
@settings(deadline=None)
def test_any_text_gives_a_url_or_an_error_of_ours(host: str) -> None:
    try:
        url = base_url(host)
    except HexInvalidInput:
        return
    assert url.startswith(("https://", "http://localhost", "http://127.", "http://[::1]"))
    assert url.endswith("/api/v1")
