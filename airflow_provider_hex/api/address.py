"""Where Hex is: its API's address, from any way in which a user may write the host."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import urlsplit

from airflow_provider_hex.api.errors import HexInvalidInput

DEFAULT_HOST = "https://app.hex.tech"
API_PATH = "/api/v1"


def base_url(host: str | None, *, scheme: str | None = None, port: int | None = None, allow_http: bool = False) -> str:
    """Return the API's address from any way in which a user may write the host.

    A bare host, one with a scheme or a port, the address of a page in Hex and the whole ``/api/v1`` URL all
    mean the same. Nothing at all means ``https://app.hex.tech``.

    :param host: what the connection's host field holds.
    :param scheme: the connection's schema field, used where the host names no scheme.
    :param port: the connection's port field, used where the host names no port.
    :param allow_http: allow plain http to a host other than this machine.
    :raises HexInvalidInput: for what cannot be Hex's address, and for http to another machine.
    """
    text = (host or "").strip() or DEFAULT_HOST
    if "://" not in text:
        text = f"{(scheme or '').strip() or 'https'}://{text.lstrip('/')}"
    if "@" in text or re.search("hxt[pw]_", text):
        raise HexInvalidInput(
            "The host of the Hex connection holds a token, a user name or a password. Put the token into its password "
            f"field, and write the host like {DEFAULT_HOST}."
        )
    try:
        url = urlsplit(text)
        name, port = url.hostname, url.port or port
    except ValueError as error:
        raise HexInvalidInput(f"The host {host!r} of the Hex connection is no address: {error}.") from None
    if not name or any(c.isspace() for c in name) or url.scheme not in ("http", "https"):
        raise HexInvalidInput(f"The host {host!r} of the Hex connection is no address. Write it like {DEFAULT_HOST}.")
    if url.scheme == "http" and not allow_http and not _is_loopback(name):
        raise HexInvalidInput(
            f"The Hex connection would send its token unencrypted to {name}. Use https, or set allow_http in the "
            "connection's extra if that is meant."
        )
    name = f"[{name}]" if ":" in name else name
    return f"{url.scheme}://{name}{f':{port}' if port else ''}{API_PATH}"


def _is_loopback(name: str) -> bool:
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name == "localhost" or name.endswith(".localhost")
