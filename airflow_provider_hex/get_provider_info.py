"""What Airflow's provider manager reads (entry point ``apache_airflow_provider``)."""

from __future__ import annotations

from typing import Any

from airflow_provider_hex import __version__


def get_provider_info() -> dict[str, Any]:
    """Return this provider's description in the form of Airflow's ``provider_info.schema.json``.

    Airflow 3.2 and later build the connection form from ``conn-fields`` and ``ui-field-behaviour``. Older versions call
    ``HexHook``, which reads the same entries.

    :return: the description.
    """
    return {
        "package-name": "airflow-provider-hex",
        "name": "Hex",
        "description": "Run published Hex projects from Airflow, and wait for them. https://hex.tech",
        "versions": [__version__],
        # Airflow 3.1 and later take it from the package's metadata.
        "documentation-url": "https://github.com/hex-inc/airflow-provider-hex/blob/main/docs/index.md",
        "extra-links": ["airflow_provider_hex.links.hex.HexRunLink"],
        "cli": ["airflow_provider_hex.cli.provider.get_commands"],
        "connection-types": [
            {
                "connection-type": "hex",
                "hook-class-name": "airflow_provider_hex.hooks.hex.HexHook",
                "hook-name": "Hex",
                "ui-field-behaviour": {
                    "hidden-fields": ["login", "schema", "extra"],
                    "relabeling": {"password": "API token", "host": "Base URL"},
                    "placeholders": {
                        "host": "https://app.hex.tech",
                        # Airflow 3.3.2 cannot test a saved connection without a port, so the form shows the field.
                        "port": "443 (in Airflow 3.3.2, Test needs it)",
                        "password": "hxtw_… (workspace token) or hxtp_… (personal token)",
                    },
                },
                "conn-fields": {
                    "connect_timeout": _field(
                        "Connect timeout", "Seconds to wait for a connection to Hex. Default: 10.", "number"
                    ),
                    "read_timeout": _field(
                        "Read timeout",
                        "Seconds to wait for a response, and for each part of it. Default: 60.",
                        "number",
                    ),
                    "retry_for": _field(
                        "Retry for",
                        "Seconds for which a request is retried when the network or Hex fails. Default: 180.",
                        "number",
                    ),
                    "requests_per_minute": _field(
                        "Requests per minute",
                        "Status requests that one task, or all triggers of a triggerer together, send per minute at "
                        "most, and as many other requests. Hex allows all processes of a token's owner together "
                        "30 status requests per minute in 2026, which may change. Each process learns its share from "
                        "refusals. Choose fewer if other programs use the token too. Default: 25.",
                        "integer",
                    ),
                    "start_grace": _field(
                        "Start grace",
                        "Seconds to wait before searching for a run whose start got no response. Default: 30.",
                        "number",
                    ),
                    "verify": _field("Verify TLS", "Verify Hex's certificate. Default: yes.", "boolean", True),
                    "ca_bundle": _field(
                        "CA bundle",
                        "Path of a PEM file with the certificate authorities to trust, on workers and triggerers.",
                        "string",
                    ),
                    "proxy": _field(
                        "Proxy", "Such as http://proxy.example.com:3128. Default: the environment's proxy.", "string"
                    ),
                    "headers": _field(
                        "Extra headers", 'Sent with every request, as JSON, such as {"X-Team": "data"}.', "string"
                    ),
                    "allow_http": _field(
                        "Allow plain HTTP",
                        "Allow the token to be sent unencrypted to a host other than this machine. Default: no.",
                        "boolean",
                        False,
                    ),
                },
            }
        ],
    }


def _field(label: str, description: str, kind: str, default: bool | None = None) -> dict[str, Any]:
    """Return a field of the connection form."""
    schema: dict[str, Any] = {"type": [kind, "null"]}
    return {
        "label": label,
        "description": description,
        "schema": schema if default is None else {**schema, "default": default},
    }
