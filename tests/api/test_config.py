from __future__ import annotations

from dataclasses import FrozenInstanceError, asdict
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
    with pytest.raises(HexInvalidInput) as refusal:
        clean_token(token)
    assert str(refusal.value) == "The Hex connection has no token. Put one into its password field."


@pytest.mark.parametrize("token", ["hxtw_\n1f", "hxtw_ 1f", "hxtw_\u00e9", "hxtw_\x001f"])
def test_a_token_that_no_header_can_carry_is_refused_and_not_repeated(token: str) -> None:
    with pytest.raises(HexInvalidInput) as refusal:
        clean_token(token)
    assert str(refusal.value) == (
        "The token in the Hex connection's password field holds white space or characters that no token has. "
        "Paste it again."
    )


def config(**more: Any) -> HexConfig:
    return HexConfig("https://app.hex.tech/api/v1", "hxtw_5ec4e7", **more)


def test_nothing_that_may_be_secret_shows() -> None:
    shown = repr(config(proxy="http://u:5ec4e7@proxy:3128", headers={"X-Key": "5ec4e7"}))
    assert "5ec4e7" not in shown
    assert "https://app.hex.tech/api/v1" in shown


def test_what_is_not_configured_is_as_documented() -> None:
    assert asdict(config()) == {
        "base_url": "https://app.hex.tech/api/v1",
        "token": "hxtw_5ec4e7",
        "verify": True,
        "ca_bundle": None,
        "proxy": None,
        "headers": {},
        "connect_timeout": 10,
        "read_timeout": 60,
        "requests_per_minute": 30,
        "retry_for": 180,
        "start_grace": 30,
    }


def test_a_configuration_stays_as_it_is() -> None:
    with pytest.raises(FrozenInstanceError):
        config().token = "hxtw_0"  # type: ignore[misc]


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


SECONDS = "a number of seconds, more than 0 and at most 86400, is needed."
COUNT = "a whole number from 1 to 6000 is needed."
TEXT = "a text is needed."
NO_PROXY = "no proxy's address; one like http://proxy.example.com:3128 is needed."
NO_OBJECT = 'no JSON object; one like {"X-Team": "data"} is needed.'
NAME = "the name of an HTTP header is needed."
CONTENT = "an object whose X-Team no header can carry; printable text is needed."


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("verify", "flase", "'flase'; true or false is needed."),
        ("verify", 1, "1; true or false is needed."),
        ("ca_bundle", 7, f"7; {TEXT}"),
        ("ca_bundle", "  ", f"'  '; {TEXT}"),
        ("proxy", "ftp://proxy", NO_PROXY),
        ("proxy", "http://", NO_PROXY),
        ("proxy", "http://proxy:port", NO_PROXY),
        ("proxy", "http://proxy:0", NO_PROXY),
        ("proxy", 7, f"7; {TEXT}"),
        ("headers", "X-Team: data", NO_OBJECT),
        ("headers", "[" * 100_000, NO_OBJECT),
        ("headers", ["X-Team"], NO_OBJECT),
        ("headers", {7: "x"}, f"an object with the name 7; {NAME}"),
        ("headers", {"X Team": "x"}, f"an object with the name 'X Team'; {NAME}"),
        ("headers", {"X-Team": "a\nb"}, CONTENT),
        ("headers", {"X-Team": 7}, CONTENT),
        ("connect_timeout", 0, f"0; {SECONDS}"),
        ("read_timeout", -1, f"-1; {SECONDS}"),
        ("read_timeout", "nan", f"'nan'; {SECONDS}"),
        ("read_timeout", True, f"True; {SECONDS}"),
        ("retry_for", 86401, f"86401; {SECONDS}"),
        ("start_grace", "soon", f"'soon'; {SECONDS}"),
        ("start_grace", [1], f"[1]; {SECONDS}"),
        ("requests_per_minute", 0, f"0; {COUNT}"),
        ("requests_per_minute", 1.5, f"1.5; {COUNT}"),
        ("requests_per_minute", 6001, f"6001; {COUNT}"),
        ("requests_per_minute", "inf", f"'inf'; {COUNT}"),
    ],
)
def test_what_makes_no_sense_is_refused_by_its_name(name: str, value: Any, message: str) -> None:
    with pytest.raises(HexInvalidInput) as refusal:
        options({name: value})
    assert str(refusal.value) == f"The Hex connection's {name} is {message}"


def test_the_token_has_no_second_place() -> None:
    with pytest.raises(HexInvalidInput) as refusal:
        options({"headers": {"authorization": "Bearer x"}})
    assert str(refusal.value) == ("The Hex connection's headers hold Authorization, where its token goes. Remove it.")


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
