"""Hex's API calls: every path, query and body, and what an answer means. No I/O.

A function per call of Hex's reference returns a :class:`Call`. A transport sends it and gives what came back to
:func:`decode`, which returns the value or raises the error. Both transports use the same calls and ``decode``.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar, cast, get_args

from airflow_provider_hex.api import error_messages, rate_limit
from airflow_provider_hex.api.call import Call, Page, Response
from airflow_provider_hex.api.errors import HexError, HexInvalidResponse
from airflow_provider_hex.api.ids import check_id
from airflow_provider_hex.api.inputs import check_combination
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
from airflow_provider_hex.api.notifications import to_notifications
from airflow_provider_hex.api.validation import check_choice, check_count, to_bool, to_json_object, to_text

T = TypeVar("T")

_STATUSES = tuple(status for status in RunStatus if status is not RunStatus.UNKNOWN)


def run_project(
    project_id: str,
    *,
    input_params: Mapping[str, Any] | str | None = None,
    dry_run: bool | str = False,
    view_id: str | None = None,
    notifications: Sequence[Notification] | str | None = None,
    update_published_results: bool | str = False,
    use_cached_sql_results: bool | str = True,
) -> Call[StartedRun]:
    """Start a run of the latest published version of a project. What is at Hex's default is not sent.

    All arguments may be what a template rendered: JSON, ``"True"`` or ``"False"``.

    :raises HexInvalidInput: Hex would refuse or ignore what is asked.
    """
    options = {
        "inputParams": to_json_object(input_params, "input_params") or None,
        "dryRun": to_bool(dry_run, "dry_run") or None,
        "viewId": to_text(view_id, "view_id"),
        "notifications": to_notifications(notifications) or None,
        "updatePublishedResults": to_bool(update_published_results, "update_published_results") or None,
        "useCachedSqlResults": None if to_bool(use_cached_sql_results, "use_cached_sql_results") else False,
    }
    check_combination(options["inputParams"], options["viewId"], options["updatePublishedResults"])
    return Call(
        "RunProject",
        "POST",
        f"{_project_path(project_id)}/runs",
        lambda data, _: cast(StartedRun, _described(data, runId=None)),
        body={name: value for name, value in options.items() if value is not None},
        repeatable=False,
    )


def get_run(project_id: str, run_id: str) -> Call[Run]:
    """Ask for one run (GetRunStatus). An answer about any other run is no response."""
    return Call("GetRunStatus", "GET", _run_path(project_id, run_id), lambda data, _: _run(data, run_id))


def get_project_runs(
    project_id: str,
    *,
    status: RunStatus | str | None = None,
    trigger: RunTriggerFilter | None = None,
    page_size: int = 100,
    offset: int = 0,
    seen: frozenset[str] = frozenset(),
) -> Call[Page[Run]]:
    """Ask for a page of a project's runs, newest first as far as is known.

    :param status: only runs in this state.
    :param trigger: only runs started by ``API``, ``SCHEDULED`` or ``APP_REFRESH``.
    :param page_size: runs in a page, 1 to 100.
    :param offset: how many runs to pass over.
    :param seen: ids of runs to leave out. A run that starts between two pages pushes others onto the next one.
    """
    check_choice(status, _STATUSES, "status")
    check_choice(trigger, get_args(RunTriggerFilter), "trigger")

    def read(data: Any, response: Response) -> Page[Run]:
        runs = [_run(run, None) for run in _items(data, "runs")]
        more = bool(data["nextPage"]) if "nextPage" in data else len(runs) >= page_size
        following = get_project_runs(
            project_id,
            status=status,
            trigger=trigger,
            page_size=page_size,
            offset=offset + len(runs),
            seen=seen | {run["runId"] for run in runs},
        )
        return _page([run for run in runs if run["runId"] not in seen], following if more and runs else None, response)

    return Call(
        "GetProjectRuns",
        "GET",
        f"{_project_path(project_id)}/runs",
        read,
        query=_query(
            limit=check_count(page_size, "page_size", 1, 100),
            offset=check_count(offset, "offset", 0),
            statusFilter=status,
            runTriggerFilter=trigger,
        ),
    )


def cancel_run(project_id: str, run_id: str) -> Call[None]:
    """Cancel a run, which frees its kernel."""
    return Call("CancelRun", "DELETE", _run_path(project_id, run_id), _nothing)


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
    sort_by: SortBy | None = None,
    sort_direction: SortDirection | None = None,
    page_size: int = 100,
    after: str | None = None,
) -> Call[Page[Project]]:
    """Ask for a page of the projects that the token's owner can see.

    :param page_size: projects in a page, 1 to 100.
    :param after: the cursor that the page before named.
    """
    check_choice(sort_by, get_args(SortBy), "sort_by")
    check_choice(sort_direction, get_args(SortDirection), "sort_direction")
    query = _query(
        includeArchived=include_archived,
        includeComponents=include_components,
        includeTrashed=include_trashed,
        includeSharing=include_sharing,
        statuses=statuses,
        categories=categories,
        creatorEmail=creator_email,
        ownerEmail=owner_email,
        collectionId=collection_id,
        sortBy=sort_by,
        sortDirection=sort_direction,
        limit=check_count(page_size, "page_size", 1, 100),
    )
    return _cursor_pages(
        "ListProjects", "/projects", query, after, lambda item: cast(Project, _described(item, id=None))
    )


def get_project(project_id: str, *, include_sharing: bool = False) -> Call[Project]:
    """Ask for one project."""
    return Call(
        "GetProject",
        "GET",
        _project_path(project_id),
        lambda data, _: cast(Project, _described(data, id=project_id)),
        query=_query(includeSharing=include_sharing),
    )


def get_queried_tables(project_id: str, *, page_size: int = 100, after: str | None = None) -> Call[Page[QueriedTable]]:
    """Ask for a page of the warehouse tables that a project queries. (Hex's Enterprise plan only.)

    :param page_size: tables in a page, 1 to 100.
    :param after: the cursor that the page before named.
    """
    query = _query(limit=check_count(page_size, "page_size", 1, 100))
    path = f"{_project_path(project_id)}/queriedTables"
    return _cursor_pages("GetQueriedTables", path, query, after, lambda item: cast(QueriedTable, _object(item)))


def get_chart_image(project_id: str, run_id: str, static_id: str) -> Call[bytes]:
    """Ask for the PNG of a chart in a completed run (GetChartImageFromRun).

    :param static_id: the chart cell's static id.
    """
    path = f"{_run_path(project_id, run_id)}/cells/{check_id(static_id, 'static_id')}/image"
    return Call("GetChartImageFromRun", "GET", path, lambda data, _: _image(data))


def me() -> Call[User]:
    """Ask whose token it is: the cheapest proof that it works."""
    return Call("Me", "GET", "/users/me", lambda data, _: cast(User, _object(data)))


def decode(call: Call[T], response: Response) -> T:
    """Return what an answer says, or raise what it means.

    :raises HexRequestRejected: or one of its kind, for a 4xx.
    :raises HexRateLimited: for a 429, and RunProject's 503.
    :raises HexServerError: for any other 5xx.
    :raises HexInvalidResponse: for an answer that the API does not promise.
    """
    data = _json(response.body)
    if not 200 <= response.status < 300:
        retry_after = rate_limit.retry_after(response.headers, response.received_at, response.status)
        raise error_messages.refusal(call, response, data, retry_after)
    try:
        return call.read(data, response)
    except HexInvalidResponse as error:
        raise error_messages.bad_answer(call, response, str(error)) from None


def may_send_again(call: Call[Any], error: HexError) -> bool:
    """Whether the call can be sent again after this error, without doing anything twice."""
    return error.transient and (call.repeatable or error.no_effect)


def _cursor_pages(
    name: str, path: str, query: Mapping[str, str | list[str]], after: str | None, item: Callable[[Any], T]
) -> Call[Page[T]]:
    """Ask for the page after a cursor. A cursor that leads to itself would lead round for ever."""

    def read(data: Any, response: Response) -> Page[T]:
        items = [item(value) for value in _items(data, "values")]
        following = _object(data.get("pagination") or {}).get("after")
        if following is not None and not isinstance(following, str):
            raise HexInvalidResponse("with a cursor that is no text.")
        if following and following == after:
            raise HexInvalidResponse("with the same cursor again.")
        return _page(items, _cursor_pages(name, path, query, following, item) if following else None, response)

    return Call(name, "GET", path, read, query={**query, **({"after": after} if after else {})})


def _page(items: list[T], following: Call[Page[T]] | None, response: Response) -> Page[T]:
    return Page(items, following, rate_limit.clock_ahead(response.headers, response.received_at))


def _query(**values: Any) -> dict[str, str | list[str]]:
    """Return a query as Hex reads it, without what is not given or at Hex's default."""
    return {
        name: list(value) if isinstance(value, (list, tuple)) else "true" if value is True else str(value)
        for name, value in values.items()
        if value not in (None, False, "") and value != []
    }


def _project_path(project_id: str) -> str:
    return f"/projects/{check_id(project_id, 'project_id')}"


def _run_path(project_id: str, run_id: str) -> str:
    return f"{_project_path(project_id)}/runs/{check_id(run_id, 'run_id')}"


def _json(body: bytes) -> Any:
    """Return the body's JSON, or None for anything else: an empty body, HTML, half a document."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _object(data: Any) -> dict[str, Any]:
    if not isinstance(data, dict):
        raise HexInvalidResponse("not with a JSON object.")
    return data


def _items(data: Any, name: str) -> list[Any]:
    found = _object(data).get(name)
    if not isinstance(found, list):
        raise HexInvalidResponse(f"without a list of {name}.")
    return found


def _described(data: Any, **expected: str | None) -> dict[str, Any]:
    """Return an answer that has these text fields, each with the expected value where there is one."""
    found = _object(data)
    for name, value in expected.items():
        if not isinstance(found.get(name), str) or not found[name]:
            raise HexInvalidResponse(f"without a {name}.")
        if value is not None and found[name].lower() != value.lower():
            raise HexInvalidResponse(f"about {name} {found[name]!r} instead of {value!r}.")
    return found


def _run(data: Any, run_id: str | None) -> Run:
    return cast(Run, _described(data, runId=run_id, status=None))


def _nothing(data: Any, response: Response) -> None:
    """Take an answer without a body, or with JSON. Anything else, a proxy's login page say, is not Hex's."""
    if response.body:
        _object(data)


def _image(data: Any) -> bytes:
    try:
        return base64.b64decode(_described(data, imageBase64=None)["imageBase64"], validate=True)
    except ValueError:
        raise HexInvalidResponse("with an image that is not base64.") from None
