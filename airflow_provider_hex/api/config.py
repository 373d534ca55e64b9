"""Where Hex is and who asks: a connection's fields, made good or refused."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from airflow_provider_hex import __version__
from airflow_provider_hex.api.errors import HexInvalidInput
from airflow_provider_hex.api.validation import to_bool


@dataclass(frozen=True)
class HexConfig:
    """All that a client needs. Neither the token nor what else may be secret shows in a repr.

    :param base_url: the API's address, ``https://…/api/v1``, from :func:`airflow_provider_hex.api.address.base_url`.
    :param token: a workspace or personal token, from :func:`clean_token`.
    :param verify: check Hex's certificate.
    :param ca_bundle: a PEM file of the authorities to trust. Default: those that the HTTP library trusts.
    :param proxy: the proxy's URL. Default: what the environment says.
    :param headers: headers to send besides.
    :param connect_timeout: seconds for a connection to be made.
    :param read_timeout: seconds in which an answer must begin, and go on.
    :param requests_per_minute: how many requests one task, or all triggers of a triggerer, send in a minute at most.
    :param retry_for: seconds for which a request is sent again when the network or Hex fails.
    :param start_grace: seconds after which a run shows that was started without a clear answer.
    """

    base_url: str
    token: str = field(repr=False)
    verify: bool = True
    ca_bundle: str | None = None
    proxy: str | None = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False, hash=False)
    connect_timeout: float = 10.0
    read_timeout: float = 60.0
    requests_per_minute: int = 30
    retry_for: float = 180.0
    start_grace: float = 30.0

    @property
    def request_headers(self) -> dict[str, str]:
        """What every request carries."""
        return {
            "User-Agent": f"airflow-provider-hex/{__version__}",
            **self.headers,
            "Authorization": f"Bearer {self.token}",
        }

    def without_token(self, body: bytes) -> bytes:
        """Return an answer's body with the token blotted out, should a server or proxy repeat it."""
        return body.replace(self.token.encode(), b"***")


def options(extra: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a connection's extra says of :class:`HexConfig`, for whatever it says something.

    :raises HexInvalidInput: for a value that makes no sense, by its name.
    """
    given = {name: extra[name] for name in _READERS if extra.get(name) not in (None, "")}
    return {name: _READERS[name](value, name) for name, value in given.items()}


def clean_token(token: str | None) -> str:
    """Return the token without stray white space or a pasted ``Bearer``.

    :raises HexInvalidInput: for an empty token, or one that no HTTP header can carry.
    """
    text = re.sub(r"(?i)^bearer(\s+|$)", "", (token or "").strip())
    if not text:
        raise HexInvalidInput("The Hex connection has no token. Put one into its password field.")
    if not _fits_a_header(text) or " " in text:
        raise HexInvalidInput(
            "The token in the Hex connection's password field holds white space or characters that no token has. "
            "Paste it again."
        )
    return text


def _seconds(value: Any, name: str) -> float:
    seconds = _number(value)
    if not 0 < seconds <= 86400:
        raise _refusal(name, repr(value), "a number of seconds, more than 0 and at most 86400,")
    return seconds


def _count(value: Any, name: str) -> int:
    number = _number(value)
    if not (1 <= number <= 6000 and number == int(number)):
        raise _refusal(name, repr(value), "a whole number from 1 to 6000")
    return int(number)


def _number(value: Any) -> float:
    """Return a number, also a written one; not a number for anything else."""
    try:
        return math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        return math.nan


def _text(value: Any, name: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise _refusal(name, repr(value), "a text")
    return value.strip()


def _proxy(value: Any, name: str) -> str:
    """Return a proxy's URL. It may hold a password, so no message repeats it."""
    text = _text(value, name)
    try:
        url = urlsplit(text if "://" in text else f"http://{text}")
        known = url.scheme in ("http", "https") and bool(url.hostname) and url.port != 0
    except ValueError:
        known = False
    if not known:
        raise _refusal(name, "no proxy's address", "one like http://proxy.example.com:3128")
    return url.geturl()


def _headers(value: Any, name: str) -> dict[str, str]:
    """Return headers from a mapping or its JSON. They may be secret, so no message repeats their values."""
    try:
        value = json.loads(value) if isinstance(value, str) else value
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, Mapping):
        raise _refusal(name, "no JSON object", 'one like {"X-Team": "data"}')
    for header, content in value.items():
        if not isinstance(header, str) or not re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", header):
            raise _refusal(name, f"an object with the name {header!r}", "the name of an HTTP header")
        if not isinstance(content, str) or not _fits_a_header(content):
            raise _refusal(name, f"an object whose {header} no header can carry", "printable text")
        if header.lower() == "authorization":
            raise HexInvalidInput("The Hex connection's headers hold Authorization, where its token goes. Remove it.")
    return dict(value)


def _fits_a_header(text: str) -> bool:
    return text.isascii() and text.isprintable()


def _refusal(name: str, what: str, needed: str) -> HexInvalidInput:
    return HexInvalidInput(f"The Hex connection's {name} is {what}; {needed} is needed.")


_READERS: dict[str, Callable[[Any, str], Any]] = {
    "verify": lambda value, name: to_bool(value, f"The Hex connection's {name}"),
    "ca_bundle": _text,
    "proxy": _proxy,
    "headers": _headers,
    "connect_timeout": _seconds,
    "read_timeout": _seconds,
    "requests_per_minute": _count,
    "retry_for": _seconds,
    "start_grace": _seconds,
}
