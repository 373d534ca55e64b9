from __future__ import annotations

from dataclasses import FrozenInstanceError, asdict
from typing import Any

import pytest

from airflow_provider_hex import __version__
from airflow_provider_hex.api.config import (
    LABELS,
    OPTIONS,
    HexConfig,
    clean_token,
    looks_like_token,
    options,
    unknown_options,
)
from airflow_provider_hex.api.errors import HexInvalidInput
from airflow_provider_hex.get_provider_info import get_provider_info


@pytest.mark.parametrize("token", ["hxtw_1f", " hxtw_1f\n", "Bearer hxtw_1f", "bearer  hxtw_1f "])
def test_white_space_and_a_pasted_bearer_are_removed(token: str) -> None:
    assert clean_token(token) == "hxtw_1f"


@pytest.mark.parametrize("token", [None, "", "  ", "Bearer "])
def test_a_missing_token_is_rejected(token: str | None) -> None:
    with pytest.raises(HexInvalidInput) as raised:
        clean_token(token)
    assert str(raised.value) == (
        "The Hex connection has no token. Put one into its API token field. In a connection URI it is the password: "
        "hex://:TOKEN@app.hex.tech"
    )


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("hxtw_1", True),
        ("hxtp_x", True),
        ("0f9a4c1be27d4e5f8a6b", True),
        ("a1/+=~.-_aaaaaaaaaaa", True),
        ("0f9a4c1be27d4e5f8a6", False),
        ("airflow-service-account", False),
        ("ada20261121000000@example.com", False),
        ("two words 2026 and more", False),
        ("my hxtw_1", False),
        ("", False),
    ],
)
def test_a_user_name_may_be_the_token_if_it_looks_like_one(text: str, is_one: bool) -> None:
    assert looks_like_token(text) is is_one


@pytest.mark.parametrize("token", ["hxtw_\n1f", "hxtw_ 1f", "hxtw_\u00e9", "hxtw_\x001f"])
def test_a_token_that_no_header_can_contain_is_rejected_and_not_shown(token: str) -> None:
    with pytest.raises(HexInvalidInput) as raised:
        clean_token(token)
    assert str(raised.value) == (
        "The API token of the Hex connection contains white space or characters that no token has. Paste it again."
    )


def config(**more: Any) -> HexConfig:
    return HexConfig("https://app.hex.tech/api/v1", "hxtw_5ec4e7", **more)


def test_a_repr_shows_nothing_that_may_be_secret() -> None:
    shown = repr(config(proxy="http://u:5ec4e7@proxy:3128", headers={"X-Key": "5ec4e7"}))
    assert "5ec4e7" not in shown
    assert "https://app.hex.tech/api/v1" in shown


def test_the_defaults_are_as_documented() -> None:
    assert asdict(config()) == {
        "base_url": "https://app.hex.tech/api/v1",
        "token": "hxtw_5ec4e7",
        "verify": True,
        "ca_bundle": None,
        "proxy": None,
        "headers": {},
        "connect_timeout": 10,
        "read_timeout": 60,
        "requests_per_minute": 25,
        "retry_for": 180,
        "start_grace": 30,
        "name": "",
    }


def test_a_configuration_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        config().token = "hxtw_0"  # type: ignore[misc]


def test_the_token_is_masked_in_a_response() -> None:
    assert config().without_token(b"a hxtw_5ec4e7 b hxtw_5ec4e7") == b"a *** b ***"


def test_every_request_has_the_token_and_a_user_agent() -> None:
    assert config(headers={"X-Team": "data", "User-Agent": "mine"}).request_headers == {
        "Authorization": "Bearer hxtw_5ec4e7",
        "User-Agent": "mine",
        "X-Team": "data",
    }
    assert config().request_headers["User-Agent"] == f"airflow-provider-hex/{__version__}"


@pytest.mark.parametrize("extra", [{}, {"verify": None, "proxy": "", "connect_timeout": None}, {"unknown": 1}])
def test_a_field_that_is_not_set_has_its_default(extra: dict[str, Any]) -> None:
    assert options(extra) == {}


@pytest.mark.parametrize(
    ("name", "value", "read"),
    [
        ("verify", False, False),
        ("verify", "true", True),
        ("verify", "y", True),
        ("verify", " False ", False),
        ("ca_bundle", " /etc/ca.pem\n", "/etc/ca.pem"),
        ("proxy", "http://proxy:3128", "http://proxy:3128"),
        ("proxy", "https://u:p@proxy.example.com", "https://u:p@proxy.example.com"),
        ("proxy", "proxy:3128", "http://proxy:3128"),
        ("headers", {"X-Team": "data"}, {"X-Team": "data"}),
        ("headers", '{"X-Team": "data"}', {"X-Team": "data"}),
        ("connect_timeout", 3, 3),
        ("read_timeout", "2.5", 2.5),
        ("retry_for", 0.5, 0.5),
        ("start_grace", 86400, 86400),
        ("requests_per_minute", 1, 1),
        ("requests_per_minute", "60", 60),
        ("requests_per_minute", 6000.0, 6000),
    ],
)
def test_a_field_that_is_set_is_read(name: str, value: Any, read: Any) -> None:
    assert options({name: value}) == {name: read}
    assert getattr(config(**options({name: value})), name) == read


def test_a_field_that_no_option_is_called_is_named_with_the_option_that_may_be_meant() -> None:
    ignored = "which is ignored, because no option has this name."
    names = ["conect_timeout", "Read Timeout", "RETRY-FOR", "x", "hxtw_5ec4e7", "a" * 60, "a" * 61]
    assert unknown_options(dict.fromkeys(names)) == [
        f"The extra of the Hex connection has the field {sentence}"
        for sentence in [
            f"'conect_timeout', {ignored} Did you mean connect_timeout?",
            f"'Read Timeout', {ignored} Did you mean read_timeout?",
            f"'RETRY-FOR', {ignored} Did you mean retry_for?",
            f"'x', {ignored}",
            f"***, {ignored}",
            f"'{'a' * 60}', {ignored}",
            f"***, {ignored}",
        ]
    ]


def test_options_and_airflows_own_fields_are_known() -> None:
    assert not unknown_options(dict.fromkeys([*OPTIONS, "__extra__", "extra__hex__proxy"]))
    assert "allow_http" in OPTIONS


SECONDS = "but must be a number of seconds, more than 0 and at most 86400, or a timedelta."
COUNT = "but must be a whole number from 1 to 6000."
PROXY = "is not the URL of a proxy. Write it like http://proxy.example.com:3128"
OBJECT = 'must be a JSON object, like {"X-Team": "data"}.'
CONTENT = "contain X-Team with a value that is not printable ASCII."


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("verify", "flase", "is 'flase', but must be true or false."),
        ("verify", 1, "is 1, but must be true or false."),
        ("verify", "n", "is 'n', but must be true or false."),
        ("ca_bundle", 7, "is 7, but must be text."),
        ("ca_bundle", "  ", "is '  ', but must be text."),
        ("proxy", "ftp://proxy", PROXY),
        ("proxy", "socks5://proxy", PROXY),
        ("proxy", "http://", PROXY),
        ("proxy", "http://proxy:port", PROXY),
        ("proxy", "http://proxy:0", PROXY),
        ("proxy", 7, PROXY),
        ("proxy", {"https": "http://u:5ec4e7@proxy"}, PROXY),
        ("proxy", "http://pro xy:3128", PROXY),
        ("proxy", "http://bad%host", PROXY),
        ("proxy", "http://a..b:3128", PROXY),
        ("headers", "X-Team: data", OBJECT),
        ("headers", "[" * 100_000, OBJECT),
        ("headers", ["X-Team"], OBJECT),
        ("headers", {7: "x"}, "contain 7, which is not the name of an HTTP header."),
        ("headers", {"X Team": "x"}, "contain 'X Team', which is not the name of an HTTP header."),
        ("headers", {"X-Team": "a\nb"}, CONTENT),
        ("headers", {"X-Team": 7}, CONTENT),
        ("connect_timeout", 0, f"is 0, {SECONDS}"),
        ("read_timeout", -1, f"is -1, {SECONDS}"),
        ("read_timeout", "nan", f"is 'nan', {SECONDS}"),
        ("read_timeout", True, f"is True, {SECONDS}"),
        ("retry_for", 86401, f"is 86401, {SECONDS}"),
        ("start_grace", "soon", f"is 'soon', {SECONDS}"),
        ("start_grace", [1], f"is [1], {SECONDS}"),
        ("requests_per_minute", 0, f"is 0, {COUNT}"),
        ("requests_per_minute", 1.5, f"is 1.5, {COUNT}"),
        ("requests_per_minute", 6001, f"is 6001, {COUNT}"),
        ("requests_per_minute", "inf", f"is 'inf', {COUNT}"),
    ],
)
def test_an_invalid_field_is_rejected_by_its_name(name: str, value: Any, message: str) -> None:
    with pytest.raises(HexInvalidInput) as raised:
        options({name: value})
    assert str(raised.value) == f"{LABELS[name]} ({name}) of the Hex connection {message}"


def test_headers_cannot_contain_the_token() -> None:
    with pytest.raises(HexInvalidInput) as raised:
        options({"headers": {"authorization": "Bearer x"}})
    assert str(raised.value) == (
        "Extra headers (headers) of the Hex connection contain Authorization, which is set from the API token. "
        "Remove it."
    )


@pytest.mark.parametrize(
    "extra",
    [
        {"proxy": "http://u:5ec4e7@proxy:port"},
        {"headers": '{"X-Key": "5ec4e7'},
        {"headers": {"X-Key": "5ec4e7\n"}},
        {"headers": {"Authorization": "5ec4e7"}},
    ],
)
def test_an_error_shows_nothing_that_may_be_secret(extra: dict[str, Any]) -> None:
    with pytest.raises(HexInvalidInput) as raised:
        options(extra)
    assert "5ec4e7" not in str(raised.value)


def test_the_labels_in_messages_are_those_of_the_connection_form() -> None:
    fields = get_provider_info()["connection-types"][0]["conn-fields"]
    assert {name: field["label"] for name, field in fields.items()} == LABELS
