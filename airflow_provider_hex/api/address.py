"""The API's base URL, from whatever a user puts into the connection's *Base URL* field."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import urlsplit

from airflow_provider_hex.api.errors import HexInvalidInput

DEFAULT_HOST = "https://app.hex.tech"
API_PATH = "/api/v1"


def base_url(host: str | None, *, scheme: str | None = None, port: int | None = None, allow_http: bool = False) -> str:
    """Return the API's base URL.

    A host, with or without a scheme and a port, the URL of a page in Hex, and the whole ``/api/v1`` URL mean the same.

    :param host: the connection's host. Default: ``https://app.hex.tech``.
    :param scheme: the connection's schema, which counts if the host has no scheme.
    :param port: the connection's port, which counts if the host has no port.
    :param allow_http: allow unencrypted http to another machine. Default: no.
    :return: the URL, which ends in ``/api/v1``.
    :raises HexInvalidInput: it is not a URL, contains a token or password, or is unencrypted.
    """
    text = (host or "").strip() or DEFAULT_HOST
    if "://" not in text:
        text = f"{(scheme or '').strip() or 'https'}://{text.lstrip('/')}"
    if "@" in text or re.search("hxt[pw]_", text):
        raise HexInvalidInput(
            "The Hex connection's Base URL contains a token, a user name or a password. Put the token into the "
            f"API token field, and write the Base URL like {DEFAULT_HOST}."
        )
    protocol, name, its_port = _parts(text, host)
    if protocol == "http" and not allow_http and not _is_loopback(name):
        raise HexInvalidInput(
            f"The Hex connection would send its token unencrypted to {name}. Use https, or set allow_http in the "
            "connection's extra if you want that."
        )
    number = its_port or port
    name = f"[{name}]" if ":" in name else name
    return f"{protocol}://{name}{f':{number}' if number else ''}{API_PATH}"


def _parts(text: str, host: str | None) -> tuple[str, str, int | None]:
    """Return the scheme, host name and port of a URL."""
    try:
        url = urlsplit(text)
        name, port = url.hostname or "", url.port
    except ValueError as error:
        raise HexInvalidInput(f"The Hex connection's Base URL is {host!r}, which is not a URL: {error}.") from None
    if url.scheme not in ("http", "https") or not is_host_name(name):
        raise HexInvalidInput(
            f"The Hex connection's Base URL is {host!r}, which is not a URL. Write it like {DEFAULT_HOST}."
        )
    return url.scheme, name, port


def _is_loopback(name: str) -> bool:
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name == "localhost" or name.endswith(".localhost")


def is_host_name(name: str) -> bool:
    """Return whether a text is a host name or an IP address."""
    try:
        return bool(re.fullmatch(r"[\w.:-]+", name)) and bool(name.encode("idna"))
    except UnicodeError:  # an empty label, or one that is too long
        return False
