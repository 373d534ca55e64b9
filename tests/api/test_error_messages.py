"""Every message, whole: it says what happened, to which run or request, and what to do."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_hex.api import error_messages, errors, protocol
from tests.api.calls import PROJECT, RUN, answer, call_named

BODY = {"reason": "Why", "details": "More\n than  that", "traceId": "t-1"}


def message(name: str, status: int, body: Any) -> str:
    with pytest.raises(errors.HexError) as raised:
        protocol.decode(call_named(name), answer(status, body))
    return str(raised.value)


NO_ACCESS = (
    "or the token's owner has no access to it, which looks the same: check the ids, the connection's host, and whom "
    "the token belongs to."
)
RIGHTS = (
    "The token may not do this: a workspace token needs the scope '{}', a personal token's owner needs the role for it "
    "in the project."
)
FAILURE = "That is a failure of Hex, or of a proxy before it, not of the request; it mostly passes."
PUBLISH = "Publish the project if it never was: only published versions have runs."


@pytest.mark.parametrize(
    ("name", "status", "hint"),
    [
        ("Me", 302, "That is a redirect, which is not followed: check the connection's host."),
        ("Me", 400, "The request is malformed: check the ids and the options."),
        (
            "RunProject",
            401,
            "The token is wrong, has expired, or belongs to another Hex host: put a valid one into the connection's "
            "password field, and check its host.",
        ),
        ("RunProject", 403, RIGHTS.format("Run projects")),
        ("CancelRun", 403, RIGHTS.format("Run projects")),
        ("GetRunStatus", 403, RIGHTS.format("Read projects")),
        ("Me", 403, RIGHTS.format("Read projects")),
        (
            "GetQueriedTables",
            403,
            RIGHTS.format("Read projects") + " Hex has this call on the Enterprise plan only.",
        ),
        ("RunProject", 404, f"There is no such project, {NO_ACCESS}"),
        ("GetProject", 404, f"There is no such project, {NO_ACCESS}"),
        ("GetProjectRuns", 404, f"There is no such project, {NO_ACCESS}"),
        ("GetRunStatus", 404, f"There is no such run, {NO_ACCESS}"),
        ("CancelRun", 404, f"There is no such run, {NO_ACCESS}"),
        ("GetChartImageFromRun", 404, f"There is no such run or cell, {NO_ACCESS}"),
        ("Me", 408, "It passes."),
        ("Me", 418, ""),
        ("RunProject", 422, PUBLISH),
        ("GetProjectRuns", 422, PUBLISH),
        ("CancelRun", 422, "A run that has ended cannot be cancelled."),
        ("GetChartImageFromRun", 422, "The run must have completed, and the cell must be a chart."),
        ("GetRunStatus", 429, "Hex's request limit is reached; it passes."),
        ("RunProject", 500, FAILURE),
        ("GetRunStatus", 503, FAILURE),
        (
            "RunProject",
            503,
            "All of Hex's kernels are in use, so no run was started; one will become free.",
        ),
    ],
)
def test_a_refusal_says_what_was_asked_what_hex_said_and_what_to_do(name: str, status: int, hint: str) -> None:
    expected = f"Hex answered {call_named(name)} with {status}: 'Why' 'More than that'. {hint} Trace id: t-1."
    assert message(name, status, BODY) == expected.replace("  ", " ")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "nothing"),
        (b"  \n", "nothing"),
        (b"Bad\r\n gateway", "'Bad gateway'"),
        (b"\xff!", "'\ufffd!'"),
        (b"null", "'null'"),
        (b'{"message": "x"}', '\'{"message": "x"}\''),
        ({"reason": "", "details": "More"}, "'More'"),
        ({"reason": {"code": 7}}, "\"{'code': 7}\"".replace('"', "'")),
        (b"<html><script>f()</script><STYLE>p{}</STYLE><h1>502</h1>a&amp;b</html>", "'502 a&b'"),
        (b"  <p>x" + b"y" * 1000, f"'x{'y' * 499}…'"),
        ({"reason": "r" * 1000}, f"'{'r' * 500}'"),
        (b"z" * 500, f"'{'z' * 500}'"),
    ],
)
def test_what_a_server_says_is_quoted_without_markup_and_capped(body: Any, said: str) -> None:
    assert message("Me", 500, body) == f"Hex answered Me (GET /users/me) with 500: {said}. {FAILURE}"


def test_each_rejected_input_is_named_with_its_value_and_the_type_that_it_should_have() -> None:
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
        f"Hex answered RunProject (POST /projects/{PROJECT}/runs) with 422: 'Invalid'. Rejected inputs: "
        f"as_of = '7' (expected DATE for a DATE_INPUT), n = '{'x' * 500}…' (expected NUMBER for a NUMERIC_INPUT), "
        "'regoin' (the project has no such input), '8' (the project has no such input). "
        "Mend the task's input_params, or the project's input parameters and publish it. Trace id: t-2."
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
def test_the_hint_is_to_mend_the_inputs_whichever_way_one_is_wrong(body: Any, rejected: str) -> None:
    assert message("RunProject", 422, {"reason": "Invalid", **body}) == (
        f"Hex answered RunProject (POST /projects/{PROJECT}/runs) with 422: 'Invalid'. Rejected inputs: {rejected}. "
        "Mend the task's input_params, or the project's input parameters and publish it."
    )


@pytest.mark.parametrize("field", ["invalid", "notFound"])
@pytest.mark.parametrize("value", ["text", {"a": 1}, 7])
def test_rejected_inputs_that_make_no_sense_are_passed_over(field: str, value: Any) -> None:
    assert "Rejected" not in message("RunProject", 422, {"reason": "Invalid", field: value})


def test_a_long_list_of_rejected_inputs_is_cut() -> None:
    said = message("RunProject", 422, {"notFound": [f"i{n}" for n in range(23)]})
    assert said.count("the project has no such input") == 20
    assert ", and 3 more. Mend" in said
    assert "more" not in message("RunProject", 422, {"notFound": [f"i{n}" for n in range(20)]}).replace("Mend", "")


def test_a_bad_answer_is_quoted() -> None:
    assert message("Me", 200, b"<html>Log in</html>") == (
        "Hex answered Me (GET /users/me) with 200, but not with a JSON object. It said: 'Log in'. If that is not Hex's "
        "API, check the connection's host and proxy."
    )
    with pytest.raises(errors.HexInvalidResponse) as raised:
        protocol.decode(call_named("Me"), answer(200, b""))
    error = raised.value
    assert (error.status, error.method, error.path, error.sent_at) == (200, "GET", "/users/me", 1000)


@pytest.mark.parametrize("never_sent", [True, False])
@pytest.mark.parametrize(
    ("untrusted", "hint"),
    [
        (False, "Check the connection's host and proxy, and the network."),
        (
            True,
            "The server's certificate is not trusted: if a proxy or a host of your own signs with its own authority, "
            "name its PEM file in the connection's ca_bundle.",
        ),
    ],
)
def test_no_answer_says_from_where_and_why(never_sent: bool, untrusted: bool, hint: str) -> None:
    error = error_messages.no_answer(
        call_named("Me"), "https://hex/api/v1", "refused", never_sent=never_sent, untrusted=untrusted, sent_at=7
    )
    assert str(error) == f"No answer to Me (GET /users/me) from https://hex/api/v1: refused. {hint}"
    assert type(error) is (errors.HexNotConnected if never_sent else errors.HexUnreachable)
    assert (error.method, error.path, error.sent_at) == ("GET", "/users/me", 7)


def test_an_unknown_start_lists_the_runs_that_it_may_have_made() -> None:
    lost = errors.HexServerError("Hex answered 500.", status=500, trace_id="t", path="/p", sent_at=7)
    runs = [{"runId": f"r{n}", "projectId": "p", "runUrl": f"https://hex/r{n}", "status": "PENDING"} for n in range(22)]
    error = error_messages.ambiguous_start(lost, runs[:2], "two runs.")
    assert str(error) == (
        "Hex answered 500. Whether that started a run is not known: two runs. Hex run r0 of project p (https://hex/r0) "
        "is PENDING. Hex run r1 of project p (https://hex/r1) is PENDING. So that the project does not run twice, it "
        "is not started again: cancel in Hex the run that this task may have left, then clear the task."
    )
    assert (error.status, error.trace_id, error.path, error.sent_at) == (500, "t", "/p", 7)
    assert "r19 of project p (https://hex/r19) is PENDING. And 2 more. So" in str(
        error_messages.ambiguous_start(lost, runs, "")
    )
    assert "more" not in str(error_messages.ambiguous_start(lost, runs[:20], ""))


@pytest.mark.parametrize(
    ("run", "said"),
    [
        (
            {"runId": "r", "projectId": "p", "runUrl": "u", "traceId": "t", "status": "ERRORED", "elapsedTime": 2500},
            "Hex run r of project p (u, trace id t) ended ERRORED after 2.5 s. Open it to see which cell failed.",
        ),
        (
            {"runId": "r", "projectId": "p", "runUrl": "u", "status": "KILLED", "elapsedTime": None},
            "Hex run r of project p (u) ended KILLED. Somebody or something cancelled it.",
        ),
        (
            {"runId": "r", "projectId": "p", "traceId": "t", "status": "UNABLE_TO_ALLOCATE_KERNEL"},
            "Hex run r of project p (trace id t) ended UNABLE_TO_ALLOCATE_KERNEL. Hex had no kernel for it: try again "
            "later, or run fewer projects at once.",
        ),
        ({"runId": "r", "projectId": "p", "status": "PONDERING"}, "Hex run r of project p ended PONDERING."),
    ],
)
def test_a_failed_run_is_named_with_its_url_and_trace_id(run: dict[str, Any], said: str) -> None:
    error = error_messages.run_failed(run)
    assert str(error) == said
    assert error.trace_id == run.get("traceId")


def test_a_run_that_took_too_long_is_named_as_it_was_last_seen() -> None:
    seen = {"runId": RUN, "projectId": PROJECT, "runUrl": "u", "traceId": "t", "status": "RUNNING"}
    error = error_messages.run_timeout(PROJECT, RUN, seen, 90.5)
    assert str(error) == (
        f"Hex run {RUN} of project {PROJECT} (u, trace id t) was still RUNNING when its time was up, after 90.5 s."
    )
    assert error.trace_id == "t"
    error = error_messages.run_timeout(PROJECT, RUN, None, 60)
    assert str(error) == (
        f"Hex run {RUN} of project {PROJECT} could not be looked at when its time was up, after 60 s."
    )
    assert error.trace_id is None
