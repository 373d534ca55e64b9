"""Hex's API calls: every path, query and body, and what an answer means. No I/O.

A function per call returns a :class:`Call`. A transport sends it and gives what came back to :func:`decode`,
which returns the value or raises the error. Both transports use the same calls and the same ``decode``.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar, cast
from urllib.parse import quote

from airflow_provider_hex.api import explain, limits
from airflow_provider_hex.api.errors import HexBadAnswer, HexError, HexInvalidInput, HexStartUnknown
from airflow_provider_hex.api.models import Notification, Run, RunPage, RunStatus, StartedRun, User

T = TypeVar("T")


@dataclass(frozen=True)
class Call(Generic[T]):
    """One request to Hex, and how to read its answer.

    :param name: the operation's name in Hex's reference.
    :param path: the path below the base URL, every segment encoded.
    :param read: turns the answer's JSON into the value, or raises ``HexBadAnswer``.
    :param repeatable: whether sending it twice does no harm: true of all but RunProject.
    """

    name: str
    method: str
    path: str
    read: Callable[[Any], T]
    query: Mapping[str, str | int] = field(default_factory=dict)
    body: Mapping[str, Any] | None = None
    repeatable: bool = True

    def __str__(self) -> str:
        return f"{self.name} ({self.method} {self.path})"


@dataclass(frozen=True)
class Answer:
    """What came back: headers in any letter case, the body as it is."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def run_project(
    project_id: str,
    *,
    input_params: Mapping[str, Any] | None = None,
    view_id: str | None = None,
    notifications: list[Notification] | None = None,
    update_published_results: bool = False,
    use_cached_sql_results: bool = True,
) -> Call[StartedRun]:
    """Start a run of the latest published version of a project. What is at Hex's default is not sent."""
    options = {
        "inputParams": input_params or None,
        "viewId": view_id or None,
        "notifications": notifications or None,
        "updatePublishedResults": update_published_results or None,
        "useCachedSqlResults": None if use_cached_sql_results else False,
    }
    return Call(
        "RunProject",
        "POST",
        f"/projects/{_segment(project_id, 'project_id')}/runs",
        lambda data: cast(StartedRun, _described(data, runId=None)),
        body={name: value for name, value in options.items() if value is not None},
        repeatable=False,
    )


def get_run(project_id: str, run_id: str) -> Call[Run]:
    """Ask for one run (GetRunStatus). An answer about any other run is no answer."""
    return Call("GetRunStatus", "GET", _run_path(project_id, run_id), lambda data: _run(data, run_id))


def get_project_runs(
    project_id: str,
    *,
    limit: int | None = None,
    offset: int | None = None,
    status: RunStatus | str | None = None,
    trigger: str | None = None,
) -> Call[RunPage]:
    """Ask for one page of a project's runs, newest first as far as is known.

    :param limit: runs in a page, 1 to 100; Hex's default is 25.
    :param offset: how many runs to pass over.
    :param status: only runs in this state.
    :param trigger: only runs started by ``API``, ``SCHEDULED`` or ``APP_REFRESH``.
    """
    query = {"limit": limit, "offset": offset, "statusFilter": status, "runTriggerFilter": trigger}
    return Call(
        "GetProjectRuns",
        "GET",
        f"/projects/{_segment(project_id, 'project_id')}/runs",
        _run_page,
        query={name: value for name, value in query.items() if value is not None},
    )


def cancel_run(project_id: str, run_id: str) -> Call[None]:
    """Cancel a run, which frees its kernel."""
    return Call("CancelRun", "DELETE", _run_path(project_id, run_id), lambda data: None)


def me() -> Call[User]:
    """Ask whose token it is: the cheapest proof that it works."""
    return Call("Me", "GET", "/users/me", lambda data: cast(User, _object(data)))


def decode(call: Call[T], answer: Answer) -> T:
    """Return what an answer says, or raise what it means.

    :raises HexRefused: or one of its kind, for a 4xx.
    :raises HexLimited: for a 429, and RunProject's 503.
    :raises HexServerError: for any other 5xx.
    :raises HexBadAnswer: for an answer that the API does not promise.
    """
    data = _json(answer.body)
    if not 200 <= answer.status < 300:
        pause = limits.retry_after(answer.headers, time.time())
        raise explain.refusal(str(call), call.name, answer.status, data, answer.body, pause)
    try:
        return call.read(data)
    except HexBadAnswer as error:
        raise HexBadAnswer(
            f"Hex answered {call} with {answer.status}, but {error} It said: {explain.quoted(answer.body)}.",
            status=answer.status,
        ) from None


def may_send_again(call: Call[Any], error: HexError) -> bool:
    """Whether the call can be sent again after this error, without doing anything twice."""
    return error.transient and (call.repeatable or error.no_effect)


def start_unknown(call: Call[Any], error: HexError) -> HexStartUnknown:
    """Return what to raise when RunProject was sent and its outcome is not known."""
    return HexStartUnknown(
        f"{error} Whether a run was started is not known, so it is not started again: look at the project's runs "
        "in Hex, cancel the one that this task may have left, then clear the task.",
        status=error.status,
        trace_id=error.trace_id,
    )


def _segment(value: str, name: str) -> str:
    """Encode one segment of a path; refuse what would lead to another path."""
    if not isinstance(value, str) or not value.strip() or value in (".", ".."):
        raise HexInvalidInput(f"{name} is {value!r}; an id as it stands in the project's or run's URL is needed.")
    return quote(value, safe="")


def _run_path(project_id: str, run_id: str) -> str:
    return f"/projects/{_segment(project_id, 'project_id')}/runs/{_segment(run_id, 'run_id')}"


def _json(body: bytes) -> Any:
    """Return the body's JSON, or None for anything else: an empty body, HTML, half a document."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _object(data: Any) -> dict[str, Any]:
    if not isinstance(data, dict):
        raise HexBadAnswer("not with a JSON object.")
    return data


def _described(data: Any, **expected: str | None) -> dict[str, Any]:
    """Return an answer that has these text fields, each with the expected value where there is one."""
    found = _object(data)
    for name, value in expected.items():
        if not isinstance(found.get(name), str) or not found[name]:
            raise HexBadAnswer(f"without a {name}.")
        if value is not None and found[name].lower() != value.lower():
            raise HexBadAnswer(f"about {name} {found[name]!r} instead of {value!r}.")
    return found


def _run(data: Any, run_id: str | None) -> Run:
    return cast(Run, _described(data, runId=run_id, status=None))


def _run_page(data: Any) -> RunPage:
    page = _object(data)
    if not isinstance(page.get("runs"), list):
        raise HexBadAnswer("without a list of runs.")
    for run in page["runs"]:
        _run(run, None)
    return cast(RunPage, page)
