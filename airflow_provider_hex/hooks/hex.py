"""The hook: the Hex API with the token of an Airflow connection."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any

from airflow_provider_hex.airflow_compat import BaseHook
from airflow_provider_hex.airflow_errors import airflow_errors
from airflow_provider_hex.api.config import HexConfig
from airflow_provider_hex.api.connection_name import with_name
from airflow_provider_hex.compat_0_1.hooks import OldHookMethods, constant
from airflow_provider_hex.hooks import connection_check
from airflow_provider_hex.hooks.api_calls import ApiCalls
from airflow_provider_hex.hooks.connection import (
    ConnectionFields,
    fields_of,
    form_widgets,
    ui_field_behaviour,
)
from airflow_provider_hex.version_compat import ask_airflow

if TYPE_CHECKING:
    import requests

    from airflow_provider_hex.api.async_client import AsyncHexClient
    from airflow_provider_hex.api.client import HexClient

log = logging.getLogger(__name__)
__getattr__ = constant  # such as COMPLETE


class HexHook(ApiCalls, OldHookMethods, BaseHook):
    """Calls the Hex API with the token of an Airflow connection.

    The connection is of type ``hex``. Its password is a workspace or personal token. Its host is Hex's address
    (``https://app.hex.tech`` if empty; EU, HIPAA and single-tenant workspaces have others). Its extra holds the
    other fields of the connection form, see :class:`~airflow_provider_hex.api.config.HexConfig`.

    There is a method for each call of https://learn.hex.tech/docs/api/api-reference. The methods return what Hex
    returns, as dicts; lists are iterators that request a page when it is needed. Transient errors are retried for the
    connection's ``retry_for`` seconds, and rate limits are waited for. Every error is a
    :class:`~airflow_provider_hex.api.errors.HexError` and an ``AirflowException``. One that no retry can fix (401, 403,
    404, 422, an invalid argument) is an ``AirflowFailException``, which fails a task without retries.

    :param hex_conn_id: the connection. Default: ``hex_default``.
    """

    conn_name_attr = "hex_conn_id"
    default_conn_name = "hex_default"
    conn_type = "hex"
    hook_name = "Hex"

    def __init__(self, hex_conn_id: str = default_conn_name) -> None:
        super().__init__()
        self.hex_conn_id = hex_conn_id
        self.connection_warnings: list[str] = []

    @cached_property
    def config(self) -> HexConfig:
        """The connection's configuration. It is read once.

        :raises HexInvalidInput: a field of the connection is invalid.
        """
        with airflow_errors():
            fields = fields_of(self.get_connection(self.hex_conn_id))
            self._warn(fields)
            return fields.config

    @cached_property
    def client(self) -> HexClient:
        """The client that the methods use."""
        return self.new_client()

    def new_client(self, sleep: Callable[[float], None] | None = None) -> HexClient:
        """Return another client for the connection.

        :param sleep: waits for so many seconds between requests. Default: the client's own.
        """
        from airflow_provider_hex.api.client import HexClient  # imports requests, which a DAG file does not need

        with airflow_errors():
            return HexClient(self.config, sleep=sleep)

    def get_conn(self) -> requests.Session:
        """Return the session, which sends the token."""
        return self.client.session

    async def get_async_client(self) -> AsyncHexClient:
        """Return a client for asynchronous code, such as a trigger.

        It sends the calls of :mod:`airflow_provider_hex.api.protocol`::

            async with await HexHook().get_async_client() as client:
                run = await client.request(protocol.get_run(project_id, run_id))
                async for project in client.iterate(protocol.list_projects()):
                    print(project["title"])
                await client.carry_out(steps.cancel(project_id, run_id))

        :raises HexInvalidInput: a field of the connection is invalid.
        """
        from airflow_provider_hex.api.async_client import AsyncHexClient  # imports requests

        return AsyncHexClient(await self.get_async_config(), raising=airflow_errors)

    async def get_async_config(self) -> HexConfig:
        """Return :attr:`config`, read asynchronously."""
        with airflow_errors():
            fields = await ask_airflow(lambda: fields_of(self.get_connection(self.hex_conn_id)))
            self._warn(fields)
            return fields.config

    def test_connection(self) -> tuple[bool, str]:
        """Check the connection, for the *Test* button of Airflow's connection form.

        The message says whose the token is, whether it can read projects, and when it expires, as far as Hex says so.
        """
        try:
            works, message = connection_check.check(self.client.send, self.config)
        except Exception as error:  # the form shows what is returned
            works, message = False, connection_check.describe(error)
        # Airflow's form tests a copy of the connection with a random id.
        return works, " ".join(with_name(text, "") for text in [message, *self.connection_warnings])

    @classmethod
    def get_ui_field_behaviour(cls) -> dict[str, Any]:
        """Return the labels and placeholders of the connection form, for Airflow before 3.2."""
        return ui_field_behaviour()

    @classmethod
    def get_connection_form_widgets(cls) -> dict[str, Any]:
        """Return the extra fields of the connection form, for Airflow before 3.2."""
        return form_widgets()

    def _warn(self, fields: ConnectionFields) -> None:
        """Log once what is wrong with the connection, but does not make it invalid."""
        for warning in fields.warnings:
            if warning not in self.connection_warnings:
                self.connection_warnings.append(warning)
                log.warning("%s", warning)
