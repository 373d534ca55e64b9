"""Which proxy leads to Hex, from the connection and the environment."""

from __future__ import annotations

import ipaddress
from importlib.util import find_spec
from urllib.parse import urlsplit
from urllib.request import getproxies, getproxies_environment, proxy_bypass

from airflow_provider_hex.api.address import DEFAULT_PORTS
from airflow_provider_hex.api.config import HexConfig, proxy_url
from airflow_provider_hex.api.errors import HexInvalidInput


def proxy_for(config: HexConfig) -> str | None:
    """Return the URL of the proxy to use, None for none.

    The connection's ``proxy`` comes first, even if ``NO_PROXY`` names the host. Then ``HTTPS_PROXY`` (``HTTP_PROXY``
    for a base URL with http) and ``ALL_PROXY``, unless ``NO_PROXY`` names the host.

    :raises HexInvalidInput: the environment names a proxy that cannot be used.
    """
    if config.proxy:
        return config.proxy
    url = urlsplit(config.base_url)
    if _bypassed(url.hostname or "", url.port or DEFAULT_PORTS[url.scheme]):
        return None
    named = getproxies()
    scheme = next((scheme for scheme in (url.scheme, "all") if named.get(scheme)), None)
    return _usable(named[scheme], f"{scheme.upper()}_PROXY") if scheme else None


def _usable(url: str, variable: str) -> str:
    if not url.lower().startswith("socks"):
        return proxy_url(url, f"The environment's {variable}")
    if find_spec("socks") is None:
        raise HexInvalidInput(f"{variable} names a SOCKS proxy, which needs PySocks: install requests[socks].")
    return proxy_url(url, f"The environment's {variable}", ("socks4", "socks4a", "socks5", "socks5h"))


def _bypassed(host: str, port: int) -> bool:
    """Whether ``NO_PROXY`` names a host: as Python's ``proxy_bypass`` reads it, or as a network or an IPv6 address."""
    if proxy_bypass(f"{host}:{port}"):
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    entries = getproxies_environment().get("no", "").split(",")
    return any(address in network for entry in entries if (network := _network(entry.strip(), port)))


def _network(entry: str, port: int) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    """Return the addresses that an entry names, None if it names none, or another port."""
    if entry.startswith("["):
        entry = entry.removesuffix(f":{port}").strip("[]")
    try:
        return ipaddress.ip_network(entry, strict=False)
    except ValueError:
        return None
