"""A connection of type ``hex``: what its fields mean, and its form for Airflow before 3.2."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from airflow_provider_hex.api.address import base_url
from airflow_provider_hex.api.config import HexConfig, clean_token, options
from airflow_provider_hex.api.validation import to_bool
from airflow_provider_hex.get_provider_info import get_provider_info

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Connection


def config_of(connection: Connection, extra: Mapping[str, Any]) -> HexConfig:
    """Return a connection's configuration, validated.

    :param connection: the connection.
    :param extra: the connection's extra, which a trigger reads asynchronously.
    :raises HexInvalidInput: a field is invalid.
    """
    allow_http = to_bool(extra.get("allow_http") or False, "The Hex connection's allow_http")
    return HexConfig(
        base_url(connection.host, scheme=connection.schema, port=connection.port, allow_http=allow_http),
        clean_token(connection.password),
        **options(extra),
    )


async def async_config_of(hex_conn_id: str) -> HexConfig:
    """Return the configuration of the connection with this id, read asynchronously for a trigger.

    :param hex_conn_id: the connection's id.
    :raises HexInvalidInput: a field is invalid.
    """
    from airflow.providers.common.compat.connection import get_async_connection, get_async_extra_dejson

    connection = await get_async_connection(hex_conn_id)
    return config_of(connection, await get_async_extra_dejson(connection))


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
