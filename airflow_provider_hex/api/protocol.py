"""Hex's API calls: every path, query and body. No I/O.

Each function returns the :class:`Call` of one operation of Hex's reference, or raises ``HexInvalidInput`` if an
argument is invalid. A client sends the call, and gets the value or the error from
:func:`airflow_provider_hex.api.responses.decode`. A ``project_id`` is the project's id, or the URL of one of its pages.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar, cast, get_args

from airflow_provider_hex.api import cursor_pages, models, responses
from airflow_provider_hex.api.call import Call, Page, Response
from airflow_provider_hex.api.ids import to_id, to_project
from airflow_provider_hex.api.inputs import check_combination
from airflow_provider_hex.api.models import Cell, Me, Project, QueriedTable, Run, RunStatus, StartedRun
from airflow_provider_hex.api.notifications import to_notifications
from airflow_provider_hex.api.queries import image_size, query_of
from airflow_provider_hex.api.validation import to_bool, to_choice, to_count, to_json_object, to_optional, to_text

T = TypeVar("T")

_STATUSES = tuple(status for status in RunStatus if status is not RunStatus.UNKNOWN)
LARGEST_PAGE = 100


def run_project(
    project_id: str,
    *,
    input_params: Mapping[str, Any] | str | None = None,
    dry_run: bool | str = False,
    view_id: str | None = None,
    notifications: Sequence[models.Notification] | str | None = None,
    update_published_results: bool | str = False,
    use_cached_sql_results: bool | str = True,
) -> Call[StartedRun]:
    """RunProject: start a run of the latest published version of a project.

    Each argument may also be the text that a template renders to: JSON, ``"True"``, ``"False"``. Options that have
    Hex's default value are not sent.
    See https://learn.hex.tech/docs/api/api-reference#operation/RunProject.

    :param input_params: values for the project's input parameters, by name. Default: the published defaults.
    :param dry_run: let Hex check the request, and start no run. Default: no.
    :param view_id: the saved view whose inputs are used. Default: none.
    :param notifications: the messages that Hex sends when the run ends. Default: none.
    :param update_published_results: show the run's results in the published app. Default: no.
    :param use_cached_sql_results: allow cached results of SQL cells. Default: yes.
    :return: the call; its value has the run's id and URL, but no status.
    :raises HexInvalidInput: Hex would reject or ignore an argument.
    """
    options = {
        "inputParams": to_json_object(input_params, "input_params") or None,
        "dryRun": to_bool(dry_run, "dry_run") or None,
        "viewId": to_optional(view_id, "view_id", to_text),
        "notifications": to_notifications(notifications) or None,
        "updatePublishedResults": to_bool(update_published_results, "update_published_results") or None,
        "useCachedSqlResults": None if to_bool(use_cached_sql_results, "use_cached_sql_results") else False,
    }
    check_combination(options["inputParams"], options["viewId"], options["updatePublishedResults"])
    return _call(
        "RunProject",
        "POST",
        project_id,
        "/runs",
        lambda data, _: responses.read_started_run(data),
        body={name: value for name, value in options.items() if value is not None},
        repeatable=False,
    )


def get_run(project_id: str, run_id: str, *, expanded: bool = False) -> Call[Run]:
    """GetRunStatus: return a run with its status. A response about another run is invalid.

    See https://learn.hex.tech/docs/api/api-reference#operation/GetRunStatus.

    :param expanded: ask Hex for ``stateEvents`` too, the times at which the run's status changed. Default: no.
    """
    return _call(
        "GetRunStatus",
        "GET",
        project_id,
        f"/runs/{to_id(run_id, 'run_id')}",
        lambda data, _: responses.read_run(data, str(run_id)),
        extra_headers={"enable-expanded-stats": "true"} if expanded else {},
    )


def get_project_runs(
    project_id: str,
    *,
    status: RunStatus | str | None = None,
    trigger: models.RunTriggerFilter | None = None,
    page_size: int = LARGEST_PAGE,
    offset: int = 0,
    seen: frozenset[str] = frozenset(),
) -> Call[Page[Run]]:
    """GetProjectRuns: return a page of a project's runs. Hex does not document their order.

    See https://learn.hex.tech/docs/api/api-reference#operation/GetProjectRuns.

    :param status: return only runs with this status. Default: any.
    :param trigger: return only runs started by ``API``, ``SCHEDULED`` or ``APP_REFRESH``. Default: any.
    :param page_size: runs in a page, from 1 to 100.
    :param offset: runs to skip.
    :param seen: ids of runs to leave out. A run that starts between two requests moves others to the next page.
    """
    status = to_optional(status, "status", to_choice, choices=_STATUSES)
    to_optional(trigger, "trigger", to_choice, choices=get_args(models.RunTriggerFilter))
    page_size = to_count(page_size, "page_size", 1, LARGEST_PAGE)

    def read(data: Any, response: Response) -> Page[Run]:
        runs = [responses.read_run(run) for run in responses.read_list(data, "runs")]
        more = bool(data["nextPage"]) if "nextPage" in data else len(runs) >= page_size
        next_call = get_project_runs(
            project_id,
            status=status,
            trigger=trigger,
            page_size=page_size,
            offset=offset + len(runs),
            seen=seen | {run["runId"] for run in runs},
        )
        new = [run for run in runs if run["runId"] not in seen]
        return responses.to_page(new, next_call if more and runs else None, response)

    query = query_of(
        limit=page_size, offset=to_count(offset, "offset", 0), statusFilter=status, runTriggerFilter=trigger
    )
    return _call("GetProjectRuns", "GET", project_id, "/runs", read, query=query)


def cancel_run(project_id: str, run_id: str) -> Call[None]:
    """CancelRun: cancel a run, which frees its kernel. Hex rejects it if the run has ended.

    See https://learn.hex.tech/docs/api/api-reference#operation/CancelRun.
    """
    return _call("CancelRun", "DELETE", project_id, f"/runs/{to_id(run_id, 'run_id')}", responses.read_nothing)


def list_projects(
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
    sort_by: models.SortBy | None = None,
    sort_direction: models.SortDirection | None = None,
    page_size: int = LARGEST_PAGE,
    after: str | None = None,
) -> Call[Page[Project]]:
    """ListProjects: return a page of the projects that the token's owner can see.

    See https://learn.hex.tech/docs/api/api-reference#operation/ListProjects.

    :param include_archived: return archived projects too. Default: no.
    :param include_components: return components too. Default: no.
    :param include_trashed: return projects in the trash too. Default: no.
    :param include_sharing: return each project's sharing settings. Default: no.
    :param statuses: return only projects with one of these statuses. Default: any.
    :param categories: return only projects in one of these categories. Default: any.
    :param creator_email: return only projects that this user created. Default: any.
    :param owner_email: return only projects that this user owns. Default: any.
    :param collection_id: return only projects in this collection. Default: any.
    :param sort_by: sort by this date. Default: Hex's.
    :param sort_direction: ``DESC`` or ``ASC``. Default: Hex's.
    :param page_size: projects in a page, from 1 to 100.
    :param after: the cursor of the page. Default: the first page.
    """
    query = query_of(
        includeArchived=include_archived,
        includeComponents=include_components,
        includeTrashed=include_trashed,
        includeSharing=include_sharing,
        statuses=statuses,
        categories=categories,
        creatorEmail=creator_email,
        ownerEmail=owner_email,
        collectionId=collection_id,
        sortBy=to_optional(sort_by, "sort_by", to_choice, choices=get_args(models.SortBy)),
        sortDirection=to_optional(sort_direction, "sort_direction", to_choice, choices=get_args(models.SortDirection)),
        limit=to_count(page_size, "page_size", 1, LARGEST_PAGE),
    )
    return cursor_pages.pages(
        "ListProjects", "/projects", query, after, lambda item: cast("Project", responses.read_object(item, id=None))
    )


def get_project(project_id: str, *, include_sharing: bool = False) -> Call[Project]:
    """GetProject: return a project. A response about another project is invalid.

    See https://learn.hex.tech/docs/api/api-reference#operation/GetProject.

    :param include_sharing: return its sharing settings too. Default: no.
    """
    return _call(
        "GetProject",
        "GET",
        project_id,
        "",
        lambda data, _: cast("Project", responses.read_object(data, id=to_project(project_id).id)),
        query=query_of(includeSharing=include_sharing),
    )


def get_queried_tables(
    project_id: str, *, page_size: int = LARGEST_PAGE, after: str | None = None
) -> Call[Page[QueriedTable]]:
    """GetQueriedTables: return a page of the warehouse tables that a project queries.

    Only Hex's Enterprise plan has this call.
    See https://learn.hex.tech/docs/api/api-reference#operation/GetQueriedTables.

    :param page_size: tables in a page, from 1 to 100.
    :param after: the cursor of the page. Default: the first page.
    """
    query = query_of(limit=to_count(page_size, "page_size", 1, LARGEST_PAGE))
    project = to_project(project_id)
    return cursor_pages.pages(
        "GetQueriedTables",
        f"/projects/{project.id}/queriedTables",
        query,
        after,
        lambda item: cast("QueriedTable", responses.read_object(item)),
        project.note,
    )


def list_cells(project_id: str, *, page_size: int = LARGEST_PAGE, after: str | None = None) -> Call[Page[Cell]]:
    """ListCells: return a page of the cells of a project's draft. No message shows their source code.

    See https://learn.hex.tech/docs/api/api-reference#operation/ListCells.

    :param page_size: cells in a page, from 1 to 100.
    :param after: the cursor of the page. Default: the first page.
    """
    limit = to_count(page_size, "page_size", 1, LARGEST_PAGE)
    project = to_project(project_id)
    query = query_of(projectId=project.id, limit=limit)
    return cursor_pages.pages(
        "ListCells",
        "/cells",
        query,
        after,
        lambda item: cast("Cell", responses.read_object(item, staticId=None)),
        project.note,
    )


def get_chart_image(
    project_id: str,
    run_id: str,
    static_id: str,
    *,
    width: int | None = None,
    height: int | None = None,
    include_title: bool | None = None,
) -> Call[bytes]:
    """GetChartImageFromRun: return the image of a chart in a completed run.

    See https://learn.hex.tech/docs/api/api-reference#operation/GetChartImageFromRun.

    :param static_id: the static id of the chart's cell.
    :param width: the image's width in pixels, from 100 to 2000. Hex ignores it without ``height``. Default: Hex's.
    :param height: the image's height in pixels, from 100 to 2000. Hex ignores it without ``width``. Default: Hex's.
    :param include_title: show the chart's title. Default: Hex's.
    :return: the call; its value is the PNG.
    """
    query = image_size(width, height)
    if include_title is not None:
        query["includeTitle"] = str(to_bool(include_title, "include_title")).lower()
    path = f"/runs/{to_id(run_id, 'run_id')}/cells/{to_id(static_id, 'static_id')}/image"
    return _call(
        "GetChartImageFromRun", "GET", project_id, path, lambda data, _: responses.read_image(data), query=query
    )


def me() -> Call[Me]:
    """Me: return whose the token is: a user and a workspace, or only a workspace.

    See https://learn.hex.tech/docs/api/api-reference#operation/Me.

    :return: the call; its value is what Hex says about the token.
    """
    return Call("Me", "GET", "/users/me", lambda data, _: cast("Me", responses.read_object(data)))


def _call(
    name: str, method: str, project_id: str, path: str, read: Callable[[Any, Response], T], **more: Any
) -> Call[T]:
    """Return a call about a project. The path is below the project's."""
    project = to_project(project_id)
    return Call(name, method, f"/projects/{project.id}{path}", read, id_note=project.note, **more)
