from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_hex.api import errors, models, protocol
from airflow_provider_hex.api.models import RunStatus
from tests.api.calls import CALLS, CELL, PROJECT, RUN, answer
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
    data: st.DataObject, call: Callable[..., protocol.Call[Any]], arguments: dict[str, st.SearchStrategy[Any]]
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


@pytest.mark.parametrize("name", CALLS)
def test_run_project_alone_does_harm_when_it_is_sent_twice(name: str) -> None:
    assert CALLS[name].repeatable is (name != "RunProject")
    assert CALLS[name].name == name


@pytest.mark.parametrize(
    ("status", "name", "expected"),
    [
        (302, "GetRunStatus", errors.HexRefused),
        (400, "RunProject", errors.HexRefused),
        (401, "Me", errors.HexUnauthorized),
        (403, "CancelRun", errors.HexForbidden),
        (404, "GetRunStatus", errors.HexNotFound),
        (418, "Me", errors.HexRefused),
        (422, "RunProject", errors.HexRefused),
        (408, "RunProject", errors.HexServerError),
        (429, "RunProject", errors.HexLimited),
        (429, "GetProjectRuns", errors.HexLimited),
        (304, "Me", errors.HexRefused),
        (404, "GetProject", errors.HexNotFound),
        (503, "RunProject", errors.HexLimited),
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
    call = CALLS[name]
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
        ("RunProject", errors.HexLimited(), True),
        ("RunProject", errors.HexNotConnected(), True),
        ("RunProject", errors.HexUnreachable(), False),
        ("RunProject", errors.HexServerError(), False),
        ("RunProject", errors.HexBadAnswer(), False),
        ("GetRunStatus", errors.HexUnreachable(), True),
        ("GetRunStatus", errors.HexBadAnswer(), True),
        ("CancelRun", errors.HexServerError(), True),
        ("GetRunStatus", errors.HexNotFound(), False),
        ("RunProject", errors.HexForbidden(), False),
    ],
)
def test_run_project_is_sent_again_only_when_no_run_was_made(name: str, error: errors.HexError, again: bool) -> None:
    assert protocol.may_send_again(CALLS[name], error) is again


@pytest.mark.parametrize("name", CALLS.keys() - {"CancelRun"})
@pytest.mark.parametrize(
    "body",
    [b"", b"<html>OK</html>", b'{"runId": "78c3', b"[]", b"null", b"\xff\xfe", b'"text"', b"[" * 100_000],
    ids=["empty", "html", "half", "list", "null", "not-text", "string", "deep"],
)
def test_a_success_that_makes_no_sense_is_a_bad_answer(name: str, body: bytes) -> None:
    with pytest.raises(errors.HexBadAnswer, match=f"Hex answered {name}"):
        protocol.decode(CALLS[name], answer(200, body))


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
    with pytest.raises(errors.HexBadAnswer):
        protocol.decode(CALLS["GetRunStatus"], answer(200, body))


def test_new_fields_are_kept_and_ids_are_the_same_in_any_case() -> None:
    body = {"runId": RUN.upper(), "status": "COMPLETED", "mood": "good"}
    assert protocol.decode(CALLS["GetRunStatus"], answer(200, body)) == body


@pytest.mark.parametrize(("status", "body"), [(204, b""), (200, b""), (202, {"runId": RUN})])
def test_a_cancel_is_answered_with_nothing_or_with_json(status: int, body: Any) -> None:
    protocol.decode(CALLS["CancelRun"], answer(status, body))


@pytest.mark.parametrize("body", [b"<html>Log in</html>", b"[]", b"null"])
def test_a_cancel_that_a_proxy_answered_is_a_bad_answer(body: bytes) -> None:
    with pytest.raises(errors.HexBadAnswer):
        protocol.decode(CALLS["CancelRun"], answer(200, body))


def pages(call: protocol.Call[protocol.Page[Any]] | None, *bodies: Any) -> list[Any]:
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
    "call", [protocol.list_projects(page_size=2), protocol.get_queried_tables(PROJECT, page_size=2)]
)
def test_cursors_are_followed_to_the_end(call: protocol.Call[protocol.Page[Any]]) -> None:
    first = values(1, 2, pagination={"after": "c1"})
    page = protocol.decode(call, answer(200, first))
    assert page.next is not None
    assert page.next.query == {**call.query, "after": "c1"}
    assert page.next.path == call.path
    listed = pages(
        call, first, values(pagination={"after": "c2", "before": "c1"}), values(3, pagination={"after": None})
    )
    assert [item["id"] for item in listed] == ["1", "2", "3"]
    assert len(pages(call, values(1))) == len(pages(call, values(1, pagination=None))) == 1


@pytest.mark.parametrize("cursor", ["c1", 7, {}, []])
def test_a_cursor_that_leads_nowhere_is_a_bad_answer(cursor: Any) -> None:
    with pytest.raises(errors.HexBadAnswer, match="cursor"):
        protocol.decode(protocol.list_projects(after="c1"), answer(200, values(1, pagination={"after": cursor})))


@pytest.mark.parametrize("listed", [None, [None], [{"runId": RUN}], [{"status": "RUNNING"}], "runs", {}])
def test_a_page_that_lists_no_runs_is_a_bad_answer(listed: Any) -> None:
    with pytest.raises(errors.HexBadAnswer):
        protocol.decode(CALLS["GetProjectRuns"], answer(200, {"runs": listed}))


@pytest.mark.parametrize("name", ["ListProjects", "GetQueriedTables"])
@pytest.mark.parametrize("body", [{"values": None}, {"values": [None]}, {"values": [], "pagination": 7}])
def test_a_page_that_lists_nothing_is_a_bad_answer(name: str, body: Any) -> None:
    with pytest.raises(errors.HexBadAnswer):
        protocol.decode(CALLS[name], answer(200, body))


def test_a_page_tells_how_far_hexs_clock_is_ahead() -> None:
    date = {"date": "Thu, 01 Jan 1970 00:17:00 GMT"}
    assert protocol.decode(CALLS["GetProjectRuns"], answer(200, runs(1), date)).clock_ahead == 1020 - 1001
    assert protocol.decode(CALLS["ListProjects"], answer(200, values())).clock_ahead is None


def test_a_project_must_be_that_very_one() -> None:
    assert protocol.decode(CALLS["GetProject"], answer(200, {"id": PROJECT.upper()}))["id"] == PROJECT.upper()
    with pytest.raises(errors.HexBadAnswer, match=f"about id '{RUN}' instead of '{PROJECT}'"):
        protocol.decode(CALLS["GetProject"], answer(200, {"id": RUN}))
    with pytest.raises(errors.HexBadAnswer, match="without a id"):
        protocol.decode(CALLS["ListProjects"], answer(200, {"values": [{"title": "x"}]}))


def test_an_image_is_bytes() -> None:
    body = {"imageBase64": base64.b64encode(b"\x89PNG").decode()}
    assert protocol.decode(CALLS["GetChartImageFromRun"], answer(200, body)) == b"\x89PNG"
    assert CALLS["GetChartImageFromRun"].path == f"/projects/{PROJECT}/runs/{RUN}/cells/{CELL}/image"


@pytest.mark.parametrize("image", ["%%%", "abc", None, "", 7])
def test_an_image_that_is_none_is_a_bad_answer(image: Any) -> None:
    with pytest.raises(errors.HexBadAnswer):
        protocol.decode(CALLS["GetChartImageFromRun"], answer(200, {"imageBase64": image}))


@pytest.mark.parametrize(
    "cls", [c for c in vars(errors).values() if isinstance(c, type) and issubclass(c, errors.HexError)]
)
def test_an_error_survives_the_way_through_an_event(cls: type[errors.HexError]) -> None:
    facts: dict[str, Any] = {
        "status": 404,
        "reason": "Why",
        "details": "More",
        "trace_id": "t-3",
        "method": "GET",
        "path": "/users/me",
        "retry_after": 7.5,
        "sent_at": 1000.5,
    }
    back = errors.HexError.from_dict(json.loads(json.dumps(cls("What happened.", **facts).to_dict())))
    assert type(back) is cls
    assert str(back) == "What happened."
    assert {name: getattr(back, name) for name in facts} == facts
