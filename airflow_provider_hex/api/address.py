"""The API's base URL, from whatever a user puts into the connection's *Base URL* field."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import urlsplit

from airflow_provider_hex.api.errors import HexInvalidInput

DEFAULT_HOST = "https://app.hex.tech"
API_PATH = "/api/v1"
DEFAULT_PORTS = {"https": 443, "http": 80}
TOKEN_PREFIX = "hxt[pw]_"
"""How a token begins: ``hxtp_`` a personal one, ``hxtw_`` a workspace's. Older ones have no prefix."""


def base_url(
    host: str | None,
    *,
    schema: str | None = None,
    port: int | None = None,
    conn_type: str | None = None,
    allow_http: bool = False,
) -> str:
    """Return the API's base URL.

    A host, with or without a scheme and a port, the URL of a page in Hex, and the whole ``/api/v1`` URL mean the same.

    :param host: the connection's host. Default: ``https://app.hex.tech``.
    :param schema: the connection's schema. ``http`` and ``https`` count if the host has no scheme. Anything else is
        the path of a connection URI, and ignored.
    :param port: the connection's port, which counts if the host has no port.
    :param conn_type: the connection's type, which is the scheme of a connection URI. ``https`` counts more than the
        schema, ``http`` less.
    :param allow_http: allow unencrypted http to another machine. Default: no.
    :return: the URL, which ends in ``/api/v1``.
    :raises HexInvalidInput: it is not a URL, contains a token or password, or is unencrypted.
    """
    text = (host or "").strip() or DEFAULT_HOST
    if "://" not in text:
        text = f"{_scheme(schema, conn_type)}://{text.lstrip('/')}"
    if "@" in text or re.search(TOKEN_PREFIX, text):
        raise HexInvalidInput(
            "The Base URL of the Hex connection contains a token, a user name or a password. Put the token into the "
            f"API token field, and write the Base URL like {DEFAULT_HOST}"
        )
    protocol, name, own_port = _parts(_with_brackets(text), host)
    if protocol == "http" and not allow_http and not _is_loopback(name):
        raise HexInvalidInput(
            f"The Hex connection would send its token unencrypted to {name}. Use https, or set Allow plain HTTP "
            "(allow_http in the extra) if you want that."
        )
    return f"{protocol}://{_network_location(protocol, name, own_port or port)}{API_PATH}"


def _network_location(protocol: str, name: str, port: int | None) -> str:
    """Return a URL's host and port. One address has one URL, and one rate limit, so a default port is left out."""
    host = f"[{name}]" if ":" in name else name
    return host if port in (None, 0, DEFAULT_PORTS[protocol]) else f"{host}:{port}"


def _scheme(schema: str | None, conn_type: str | None) -> str:
    """Return the scheme for a host that has none. Only an explicit ``http`` is unencrypted."""
    written, kind = ((text or "").strip().lower().rstrip(":/") for text in (schema, conn_type))
    if kind == "https" or written not in ("http", "https"):
        return "http" if kind == "http" else "https"
    return written


def _with_brackets(url: str) -> str:
    """Return a URL with the brackets of an IPv6 address, which Airflow removes from a connection URI."""
    scheme, _, rest = url.partition("://")
    name = re.split("[/?#]", rest, maxsplit=1)[0]
    return f"{scheme}://[{name}]{rest.removeprefix(name)}" if name.count(":") > 1 and _is_address(name) else url


def _is_address(name: str) -> bool:
    try:
        return bool(ipaddress.ip_address(name))
    except ValueError:
        return False


def _parts(text: str, host: str | None) -> tuple[str, str, int | None]:
    """Return the scheme, host name and port of a URL."""
    try:
        url = urlsplit(text)
        name, port = url.hostname or "", url.port
    except ValueError as error:
        raise HexInvalidInput(f"The Base URL of the Hex connection is {host!r}, which is not a URL: {error}.") from None
    # A scheme with one slash is no host, or the token would be sent to a machine of that name.
    if url.scheme not in ("http", "https") or name in ("http", "https") or not is_host_name(name):
        raise HexInvalidInput(
            f"The Base URL of the Hex connection is {host!r}, which is not a URL. Write it like {DEFAULT_HOST}"
        )
    return url.scheme, name, port


def _is_loopback(name: str) -> bool:
    if _is_address(name):
        return ipaddress.ip_address(name).is_loopback
    return name == "localhost" or name.endswith(".localhost")


def is_host_name(name: str) -> bool:
    """Return whether a text is a host name or an IP address."""
    try:
        return bool(re.fullmatch(r"[\w.:-]+", name)) and bool(name.encode("idna"))
    except UnicodeError:  # an empty label, or one that is too long
        return False
