"""A connection of type ``hex``: what its fields mean, and its form for Airflow before 3.2."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow_provider_hex.api.address import base_url
from airflow_provider_hex.api.config import (
    HexConfig,
    clean_token,
    looks_like_token,
    options,
    title,
    to_checked,
    unknown_options,
)
from airflow_provider_hex.api.connection_name import naming_connection, with_name
from airflow_provider_hex.api.errors import HexInvalidInput
from airflow_provider_hex.get_provider_info import get_provider_info

if TYPE_CHECKING:
    from airflow_provider_hex.airflow_compat import Connection


@dataclass(frozen=True, repr=False)
class ConnectionFields:
    """The fields of a connection, as Airflow has read them: from its form, from JSON or from a URI.

    :param extra: its extra.
    """

    connection: Connection
    extra: Mapping[str, Any]

    @property
    def config(self) -> HexConfig:
        """The configuration, read from the fields.

        :raises HexInvalidInput: a field is invalid.
        """
        with naming_connection(self._name):
            if not isinstance(self.extra, Mapping):
                raise HexInvalidInput("The extra of the Hex connection must be a JSON object.")
            token = clean_token(self.exposed_token or self.connection.password)
            url = base_url(
                self.connection.host,
                schema=self.connection.schema,
                port=self.connection.port,
                conn_type=self.connection.conn_type,
                allow_http=to_checked(self.extra.get("allow_http") or False, title("allow_http")),
            )
            return HexConfig(url, token, name=self._name, **options(self.extra))

    @property
    def _name(self) -> str:
        return self.connection.conn_id or ""

    @property
    def exposed_token(self) -> str | None:
        """The token, if it is in the login and there is no password: ``hex://TOKEN@app.hex.tech``."""
        login = (self.connection.login or "").strip()
        return login if looks_like_token(login) and not (self.connection.password or "").strip() else None

    @property
    def warnings(self) -> list[str]:
        """What a user should know about fields that are not invalid."""
        found = unknown_options(self.extra) if isinstance(self.extra, Mapping) else []
        return [with_name(warning, self._name) for warning in ([_EXPOSED] if self.exposed_token else []) + found]


_EXPOSED = (
    "The Hex connection has its token in the login, which Airflow shows to users. Put it into the API token field. In "
    "a connection URI it is the password: hex://:TOKEN@app.hex.tech"
)


def fields_of(connection: Connection) -> ConnectionFields:
    """Return a connection's fields. A token in the login is masked in logs, as Airflow masks the password."""
    from airflow_provider_hex.airflow_compat import mask_secret

    fields = ConnectionFields(connection, connection.extra_dejson)
    if fields.exposed_token:
        mask_secret(fields.exposed_token)
    return fields


def ui_field_behaviour() -> dict[str, Any]:
    """Return the labels and placeholders of the form, for Airflow before 3.2."""
    behaviour = get_provider_info()["connection-types"][0]["ui-field-behaviour"]
    return {key.replace("-", "_"): value for key, value in behaviour.items()}


def form_widgets() -> dict[str, Any]:
    """Return the form's extra fields, for Airflow before 3.2."""
    from wtforms import BooleanField, IntegerField, StringField
    from wtforms.validators import Optional

    kinds = {"boolean": BooleanField, "integer": IntegerField}  # Airflow supports only these and text
    fields = get_provider_info()["connection-types"][0]["conn-fields"]
    return {
        name: kinds.get(field["schema"]["type"][0], StringField)(
            field["label"],
            description=field["description"],
            default=field["schema"].get("default"),
            validators=[Optional()],
        )
        for name, field in fields.items()
    }
