"""The hook's methods for the calls of Hex's API."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar, get_args

from airflow_provider_hex.airflow_errors import airflow_errors
from airflow_provider_hex.api import charts, protocol, run_watch, steps
from airflow_provider_hex.api.start import OnAmbiguousStart, start
from airflow_provider_hex.api.validation import to_choice
from airflow_provider_hex.api.waiting import wait_for_run
from airflow_provider_hex.compat_0_1.hooks import accepts_old_arguments, raises_requests_errors

if TYPE_CHECKING:
    from airflow_provider_hex.api.call import Call, Page
    from airflow_provider_hex.api.client import HexClient
    from airflow_provider_hex.api.models import (
        Cell,
        Me,
        Notification,
        Project,
        QueriedTable,
        Run,
        RunStatus,
        RunTriggerFilter,
        SortBy,
        SortDirection,
        StartedRun,
    )

T = TypeVar("T")


class ApiCalls:
    """A method for each call of https://learn.hex.tech/docs/api/api-reference, see :class:`HexHook`."""

    @property
    def client(self) -> HexClient:
        """The client that sends the calls."""
        raise NotImplementedError

    @accepts_old_arguments
    @airflow_errors()
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
    ) -> StartedRun:
        """Start a run of a project's latest published version (RunProject).

        It is sent again only when it is certain that no run was started, as when a limit of Hex is reached.

        :param project_id: the project.
        :param input_params: values for the project's inputs, by name. Dates become ISO strings.
        :param dry_run: have Hex check the request only. Default: no.
        :param view_id: a saved view to run, with its inputs, instead of ``input_params``.
        :param notifications: whom Hex notifies when the run ends.
        :param update_published_results: show the results to viewers of the published app. Default: no.
        :param use_cached_sql_results: take SQL results from Hex's cache where it has them. Default: yes.
        :param max_wait: seconds to wait for Hex's rate and kernel limits. Default: an hour.
        :param on_ambiguous_start: what to do when it is unknown whether a run was started: ``reconcile``, ``adopt`` or
            ``fail``, see :data:`~airflow_provider_hex.api.start.OnAmbiguousStart`. Default: ``reconcile``.
        :raises HexInvalidInput: Hex would reject or ignore the arguments; nothing was sent.
        :raises HexAmbiguousStart: it is unknown which run was started, if any.
        """
        to_choice(on_ambiguous_start, "on_ambiguous_start", get_args(OnAmbiguousStart))
        call = protocol.run_project(
            project_id,
            input_params=input_params,
            dry_run=dry_run,
            view_id=view_id,
            notifications=notifications,
            update_published_results=update_published_results,
            use_cached_sql_results=use_cached_sql_results,
        )
        procedure = start(call, project_id, on_ambiguous_start=on_ambiguous_start, grace=self.client.config.start_grace)
        return self.client.carry_out(procedure, max_wait)

    @airflow_errors()
    def get_run(self, project_id: str, run_id: str) -> Run:
        """Return a run as it is now (GetRunStatus).

        :param project_id: the project.
        :param run_id: the run.
        """
        return self.client.request(protocol.get_run(project_id, run_id))

    @airflow_errors()
    def get_project_runs(
        self,
        project_id: str,
        *,
        status: RunStatus | str | None = None,
        trigger: RunTriggerFilter | None = None,
        page_size: int = 100,
    ) -> Iterator[Run]:
        """Yield a project's runs, usually the newest first (GetProjectRuns).

        :param project_id: the project.
        :param status: only runs with this status. Default: all.
        :param trigger: only runs started by ``API``, ``SCHEDULED`` or ``APP_REFRESH``. Default: all.
        :param page_size: runs to request at a time, 1 to 100. Default: 100.
        """
        return self._iterate(protocol.get_project_runs(project_id, status=status, trigger=trigger, page_size=page_size))

    @raises_requests_errors
    @airflow_errors()
    def cancel_run(self, project_id: str, run_id: str) -> str:
        """Cancel a run, and return its id (CancelRun). A run that has already ended stays as it is.

        :param project_id: the project.
        :param run_id: the run.
        """
        self.client.carry_out(steps.cancel(project_id, run_id))
        return run_id

    @airflow_errors()
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

        :param include_archived: include archived projects. Default: no.
        :param include_components: include components. Default: no.
        :param include_trashed: include projects in the trash. Default: no.
        :param include_sharing: include with whom each is shared. Default: no.
        :param statuses: only projects with one of these statuses, by name. Default: all.
        :param categories: only projects in one of these categories, by name. Default: all.
        :param creator_email: only projects that this user created. Default: all.
        :param owner_email: only projects that this user owns. Default: all.
        :param collection_id: only projects in this collection. Default: all.
        :param sort_by: ``CREATED_AT``, ``LAST_EDITED_AT`` or ``LAST_PUBLISHED_AT``. Default: Hex's.
        :param sort_direction: ``ASC`` or ``DESC``. Default: Hex's.
        :param page_size: projects to request at a time, 1 to 100. Default: 100.
        """
        return self._iterate(
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

    @airflow_errors()
    def get_project(self, project_id: str, *, include_sharing: bool = False) -> Project:
        """Return a project (GetProject). Its ``lastPublishedAt`` is null if it was never published.

        :param project_id: the project.
        :param include_sharing: include with whom it is shared. Default: no.
        """
        return self.client.request(protocol.get_project(project_id, include_sharing=include_sharing))

    @airflow_errors()
    def get_queried_tables(self, project_id: str, *, page_size: int = 100) -> Iterator[QueriedTable]:
        """Yield the warehouse tables that a project queries (GetQueriedTables; Hex's Enterprise plan only).

        :param project_id: the project.
        :param page_size: tables to request at a time, 1 to 100. Default: 100.
        """
        return self._iterate(protocol.get_queried_tables(project_id, page_size=page_size))

    @airflow_errors()
    def list_cells(self, project_id: str, *, page_size: int = 100) -> Iterator[Cell]:
        """Yield the cells of a project's draft (ListCells). Their ``contents`` have the source code.

        A workspace token needs the scope *Cells → Read*.

        :param project_id: the project.
        :param page_size: cells to request at a time, 1 to 100. Default: 100.
        """
        return self._iterate(protocol.list_cells(project_id, page_size=page_size))

    @airflow_errors()
    def get_chart_image(
        self,
        project_id: str,
        run_id: str,
        static_id: str | None = None,
        *,
        label: str | None = None,
        width: int | None = None,
        height: int | None = None,
        include_title: bool | None = None,
    ) -> bytes:
        """Return the PNG of a chart in a completed run (GetChartImageFromRun).

        :param project_id: the project.
        :param run_id: the run.
        :param static_id: the static id of the chart's cell.
        :param label: the label of the chart's cell, instead of ``static_id``. The cell is searched for in the
            project's draft (ListCells), so a workspace token needs the scope *Cells → Read*.
        :param width: the image's width in pixels, 100 to 2000, only with ``height``. Default: Hex's.
        :param height: the image's height in pixels, 100 to 2000, only with ``width``. Default: Hex's.
        :param include_title: show the chart's title in the image. Default: Hex's.
        :raises HexNotFound: no cell has the label.
        :raises HexInvalidInput: several cells have the label, or the one that has it is not a chart; or an argument
            is invalid, and nothing was sent.
        """
        return self.client.carry_out(
            charts.chart_image(
                project_id,
                run_id,
                static_id,
                label=label,
                width=width,
                height=height,
                include_title=include_title,
            )
        )

    @airflow_errors()
    def me(self) -> Me:
        """Return whose the token is (Me): a user and a workspace, or only a workspace.

        A workspace token may need the scope *Users → Read*.
        """
        return self.client.request(protocol.me())

    @airflow_errors()
    def wait_for_run(
        self, project_id: str, run_id: str, *, poll_interval: float | None = None, timeout: float | None = None
    ) -> Run:
        """Wait until a run has completed, and return it, see :func:`~airflow_provider_hex.api.waiting.wait_for_run`.

        The run may have been started just now. So for a minute, Hex may respond with 403, 404 or 422 without ending the
        wait.

        :param project_id: the project.
        :param run_id: the run.
        :param poll_interval: minimum seconds between two polls. Default: 2 to 4 s, and more if the rate limit is used
            for other runs, too (``docs/rate-limits.md``).
        :param timeout: seconds to wait. Default: no timeout.
        :raises HexRunFailed: the run ended, but not as ``COMPLETED``.
        :raises HexRunTimeout: the run had not ended after ``timeout``. It continues.
        """
        return wait_for_run(
            self.client,
            project_id,
            run_id,
            poll_interval=poll_interval,
            timeout=timeout,
            new_until=self.client.clock() + run_watch.NEW_FOR,
        )

    def _iterate(self, call: Call[Page[T]]) -> Iterator[T]:
        with airflow_errors():
            yield from self.client.iterate(call)
