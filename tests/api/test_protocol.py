from __future__ import annotations

import base64
import functools
import inspect
import json
import re
from collections.abc import Callable
from dataclasses import FrozenInstanceError
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_hex.api import errors, models, protocol
from airflow_provider_hex.api.call import Call, Page
from airflow_provider_hex.api.models import RunStatus
from tests.api.calls import CELL, NAMES, PROJECT, RUN, answer, call_named
from tests.contract import check_request

texts = st.text(max_size=20)
ids = st.uuids().map(str) | texts
flags = st.booleans() | st.sampled_from(["True", "false", "", "yes"])
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts | st.dates(),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(texts, children, max_size=3),
    max_leaves=8,
)
notifications = st.fixed_dictionaries(
    {"type": st.sampled_from([*get_args(models.NotificationType), "NONE"]), "includeSuccessScreenshot": flags},
    optional={
        "screenshotFormat": st.lists(st.sampled_from([*get_args(models.ScreenshotFormat), "gif"]), max_size=2),
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
        (protocol.get_chart_image, {"project_id": ids, "run_id": ids, "static_id": ids}),
    ],
    ids=lambda value: value.__name__ if callable(value) else "",
)
@given(data=st.data())
def test_whatever_is_asked_for_is_refused_or_as_the_contract_says(
    data: st.DataObject, call: Callable[..., Call[Any]], arguments: dict[str, st.SearchStrategy[Any]]
) -> None:
    try:
        made = call(**data.draw(st.fixed_dictionaries(arguments)))
    except errors.HexInvalidInput:
        pass
    else:
        check_request(made.method, f"/api/v1{made.path}", dict(made.query), made.content)


def test_what_is_at_hexs_default_is_not_sent() -> None:
    assert protocol.run_project(PROJECT).body == {}
    assert protocol.run_project(PROJECT).content == b"{}"
    assert protocol.run_project(PROJECT, input_params={}, view_id="", notifications=[]).body == {}
    assert protocol.list_projects(page_size=25).query == {"limit": "25"}
    nothing: dict[str, Any] = {"statuses": [], "categories": None, "creator_email": "", "owner_email": None}
    assert protocol.list_projects(**nothing).query == {"limit": "100"}
    assert protocol.get_project(PROJECT).query == {}
    assert protocol.me().content is None
    assert protocol.me().headers == {}


def test_everything_that_can_be_asked_of_a_run_is_sent() -> None:
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


def test_every_filter_is_sent_as_hex_names_it() -> None:
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
    "Me": "GET /users/me",
}


@pytest.mark.parametrize("name", NAMES)
def test_every_call_goes_where_hexs_reference_says(name: str) -> None:
    call = call_named(name)
    assert call.name == name
    assert f"{call.method} {call.path}" == REQUESTS[name]
    assert str(call) == f"{name} ({REQUESTS[name]})"
    assert call.query == ({"limit": "100"} if name in ("GetProjectRuns", "ListProjects", "GetQueriedTables") else {})


def test_what_is_asked_and_answered_stays_as_it_is() -> None:
    page = protocol.decode(protocol.list_projects(), answer(200, {"values": []}))
    for value, field in ((call_named("Me"), "path"), (answer(200, b""), "status"), (page, "next")):
        with pytest.raises(FrozenInstanceError):
            setattr(value, field, None)


@pytest.mark.parametrize("name", NAMES)
def test_run_project_alone_does_harm_when_it_is_sent_twice(name: str) -> None:
    assert call_named(name).repeatable is (name != "RunProject")


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("RunProject", {"runId": RUN, "projectId": PROJECT, "runUrl": "u"}),
        ("GetRunStatus", {"runId": RUN, "status": "RUNNING"}),
        ("GetProject", {"id": PROJECT, "title": "Daily revenue"}),
        ("Me", {"email": "a@b"}),
    ],
)
def test_an_answer_is_returned_as_hex_gave_it(name: str, body: Any) -> None:
    assert protocol.decode(call_named(name), answer(200, body)) == body


@pytest.mark.parametrize("body", [{"projectId": PROJECT}, {"runId": ""}, {"runId": 7}])
def test_a_start_must_name_its_run(body: Any) -> None:
    with pytest.raises(errors.HexInvalidResponse, match=r" with 201, but without a runId\. It said: "):
        protocol.decode(call_named("RunProject"), answer(201, body))


@pytest.mark.parametrize(
    ("call", "arguments", "refused"),
    [
        (protocol.run_project, {"project_id": "x"}, "project_id is 'x', which is no id"),
        (protocol.run_project, {"input_params": 1}, "input_params is a int"),
        (protocol.run_project, {"input_params": {"a": b""}}, "input_params['a'] is a bytes"),
        (protocol.run_project, {"dry_run": "x"}, "dry_run is 'x'"),
        (protocol.run_project, {"view_id": 1}, "view_id is 1"),
        (protocol.run_project, {"view_id": "\ud800"}, "view_id holds half a character"),
        (protocol.run_project, {"notifications": 1}, "notifications is a int"),
        (protocol.run_project, {"update_published_results": "x"}, "update_published_results is 'x'"),
        (protocol.run_project, {"use_cached_sql_results": "x"}, "use_cached_sql_results is 'x'"),
        (protocol.run_project, {"input_params": {"a": 1}, "view_id": "v"}, "either input_params or a view_id"),
        (
            protocol.run_project,
            {"input_params": {"a": 1}, "update_published_results": True},
            "With update_published_results Hex ignores input_params",
        ),
        (protocol.get_run, {"project_id": "x"}, "project_id is 'x'"),
        (protocol.get_run, {"run_id": "x"}, "run_id is 'x'"),
        (protocol.cancel_run, {"run_id": "x"}, "run_id is 'x'"),
        (protocol.get_project_runs, {"project_id": "x"}, "project_id is 'x'"),
        (protocol.get_project_runs, {"status": "x"}, "status is 'x'; one of PENDING, RUNNING, COMPLETED, ERRORED, "),
        (protocol.get_project_runs, {"status": "UNKNOWN"}, "status is 'UNKNOWN'"),
        (protocol.get_project_runs, {"trigger": "x"}, "trigger is 'x'; one of API, SCHEDULED, APP_REFRESH, ALL is"),
        (protocol.get_project_runs, {"page_size": 0}, "page_size is 0; a whole number, from 1 to 100"),
        (protocol.get_project_runs, {"offset": -1}, "offset is -1; a whole number, 0 or more"),
        (protocol.list_projects, {"sort_by": "x"}, "sort_by is 'x'; one of CREATED_AT, LAST_EDITED_AT, LAST_PUB"),
        (protocol.list_projects, {"sort_direction": "x"}, "sort_direction is 'x'; one of DESC, ASC is"),
        (protocol.list_projects, {"page_size": 101}, "page_size is 101; a whole number, from 1 to 100"),
        (protocol.get_project, {"project_id": "x"}, "project_id is 'x'"),
        (protocol.get_queried_tables, {"project_id": "x"}, "project_id is 'x'"),
        (protocol.get_queried_tables, {"page_size": 0}, "page_size is 0; a whole number, from 1 to 100"),
        (protocol.get_chart_image, {"run_id": "x"}, "run_id is 'x'"),
        (protocol.get_chart_image, {"static_id": "x"}, "static_id is 'x'"),
    ],
)
def test_what_hex_would_refuse_is_refused_by_its_name(
    call: Callable[..., Any], arguments: dict[str, Any], refused: str
) -> None:
    needed = {"project_id": PROJECT, "run_id": RUN, "static_id": CELL}
    ids = {name: needed[name] for name in inspect.signature(call).parameters if name in needed}
    with pytest.raises(errors.HexInvalidInput, match=re.escape(refused)) as refusal:
        call(**{**ids, **arguments})
    assert str(refusal.value).startswith(("A run takes", "With ", *arguments))


def test_a_page_may_hold_from_one_to_a_hundred() -> None:
    lists: list[Callable[..., Call[Any]]] = [
        functools.partial(protocol.get_project_runs, PROJECT),
        protocol.list_projects,
        functools.partial(protocol.get_queried_tables, PROJECT),
    ]
    for pages_of in lists:
        assert pages_of(page_size=1).query == {"limit": "1"}
        assert pages_of().query == pages_of(page_size=100).query == {"limit": "100"}
        for size in (0, 101):
            with pytest.raises(errors.HexInvalidInput, match=f"page_size is {size}; "):
                pages_of(page_size=size)


@pytest.mark.parametrize(
    ("status", "name", "expected"),
    [
        (199, "Me", errors.HexRequestRejected),
        (300, "Me", errors.HexRequestRejected),
        (302, "GetRunStatus", errors.HexRequestRejected),
        (400, "RunProject", errors.HexRequestRejected),
        (401, "Me", errors.HexUnauthorized),
        (403, "CancelRun", errors.HexForbidden),
        (404, "GetRunStatus", errors.HexNotFound),
        (418, "Me", errors.HexRequestRejected),
        (422, "RunProject", errors.HexRequestRejected),
        (408, "RunProject", errors.HexServerError),
        (429, "RunProject", errors.HexRateLimited),
        (429, "GetProjectRuns", errors.HexRateLimited),
        (304, "Me", errors.HexRequestRejected),
        (404, "GetProject", errors.HexNotFound),
        (503, "RunProject", errors.HexRateLimited),
        (503, "GetRunStatus", errors.HexServerError),
        (500, "RunProject", errors.HexServerError),
        (502, "CancelRun", errors.HexServerError),
    ],
)
@pytest.mark.parametrize(
    "body", [{"reason": "Why", "details": "More", "traceId": "t-1"}, b"<html>Why</html>", b"", b"null"]
)
def test_each_status_is_an_error_of_its_kind(
    status: int, name: str, expected: type[errors.HexError], body: Any
) -> None:
    call = call_named(name)
    with pytest.raises(errors.HexError) as raised:
        protocol.decode(call, answer(status, body, {"Retry-After": "7"}))
    error = raised.value
    assert type(error) is expected
    known = ("Why", "More", "t-1") if isinstance(body, dict) else (None, None, None)
    assert (error.reason, error.details, error.trace_id) == known
    assert (error.status, error.method, error.path) == (status, call.method, call.path)
    assert (error.retry_after, error.sent_at) == (7, 1000)


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
def test_run_project_is_sent_again_only_when_no_run_was_made(name: str, error: errors.HexError, again: bool) -> None:
    assert protocol.may_send_again(call_named(name), error) is again


@pytest.mark.parametrize("name", [name for name in NAMES if name != "CancelRun"])
@pytest.mark.parametrize(
    "body",
    [b"", b"<html>OK</html>", b'{"runId": "78c3', b"[]", b"null", b"\xff\xfe", b'"text"', b"[" * 100_000],
    ids=["empty", "html", "half", "list", "null", "not-text", "string", "deep"],
)
def test_a_success_that_makes_no_sense_is_a_bad_answer(name: str, body: bytes) -> None:
    with pytest.raises(errors.HexInvalidResponse, match=f"Hex answered {name}"):
        protocol.decode(call_named(name), answer(200, body))


@pytest.mark.parametrize(
    "body",
    [
        {"runId": RUN},
        {"status": "COMPLETED"},
        {"runId": RUN, "status": None},
        {"runId": RUN, "status": 1},
        {"runId": None, "status": "COMPLETED"},
        {"runId": PROJECT, "status": "COMPLETED"},
    ],
)
def test_a_status_must_be_of_that_very_run(body: Any) -> None:
    with pytest.raises(errors.HexInvalidResponse):
        protocol.decode(call_named("GetRunStatus"), answer(200, body))


def test_new_fields_are_kept_and_ids_are_the_same_in_any_case() -> None:
    body = {"runId": RUN.upper(), "status": "COMPLETED", "mood": "good"}
    assert protocol.decode(call_named("GetRunStatus"), answer(200, body)) == body


@pytest.mark.parametrize(("status", "body"), [(204, b""), (200, b""), (202, {"runId": RUN})])
def test_a_cancel_is_answered_with_nothing_or_with_json(status: int, body: Any) -> None:
    assert protocol.decode(call_named("CancelRun"), answer(status, body)) is None


@pytest.mark.parametrize("body", [b"<html>Log in</html>", b"[]", b"null"])
def test_a_cancel_that_a_proxy_answered_is_a_bad_answer(body: bytes) -> None:
    with pytest.raises(errors.HexInvalidResponse):
        protocol.decode(call_named("CancelRun"), answer(200, body))


def pages(call: Call[Page[Any]] | None, *bodies: Any) -> list[Any]:
    """What is listed when these are the answers; each must have been asked for."""
    items = []
    for body in bodies:
        assert call is not None
        page = protocol.decode(call, answer(200, body))
        items += page.items
        call = page.next
    assert call is None
    return items


def runs(*ids: int, **more: Any) -> dict[str, Any]:
    return {"runs": [{"runId": str(i), "status": "RUNNING"} for i in ids], **more}


def ids_of(listed: list[Any]) -> str:
    return "".join(run["runId"] for run in listed)


def test_the_pages_of_runs_are_asked_for_until_hex_says_that_there_is_no_more() -> None:
    call = protocol.get_project_runs(PROJECT, status="RUNNING", trigger="API", page_size=2)
    page = protocol.decode(call, answer(200, runs(1, 2, nextPage="any")))
    assert page.next is not None
    assert page.next.query == {**call.query, "offset": "2"}
    assert str(page.next) == str(call)
    assert (
        ids_of(pages(call, runs(1, 2, nextPage="any"), runs(3, nextPage="any"), runs(4, 5, nextPage=None))) == "12345"
    )


def test_where_hex_does_not_say_a_page_that_is_not_full_is_the_last() -> None:
    call = protocol.get_project_runs(PROJECT, page_size=2)
    assert ids_of(pages(call, runs(1, 2), runs(3))) == "123"
    assert ids_of(pages(call, runs(1, 2), runs())) == "12"


def test_an_empty_page_of_runs_is_the_last_whatever_hex_says() -> None:
    assert pages(protocol.get_project_runs(PROJECT), runs(nextPage="any")) == []


def test_a_run_that_others_push_onto_the_next_page_is_listed_once() -> None:
    call = protocol.get_project_runs(PROJECT, page_size=2)
    assert ids_of(pages(call, runs(4, 3), runs(3, 2), runs(2, 1), runs(1))) == "4321"


def values(*ids: int, **more: Any) -> dict[str, Any]:
    return {"values": [{"id": str(i)} for i in ids], **more}


@pytest.mark.parametrize(
    "pages_of_two",
    [lambda: protocol.list_projects(page_size=2), lambda: protocol.get_queried_tables(PROJECT, page_size=2)],
)
def test_cursors_are_followed_to_the_end(pages_of_two: Callable[[], Call[Page[Any]]]) -> None:
    call = pages_of_two()
    first = values(1, 2, pagination={"after": "c1"})
    page = protocol.decode(call, answer(200, first))
    assert page.next is not None
    assert page.next.query == {**call.query, "after": "c1"}
    assert str(page.next) == str(call)
    listed = pages(
        call, first, values(pagination={"after": "c2", "before": "c1"}), values(3, pagination={"after": None})
    )
    assert [item["id"] for item in listed] == ["1", "2", "3"]
    assert len(pages(call, values(1))) == len(pages(call, values(1, pagination=None))) == 1


@pytest.mark.parametrize(
    ("cursor", "said"),
    [("c1", "with the same cursor again."), *((cursor, "with a cursor that is no text.") for cursor in (7, {}, []))],
)
def test_a_cursor_that_leads_nowhere_is_a_bad_answer(cursor: Any, said: str) -> None:
    with pytest.raises(errors.HexInvalidResponse, match=f" with 200, but {re.escape(said)} It said: "):
        protocol.decode(protocol.list_projects(after="c1"), answer(200, values(1, pagination={"after": cursor})))


def test_the_page_after_a_cursor_may_not_name_it_again() -> None:
    page = protocol.decode(protocol.list_projects(), answer(200, values(1, pagination={"after": "c1"})))
    assert page.next is not None
    with pytest.raises(errors.HexInvalidResponse, match="the same cursor"):
        protocol.decode(page.next, answer(200, values(1, pagination={"after": "c1"})))


@pytest.mark.parametrize("listed", [None, [None], [{"runId": RUN}], [{"status": "RUNNING"}], "runs", {}])
def test_a_page_that_lists_no_runs_is_a_bad_answer(listed: Any) -> None:
    why = r"(without a (list of runs|runId|status)|not with a JSON object)"
    with pytest.raises(errors.HexInvalidResponse, match=rf" with 200, but {why}\. It said: "):
        protocol.decode(call_named("GetProjectRuns"), answer(200, {"runs": listed}))


@pytest.mark.parametrize("name", ["ListProjects", "GetQueriedTables"])
@pytest.mark.parametrize("body", [{"values": None}, {"values": [None]}, {"values": [], "pagination": 7}])
def test_a_page_that_lists_nothing_is_a_bad_answer(name: str, body: Any) -> None:
    with pytest.raises(errors.HexInvalidResponse):
        protocol.decode(call_named(name), answer(200, body))


def test_a_page_tells_how_far_hexs_clock_is_ahead() -> None:
    date = {"date": "Thu, 01 Jan 1970 00:17:00 GMT"}
    assert protocol.decode(call_named("GetProjectRuns"), answer(200, runs(1), date)).clock_ahead == 1020 - 1001
    assert protocol.decode(call_named("ListProjects"), answer(200, values())).clock_ahead is None


def test_a_project_must_be_that_very_one() -> None:
    assert protocol.decode(call_named("GetProject"), answer(200, {"id": PROJECT.upper()}))["id"] == PROJECT.upper()
    with pytest.raises(errors.HexInvalidResponse, match=f"about id '{RUN}' instead of '{PROJECT}'"):
        protocol.decode(call_named("GetProject"), answer(200, {"id": RUN}))
    with pytest.raises(errors.HexInvalidResponse, match="without a id"):
        protocol.decode(call_named("ListProjects"), answer(200, {"values": [{"title": "x"}]}))


def test_an_image_is_bytes() -> None:
    body = {"imageBase64": base64.b64encode(b"\x89PNG").decode()}
    assert protocol.decode(call_named("GetChartImageFromRun"), answer(200, body)) == b"\x89PNG"


@pytest.mark.parametrize("image", ["%%%", "abc", None, "", 7])
def test_an_image_that_is_none_is_a_bad_answer(image: Any) -> None:
    why = "with an image that is not base64" if image in ("%%%", "abc") else "without a imageBase64"
    with pytest.raises(errors.HexInvalidResponse, match=rf" with 200, but {why}\. It said: "):
        protocol.decode(call_named("GetChartImageFromRun"), answer(200, {"imageBase64": image}))
