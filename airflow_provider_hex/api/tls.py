"""How the server's certificate is checked, from the connection and the environment."""

from __future__ import annotations

import os
import ssl
import threading
from functools import lru_cache

from requests.utils import DEFAULT_CA_BUNDLE_PATH
from urllib3.util.ssl_ import create_urllib3_context

from airflow_provider_hex.api.config import HexConfig, title
from airflow_provider_hex.api.errors import HexInvalidInput

_loading = threading.RLock()  # a signal handler may need a context while it is loaded


def ssl_context(config: HexConfig) -> ssl.SSLContext:
    """Return the context that checks the server's certificate.

    The connection's ``verify`` and ``ca_bundle`` come first, then ``REQUESTS_CA_BUNDLE`` and ``CURL_CA_BUNDLE``,
    then the authorities that requests trusts. Clients with the same settings share one context, because loading it
    takes about a megabyte and tens of milliseconds. A file that has changed is loaded again.

    :raises HexInvalidInput: the file does not exist, or is not PEM.
    """
    source, bundle = _bundle(config)
    try:
        with _loading:
            return _context(config.verify, bundle, os.stat(bundle).st_mtime_ns if config.verify else 0)
    except OSError as error:
        raise HexInvalidInput(
            f"{source} is {bundle!r}, which cannot be used here: {error.strerror or error}. "
            "It must be a PEM file on every machine that runs tasks or triggers."
        ) from None


def _bundle(config: HexConfig) -> tuple[str, str]:
    """Return where a bundle is named, and its path."""
    if config.ca_bundle is not None:
        return title("ca_bundle"), config.ca_bundle
    for variable in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        if path := os.environ.get(variable):
            return f"The environment's {variable}", path
    return "The file of trusted authorities", DEFAULT_CA_BUNDLE_PATH


@lru_cache(maxsize=8)
def _context(verify: bool, bundle: str, changed_at: int) -> ssl.SSLContext:
    """Return a new context. ``changed_at`` is only a part of the cache's key: a changed file is loaded again."""
    context = create_urllib3_context()
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif os.path.isdir(bundle):
        context.load_verify_locations(capath=bundle)
    else:
        context.load_verify_locations(cafile=bundle)
    return context
