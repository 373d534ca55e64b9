"""How Hex's certificate is checked."""

from __future__ import annotations

import ssl

from airflow_provider_hex.api.config import HexConfig
from airflow_provider_hex.api.errors import HexInvalidInput


def ssl_context(config: HexConfig) -> ssl.SSLContext | bool:
    """Return what an HTTP library is to check certificates with: True for its own default, False for no check.

    :raises HexInvalidInput: the connection's ``ca_bundle`` cannot be used.
    """
    if not config.verify or config.ca_bundle is None:
        return config.verify
    try:
        return ssl.create_default_context(cafile=config.ca_bundle)
    except OSError as error:
        raise HexInvalidInput(
            f"The Hex connection's ca_bundle {config.ca_bundle!r} cannot be used here: {error.strerror or error}. "
            "It must be a PEM file on every machine that runs tasks or triggers."
        ) from None
