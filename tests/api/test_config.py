from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_hex import __version__
from airflow_provider_hex.api.config import HexConfig, clean_token, options
from airflow_provider_hex.api.errors import HexInvalidInput


@pytest.mark.parametrize("token", ["hxtw_1f", " hxtw_1f\n", "Bearer hxtw_1f", "bearer  hxtw_1f "])
def test_stray_white_space_and_a_pasted_bearer_are_forgiven(token: str) -> None:
    assert clean_token(token) == "hxtw_1f"


@pytest.mark.parametrize("token", [None, "", "  ", "Bearer "])
def test_no_token_is_refused(token: str | None) -> None:
    with pytest.raises(HexInvalidInput, match="no token"):
        clean_token(token)


@pytest.mark.parametrize("token", ["hxtw_\n1f", "hxtw_ 1f", "hxtw_\u00e9", "hxtw_\x001f"])
def test_a_token_that_no_header_can_carry_is_refused_and_not_repeated(token: str) -> None:
    with pytest.raises(HexInvalidInput, match="white space or characters") as refusal:
        clean_token(token)
    assert "hxtw" not in str(refusal.value)


def config(**more: Any) -> HexConfig:
    return HexConfig("https://app.hex.tech/api/v1", "hxtw_5ec4e7", **more)


def test_nothing_that_may_be_secret_shows() -> None:
    shown = repr(config(proxy="http://u:5ec4e7@proxy:3128", headers={"X-Key": "5ec4e7"}))
    assert "5ec4e7" not in shown
    assert "https://app.hex.tech/api/v1" in shown


def test_an_answer_that_repeats_the_token_is_kept_without_it() -> None:
    assert config().without_token(b"a hxtw_5ec4e7 b hxtw_5ec4e7") == b"a *** b ***"


def test_every_request_carries_the_token_and_says_who_asks() -> None:
    assert config(headers={"X-Team": "data", "User-Agent": "mine"}).request_headers == {
        "Authorization": "Bearer hxtw_5ec4e7",
        "User-Agent": "mine",
        "X-Team": "data",
    }
    assert config().request_headers["User-Agent"] == f"airflow-provider-hex/{__version__}"


@pytest.mark.parametrize("extra", [{}, {"verify": None, "proxy": "", "connect_timeout": None}, {"unknown": 1}])
def test_what_a_connection_does_not_say_is_at_its_default(extra: dict[str, Any]) -> None:
    assert options(extra) == {}


@pytest.mark.parametrize(
    ("name", "value", "read"),
    [
        ("verify", False, False),
        ("verify", "true", True),
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
def test_what_a_connection_says_is_read(name: str, value: Any, read: Any) -> None:
    assert options({name: value}) == {name: read}
    assert getattr(config(**options({name: value})), name) == read


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("verify", "flase", "The Hex connection's verify is 'flase'; true or false is needed"),
        ("verify", 1, "true or false"),
        ("ca_bundle", 7, "ca_bundle is 7; a text is needed"),
        ("ca_bundle", "  ", "a text is needed"),
        ("proxy", "ftp://proxy", "one like http://proxy.example.com:3128 is needed"),
        ("proxy", "http://", "no proxy's address"),
        ("proxy", "http://proxy:port", "no proxy's address"),
        ("proxy", "http://proxy:0", "no proxy's address"),
        ("proxy", 7, "a text is needed"),
        ("headers", "X-Team: data", "headers is no JSON object"),
        ("headers", "[" * 100_000, "no JSON object"),
        ("headers", ["X-Team"], "no JSON object"),
        ("headers", {7: "x"}, "an object with the name 7"),
        ("headers", {"X Team": "x"}, "an object with the name 'X Team'"),
        ("headers", {"X-Team": "a\nb"}, "an object whose X-Team no header can carry"),
        ("headers", {"X-Team": 7}, "an object whose X-Team no header can carry"),
        ("headers", {"authorization": "Bearer x"}, "hold Authorization, where its token goes"),
        ("connect_timeout", 0, "connect_timeout is 0; a number of seconds, more than 0 and at most 86400, is needed"),
        ("read_timeout", -1, "a number of seconds"),
        ("read_timeout", "nan", "a number of seconds"),
        ("read_timeout", True, "a number of seconds"),
        ("retry_for", 86401, "a number of seconds"),
        ("start_grace", "soon", "a number of seconds"),
        ("start_grace", [1], "a number of seconds"),
        ("requests_per_minute", 0, "requests_per_minute is 0; a whole number from 1 to 6000 is needed"),
        ("requests_per_minute", 1.5, "a whole number"),
        ("requests_per_minute", 6001, "a whole number"),
        ("requests_per_minute", "inf", "a whole number"),
    ],
)
def test_what_makes_no_sense_is_refused_by_its_name(name: str, value: Any, message: str) -> None:
    with pytest.raises(HexInvalidInput, match=message):
        options({name: value})


@pytest.mark.parametrize(
    "extra",
    [
        {"proxy": "http://u:5ec4e7@proxy:port"},
        {"headers": '{"X-Key": "5ec4e7'},
        {"headers": {"X-Key": "5ec4e7\n"}},
        {"headers": {"Authorization": "5ec4e7"}},
    ],
)
def test_a_refusal_repeats_nothing_that_may_be_secret(extra: dict[str, Any]) -> None:
    with pytest.raises(HexInvalidInput) as refusal:
        options(extra)
    assert "5ec4e7" not in str(refusal.value)
