"""What Airflow's provider manager reads (entry point ``apache_airflow_provider``)."""

from __future__ import annotations

from typing import Any

from airflow_provider_hex import __version__


def get_provider_info() -> dict[str, Any]:
    """Describe this provider in the form of Airflow's ``provider_info.schema.json``.

    Airflow 3.2 and later draw the connection form from ``conn-fields`` and ``ui-field-behaviour``;
    older ones ask ``HexHook``, which answers from the same entry.
    """
    return {
        "package-name": "airflow-provider-hex",
        "name": "Hex",
        "description": "Run published Hex projects from Airflow, and wait for them. https://hex.tech",
        "versions": [__version__],
        "connection-types": [
            {
                "connection-type": "hex",
                "hook-class-name": "airflow_provider_hex.hooks.hex.HexHook",
                "hook-name": "Hex",
                "ui-field-behaviour": {
                    "hidden-fields": ["login", "port", "schema", "extra"],
                    "relabeling": {"password": "API token", "host": "Base URL"},
                    "placeholders": {
                        "host": "https://app.hex.tech",
                        "password": "hxtw_… (workspace token) or hxtp_… (personal token)",
                    },
                },
                "conn-fields": {
                    "connect_timeout": _field(
                        "Connect timeout", "Seconds for a connection to be made. Default: 10.", "number"
                    ),
                    "read_timeout": _field(
                        "Read timeout", "Seconds in which an answer must begin, and go on. Default: 60.", "number"
                    ),
                    "retry_for": _field(
                        "Retry for",
                        "Seconds for which a request is sent again when the network or Hex fails. Default: 180.",
                        "number",
                    ),
                    "requests_per_minute": _field(
                        "Requests a minute",
                        "How many requests one task, or all triggers of a triggerer, send in a minute at the "
                        "most. Hex allows a token's owner 60 in all. Default: 30.",
                        "integer",
                    ),
                    "start_grace": _field(
                        "Start grace",
                        "Seconds after which a run is looked for whose start got no clear answer. Default: 30.",
                        "number",
                    ),
                    "verify": _field("Verify TLS", "Check Hex's certificate. Default: yes.", "boolean", True),
                    "ca_bundle": _field(
                        "CA bundle",
                        "Path of a PEM file with the authorities to trust, where tasks and triggers run.",
                        "string",
                    ),
                    "proxy": _field(
                        "Proxy", "Like http://proxy.example.com:3128. Default: what the environment says.", "string"
                    ),
                    "headers": _field(
                        "Extra headers", 'To send with every request, as JSON, like {"X-Team": "data"}.', "string"
                    ),
                    "allow_http": _field(
                        "Allow plain HTTP",
                        "Send the token over unencrypted HTTP to a host other than this machine. Default: no.",
                        "boolean",
                        False,
                    ),
                },
            }
        ],
    }


def _field(label: str, description: str, kind: str, default: bool | None = None) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": [kind, "null"]}
    return {
        "label": label,
        "description": description,
        "schema": schema if default is None else {**schema, "default": default},
    }
