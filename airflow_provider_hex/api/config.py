"""The client's configuration: a connection's fields, read and validated."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from airflow_provider_hex import __version__
from airflow_provider_hex.api.errors import HexInvalidInput
from airflow_provider_hex.api.validation import to_bool


@dataclass(frozen=True)
class HexConfig:
    """What a client needs. Its repr shows neither the token nor anything else that may be secret.

    :param base_url: the API's base URL, ``https://…/api/v1``, from :func:`airflow_provider_hex.api.address.base_url`.
    :param token: a workspace or personal token, from :func:`clean_token`.
    :param verify: whether to check the server's certificate. Default: yes.
    :param ca_bundle: a PEM file of the authorities to trust. Default: ``REQUESTS_CA_BUNDLE``, ``CURL_CA_BUNDLE``, or
        those that requests trusts.
    :param proxy: the proxy's URL. Default: ``HTTPS_PROXY``, ``ALL_PROXY`` and ``NO_PROXY`` count.
    :param headers: additional headers for every request.
    :param connect_timeout: seconds within which the connection must be made.
    :param read_timeout: seconds within which the response must begin, and each further part of it arrive.
    :param requests_per_minute: the most requests that one task, or all triggers of a triggerer, send in a minute.
    :param retry_for: seconds for which a request is retried after transient errors.
    :param start_grace: seconds to wait before searching for a run whose start got no response.
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
        """The headers of every request."""
        return {
            "User-Agent": f"airflow-provider-hex/{__version__}",
            **self.headers,
            "Authorization": f"Bearer {self.token}",
        }

    def without_token(self, body: bytes) -> bytes:
        """Return a response's body with the token masked, in case a server or proxy repeats it."""
        return body.replace(self.token.encode(), b"***")


def options(extra: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of :class:`HexConfig` that a connection's extra sets.

    :param extra: the connection's extra. Empty values and unknown names are ignored.
    :raises HexInvalidInput: a value is invalid.
    """
    given = {name: extra[name] for name in _READERS if extra.get(name) not in (None, "")}
    return {name: _READERS[name](value, f"The Hex connection's {name}") for name, value in given.items()}


def clean_token(token: str | None) -> str:
    """Return the token without white space around it or a pasted ``Bearer``.

    :raises HexInvalidInput: the token is missing, or cannot be sent in an HTTP header.
    """
    text = re.sub(r"(?i)^bearer(\s+|$)", "", (token or "").strip())
    if not text:
        raise HexInvalidInput("The Hex connection has no token. Put one into its API token field.")
    if not _fits_a_header(text) or " " in text:
        raise HexInvalidInput(
            "The Hex connection's API token contains white space or characters that no token has. Paste it again."
        )
    return text


def _seconds(value: Any, where: str) -> float:
    seconds = _number(value)
    if not 0 < seconds <= 86400:
        raise _invalid(where, repr(value), "a number of seconds, more than 0 and at most 86400,")
    return seconds


def _count(value: Any, where: str) -> int:
    number = _number(value)
    if not (1 <= number <= 6000 and number == int(number)):
        raise _invalid(where, repr(value), "a whole number from 1 to 6000")
    return int(number)


def _number(value: Any) -> float:
    """Return a number, also from a string; NaN for anything else."""
    try:
        return math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        return math.nan


def _text(value: Any, where: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise _invalid(where, repr(value), "a text")
    return value.strip()


def proxy_url(value: Any, where: str, schemes: Collection[str] = ("http", "https")) -> str:
    """Return a proxy's URL. It may hold a password, so no message repeats it.

    :raises HexInvalidInput: for anything else.
    """
    text = _text(value, where)
    try:
        url = urlsplit(text if "://" in text else f"http://{text}")
        known = url.scheme in schemes and bool(url.hostname) and url.port != 0
    except ValueError:
        known = False
    if not known:
        raise _invalid(where, "not a proxy's address", "one like http://proxy.example.com:3128")
    return url.geturl()


def _headers(value: Any, where: str) -> dict[str, str]:
    """Return headers from a mapping or its JSON. They may be secret, so no message repeats their values."""
    try:
        value = json.loads(value) if isinstance(value, str) else value
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, Mapping):
        raise _invalid(where, "not a JSON object", 'one like {"X-Team": "data"}')
    for header, content in value.items():
        if not isinstance(header, str) or not re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", header):
            raise _invalid(where, f"an object with the name {header!r}", "the name of an HTTP header")
        if not isinstance(content, str) or not _fits_a_header(content):
            raise _invalid(where, f"an object whose {header} is not printable ASCII", "printable ASCII")
        if header.lower() == "authorization":
            raise HexInvalidInput(f"{where} contain Authorization, which holds the connection's token. Remove it.")
    return dict(value)


def _fits_a_header(text: str) -> bool:
    return text.isascii() and text.isprintable()


def _invalid(where: str, what: str, needed: str) -> HexInvalidInput:
    return HexInvalidInput(f"{where} is {what}; {needed} is needed.")


_READERS: dict[str, Callable[[Any, str], Any]] = {
    "verify": to_bool,
    "ca_bundle": _text,
    "proxy": proxy_url,
    "headers": _headers,
    "connect_timeout": _seconds,
    "read_timeout": _seconds,
    "requests_per_minute": _count,
    "retry_for": _seconds,
    "start_grace": _seconds,
}
