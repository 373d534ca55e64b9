"""Where the command line has its token from."""

from __future__ import annotations

import os
import sys
from contextlib import redirect_stdout
from dataclasses import dataclass
from typing import Any

from airflow_provider_hex.api.address import base_url
from airflow_provider_hex.api.config import HexConfig, clean_token
from airflow_provider_hex.api.errors import HexError, HexInvalidInput, add_sentence
from airflow_provider_hex.hooks.connection import fields_of
from airflow_provider_hex.hooks.connection_check import describe

DEFAULT = "hex_default"
_IN_ENVIRONMENT = "Here, the connection is the environment's HEX_API_TOKEN and HEX_BASE_URL."


@dataclass(frozen=True)
class Source:
    """A place that has a token.

    :param conn_id: the Airflow connection, None for the environment.
    """

    conn_id: str | None

    @classmethod
    def chosen_by(cls, conn_id: str | None) -> Source:
        """Return the connection that a command names, the environment if that has a token, or else ``hex_default``.

        :param conn_id: the connection that the command names, None if it names none.
        """
        return cls(conn_id or (None if os.environ.get("HEX_API_TOKEN") else DEFAULT))

    def config(self) -> tuple[HexConfig, list[str]]:
        """Return the configuration, and what a user should know about it.

        :raises HexError: it is invalid, or cannot be read.
        """
        if self.conn_id is None:
            token = clean_token(os.environ.get("HEX_API_TOKEN"))
            return HexConfig(base_url(os.environ.get("HEX_BASE_URL")), token), []
        with redirect_stdout(sys.stderr):  # Airflow 2 logs to stdout
            fields = fields_of(_airflow_connection(self.conn_id))
        return fields.config, fields.warnings

    def explain(self, error: HexError) -> None:
        """Say in a message what it means by the connection."""
        if "onnection" in str(error) and (self.conn_id or "HEX_API_TOKEN") not in str(error):
            add_sentence(error, f"The connection is {self.conn_id}." if self.conn_id else _IN_ENVIRONMENT)


def _airflow_connection(conn_id: str) -> Any:
    """Return an Airflow connection, from any place where Airflow's services find it.

    :raises HexError: Airflow has none, or cannot be used.
    """
    try:
        from airflow.models.connection import Connection

        from airflow_provider_hex.airflow_compat import AirflowNotFoundException
    except ImportError as error:
        raise HexError(f"Airflow cannot be imported: {error}. Set HEX_API_TOKEN to do without it.") from None
    try:
        return Connection.get_connection_from_secrets(conn_id)
    except AirflowNotFoundException:
        raise HexInvalidInput(
            f"Airflow has no connection {conn_id}, or cannot parse it, or cannot read its database. Create one of type "
            "hex, name another with --conn-id, or set HEX_API_TOKEN instead."
        ) from None
    except Exception as error:  # whatever a secrets backend raises
        raise HexError(describe(error)) from None
