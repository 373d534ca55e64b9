"""A connection's fields, from every spelling of a URI or JSON that Airflow can read."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import Any

import pytest

from airflow_provider_hex.airflow_compat import BaseHook
from airflow_provider_hex.api.config import HexConfig
from airflow_provider_hex.api.errors import HexInvalidInput
from airflow_provider_hex.hooks.hex import HexHook

TOKEN = "hxtw_5ec4e7"
OLD_TOKEN = "0f9a4c1be27d4e5f8a6b3c2d"
EU = "https://eu.hex.tech/api/v1"
APP = "https://app.hex.tech/api/v1"
LOCAL = "http://localhost:8765/api/v1"
LOCAL_6 = "http://[::1]:8765/api/v1"

URIS = {
    # the scheme is the connection's type, and the path its schema
    "hex://:TOKEN@eu.hex.tech": EU,
    "HEX://:TOKEN@EU.hex.tech": EU,
    "hex://:TOKEN@eu.hex.tech/": EU,
    "hex://:TOKEN@eu.hex.tech//": EU,
    "hex://:TOKEN@eu.hex.tech/%20": EU,
    "hex://:TOKEN@eu.hex.tech/https": EU,
    "hex://:TOKEN@eu.hex.tech/api/v1": EU,
    "hex://:TOKEN@eu.hex.tech/api%2Fv1": EU,
    "hex://:TOKEN@eu.hex.tech/acme/app/Sales-1/latest?view=app#cell": EU,
    "hex://:TOKEN@eu.hex.tech:8443": "https://eu.hex.tech:8443/api/v1",
    "hex://:TOKEN@eu.hex.tech:8443/api/v1": "https://eu.hex.tech:8443/api/v1",
    "hex://:Bearer%20TOKEN@eu.hex.tech": EU,
    "hex://user:TOKEN@eu.hex.tech": EU,
    "hex-cloud://:TOKEN@eu.hex.tech": EU,
    "https://:TOKEN@eu.hex.tech": EU,
    "https://:TOKEN@app.hex.tech/acme/hex": APP,
    "https://:TOKEN@app.hex.tech/http": APP,
    "https://:TOKEN@localhost:8765": "https://localhost:8765/api/v1",
    "http://:TOKEN@eu.hex.tech/https": EU,
    # no host
    "hex://:TOKEN@": APP,
    "hex://:TOKEN@/": APP,
    "hex://:TOKEN@/api/v1": APP,
    "hex://:TOKEN@?read_timeout=30": APP,
    "http://:TOKEN@": APP,
    # the host is a whole URL
    "hex://:TOKEN@https%3A%2F%2Feu.hex.tech": EU,
    "hex://:TOKEN@https%3A%2F%2Feu.hex.tech%2Fapi%2Fv1": EU,
    "hex://:TOKEN@https%3A%2F%2Feu.hex.tech:8443": "https://eu.hex.tech:8443/api/v1",
    "hex://:TOKEN@http%3A%2F%2Flocalhost%3A8765": LOCAL,
    "hex://:TOKEN@http%3A%2F%2F%5B%3A%3A1%5D%3A8765": LOCAL_6,
    "https://:TOKEN@http%3A%2F%2Flocalhost%3A8765": LOCAL,
    # Airflow's form for a host with a scheme
    "hex://https://:TOKEN@eu.hex.tech": EU,
    "hex://https://:TOKEN@eu.hex.tech/api/v1": EU,
    "hex://https://:TOKEN@eu.hex.tech:8443/acme/hex": "https://eu.hex.tech:8443/api/v1",
    "hex://http://:TOKEN@localhost:8765": LOCAL,
    "hex://http://:TOKEN@[::1]:8765": LOCAL_6,
    "http://https://:TOKEN@eu.hex.tech": EU,
    "https://http://:TOKEN@localhost:8765": LOCAL,
    # plain http to this machine
    "http://:TOKEN@localhost:8765": LOCAL,
    "http://:TOKEN@localhost:8765/api/v1": LOCAL,
    "http://:TOKEN@127.0.0.1:8765": "http://127.0.0.1:8765/api/v1",
    "http://:TOKEN@[::1]:8765": LOCAL_6,
    "hex://:TOKEN@localhost:8765/http": LOCAL,
    "hex://:TOKEN@[::1]:8765/http": LOCAL_6,
    "hex://:TOKEN@[::1]:8765": "https://[::1]:8765/api/v1",
    "hex://:TOKEN@[fd00::17]": "https://[fd00::17]/api/v1",
    # the token is the user name
    "hex://TOKEN@eu.hex.tech": EU,
    "hex://TOKEN:@eu.hex.tech": EU,
    "hex://TOKEN@": APP,
    "hex://TOKEN@eu.hex.tech/api/v1": EU,
    "hex://https://TOKEN@eu.hex.tech": EU,
    "https://TOKEN@app.hex.tech/acme/hex": APP,
}


def config(monkeypatch: pytest.MonkeyPatch, connection: str) -> HexConfig:
    monkeypatch.setenv("AIRFLOW_CONN_HEX_DEFAULT", connection)
    return HexHook().config


def message(monkeypatch: pytest.MonkeyPatch, connection: str) -> str:
    with pytest.raises(HexInvalidInput) as raised:
        config(monkeypatch, connection)
    assert TOKEN not in repr(raised.value)
    assert OLD_TOKEN not in repr(raised.value)
    return str(raised.value)


@pytest.mark.parametrize("uri", URIS)
def test_every_uri_that_airflow_can_read_gives_the_token_and_the_base_url(
    uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = config(monkeypatch, uri.replace("TOKEN", TOKEN))
    assert (read.token, read.base_url) == (TOKEN, URIS[uri])


@pytest.mark.parametrize("uri", URIS)
def test_a_uri_that_airflow_writes_of_a_connection_gives_the_same(uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Airflow's DAG processor reads a connection of a secrets backend again from such a URI."""
    monkeypatch.setenv("AIRFLOW_CONN_FIRST", uri.replace("TOKEN", TOKEN))
    written = BaseHook.get_connection("first").get_uri()
    assert (config(monkeypatch, written).token, config(monkeypatch, written).base_url) == (TOKEN, URIS[uri])


@pytest.mark.parametrize("uri", URIS)
def test_a_trigger_reads_the_same(uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_HEX_DEFAULT", uri.replace("TOKEN", TOKEN))
    read = asyncio.run(HexHook().get_async_config())
    assert (read.token, read.base_url) == (TOKEN, URIS[uri])


@pytest.mark.parametrize(
    "uri",
    [
        "http://:TOKEN@eu.hex.tech",
        "http://:TOKEN@eu.hex.tech/api/v1",
        "hex://:TOKEN@eu.hex.tech/http",
        "hex://http://:TOKEN@eu.hex.tech",
        "https://http://:TOKEN@eu.hex.tech",
        "hex://:TOKEN@http%3A%2F%2Feu.hex.tech",
        "http://:TOKEN@[fd00::17]",
    ],
)
def test_plain_http_to_another_machine_is_neither_sent_nor_made_https(
    uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    uri = uri.replace("TOKEN", TOKEN)
    assert "unencrypted" in message(monkeypatch, uri)
    allowed = f"{uri}{'' if '/' in uri.partition('@')[2] else '/'}?allow_http=true"
    assert config(monkeypatch, allowed).base_url.startswith("http://")


@pytest.mark.parametrize(
    "query",
    [
        "?read_timeout=30&headers=%7B%22X-Team%22%3A%20%22data%22%7D",
        "?__extra__=%7B%22read_timeout%22%3A%2030%2C%20%22headers%22%3A%20%7B%22X-Team%22%3A%20%22data%22%7D%7D",
    ],
)
@pytest.mark.parametrize("path", ["", "/", "/api/v1"])
def test_the_query_of_a_uri_sets_the_options(query: str, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    read = config(monkeypatch, f"hex://:{TOKEN}@eu.hex.tech{path}{query}")
    assert (read.base_url, read.read_timeout, read.headers) == (EU, 30, {"X-Team": "data"})


@pytest.mark.parametrize(
    ("fields", "url"),
    [
        ({}, APP),
        ({"host": "eu.hex.tech"}, EU),
        ({"host": "https://eu.hex.tech/api/v1"}, EU),
        ({"host": "eu.hex.tech", "schema": "https", "port": "8443"}, "https://eu.hex.tech:8443/api/v1"),
        ({"host": "eu.hex.tech", "schema": "api/v1"}, EU),
        ({"host": "localhost", "schema": "http", "port": 8765}, LOCAL),
        ({"host": "localhost", "schema": "HTTP://", "port": 8765}, LOCAL),
        ({"host": "::1", "schema": "http", "port": 8765}, LOCAL_6),
        ({"conn_type": "http", "host": "localhost", "port": 8765}, LOCAL),
        ({"conn_type": "http", "host": "eu.hex.tech", "schema": "https"}, EU),
        ({"conn_type": "http", "host": "https://eu.hex.tech"}, EU),
    ],
)
def test_json_gives_the_same_as_a_uri(fields: dict[str, Any], url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    read = config(monkeypatch, json.dumps({"conn_type": "hex", "password": TOKEN, **fields}))
    assert (read.token, read.base_url) == (TOKEN, url)


def test_a_password_counts_more_than_a_user_name(monkeypatch: pytest.MonkeyPatch) -> None:
    assert config(monkeypatch, "hex://hxtp_0ther:hxtw_5ec4e7@eu.hex.tech").token == TOKEN


def test_an_older_token_without_a_prefix_may_be_the_user_name(monkeypatch: pytest.MonkeyPatch) -> None:
    assert config(monkeypatch, f"hex://{OLD_TOKEN}@eu.hex.tech").token == OLD_TOKEN


@pytest.mark.parametrize(
    "uri",
    [
        "hex://eu.hex.tech",
        "hex://ada@eu.hex.tech",
        "hex://ada%40example.com@eu.hex.tech",
        "hex://airflow-service-account:@eu.hex.tech",
        f"hex:///?password={TOKEN}",
        f"hex://?token={TOKEN}",
        f"hex:///{TOKEN}",
        f"hex://{OLD_TOKEN}",
    ],
)
def test_a_connection_without_a_token_shows_how_to_write_one(uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert message(monkeypatch, uri) == (
        "The Hex connection 'hex_default' has no token. Put one into its API token field. In a connection URI it is "
        "the password: hex://:TOKEN@app.hex.tech"
    )


def test_a_token_in_place_of_the_host_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "contains a token" in message(monkeypatch, f"hex://:{OLD_TOKEN}@{TOKEN}")


@pytest.mark.parametrize("extra", ["[]", "7"])
def test_an_extra_that_is_no_object_is_rejected(extra: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(HexHook, "get_connection", lambda *_: Stub(extra))
    with pytest.raises(HexInvalidInput, match=r"extra of the Hex connection.* must be a JSON object"):
        _ = HexHook().config


class Stub:
    """A connection as the task SDK and Airflow 2 accept it, but not their URIs: any JSON may be the extra."""

    conn_id = "hex_default"
    host = schema = login = port = None
    conn_type, password = "hex", TOKEN

    def __init__(self, extra: str) -> None:
        self.extra_dejson = json.loads(extra)


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if "Hex connection" in record.getMessage()]


def test_an_extra_field_that_is_no_option_is_logged_once_per_hook(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    own = {"extra__hex__verify": 1, "__extra__": "", "verify": True}
    extra = {"conect_timeout": 3, "Read Timeout": 5, "team": "data", **own}
    connection = {"conn_type": "hex", "password": TOKEN, "extra": extra}
    monkeypatch.setenv("AIRFLOW_CONN_HEX_DEFAULT", json.dumps(connection))
    hook = HexHook()
    with caplog.at_level(logging.WARNING):
        assert hook.config.connect_timeout == 10
        asyncio.run(hook.get_async_config())
        assert hook.config is hook.config
    assert warnings(caplog) == [
        f"The extra of the Hex connection 'hex_default' has the field {name!r}, which is ignored, because no option "
        f"has this name.{hint}"
        for name, hint in [
            ("conect_timeout", " Did you mean connect_timeout?"),
            ("Read Timeout", " Did you mean read_timeout?"),
            ("team", ""),
        ]
    ]


def test_a_connection_with_known_options_logs_nothing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    config(monkeypatch, f"hex://:{TOKEN}@localhost:8765/http?verify=true&allow_http=true&start_grace=1")
    assert not warnings(caplog)


def test_a_token_in_the_user_name_is_masked_and_a_line_says_where_to_put_it(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    masked: list[str] = []
    monkeypatch.setattr("airflow_provider_hex.airflow_compat.mask_secret", masked.append)
    config(monkeypatch, f"hex://{TOKEN}@eu.hex.tech")
    asyncio.run(HexHook().get_async_config())
    assert masked == [TOKEN, TOKEN]
    assert warnings(caplog)[0] == (
        "The Hex connection 'hex_default' has its token in the login, which Airflow shows to users. Put it into the "
        "API token field. In a connection URI it is the password: hex://:TOKEN@app.hex.tech"
    )
    assert TOKEN not in caplog.text


@pytest.mark.parametrize("name", [TOKEN, f"x{TOKEN}", "x" * 61])
def test_a_field_whose_name_may_be_secret_is_not_shown(
    name: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    config(monkeypatch, json.dumps({"conn_type": "hex", "password": TOKEN, "extra": {name: 1}}))
    assert "has the field ***" in warnings(caplog)[0]
    assert name not in warnings(caplog)[0]
