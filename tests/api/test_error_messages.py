"""Every message in full: what happened, to which run or request, and what to do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_hex.api import error_messages, errors, protocol, responses
from tests.api.calls import NAMES, NAMES_OF_A_PROJECT, PROJECT, RUN, call_named, response
from tests.api.project_urls import titled

OLDER = {"reason": "Why", "details": "More\n than  that", "traceId": "of the body"}
MOVED = {"code": "C", "message": "More\n than  that.", "issues": [{"message": "And this."}]}
NOTHING = ", without an explanation"
FIELDS = ["code", "message", "issues", "reason", "details", "traceId", "invalid", "notFound", "runId", "status", "runs"]


def message(name: str, status: int, body: Any, headers: Mapping[str, str] | None = None) -> str:
    return str(error(name, status, body, headers))


def error(name: str, status: int, body: Any, headers: Mapping[str, str] | None = None) -> errors.HexError:
    with pytest.raises(errors.HexError) as raised:
        responses.decode(call_named(name), response(status, body, headers))
    return raised.value


CHECK_IDS = "Check the ids, whose token it is, and the Base URL of the Hex connection."
NO_PROJECT = f"There is no such project, or the token's owner has no access to it. {CHECK_IDS}"
NO_RUN = f"The run is gone, or the token's owner has no access to it. {CHECK_IDS}"
ROLE = "The owner of a personal token needs a role in the project that allows it."
READ = f"A workspace token needs the scope 'Projects → Read access' (formerly 'Read projects'). {ROLE}"
RUN_SCOPE = f"A workspace token needs the scope 'Run projects'. {ROLE}"
FORBIDDEN_RUN = "The run is gone, or the token of the Hex connection lacks a permission for it."
FORBIDDEN_PROJECT = "There is no such project, or the token of the Hex connection lacks a permission for it."
STATUS_PAGE = "See https://status.hex.tech for the status of Hex."
FAILURE = f"Hex, or a proxy in front of it, failed. Usually temporary. {STATUS_PAGE}"
MALFORMED = "The request is malformed. Check the ids and the options."
CHART = f"The run must have completed, and the cell must be a chart in it. {CHECK_IDS}"
INPUTS = "Fix the task's input_params, or change the project's input parameters and publish it."
PUBLISH = (
    "Publish the project if it was never published: only published versions can be run. If it is published, check the "
    "ids, and whose token the Hex connection has."
)

HINTS = [
    ("Me", 302, "Redirects are not followed. Check the Base URL of the Hex connection."),
    ("Me", 400, MALFORMED),
    ("GetRunStatus", 400, MALFORMED),
    ("GetChartImageFromRun", 400, CHART),
    (
        "RunProject",
        401,
        "The token is wrong, has expired, or belongs to a workspace at another address. Check API token and "
        "Base URL of the Hex connection.",
    ),
    ("RunProject", 403, f"{FORBIDDEN_PROJECT} {RUN_SCOPE}"),
    ("CancelRun", 403, f"{FORBIDDEN_RUN} {RUN_SCOPE}"),
    ("GetRunStatus", 403, f"{FORBIDDEN_RUN} {READ}"),
    ("GetChartImageFromRun", 403, f"{FORBIDDEN_RUN} {READ}"),
    ("GetProject", 403, f"{FORBIDDEN_PROJECT} {READ}"),
    ("GetProjectRuns", 403, f"{FORBIDDEN_PROJECT} {READ}"),
    ("ListProjects", 403, f"The token of the Hex connection lacks a permission. {READ}"),
    (
        "Me",
        403,
        "The token of the Hex connection lacks a permission. A workspace token needs the scope 'Users → Read' "
        f"(formerly 'Read projects'). {ROLE}",
    ),
    (
        "GetQueriedTables",
        403,
        f"{FORBIDDEN_PROJECT} A workspace token needs the scope 'Read project queried tables' (formerly 'Read "
        f"projects'). {ROLE} Only Hex's Enterprise plan has this call.",
    ),
    ("RunProject", 404, NO_PROJECT),
    ("GetProject", 404, NO_PROJECT),
    ("GetProjectRuns", 404, NO_PROJECT),
    ("GetQueriedTables", 404, NO_PROJECT),
    ("GetRunStatus", 404, NO_RUN),
    ("CancelRun", 404, NO_RUN),
    ("GetChartImageFromRun", 404, CHART),
    ("Me", 404, "Hex's API is not at this address. Check Base URL and Proxy of the Hex connection."),
    ("ListProjects", 404, "Hex's API is not at this address. Check Base URL and Proxy of the Hex connection."),
    (
        "Me",
        408,
        f"Hex, or a proxy in front of it, did not get the request in time. Usually temporary. {STATUS_PAGE}",
    ),
    ("Me", 418, ""),
    ("RunProject", 422, PUBLISH),
    ("GetProjectRuns", 422, PUBLISH),
    ("GetQueriedTables", 422, PUBLISH),
    ("GetRunStatus", 422, NO_RUN),
    ("CancelRun", 422, f"The run has ended, or it is gone, or the token's owner has no access to it. {CHECK_IDS}"),
    ("GetChartImageFromRun", 422, CHART),
    ("GetProject", 422, "Hex cannot process the request. Check the ids and the options."),
    ("ListProjects", 422, "Hex cannot process the request. Check the ids and the options."),
    (
        "GetRunStatus",
        425,
        f"Hex, or a proxy in front of it, was not ready for the request. Usually temporary. {STATUS_PAGE}",
    ),
    ("GetRunStatus", 429, "Hex's rate limit is reached. Usually temporary."),
    ("RunProject", 500, FAILURE),
    ("GetRunStatus", 503, FAILURE),
    (
        "RunProject",
        503,
        f"All of Hex's kernels are in use, so no run was started. Usually temporary. {STATUS_PAGE}",
    ),
]


@pytest.mark.parametrize(("name", "status", "hint"), HINTS)
@pytest.mark.parametrize("body", [OLDER, MOVED])
def test_an_error_response_names_the_call_hexs_explanation_and_what_to_do(
    body: Any, name: str, status: int, hint: str
) -> None:
    said = "'Why' 'More than that'" if body is OLDER else "'More than that' 'And this'"
    expected = f"Hex responded to {call_named(name)} with {status}: {said}. {hint} Trace id: t-1."
    assert message(name, status, body, {"X-Trace-Id": "t-1"}) == expected.replace("  ", " ")


@pytest.mark.parametrize("name", NAMES_OF_A_PROJECT)
@pytest.mark.parametrize("status", [400, 401, 403, 404, 422, 429, 500])
def test_a_rejected_call_says_that_the_id_was_derived_from_the_url(status: int, name: str) -> None:
    call = call_named(name, titled(PROJECT))
    with pytest.raises(errors.HexError) as raised:
        responses.decode(call, response(status, MOVED))
    note = f" The project's id {PROJECT} was derived from its URL, in a way that Hex does not document."
    assert (note in str(raised.value)) == (status in (403, 404, 422))
    with pytest.raises(errors.HexError) as raised:
        responses.decode(call_named(name, f"https://app.hex.tech/acme/app/{PROJECT}"), response(status, MOVED))
    assert "derived" not in str(raised.value)


@pytest.mark.parametrize("name", ["GetProjectRuns", "GetQueriedTables", "ListCells"])
def test_the_rejection_of_a_further_page_says_it_too(name: str) -> None:
    body = {
        "runs": [{"runId": RUN, "status": "RUNNING"}],
        "nextPage": "more",
        "values": [],
        "pagination": {"after": "x"},
    }
    following = responses.decode(call_named(name, titled(PROJECT)), response(200, body)).next
    with pytest.raises(errors.HexNotFound, match="was derived from its URL"):
        responses.decode(following, response(404, MOVED))


@pytest.mark.parametrize("url", [titled(PROJECT), f"https://app.hex.tech/acme/app/{PROJECT}"])
def test_a_project_that_was_requested_by_url_is_recognised(url: str) -> None:
    assert responses.decode(protocol.get_project(url), response(200, {"id": PROJECT}))["id"] == PROJECT
    with pytest.raises(errors.HexInvalidResponse, match="instead of"):
        responses.decode(protocol.get_project(url), response(200, {"id": RUN}))


@pytest.mark.parametrize("name", NAMES_OF_A_PROJECT)
def test_a_call_is_the_same_with_a_projects_url(name: str) -> None:
    by_id, by_url = call_named(name), call_named(name, titled(PROJECT))
    assert (by_url.path, by_url.query) == (by_id.path, by_id.query)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("status", [408, 425, 500, 502, 503, 504])
def test_an_error_of_hexs_servers_names_hexs_status_page(status: int, name: str) -> None:
    """White space is around the URL, because Airflow's log view makes a link of everything up to the next one."""
    assert " https://status.hex.tech " in message(name, status, OLDER)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", ", without an explanation"),
        (b"  \n", ", without an explanation"),
        (b"<html></html>", ", without an explanation"),
        (b"Bad\r\n gateway.", ": 'Bad gateway'"),
        (b"\xff!", ": '\ufffd!'"),
        (b"<html><script>f()</script><STYLE>p{}</STYLE><h1>502</h1>a&amp;b</html>", ": '502 a&b'"),
        (b"  <p>x" + b"y" * 1000, f": 'x{'y' * 499}…'"),
        ({"reason": "r" * 1000}, f": '{'r' * 500}…'"),
        (b"z" * 500, f": '{'z' * 500}'"),
        ({"reason": "", "details": "More"}, ": 'More'"),
        ({"reason": "A b", "details": ["C", {"message": "D"}]}, ": 'A b' 'C' 'D'"),
        ({"reason": "A b", "details": ['{"message": "C"}', '{"a": 1}', '["D"]']}, ": 'A b' 'C' 'D'"),
        ({"code": "BAD_REQUEST", "message": "Why.", "issues": [{"message": "That."}]}, ": 'Why' 'That'"),
        ({"code": "BAD_REQUEST", "message": "", "issues": [{"message": "That."}]}, ": 'That'"),
        ({"code": "BAD_REQUEST"}, ": 'BAD_REQUEST'"),
        ({"message": "x"}, ": 'x'"),
        ({"message": "x", "reason": "y"}, ": 'y' 'x'"),
    ],
)
def test_what_the_server_says_is_quoted_without_markup_and_cut(body: Any, said: str) -> None:
    assert message("Me", 500, body) == f"Hex responded to Me (GET /users/me) with 500{said}. {FAILURE}"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"reason": "Not found", "details": "Not found"}, "'Not found'"),
        ({"code": "C", "message": "Not found.", "issues": [{"message": "Not found"}]}, "'Not found'"),
        (
            {"code": "C", "message": "2 issues: n is no number, d is no date.", "issues": ["n is no number", "d is"]},
            "'2 issues: n is no number, d is no date'",
        ),
        ({"code": "C", "message": "No input", "issues": [{"message": "n"}, {"message": "n"}]}, "'No input' 'n'"),
    ],
)
def test_a_sentence_that_was_quoted_is_not_repeated(body: Any, said: str) -> None:
    assert f"with 400: {said}. {MALFORMED}" in message("Me", 400, body)


def test_a_long_list_of_issues_is_cut() -> None:
    def issues(count: int) -> dict[str, Any]:
        return {
            "code": "C",
            "message": "Invalid",
            "issues": [{"message": f"Number {n} is wrong"} for n in range(count)],
        }

    assert "'Number 18 is wrong' and 3 more. " in message("Me", 400, issues(22))
    assert "more" not in message("Me", 400, issues(19))


@pytest.mark.parametrize(
    "body",
    [
        b'{"reason": "Why", "det',
        b'[{"message": "Wh',
        b"{",
        {"error": {"code": 7}},
        {"reason": {"code": 7}, "details": [None, {"a": 1}, ["x"]], "traceId": {"a": 1}},
        {"code": ["C"], "message": {"a": 1}, "issues": {"a": 1}},
        {"message": '[{"code": "invalid_type", "path": ["a"]}]', "details": '{"a": "b'},
        {"details": ['{"a":1}', '[{"a":1}]', '{"a":'], "issues": [{"message": '{"a": 1}'}], "reason": '["{}"]'},
        [],
        [[1]],
        {},
    ],
)
def test_json_that_is_no_error_of_hex_is_not_shown(body: Any) -> None:
    said = "C" if isinstance(body, dict) and "code" in body else None
    text = message("Me", 500, body)
    assert text == f"Hex responded to Me (GET /users/me) with 500{f': {said!r}' if said else NOTHING}. {FAILURE}"


def test_the_messages_in_a_text_that_is_json_are_shown() -> None:
    body = {"code": "C", "message": '[{"code": "invalid_type", "message": "Expected a date"}]'}
    assert "with 400: 'Expected a date'. " in message("Me", 400, body)


def test_each_rejected_input_is_listed_with_its_value_and_expected_type() -> None:
    body = {
        "reason": "Invalid",
        "invalid": [
            {"paramName": "as_of", "paramValue": 7, "dataType": "DATE", "inputCellType": "DATE_INPUT"},
            {"paramName": "n", "paramValue": "x" * 600, "dataType": "NUMBER", "inputCellType": "NUMERIC_INPUT"},
            "nonsense",
        ],
        "notFound": ["regoin", 8],
        "traceId": "t-2",
    }
    assert message("RunProject", 422, body) == (
        f"Hex responded to RunProject (POST /projects/{PROJECT}/runs) with 422: 'Invalid'. Rejected inputs: "
        f"as_of = '7' (expected DATE for a DATE_INPUT), n = '{'x' * 500}…' (expected NUMBER for a NUMERIC_INPUT), "
        f"'regoin' (the project has no such input), '8' (the project has no such input). {INPUTS} Trace id: t-2."
    )


@pytest.mark.parametrize(
    ("body", "rejected"),
    [
        (
            {
                "invalid": [
                    {"paramName": "n", "paramValue": "x", "dataType": "NUMBER", "inputCellType": "NUMERIC_INPUT"}
                ]
            },
            "n = 'x' (expected NUMBER for a NUMERIC_INPUT)",
        ),
        ({"notFound": ["regoin"]}, "'regoin' (the project has no such input)"),
    ],
)
def test_the_hint_is_to_fix_the_inputs_whichever_way_one_is_wrong(body: Any, rejected: str) -> None:
    assert message("RunProject", 422, {"reason": "Invalid", **body}) == (
        f"Hex responded to RunProject (POST /projects/{PROJECT}/runs) with 422: 'Invalid'. Rejected inputs: "
        f"{rejected}. {INPUTS}"
    )


@pytest.mark.parametrize("field", ["invalid", "notFound"])
@pytest.mark.parametrize("value", ["text", {"a": 1}, 7])
def test_malformed_lists_of_rejected_inputs_are_ignored(field: str, value: Any) -> None:
    assert "Rejected" not in message("RunProject", 422, {"reason": "Invalid", field: value})


def test_a_long_list_of_rejected_inputs_is_cut() -> None:
    text = message("RunProject", 422, {"notFound": [f"i{n}" for n in range(23)]})
    assert text.count("the project has no such input") == 20
    assert ", and 3 more. Fix" in text
    assert "more" not in message("RunProject", 422, {"notFound": [f"i{n}" for n in range(20)]})


def unpublished(message: str, *issues: str) -> dict[str, Any]:
    return {"code": "UNPROCESSABLE_CONTENT", "message": message, "issues": [{"message": issue} for issue in issues]}


@pytest.mark.parametrize(
    ("body", "hint"),
    [
        (unpublished("Invalid inputs", "as_of is no date"), INPUTS),
        (unpublished("Invalid", "Unknown parameter"), INPUTS),
        (unpublished("Invalid", "AS_OF: expected a date"), INPUTS),
        (unpublished("Invalid", "basis_of_this: wrong"), PUBLISH),
        (unpublished("The project has no published version.", "as_of: ignored"), PUBLISH),
        (unpublished("The project has no published version."), PUBLISH),
        ({"reason": "INVALID_PARAMS"}, INPUTS),
        ({"reason": "Invalid", "details": "The input as_of is no date"}, INPUTS),
        ({"reason": "Invalid", "notFound": ["as_of"]}, INPUTS),
        ({"reason": "Not published"}, PUBLISH),
        (b"Unprocessable", PUBLISH),
        (b"", PUBLISH),
    ],
)
def test_the_hint_of_a_rejected_start_is_about_publishing_only_if_nothing_points_to_inputs(
    body: Any, hint: str
) -> None:
    call = protocol.run_project(PROJECT, input_params={"as_of": "x", "is_test": True})
    with pytest.raises(errors.HexRequestRejected) as raised:
        responses.decode(call, response(422, body))
    assert str(raised.value).endswith(f" {hint}")


@pytest.mark.parametrize("body", [unpublished("Invalid inputs", "as_of is no date"), {"notFound": ["as_of"]}, b""])
def test_a_rejected_poll_is_never_about_publishing_or_inputs(body: Any) -> None:
    text = message("GetRunStatus", 422, body)
    assert NO_RUN in text
    assert "Publish" not in text
    assert "input_params" not in text


@pytest.mark.parametrize(
    ("body", "headers", "expected"),
    [
        ({"traceId": "t-body"}, {"X-TRACE-ID": "t-header"}, "t-header"),
        ({"traceId": "t-body"}, {"x-trace-id": " "}, "t-body"),
        ({"traceId": "t-body"}, {"X-Request-Id": "other"}, "t-body"),
        ({"traceId": 7}, {}, "7"),
        ({"traceId": ""}, {}, None),
        ({"traceId": {"a": 1}}, {}, None),
        (b"Unauthorized", {"x-trace-id": "t-header"}, "t-header"),
        (b"Unauthorized", {}, None),
    ],
)
@pytest.mark.parametrize("status", [200, 401, 500])
def test_the_trace_id_is_that_of_the_header_or_else_of_the_body(
    status: int, body: Any, headers: dict[str, str], expected: str | None
) -> None:
    failed = error("GetRunStatus", status, body, headers)
    assert failed.trace_id == expected
    assert str(failed).endswith(f" Trace id: {expected}.") if expected else "Trace id" not in str(failed)


@pytest.mark.parametrize(
    ("body", "reason", "details"),
    [
        ({"reason": "Why", "details": "More"}, "Why", "More"),
        ({"reason": "Why", "details": "Why"}, "Why", "Why"),
        ({"reason": "Why", "details": ["More", "And"]}, "Why", "More And"),
        ({"code": "C", "message": "Why", "issues": [{"message": "A"}, {"message": "B"}]}, "C", "Why A B"),
        ({"code": "C", "message": "Why", "issues": [{"message": "Why"}]}, "C", "Why"),
        ({"code": "C"}, "C", None),
        ({"message": "Why"}, None, "Why"),
        (b"Unauthorized", None, None),
        ({"error": "x"}, None, None),
    ],
)
def test_both_forms_of_errors_fill_the_same_attributes(body: Any, reason: str | None, details: str | None) -> None:
    failed = error("Me", 401, body)
    assert (failed.reason, failed.details) == (reason, details)


def test_the_edge_may_reject_a_token_with_a_bare_text() -> None:
    assert message("Me", 401, b"Unauthorized", {"WWW-Authenticate": 'Bearer error="invalid_token"'}) == (
        "Hex responded to Me (GET /users/me) with 401: 'Unauthorized'. The token is wrong, has expired, or belongs to "
        "a workspace at another address. Check API token and Base URL of the Hex connection."
    )


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.sampled_from(FIELDS), children),
    max_leaves=12,
)


@given(
    json_values | st.binary(), st.sampled_from([200, 400, 401, 403, 404, 422, 429, 500, 503]), st.sampled_from(NAMES)
)
def test_any_response_becomes_a_value_or_an_error_that_names_the_call(body: Any, status: int, name: str) -> None:
    failed = None
    try:
        responses.decode(call_named(name), response(status, body))
    except errors.HexError as error:
        failed = error
    if failed is not None:
        assert str(failed).startswith(f"Hex responded to {name} (")
        assert failed.status == status
    assert failed is not None or status == 200


@pytest.mark.parametrize(
    ("body", "described"),
    [
        (b"<html>Log in</html>", "is not a JSON object: 'Log in'"),
        (b"", "is not a JSON object: nothing"),
        (b"[1, 2]", "is not a JSON object: a JSON list of length 2"),
        (b'"OK"', "is not a JSON object: '\"OK\"'"),
        (b'{"runId": "', "is not a JSON object: incomplete JSON"),
        ({"email": "a@b", "name": "x"}, "has no runId: a JSON object with the fields email, name"),
        ({}, "has no runId: a JSON object with no fields"),
        ({f"f{n}": n for n in range(22)}, "f18, f19, and 2 more"),
    ],
)
def test_an_invalid_response_is_described_and_no_json_is_shown(body: Any, described: str) -> None:
    """JSON may hold personal data, or source code."""
    assert f"{described}. Check Base URL and Proxy of the Hex connection if the response is not from Hex." in message(
        "GetRunStatus", 200, body
    )


def test_an_invalid_response_is_an_error_with_all_that_is_known() -> None:
    failed = error("Me", 200, b"<html>Log in</html>", {"x-trace-id": "t-1"})
    assert type(failed) is errors.HexInvalidResponse
    assert str(failed) == (
        "Hex responded to Me (GET /users/me) with 200, but the response is not a JSON object: 'Log in'. Check Base "
        "URL and Proxy of the Hex connection if the response is not from Hex. Trace id: t-1."
    )
    known = (failed.status, failed.method, failed.path, failed.sent_at, failed.trace_id)
    assert known == (200, "GET", "/users/me", 1000, "t-1")


@pytest.mark.parametrize(
    ("never_sent", "untrusted", "cls"),
    [
        (False, False, errors.HexUnreachable),
        (True, False, errors.HexNotConnected),
        (True, True, errors.HexUntrustedCertificate),
        (False, True, errors.HexUntrustedCertificate),
    ],
)
def test_a_missing_response_names_the_address_and_the_cause(
    never_sent: bool, untrusted: bool, cls: type[errors.HexUnreachable]
) -> None:
    error = error_messages.no_response(
        call_named("Me"), "https://hex/api/v1", "refused", never_sent=never_sent, untrusted=untrusted, sent_at=7
    )
    hint = (
        "The server's certificate is not trusted. If your proxy or your Hex host has a certificate of a private "
        "authority, set the CA bundle of the Hex connection to the authority's PEM file."
        if untrusted
        else f"Check Base URL and Proxy of the Hex connection, and the network. {STATUS_PAGE}"
    )
    assert str(error) == f"No response from https://hex/api/v1 to Me (GET /users/me): refused. {hint}"
    assert type(error) is cls
    assert (error.method, error.path, error.sent_at) == ("GET", "/users/me", 7)


LOST = errors.HexServerError("Hex responded with 500.", status=500, trace_id="t", path="/p", sent_at=7)
RUNS = [{"runId": f"r{n}", "projectId": "p", "runUrl": f"https://hex/r{n}", "status": "PENDING"} for n in range(22)]
CANCEL = (
    "The project is not started again, since it might run twice. Cancel in Hex the run that this task may have "
    "started, then clear the task."
)


def test_an_ambiguous_start_lists_the_runs_that_it_may_have_made() -> None:
    error = error_messages.ambiguous_start(LOST, RUNS[:2], "two runs.")
    assert type(error) is errors.HexAmbiguousStart
    assert str(error) == (
        f"Hex responded with 500. It is unknown whether a run was started: two runs. {CANCEL}\n"
        "PENDING: https://hex/r0\nPENDING: https://hex/r1"
    )
    assert (error.status, error.trace_id, error.path, error.sent_at) == (500, "t", "/p", 7)


def test_a_long_list_of_runs_is_cut() -> None:
    text = str(error_messages.ambiguous_start(LOST, RUNS, ""))
    assert text.endswith("\nPENDING: https://hex/r19\nand 2 more")
    assert "r20" not in text
    assert "more" not in str(error_messages.ambiguous_start(LOST, RUNS[:20], ""))


def test_an_unreconciled_start_is_left_to_the_next_attempt() -> None:
    error = error_messages.ambiguous_start(LOST, [], "no list.", errors.HexUnreconciledStart)
    assert type(error) is errors.HexUnreconciledStart
    assert str(error) == (
        "Hex responded with 500. It is unknown whether a run was started: no list. The task's next attempt tries to "
        "reconcile the start again. If there is none, check the project's runs in Hex before you clear the task."
    )


@pytest.mark.parametrize(
    ("run", "expected"),
    [
        (
            {"runId": "r", "projectId": "p", "runUrl": "u", "traceId": "t", "status": "ERRORED", "elapsedTime": 2500},
            "Hex run ERRORED after 2.5 s. Open it to see which cell failed. Trace id: t. Run: u",
        ),
        (
            {"runId": "r", "projectId": "p", "runUrl": "u", "status": "KILLED", "elapsedTime": None},
            "Hex run KILLED. It was cancelled. Run: u",
        ),
        (
            {"runId": "r", "projectId": "p", "traceId": "t", "status": "UNABLE_TO_ALLOCATE_KERNEL"},
            "Hex run UNABLE_TO_ALLOCATE_KERNEL. Hex had no kernel for it. Try again later, or run fewer projects at "
            "once. Trace id: t. Run: r of project p",
        ),
        (
            {"runId": "r", "projectId": "p", "status": "PONDERING"},
            "Hex run PONDERING. Run: r of project p",
        ),
    ],
)
def test_a_failed_run_is_named_with_its_url_and_trace_id(run: dict[str, Any], expected: str) -> None:
    error = error_messages.run_failed(run)
    assert str(error) == expected
    assert error.trace_id == run.get("traceId")


def test_a_timeout_names_the_run_and_its_last_known_status() -> None:
    run = {"runId": RUN, "projectId": PROJECT, "runUrl": "u", "traceId": "t", "status": "RUNNING"}
    error = error_messages.run_timeout(PROJECT, RUN, run, 90.51)
    assert str(error) == ("Timed out after 90.5 s of waiting: the run is still RUNNING. Trace id: t. Run: u")
    assert error.trace_id == "t"


def test_a_timeout_before_any_successful_poll_says_so() -> None:
    error = error_messages.run_timeout(PROJECT, RUN, None, 60)
    assert str(error) == (
        f"Timed out after 60 s of waiting: no poll of the run succeeded. Run: {RUN} of project {PROJECT}"
    )
    assert error.trace_id is None
