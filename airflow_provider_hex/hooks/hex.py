"""The hook: an Airflow connection becomes a session with Hex."""

from __future__ import annotations

import time
from functools import cached_property
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import BaseHook

from airflow_provider_hex.api import protocol
from airflow_provider_hex.api.config import HexConfig, base_url, clean_token
from airflow_provider_hex.api.errors import HexError
from airflow_provider_hex.api.inputs import check_combination, to_json
from airflow_provider_hex.api.models import Notification, Run, RunPage, RunStatus, StartedRun, User
from airflow_provider_hex.api.watch import RunWatch, require_completed
from airflow_provider_hex.get_provider_info import get_provider_info

if TYPE_CHECKING:
    from collections.abc import Mapping

    import requests
    from airflow.providers.common.compat.sdk import Connection

    from airflow_provider_hex.api.client import HexClient


class HexHook(BaseHook):
    """Talks to Hex's API with the token of an Airflow connection.

    The connection is of type ``hex``: its password is a workspace or personal token, its host Hex's address
    (``https://app.hex.tech`` if empty; EU, HIPAA and single-tenant workspaces have their own).

    What the methods return is what Hex said, as dicts that JSON can hold. All that they raise is a
    :class:`~airflow_provider_hex.api.errors.HexError`, which is an ``AirflowException``.
    See https://learn.hex.tech/docs/api/api-reference.

    :param hex_conn_id: the connection's id.
    """

    conn_name_attr = "hex_conn_id"
    default_conn_name = "hex_default"
    conn_type = "hex"
    hook_name = "Hex"

    def __init__(self, hex_conn_id: str = default_conn_name) -> None:
        super().__init__()
        self.hex_conn_id = hex_conn_id

    @cached_property
    def config(self) -> HexConfig:
        """The connection's address and token. The connection is looked up once."""
        connection = self.get_connection(self.hex_conn_id)
        return config_of(connection, connection.extra_dejson)

    @cached_property
    def client(self) -> HexClient:
        """The session, made at its first use."""
        from airflow_provider_hex.api.client import HexClient  # brings requests, which DAG files do without

        return HexClient(self.config)

    def get_conn(self) -> requests.Session:
        """Return the session, which carries the token."""
        return self.client.session

    def run_project(
        self,
        project_id: str,
        input_params: Mapping[str, Any] | None = None,
        *,
        view_id: str | None = None,
        notifications: list[Notification] | None = None,
        update_published_results: bool = False,
        use_cached_sql_results: bool = True,
        patience: float = 3600,
    ) -> StartedRun:
        """Start a run of a project's latest published version (RunProject).

        It is sent again only when it is certain that no run was made, above all while a limit of Hex is
        reached (20 runs a minute, 60 an hour, 25 kernels).

        :param project_id: the project.
        :param input_params: values for the project's inputs, by name. Dates become ISO strings.
        :param view_id: a saved view to run instead, with its inputs.
        :param notifications: whom Hex tells about the run's end.
        :param update_published_results: show the results to viewers of the published app. Default: no.
        :param use_cached_sql_results: take SQL results from Hex's cache where it has them. Default: yes.
        :param patience: seconds for which a limit of Hex is waited out. Default: an hour.
        :raises HexInvalidInput: Hex would refuse or ignore what is asked; nothing was sent.
        :raises HexStartUnknown: whether a run was started is not known.
        """
        check_combination(input_params, view_id, update_published_results)
        call = protocol.run_project(
            project_id,
            input_params=to_json(input_params, "input_params"),
            view_id=view_id,
            notifications=to_json(notifications, "notifications"),
            update_published_results=update_published_results,
            use_cached_sql_results=use_cached_sql_results,
        )
        return self.client.request(call, patience)

    def get_run(self, project_id: str, run_id: str) -> Run:
        """Return a run as it is now (GetRunStatus)."""
        return self.client.request(protocol.get_run(project_id, run_id))

    def get_project_runs(
        self,
        project_id: str,
        *,
        limit: int | None = None,
        offset: int | None = None,
        status: RunStatus | str | None = None,
        trigger: str | None = None,
    ) -> RunPage:
        """Return one page of a project's runs (GetProjectRuns).

        :param limit: runs in a page, 1 to 100; Hex's default is 25.
        :param offset: how many runs to pass over.
        :param status: only runs in this state.
        :param trigger: only runs started by ``API``, ``SCHEDULED`` or ``APP_REFRESH``.
        """
        return self.client.request(
            protocol.get_project_runs(project_id, limit=limit, offset=offset, status=status, trigger=trigger)
        )

    def cancel_run(self, project_id: str, run_id: str) -> str:
        """Cancel a run (CancelRun), and return its id. A run that has already ended is left as it is."""
        self.client.cancel(project_id, run_id)
        return run_id

    def wait_for_run(
        self,
        project_id: str,
        run_id: str,
        *,
        poll_interval: float | None = None,
        timeout: float | None = None,
    ) -> Run:
        """Wait until a run has completed, and return it.

        Errors that pass (no network, 429, 5xx, an answer that makes no sense) are logged and outlived.

        :param poll_interval: seconds between two looks. Default: a tenth of the time waited, from 2 to 30 s.
        :param timeout: seconds to wait at the most. Default: no end.
        :raises HexRunFailed: the run ended in another way.
        :raises HexRunTimeout: the time was up; the run goes on.
        """
        watch = RunWatch(project_id, run_id, started_at=time.time(), poll_interval=poll_interval, timeout=timeout)
        call = protocol.get_run(project_id, run_id)
        while True:
            try:
                run = self.client.send(call)
            except HexError as error:
                watch.missed(error)
            else:
                if watch.saw(run):
                    return require_completed(run)
            time.sleep(watch.pause(time.time()))

    def test_connection(self) -> tuple[bool, str]:
        """Ask Hex whose token it is, for the *Test* button of Airflow's connection form."""
        try:
            user: User = self.client.send(protocol.me())
        except HexError as error:
            return False, str(error)
        name = user.get("email") or user.get("name") or user.get("id") or "a user whom Hex does not name"
        return True, f"The token works: it belongs to {name} at {self.config.base_url}."

    @classmethod
    def get_ui_field_behaviour(cls) -> dict[str, Any]:
        """Describe the connection form to Airflow before 3.2, which does not read it from the provider info."""
        behaviour = get_provider_info()["connection-types"][0]["ui-field-behaviour"]
        return {key.replace("-", "_"): value for key, value in behaviour.items()}

    @classmethod
    def get_connection_form_widgets(cls) -> dict[str, Any]:
        """Return the form's extra fields for Airflow before 3.2."""
        from wtforms import BooleanField

        fields = get_provider_info()["connection-types"][0]["conn-fields"]
        return {name: BooleanField(field["label"], description=field["description"]) for name, field in fields.items()}


def config_of(connection: Connection, extra: Mapping[str, Any]) -> HexConfig:
    """Return what a connection says, made good or refused.

    :param extra: the connection's extra; a parameter because triggers must read it asynchronously.
    :raises HexInvalidInput: the connection cannot work as it is.
    """
    return HexConfig(
        base_url(
            connection.host,
            scheme=connection.schema,
            port=connection.port,
            allow_http=extra.get("allow_http") in (True, "true", "True"),
        ),
        clean_token(connection.password),
    )
