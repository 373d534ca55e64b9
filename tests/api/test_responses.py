from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import FrozenInstanceError, replace
from typing import Any

import pytest

from airflow_provider_hex.api import errors, protocol, responses
from airflow_provider_hex.api.call import Call, Page
from tests.api.calls import NAMES, PROJECT, RUN, call_named, response


def test_calls_responses_and_pages_cannot_be_changed() -> None:
    page = responses.decode(protocol.list_projects(), response(200, {"values": []}))
    for value, field in ((call_named("Me"), "path"), (response(200, b""), "status"), (page, "next")):
        with pytest.raises(FrozenInstanceError):
            setattr(value, field, None)


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("RunProject", {"runId": RUN, "projectId": PROJECT, "runUrl": "u"}),
        ("GetRunStatus", {"runId": RUN, "status": "RUNNING"}),
        ("GetProject", {"id": PROJECT, "title": "Daily revenue"}),
        ("Me", {"email": "a@b"}),
    ],
)
def test_a_value_is_returned_as_hex_sent_it(name: str, body: Any) -> None:
    assert responses.decode(call_named(name), response(200, body)) == body


@pytest.mark.parametrize(
    ("version", "text"), [(7, "7"), ("7", "7"), ("draft", "draft"), (0, "0"), (None, None), (["7"], ["7"])]
)
def test_the_projects_version_is_text_whatever_hex_sends(version: Any, text: Any) -> None:
    body = {"runId": RUN, "status": "RUNNING", "projectVersion": version}
    for name in ("RunProject", "GetRunStatus"):
        assert responses.decode(call_named(name), response(200, body)) == {**body, "projectVersion": text}
    listed = responses.decode(call_named("GetProjectRuns"), response(200, {"runs": [body]}))
    assert listed.items == [{**body, "projectVersion": text}]


@pytest.mark.parametrize("body", [{"projectId": PROJECT}, {"runId": ""}, {"runId": 7}])
def test_a_response_to_run_project_must_have_the_runs_id(body: Any) -> None:
    with pytest.raises(errors.HexInvalidResponse, match=r" with 201, but the response has no runId: "):
        responses.decode(call_named("RunProject"), response(201, body))


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
        (425, "RunProject", errors.HexServerError),
        (425, "GetRunStatus", errors.HexServerError),
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
def test_each_error_status_has_its_class(status: int, name: str, expected: type[errors.HexError], body: Any) -> None:
    call = call_named(name)
    with pytest.raises(errors.HexError) as raised:
        responses.decode(call, response(status, body, {"Retry-After": "7"}))
    error = raised.value
    assert type(error) is expected
    known = ("Why", "More", "t-1") if isinstance(body, dict) else (None, None, None)
    assert (error.reason, error.details, error.trace_id) == known
    assert (error.status, error.method, error.path) == (status, call.method, call.path)
    assert (error.retry_after, error.sent_at) == (7, 1000)


@pytest.mark.parametrize("name", [name for name in NAMES if name != "CancelRun"])
@pytest.mark.parametrize(
    "body",
    [b"", b"<html>OK</html>", b'{"runId": "78c3', b"[]", b"null", b"\xff\xfe", b'"text"', b"[" * 100_000],
    ids=["empty", "html", "half", "list", "null", "not-text", "string", "deep"],
)
def test_a_success_without_the_documented_json_is_invalid(name: str, body: bytes) -> None:
    with pytest.raises(errors.HexInvalidResponse, match=f"Hex responded to {name}"):
        responses.decode(call_named(name), response(200, body))


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
def test_a_status_of_another_run_is_invalid(body: Any) -> None:
    with pytest.raises(errors.HexInvalidResponse):
        responses.decode(call_named("GetRunStatus"), response(200, body))


def test_unknown_fields_are_kept_and_ids_match_in_any_letter_case() -> None:
    body = {"runId": RUN.upper(), "status": "COMPLETED", "mood": "good"}
    assert responses.decode(call_named("GetRunStatus"), response(200, body)) == body


@pytest.mark.parametrize(("status", "body"), [(204, b""), (200, b""), (202, {"runId": RUN})])
def test_a_response_to_cancel_run_is_empty_or_json(status: int, body: Any) -> None:
    assert responses.decode(call_named("CancelRun"), response(status, body)) is None


@pytest.mark.parametrize("body", [b"<html>Log in</html>", b"[]", b"null"])
def test_a_proxys_response_to_cancel_run_is_invalid(body: bytes) -> None:
    with pytest.raises(errors.HexInvalidResponse):
        responses.decode(call_named("CancelRun"), response(200, body))


def pages(call: Call[Page[Any]] | None, *bodies: Any) -> list[Any]:
    """Return the items of all pages with these bodies, each of which must be requested."""
    items = []
    for body in bodies:
        assert call is not None
        page = responses.decode(call, response(200, body))
        items += page.items
        call = page.next
    assert call is None
    return items


def runs(*ids: int, **more: Any) -> dict[str, Any]:
    return {"runs": [{"runId": str(i), "status": "RUNNING"} for i in ids], **more}


def ids_of(listed: list[Any]) -> str:
    return "".join(run["runId"] for run in listed)


def test_pages_of_runs_are_requested_until_hex_says_that_there_are_no_more() -> None:
    call = protocol.get_project_runs(PROJECT, status="RUNNING", trigger="API", page_size=2)
    page = responses.decode(call, response(200, runs(1, 2, nextPage="any")))
    assert page.next is not None
    assert page.next.query == {**call.query, "offset": "2"}
    assert str(page.next) == str(call)
    assert (
        ids_of(pages(call, runs(1, 2, nextPage="any"), runs(3, nextPage="any"), runs(4, 5, nextPage=None))) == "12345"
    )


def test_a_page_that_is_not_full_is_the_last_if_hex_does_not_say() -> None:
    call = protocol.get_project_runs(PROJECT, page_size=2)
    assert ids_of(pages(call, runs(1, 2), runs(3))) == "123"
    assert ids_of(pages(call, runs(1, 2), runs())) == "12"


def test_an_empty_page_of_runs_is_the_last_even_if_hex_announces_more() -> None:
    assert pages(protocol.get_project_runs(PROJECT), runs(nextPage="any")) == []


def test_a_run_that_new_runs_move_to_the_next_page_is_returned_once() -> None:
    call = protocol.get_project_runs(PROJECT, page_size=2)
    assert ids_of(pages(call, runs(4, 3), runs(3, 2), runs(2, 1), runs(1))) == "4321"


def values(*ids: int, **more: Any) -> dict[str, Any]:
    return {"values": [{"id": str(i)} for i in ids], **more}


@pytest.mark.parametrize(
    "pages_of_two",
    [lambda: protocol.list_projects(page_size=2), lambda: protocol.get_queried_tables(PROJECT, page_size=2)],
)
def test_cursors_are_followed_to_the_last_page(pages_of_two: Callable[[], Call[Page[Any]]]) -> None:
    call = pages_of_two()
    first = values(1, 2, pagination={"after": "c1"})
    page = responses.decode(call, response(200, first))
    assert page.next is not None
    assert page.next.query == {**call.query, "after": "c1"}
    assert str(page.next) == str(call)
    listed = pages(
        call, first, values(pagination={"after": "c2", "before": "c1"}), values(3, pagination={"after": None})
    )
    assert [item["id"] for item in listed] == ["1", "2", "3"]
    assert len(pages(call, values(1))) == len(pages(call, values(1, pagination=None))) == 1


@pytest.mark.parametrize(
    ("cursor", "problem"),
    [
        ("c1", "has the same cursor again"),
        (7, "has a cursor that is not text"),
        ({}, "has a cursor that is not text"),
        ([], "has a cursor that is not text"),
    ],
)
def test_a_cursor_that_cannot_be_followed_is_invalid(cursor: Any, problem: str) -> None:
    with pytest.raises(errors.HexInvalidResponse, match=f" with 200, but the response {problem}: "):
        responses.decode(protocol.list_projects(after="c1"), response(200, values(1, pagination={"after": cursor})))


def test_a_followed_page_with_the_same_cursor_is_invalid() -> None:
    page = responses.decode(protocol.list_projects(), response(200, values(1, pagination={"after": "c1"})))
    assert page.next is not None
    with pytest.raises(errors.HexInvalidResponse, match="the same cursor"):
        responses.decode(page.next, response(200, values(1, pagination={"after": "c1"})))


@pytest.mark.parametrize("listed", [None, [None], [{"runId": RUN}], [{"status": "RUNNING"}], "runs", {}])
def test_a_page_without_runs_is_invalid(listed: Any) -> None:
    why = r"(has no (list of runs|runId|status)|is not a JSON object)"
    with pytest.raises(errors.HexInvalidResponse, match=rf" with 200, but the response {why}: "):
        responses.decode(call_named("GetProjectRuns"), response(200, {"runs": listed}))


@pytest.mark.parametrize("name", ["ListProjects", "GetQueriedTables"])
@pytest.mark.parametrize("body", [{"values": None}, {"values": [None]}, {"values": [], "pagination": 7}])
def test_a_page_without_a_list_is_invalid(name: str, body: Any) -> None:
    with pytest.raises(errors.HexInvalidResponse):
        responses.decode(call_named(name), response(200, body))


def test_a_page_has_the_seconds_by_which_hexs_clock_is_ahead() -> None:
    date = {"date": "Thu, 01 Jan 1970 00:17:00 GMT"}
    assert responses.decode(call_named("GetProjectRuns"), response(200, runs(1), date)).clock_ahead == 1020 - 1001
    assert responses.decode(call_named("ListProjects"), response(200, values())).clock_ahead is None


@pytest.mark.parametrize(("sent_at", "ahead"), [(1019, 0), (1020.5, 0), (1025, -5), (990, 0)])
def test_a_late_response_does_not_shift_hexs_clock(sent_at: float, ahead: float) -> None:
    late = response(200, runs(1), {"date": "Thu, 01 Jan 1970 00:17:00 GMT"})
    late = replace(late, sent_at=sent_at, received_at=1040.0)
    assert responses.decode(call_named("GetProjectRuns"), late).clock_ahead == pytest.approx(ahead, abs=1)


def test_another_project_is_invalid() -> None:
    assert responses.decode(call_named("GetProject"), response(200, {"id": PROJECT.upper()}))["id"] == PROJECT.upper()
    with pytest.raises(errors.HexInvalidResponse, match=f"has id '{RUN}' instead of '{PROJECT}'"):
        responses.decode(call_named("GetProject"), response(200, {"id": RUN}))
    with pytest.raises(errors.HexInvalidResponse, match="has no id"):
        responses.decode(call_named("ListProjects"), response(200, {"values": [{"title": "x"}]}))


def test_an_image_is_decoded() -> None:
    body = {"imageBase64": base64.b64encode(b"\x89PNG").decode()}
    assert responses.decode(call_named("GetChartImageFromRun"), response(200, body)) == b"\x89PNG"


@pytest.mark.parametrize("image", ["%%%", "abc", None, "", 7])
def test_a_missing_or_malformed_image_is_invalid(image: Any) -> None:
    why = "has an image that is not base64" if image in ("%%%", "abc") else "has no imageBase64"
    with pytest.raises(errors.HexInvalidResponse, match=rf" with 200, but the response {why}: "):
        responses.decode(call_named("GetChartImageFromRun"), response(200, {"imageBase64": image}))
