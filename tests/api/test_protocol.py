from __future__ import annotations

import functools
import inspect
import json
import re
from collections.abc import Callable
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_hex.api import errors, models, protocol, retry
from airflow_provider_hex.api.call import Call
from airflow_provider_hex.api.models import RunStatus
from tests.api.calls import CELL, NAMES, PROJECT, RUN, call_named
from tests.contract import check_request

texts = st.text(max_size=20)
ids = st.uuids().map(str) | texts
flags = st.booleans() | st.sampled_from(["True", "false", "", "yes"])
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts | st.dates(),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(texts, children, max_size=3),
    max_leaves=8,
)
formats = st.sampled_from([*get_args(models.ScreenshotFormat), "gif", "csv"])
notifications = st.fixed_dictionaries(
    {"type": st.sampled_from([*get_args(models.NotificationType), "NONE"]), "includeSuccessScreenshot": flags},
    optional={
        "screenshotFormat": formats | st.lists(formats, max_size=2),
        "slackChannelIds": st.lists(texts, max_size=2) | texts,
        "userIds": st.lists(texts, max_size=2),
        "groupIds": st.lists(texts | st.integers(), max_size=2),
        "subject": texts | st.none(),
        "body": texts,
    },
)
page_sizes = st.integers(-1, 101) | st.just("10")
maybe = st.none() | texts
lists = st.none() | texts | st.lists(texts, max_size=3)


@pytest.mark.parametrize(
    ("call", "arguments"),
    [
        (
            protocol.run_project,
            {
                "project_id": ids,
                "input_params": st.none() | texts | st.dictionaries(texts, json_values, max_size=3),
                "dry_run": flags,
                "view_id": maybe | st.integers(),
                "notifications": st.none() | st.lists(notifications, max_size=2),
                "update_published_results": flags,
                "use_cached_sql_results": flags,
            },
        ),
        (protocol.get_run, {"project_id": ids, "run_id": ids}),
        (protocol.cancel_run, {"project_id": ids, "run_id": ids}),
        (
            protocol.get_project_runs,
            {
                "project_id": ids,
                "status": st.none() | st.sampled_from([*RunStatus, "DONE"]),
                "trigger": st.none() | st.sampled_from(["API", "SCHEDULED", "APP_REFRESH", "ALL", "UI"]),
                "page_size": page_sizes,
                "offset": st.integers(-1),
            },
        ),
        (
            protocol.list_projects,
            {
                "include_archived": st.booleans(),
                "include_components": st.booleans(),
                "include_trashed": st.booleans(),
                "include_sharing": st.booleans(),
                "statuses": lists,
                "categories": lists,
                "creator_email": maybe,
                "owner_email": maybe,
                "collection_id": maybe,
                "sort_by": st.none() | st.sampled_from([*get_args(models.SortBy), "NAME"]),
                "sort_direction": st.none() | st.sampled_from([*get_args(models.SortDirection), "UP"]),
                "page_size": page_sizes,
                "after": maybe,
            },
        ),
        (protocol.get_project, {"project_id": ids, "include_sharing": st.booleans()}),
        (protocol.get_queried_tables, {"project_id": ids, "page_size": page_sizes, "after": maybe}),
        (protocol.list_cells, {"project_id": ids, "page_size": page_sizes, "after": maybe}),
        (
            protocol.get_chart_image,
            {
                "project_id": ids,
                "run_id": ids,
                "static_id": ids,
                "width": st.none() | st.integers(98, 2002),
                "height": st.none() | st.integers(98, 2002),
                "include_title": st.none() | flags,
            },
        ),
    ],
    ids=lambda value: value.__name__ if callable(value) else "",
)
@given(data=st.data())
@settings(deadline=None)
def test_a_call_is_rejected_or_satisfies_the_contract(
    data: st.DataObject, call: Callable[..., Call[Any]], arguments: dict[str, st.SearchStrategy[Any]]
) -> None:
    try:
        made = call(**data.draw(st.fixed_dictionaries(arguments)))
    except errors.HexInvalidInput:
        pass
    else:
        check_request(made.method, f"/api/v1{made.path}", dict(made.query), made.content)


def test_options_with_hexs_default_value_are_not_sent() -> None:
    assert protocol.run_project(PROJECT).body == {}
    assert protocol.run_project(PROJECT).content == b"{}"
    assert protocol.run_project(PROJECT, input_params={}, view_id="", notifications=[]).body == {}
    assert protocol.list_projects(page_size=25).query == {"limit": "25"}
    nothing: dict[str, Any] = {"statuses": [], "categories": None, "creator_email": "", "owner_email": None}
    assert protocol.list_projects(**nothing).query == {"limit": "100"}
    assert protocol.get_project(PROJECT).query == {}
    assert protocol.me().content is None
    assert protocol.me().headers == {}


def test_the_events_of_a_run_are_requested_only_where_they_are_needed() -> None:
    assert protocol.get_run(PROJECT, RUN).headers == {}
    assert protocol.get_run(PROJECT, RUN, expanded=True).headers == {"enable-expanded-stats": "true"}
    assert protocol.run_project(PROJECT).headers == {"Content-Type": "application/json"}


def test_every_option_of_run_project_is_sent() -> None:
    notification: models.Notification = {"type": "ALL", "includeSuccessScreenshot": True, "userIds": ["u"]}
    call = protocol.run_project(
        PROJECT,
        view_id="v",
        dry_run=True,
        notifications=[notification],
        update_published_results="True",
        use_cached_sql_results="false",
    )
    assert call.body == {
        "viewId": "v",
        "dryRun": True,
        "notifications": [notification],
        "updatePublishedResults": True,
        "useCachedSqlResults": False,
    }
    assert json.loads(call.content or b"") == call.body
    assert call.headers == {"Content-Type": "application/json"}
    assert str(call) == f"RunProject (POST /projects/{PROJECT}/runs)"
    assert protocol.run_project(PROJECT, input_params='{"a": 1}').body == {"inputParams": {"a": 1}}


def test_every_filter_is_sent_under_hexs_name() -> None:
    runs = protocol.get_project_runs(PROJECT, page_size=7, offset=14, status="RUNNING", trigger="API")
    assert runs.query == {"limit": "7", "offset": "14", "statusFilter": "RUNNING", "runTriggerFilter": "API"}
    projects = protocol.list_projects(
        include_archived=True,
        include_components=True,
        include_trashed=True,
        include_sharing=True,
        statuses=["a", "b"],
        categories=("c",),
        creator_email="d@e",
        owner_email="f@g",
        collection_id="h",
        sort_by="CREATED_AT",
        sort_direction="DESC",
        after="i",
    )
    assert projects.query == {
        "includeArchived": "true",
        "includeComponents": "true",
        "includeTrashed": "true",
        "includeSharing": "true",
        "statuses": ["a", "b"],
        "categories": ["c"],
        "creatorEmail": "d@e",
        "ownerEmail": "f@g",
        "collectionId": "h",
        "sortBy": "CREATED_AT",
        "sortDirection": "DESC",
        "limit": "100",
        "after": "i",
    }
    assert protocol.get_project(PROJECT, include_sharing=True).query == {"includeSharing": "true"}
    assert protocol.get_queried_tables(PROJECT, page_size=9, after="j").query == {"limit": "9", "after": "j"}


REQUESTS = {
    "RunProject": f"POST /projects/{PROJECT}/runs",
    "GetRunStatus": f"GET /projects/{PROJECT}/runs/{RUN}",
    "GetProjectRuns": f"GET /projects/{PROJECT}/runs",
    "CancelRun": f"DELETE /projects/{PROJECT}/runs/{RUN}",
    "ListProjects": "GET /projects",
    "GetProject": f"GET /projects/{PROJECT}",
    "GetQueriedTables": f"GET /projects/{PROJECT}/queriedTables",
    "GetChartImageFromRun": f"GET /projects/{PROJECT}/runs/{RUN}/cells/{CELL}/image",
    "ListCells": "GET /cells",
    "Me": "GET /users/me",
}
QUERIES = {
    **{name: {"limit": "100"} for name in ("GetProjectRuns", "ListProjects", "GetQueriedTables")},
    "ListCells": {"limit": "100", "projectId": PROJECT},
}


@pytest.mark.parametrize("name", NAMES)
def test_every_call_has_the_method_and_path_of_hexs_reference(name: str) -> None:
    call = call_named(name)
    assert call.name == name
    assert f"{call.method} {call.path}" == REQUESTS[name]
    assert str(call) == f"{name} ({REQUESTS[name]})"
    assert call.query == QUERIES.get(name, {})


@pytest.mark.parametrize("name", NAMES)
def test_only_run_project_must_not_be_sent_twice(name: str) -> None:
    assert call_named(name).repeatable is (name != "RunProject")


@pytest.mark.parametrize(
    ("call", "arguments", "expected"),
    [
        (protocol.run_project, {"project_id": "x"}, "project_id is 'x', which is not an id"),
        (protocol.run_project, {"input_params": 1}, "input_params is of type int"),
        (protocol.run_project, {"input_params": {"a": b""}}, "input_params['a'] is of type bytes"),
        (protocol.run_project, {"dry_run": "x"}, "dry_run is 'x'"),
        (protocol.run_project, {"view_id": 1}, "view_id is 1"),
        (protocol.run_project, {"view_id": "\ud800"}, "view_id contains half a character"),
        (protocol.run_project, {"notifications": 1}, "notifications is 1, but must be a list"),
        (protocol.run_project, {"update_published_results": "x"}, "update_published_results is 'x'"),
        (protocol.run_project, {"use_cached_sql_results": "x"}, "use_cached_sql_results is 'x'"),
        (protocol.run_project, {"input_params": {"a": 1}, "view_id": "v"}, "either input_params or view_id"),
        (
            protocol.run_project,
            {"input_params": {"a": 1}, "update_published_results": True},
            "either input_params or update_published_results",
        ),
        (protocol.get_run, {"project_id": "x"}, "project_id is 'x'"),
        (protocol.get_run, {"run_id": "x"}, "run_id is 'x'"),
        (protocol.cancel_run, {"run_id": "x"}, "run_id is 'x'"),
        (protocol.get_project_runs, {"project_id": "x"}, "project_id is 'x'"),
        (
            protocol.get_project_runs,
            {"status": "x"},
            "status is 'x', but must be one of PENDING, RUNNING, COMPLETED,",
        ),
        (protocol.get_project_runs, {"status": "UNKNOWN"}, "status is 'UNKNOWN'"),
        (
            protocol.get_project_runs,
            {"trigger": "x"},
            "must be one of API, SCHEDULED, APP_REFRESH, ALL.",
        ),
        (protocol.get_project_runs, {"page_size": 0}, "page_size is 0, but must be a whole number from 1 to 100."),
        (protocol.get_project_runs, {"offset": -1}, "offset is -1, but must be a whole number of at least 0."),
        (
            protocol.list_projects,
            {"sort_by": "x"},
            "must be one of CREATED_AT, LAST_EDITED_AT, LAST_PUBLISHED_AT.",
        ),
        (protocol.list_projects, {"sort_direction": "x"}, "sort_direction is 'x', but must be one of DESC, ASC."),
        (protocol.list_projects, {"page_size": 101}, "page_size is 101, but must be a whole number from 1 to 100."),
        (protocol.get_project, {"project_id": "x"}, "project_id is 'x'"),
        (protocol.get_queried_tables, {"project_id": "x"}, "project_id is 'x'"),
        (protocol.get_queried_tables, {"page_size": 0}, "page_size is 0, but must be a whole number from 1 to 100."),
        (protocol.list_cells, {"project_id": "x"}, "project_id is 'x'"),
        (protocol.list_cells, {"page_size": 0}, "page_size is 0, but must be a whole number from 1 to 100."),
        (protocol.get_chart_image, {"run_id": "x"}, "run_id is 'x'"),
        (protocol.get_chart_image, {"static_id": "x"}, "static_id is 'x'"),
    ],
)
def test_an_argument_that_hex_would_reject_is_rejected_by_its_name(
    call: Callable[..., Any], arguments: dict[str, Any], expected: str
) -> None:
    needed = {"project_id": PROJECT, "run_id": RUN, "static_id": CELL}
    ids = {name: needed[name] for name in inspect.signature(call).parameters if name in needed}
    with pytest.raises(errors.HexInvalidInput, match=re.escape(expected)) as raised:
        call(**{**ids, **arguments})
    assert str(raised.value).startswith(("Pass either ", *arguments))


def test_a_page_has_from_1_to_100_items() -> None:
    lists: list[Callable[..., Call[Any]]] = [
        functools.partial(protocol.get_project_runs, PROJECT),
        protocol.list_projects,
        functools.partial(protocol.get_queried_tables, PROJECT),
        functools.partial(protocol.list_cells, PROJECT),
    ]
    for pages_of in lists:
        assert pages_of(page_size=1).query["limit"] == "1"
        assert pages_of().query["limit"] == pages_of(page_size=100).query["limit"] == "100"
        for size in (0, 101):
            with pytest.raises(errors.HexInvalidInput, match=f"page_size is {size}, "):
                pages_of(page_size=size)


@pytest.mark.parametrize(
    ("name", "error", "again"),
    [
        ("RunProject", errors.HexRateLimited(), True),
        ("RunProject", errors.HexNotConnected(), True),
        ("RunProject", errors.HexUnreachable(), False),
        ("RunProject", errors.HexServerError(), False),
        ("RunProject", errors.HexInvalidResponse(), False),
        ("GetRunStatus", errors.HexUnreachable(), True),
        ("GetRunStatus", errors.HexInvalidResponse(), True),
        ("CancelRun", errors.HexServerError(), True),
        ("GetRunStatus", errors.HexNotFound(), False),
        ("RunProject", errors.HexForbidden(), False),
    ],
)
def test_run_project_is_sent_again_only_if_no_run_was_started(name: str, error: errors.HexError, again: bool) -> None:
    assert retry.may_send_again(call_named(name), error) is again
