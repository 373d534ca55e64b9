"""The client's configuration: a connection's fields, read and validated."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from airflow_provider_hex import __version__
from airflow_provider_hex.api.address import TOKEN_PREFIX, is_host_name
from airflow_provider_hex.api.errors import HexInvalidInput
from airflow_provider_hex.api.validation import invalid, parse_json, to_bool, to_count, to_seconds, to_text


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
    :param requests_per_minute: the maximum number of status requests in a minute, and of all other requests together,
        by one task, or by all triggers of a triggerer.
    :param retry_for: seconds for which a request is retried after transient errors.
    :param start_grace: seconds to wait before searching for a run whose start got no response.
    :param name: the connection's id, for messages. Default: none.
    """

    base_url: str
    token: str = field(repr=False)
    verify: bool = True
    ca_bundle: str | None = None
    proxy: str | None = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False, hash=False)
    connect_timeout: float = 10.0
    read_timeout: float = 60.0
    requests_per_minute: int = 25
    retry_for: float = 180.0
    start_grace: float = 30.0
    name: str = field(default="", compare=False)

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
    return {name: _READERS[name](value, title(name)) for name, value in given.items()}


def title(name: str) -> str:
    """Return what an option is called in messages: its label in the connection form, and its name in the extra."""
    return f"{LABELS[name]} ({name}) of the Hex connection"


def unknown_options(extra: Mapping[str, Any]) -> list[str]:
    """Return a sentence for each field of a connection's extra that is no option, such as a misspelt one.

    Airflow's own fields, such as ``__extra__``, are left out.
    """
    return [
        f"The extra of the Hex connection has the field {_shown(name)}, which is ignored, because no option has this "
        f"name.{_suggestion(name)}"
        for name in extra
        if name not in OPTIONS and not name.startswith(("extra__", "__extra__"))
    ]


def _shown(name: str) -> str:
    """Return a field's name for a message. A token may be in it by mistake."""
    return "***" if re.search(TOKEN_PREFIX, name) or len(name) > _LONGEST_NAME else repr(name)


def _suggestion(name: str) -> str:
    import difflib  # rarely needed

    similar = difflib.get_close_matches(name.lower().replace("-", "_").replace(" ", "_"), OPTIONS, n=1)
    return f" Did you mean {similar[0]}?" if similar else ""


def clean_token(token: str | None) -> str:
    """Return the token without white space around it or a pasted ``Bearer``.

    :raises HexInvalidInput: the token is missing, or cannot be sent in an HTTP header.
    """
    text = re.sub(r"(?i)^bearer(\s+|$)", "", (token or "").strip())
    if not text:
        raise HexInvalidInput(
            "The Hex connection has no token. Put one into its API token field. In a connection URI it is the "
            "password: hex://:TOKEN@app.hex.tech"
        )
    if not _fits_a_header(text) or " " in text:
        raise HexInvalidInput(
            "The API token of the Hex connection contains white space or characters that no token has. Paste it again."
        )
    return text


def looks_like_token(text: str) -> bool:
    """Return whether a text may be a token: it has the prefix, or, like older tokens, is long and has digits."""
    return bool(re.match(TOKEN_PREFIX, text) or re.fullmatch(r"(?=.*\d)[\w.~+/=-]{20,}", text))


def _text(value: Any, name: str) -> str:
    text = to_text(value, name).strip()
    if not text:
        raise invalid(value, name, "text")
    return text


def proxy_url(value: Any, name: str, schemes: Collection[str] = ("http", "https")) -> str:
    """Return the URL of a proxy.

    :param value: the URL, or ``host:port``. It may contain a password, so no message shows it.
    :param name: where it is set.
    :param schemes: the kinds of proxy allowed.
    :raises HexInvalidInput: it is not the URL of such a proxy.
    """
    text = value.strip() if isinstance(value, str) else ""
    try:
        url = urlsplit(text if "://" in text else f"http://{text}")
        valid = url.scheme in schemes and is_host_name(url.hostname or "") and url.port != 0
    except ValueError:
        valid = False
    if not valid:
        raise HexInvalidInput(f"{name} is not the URL of a proxy. Write it like http://proxy.example.com:3128")
    return url.geturl()


def _headers(value: Any, name: str) -> dict[str, str]:
    """Return headers from a mapping or its JSON. They may be secret, so no message shows their values."""
    try:
        headers = parse_json(value, name)
    except HexInvalidInput:
        headers = None
    if not isinstance(headers, Mapping):
        raise HexInvalidInput(f'{name} must be a JSON object, like {{"X-Team": "data"}}.')
    for header, content in headers.items():
        if not isinstance(header, str) or not re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", header):
            raise HexInvalidInput(f"{name} contain {header!r}, which is not the name of an HTTP header.")
        if not isinstance(content, str) or not _fits_a_header(content):
            raise HexInvalidInput(f"{name} contain {header} with a value that is not printable ASCII.")
        if header.lower() == "authorization":
            raise HexInvalidInput(f"{name} contain Authorization, which is set from the API token. Remove it.")
    return dict(headers)


def _fits_a_header(text: str) -> bool:
    return text.isascii() and text.isprintable()


def to_checked(value: Any, name: str) -> bool:
    """Return whether a box of the connection form is checked.

    :param value: a boolean, ``"true"`` or ``"false"``; or ``"y"``, which Airflow 2.11's *Test* sends for a checked box.
    :param name: what the option is called in messages.
    :raises HexInvalidInput: it is something else.
    """
    return value == "y" or to_bool(value, name)


_seconds = partial(to_seconds, most=86400, text=True)
_READERS: dict[str, Callable[[Any, str], Any]] = {
    "verify": to_checked,
    "ca_bundle": _text,
    "proxy": proxy_url,
    "headers": _headers,
    "connect_timeout": _seconds,
    "read_timeout": _seconds,
    "requests_per_minute": partial(to_count, most=6000, text=True),
    "retry_for": _seconds,
    "start_grace": _seconds,
}
LABELS = {
    "connect_timeout": "Connect timeout",
    "read_timeout": "Read timeout",
    "retry_for": "Retry for",
    "requests_per_minute": "Requests per minute",
    "start_grace": "Start grace",
    "verify": "Verify TLS",
    "ca_bundle": "CA bundle",
    "proxy": "Proxy",
    "headers": "Extra headers",
    "allow_http": "Allow plain HTTP",
}
"""The options' labels in the connection form."""
OPTIONS = tuple(LABELS)
"""The names that fields of a connection's extra may have."""

_LONGEST_NAME = 60
