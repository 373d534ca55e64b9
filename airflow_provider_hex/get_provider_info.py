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
                    "allow_http": {
                        "label": "Allow plain HTTP",
                        "description": "Send the token over unencrypted HTTP to a host other than this machine.",
                        "schema": {"type": ["boolean", "null"], "default": False},
                    },
                },
            }
        ],
    }
