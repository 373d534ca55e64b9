from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_hex.api import errors, protocol
from airflow_provider_hex.api.protocol import Answer
from tests.contract import check_request

PROJECT = "5a8591dd-4039-49df-9202-96385ba3eff8"
RUN = "78c33d18-170c-44d3-a227-b3194f134f73"

CALLS = {
    "RunProject": protocol.run_project(PROJECT),
    "GetRunStatus": protocol.get_run(PROJECT, RUN),
    "GetProjectRuns": protocol.get_project_runs(PROJECT),
    "CancelRun": protocol.cancel_run(PROJECT, RUN),
    "Me": protocol.me(),
}


def answer(status: int, body: Any, headers: Mapping[str, str] | None = None) -> Answer:
    return Answer(status, headers or {}, body if isinstance(body, bytes) else json.dumps(body).encode())


@given(
    input_params=st.none() | st.dictionaries(st.text(), st.none() | st.integers() | st.text()),
    view_id=st.none() | st.text(),
    update=st.booleans(),
    cached=st.booleans(),
)
def test_every_run_project_is_as_the_contract_says(
    input_params: dict[str, Any] | None, view_id: str | None, update: bool, cached: bool
) -> None:
    call = protocol.run_project(
        PROJECT,
        input_params=input_params,
        view_id=view_id,
        update_published_results=update,
        use_cached_sql_results=cached,
    )
    check_request(call.method, f"/api/v1{call.path}", dict(call.query), call.body)


def test_what_is_at_hexs_default_is_not_sent() -> None:
    assert protocol.run_project(PROJECT).body == {}
    assert protocol.run_project(PROJECT, use_cached_sql_results=False).body == {"useCachedSqlResults": False}
    assert protocol.run_project(PROJECT, update_published_results=True).body == {"updatePublishedResults": True}


def test_the_filters_of_a_projects_runs_are_as_the_contract_says() -> None:
    call = protocol.get_project_runs(PROJECT, limit=100, offset=0, status="RUNNING", trigger="API")
    assert call.query == {"limit": 100, "offset": 0, "statusFilter": "RUNNING", "runTriggerFilter": "API"}
    check_request(call.method, f"/api/v1{call.path}", dict(call.query), call.body)


def test_ids_are_encoded() -> None:
    assert protocol.get_run("a/../b", "c?d#e f").path == "/projects/a%2F..%2Fb/runs/c%3Fd%23e%20f"


@pytest.mark.parametrize("bad", ["", "  ", ".", "..", None, 7])
def test_what_would_lead_to_another_path_is_refused(bad: Any) -> None:
    with pytest.raises(errors.HexInvalidInput, match="project_id"):
        protocol.run_project(bad)
    with pytest.raises(errors.HexInvalidInput, match="run_id"):
        protocol.cancel_run(PROJECT, bad)


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
    with pytest.raises(errors.HexError) as raised:
        protocol.decode(CALLS[name], answer(status, body))
    error = raised.value
    assert type(error) is expected
    assert error.status == status
    assert f"Hex answered {name}" in str(error)
    assert str(status) in str(error)
    if isinstance(body, dict):
        assert error.trace_id == "t-1"
        assert "'Why' 'More'" in str(error)
        assert "t-1" in str(error)
    if body == b"<html>Why</html>":
        assert "'Why'" in str(error)


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


def test_rejected_inputs_are_named_with_value_and_type() -> None:
    body = {
        "reason": "Invalid inputs",
        "traceId": "t-2",
        "invalid": [{"paramName": "as_of", "paramValue": 7, "dataType": "DATE", "inputCellType": "DATE_INPUT"}],
        "notFound": ["regoin"],
    }
    with pytest.raises(errors.HexRefused, match=r"as_of = '7' \(expected DATE\), regoin \(the project has no such"):
        protocol.decode(CALLS["RunProject"], answer(422, body))


def test_what_a_server_says_is_capped() -> None:
    with pytest.raises(errors.HexServerError) as raised:
        protocol.decode(CALLS["Me"], answer(500, b"x" * 100_000))
    assert len(str(raised.value)) < 1000


def test_retry_after_is_read() -> None:
    with pytest.raises(errors.HexLimited) as raised:
        protocol.decode(CALLS["Me"], answer(429, b"", {"RETRY-after": "12"}))
    assert raised.value.retry_after == 12


@pytest.mark.parametrize("name", ["RunProject", "GetRunStatus", "GetProjectRuns", "Me"])
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


def test_an_empty_204_is_a_success_for_a_cancel() -> None:
    protocol.decode(CALLS["CancelRun"], answer(204, b""))


@pytest.mark.parametrize("runs", [None, [None], [{"runId": RUN}], "runs"])
def test_a_page_that_lists_no_runs_is_a_bad_answer(runs: Any) -> None:
    with pytest.raises(errors.HexBadAnswer):
        protocol.decode(CALLS["GetProjectRuns"], answer(200, {"runs": runs}))


@pytest.mark.parametrize(
    "cls", [c for c in vars(errors).values() if isinstance(c, type) and issubclass(c, errors.HexError)]
)
def test_an_error_survives_the_way_through_an_event(cls: type[errors.HexError]) -> None:
    error = cls("What happened.", status=404, trace_id="t-3")
    back = errors.HexError.from_dict(json.loads(json.dumps(error.to_dict())))
    assert type(back) is cls
    assert (str(back), back.status, back.trace_id) == ("What happened.", 404, "t-3")
