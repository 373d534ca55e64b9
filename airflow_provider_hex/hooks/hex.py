"""The hook: an Airflow connection becomes a session with Hex."""

from __future__ import annotations

import random
import time
from functools import cached_property
from typing import TYPE_CHECKING, Any, get_args

from airflow.providers.common.compat.sdk import BaseHook

from airflow_provider_hex.api import protocol, steps
from airflow_provider_hex.api.address import base_url
from airflow_provider_hex.api.config import HexConfig, clean_token, options
from airflow_provider_hex.api.errors import HexError
from airflow_provider_hex.api.run_watch import RunWatch, duration, require_completed
from airflow_provider_hex.api.start import OnAmbiguousStart, StartRequest, start
from airflow_provider_hex.api.validation import check_choice, to_bool
from airflow_provider_hex.get_provider_info import get_provider_info

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    import requests
    from airflow.providers.common.compat.sdk import Connection

    from airflow_provider_hex.api.async_client import AsyncHexClient
    from airflow_provider_hex.api.client import HexClient
    from airflow_provider_hex.api.models import (
        Notification,
        Project,
        QueriedTable,
        Run,
        RunStatus,
        RunTriggerFilter,
        SortBy,
        SortDirection,
        StartedRun,
        User,
    )


_STRETCH = 1.2
"""By how much a pause between two looks is made longer at the most."""


class HexHook(BaseHook):
    """Talks to Hex's API with the token of an Airflow connection.

    The connection is of type ``hex``: its password is a workspace or personal token, its host Hex's address
    (``https://app.hex.tech`` if empty; EU, HIPAA and single-tenant workspaces have their own). What its extra may
    hold, and the connection form shows, is described at :class:`~airflow_provider_hex.api.config.HexConfig`.

    There is a method for each call of Hex's API. What they return is what Hex said, as dicts that JSON can hold;
    lists are iterators, which ask for a page when it is needed. All that they raise is a
    :class:`~airflow_provider_hex.api.errors.HexError`, which is an ``AirflowException``: of the refusals (401, 403,
    404, 422 and their like) and of invalid arguments no retry of a task comes, as none could help. Errors that
    pass are outlived for the connection's ``retry_for``, and limits of Hex are waited for.
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
        """What the connection says. It is looked up once.

        :raises HexInvalidInput: the connection cannot work as it is.
        """
        connection = self.get_connection(self.hex_conn_id)
        return _config_of(connection, connection.extra_dejson)

    @cached_property
    def client(self) -> HexClient:
        """The session, made at its first use."""
        from airflow_provider_hex.api.client import HexClient  # brings requests, which DAG files do without

        return HexClient(self.config)

    def get_conn(self) -> requests.Session:
        """Return the session, which carries the token."""
        return self.client.session

    async def get_async_client(self) -> AsyncHexClient:
        """Return a client for asynchronous code, such as a trigger.

        It takes the calls of :mod:`airflow_provider_hex.api.protocol`, which are those of Hex's API::

            async with await HexHook().get_async_client() as client:
                run = await client.request(protocol.get_run(project_id, run_id))
                async for project in client.iterate(protocol.list_projects()):
                    ...
                await client.carry_out(steps.cancel(project_id, run_id))
        """
        from airflow_provider_hex.api.async_client import AsyncHexClient  # brings httpx

        return AsyncHexClient(await self.get_async_config())

    async def get_async_config(self) -> HexConfig:
        """Return what the connection says, looked up asynchronously.

        :raises HexInvalidInput: the connection cannot work as it is.
        """
        from airflow.providers.common.compat.connection import get_async_connection, get_async_extra_dejson

        connection = await get_async_connection(self.hex_conn_id)
        return _config_of(connection, await get_async_extra_dejson(connection))

    def run_project(
        self,
        project_id: str,
        input_params: Mapping[str, Any] | str | None = None,
        *,
        dry_run: bool | str = False,
        view_id: str | None = None,
        notifications: Sequence[Notification] | str | None = None,
        update_published_results: bool | str = False,
        use_cached_sql_results: bool | str = True,
        max_wait: float = 3600,
        on_ambiguous_start: OnAmbiguousStart = "reconcile",
        asks: Callable[[StartRequest | None], None] | None = None,
    ) -> StartedRun:
        """Start a run of a project's latest published version (RunProject).

        It is sent again only when it is certain that no run was made, above all while a limit of Hex is
        reached (20 runs a minute, 60 an hour, 25 kernels).

        :param project_id: the project.
        :param input_params: values for the project's inputs, by name. Dates become ISO strings.
        :param dry_run: let Hex check the request only. Default: no.
        :param view_id: a saved view to run instead, with its inputs.
        :param notifications: whom Hex tells about the run's end.
        :param update_published_results: show the results to viewers of the published app. Default: no.
        :param use_cached_sql_results: take SQL results from Hex's cache where it has them. Default: yes.
        :param max_wait: seconds for which a limit of Hex is waited out. Default: an hour.
        :param on_ambiguous_start: what to do when no clear answer came, so that a run may exist or not:
            ``reconcile``, ``adopt`` or ``fail``, see :data:`~airflow_provider_hex.api.start.OnAmbiguousStart`.
        :param asks: is called each time before the request goes out, so that it can be noted somewhere safe, and
            with None when it is certain that no run was started. Default: nobody is told.
        :raises HexInvalidInput: Hex would refuse or ignore what is asked; nothing was sent.
        :raises HexAmbiguousStart: whether a run was started could not be settled.
        """
        check_choice(on_ambiguous_start, get_args(OnAmbiguousStart), "on_ambiguous_start")
        call = protocol.run_project(
            project_id,
            input_params=input_params,
            dry_run=dry_run,
            view_id=view_id,
            notifications=notifications,
            update_published_results=update_published_results,
            use_cached_sql_results=use_cached_sql_results,
        )
        starting = start(call, project_id, on_ambiguous_start=on_ambiguous_start, grace=self.config.start_grace)
        return self.client.carry_out(starting, max_wait, asks)

    def get_run(self, project_id: str, run_id: str) -> Run:
        """Return a run as it is now (GetRunStatus)."""
        return self.client.request(protocol.get_run(project_id, run_id))

    def get_project_runs(
        self,
        project_id: str,
        *,
        status: RunStatus | str | None = None,
        trigger: RunTriggerFilter | None = None,
        page_size: int = 100,
    ) -> Iterator[Run]:
        """Yield a project's runs, newest first as far as is known (GetProjectRuns).

        :param status: only runs in this state.
        :param trigger: only runs started by ``API``, ``SCHEDULED`` or ``APP_REFRESH``.
        :param page_size: how many to ask for at a time, 1 to 100.
        """
        return self.client.iterate(
            protocol.get_project_runs(project_id, status=status, trigger=trigger, page_size=page_size)
        )

    def cancel_run(self, project_id: str, run_id: str) -> str:
        """Cancel a run (CancelRun), and return its id. A run that has already ended is left as it is."""
        self.client.carry_out(steps.cancel(project_id, run_id))
        return run_id

    def list_projects(
        self,
        *,
        include_archived: bool = False,
        include_components: bool = False,
        include_trashed: bool = False,
        include_sharing: bool = False,
        statuses: Sequence[str] | None = None,
        categories: Sequence[str] | None = None,
        creator_email: str | None = None,
        owner_email: str | None = None,
        collection_id: str | None = None,
        sort_by: SortBy | None = None,
        sort_direction: SortDirection | None = None,
        page_size: int = 100,
    ) -> Iterator[Project]:
        """Yield the projects that the token's owner can see (ListProjects).

        :param include_archived: also archived ones.
        :param include_components: also components.
        :param include_trashed: also those in the trash.
        :param include_sharing: say with whom each is shared.
        :param statuses: only those with one of these statuses, by name.
        :param categories: only those in one of these categories, by name.
        :param creator_email: only those that this user made.
        :param owner_email: only those that this user owns.
        :param collection_id: only those in this collection.
        :param sort_by: ``CREATED_AT``, ``LAST_EDITED_AT`` or ``LAST_PUBLISHED_AT``.
        :param sort_direction: ``ASC`` or ``DESC``.
        :param page_size: how many to ask for at a time, 1 to 100.
        """
        return self.client.iterate(
            protocol.list_projects(
                include_archived=include_archived,
                include_components=include_components,
                include_trashed=include_trashed,
                include_sharing=include_sharing,
                statuses=statuses,
                categories=categories,
                creator_email=creator_email,
                owner_email=owner_email,
                collection_id=collection_id,
                sort_by=sort_by,
                sort_direction=sort_direction,
                page_size=page_size,
            )
        )

    def get_project(self, project_id: str, *, include_sharing: bool = False) -> Project:
        """Return a project (GetProject). Its ``lastPublishedAt`` is null if it was never published.

        :param include_sharing: say with whom it is shared.
        """
        return self.client.request(protocol.get_project(project_id, include_sharing=include_sharing))

    def get_queried_tables(self, project_id: str, *, page_size: int = 100) -> Iterator[QueriedTable]:
        """Yield the warehouse tables that a project queries (GetQueriedTables; Hex's Enterprise plan only).

        :param page_size: how many to ask for at a time, 1 to 100.
        """
        return self.client.iterate(protocol.get_queried_tables(project_id, page_size=page_size))

    def get_chart_image(self, project_id: str, run_id: str, static_id: str) -> bytes:
        """Return the PNG of a chart in a completed run (GetChartImageFromRun, at most 20 a minute).

        :param static_id: the chart cell's static id.
        """
        return self.client.request(protocol.get_chart_image(project_id, run_id, static_id))

    def me(self) -> User:
        """Return whose token it is (Me)."""
        return self.client.request(protocol.me())

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

        :param poll_interval: seconds between two looks. Default: a tenth of the time waited,
            from 2 to 120 s, and more often around the time at which earlier runs of the project ended.
        :param timeout: seconds to wait at the most. Default: no end.
        :raises HexRunFailed: the run ended in another way.
        :raises HexRunTimeout: the time was up; the run goes on.
        """
        watch = RunWatch(project_id, run_id, started_at=time.time(), poll_interval=poll_interval, timeout=timeout)
        call = protocol.get_run(project_id, run_id)
        runs = self._recent_runs(project_id)
        past = [seconds for run in runs if (seconds := duration(run)) is not None]
        seen = next((run for run in runs if run["runId"].lower() == run_id.lower()), None)
        while True:
            try:
                run = seen or self.client.send(call)
            except HexError as error:
                watch.missed(error)
            else:
                if watch.saw(run):
                    return require_completed(run)
            # Many processes may have begun at the same moment, so none looks exactly when the others do.
            stretch = random.uniform(1.0, _STRETCH)
            self.client.sleep(watch.pause(time.time(), self.client.pause(call), past, stretch))
            seen = None

    def _recent_runs(self, project_id: str) -> list[Run]:
        """Return a page of a project's runs, which tells how long they take; none if it cannot be had just now."""
        try:
            return self.client.send(protocol.get_project_runs(project_id)).items
        except HexError as error:
            self.log.info("How long earlier runs took is not known. %s", error)
            return []

    def test_connection(self) -> tuple[bool, str]:
        """Ask Hex whose token it is, for the *Test* button of Airflow's connection form."""
        try:
            user = self.client.send(protocol.me())
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
        from wtforms import BooleanField, IntegerField, StringField
        from wtforms.validators import Optional

        kinds = {"boolean": BooleanField, "integer": IntegerField}  # beside text, Airflow takes no others
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


def _config_of(connection: Connection, extra: Mapping[str, Any]) -> HexConfig:
    """Return what a connection says, made good or refused.

    :param extra: the connection's extra; a parameter because triggers must read it asynchronously.
    :raises HexInvalidInput: the connection cannot work as it is.
    """
    return HexConfig(
        base_url(
            connection.host,
            scheme=connection.schema,
            port=connection.port,
            allow_http=to_bool(extra.get("allow_http") or False, "The Hex connection's allow_http"),
        ),
        clean_token(connection.password),
        **options(extra),
    )
