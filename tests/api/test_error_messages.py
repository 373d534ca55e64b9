"""Every message in full: what happened, to which run or request, and what to do."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_hex.api import error_messages, errors, responses
from tests.api.calls import PROJECT, RUN, call_named, response

BODY = {"reason": "Why", "details": "More\n than  that", "traceId": "t-1"}


def message(name: str, status: int, body: Any) -> str:
    with pytest.raises(errors.HexError) as raised:
        responses.decode(call_named(name), response(status, body))
    return str(raised.value)


NO_ACCESS = "or the token's owner has no access to it. Check the ids, the connection's Base URL, and whose token it is."
RIGHTS = (
    "The token may not do this. A workspace token needs the scope '{}', the owner of a personal token needs a role in "
    "the project that allows it."
)
FAILURE = "Hex, or a proxy in front of it, failed. Usually temporary."
PUBLISH = "Publish the project if it was never published: only published versions can be run."


@pytest.mark.parametrize(
    ("name", "status", "hint"),
    [
        ("Me", 302, "Redirects are not followed. Check the connection's Base URL."),
        ("Me", 400, "The request is malformed. Check the ids and the options."),
        (
            "RunProject",
            401,
            "The token is wrong, has expired, or belongs to another Hex host. Check the connection's API token and "
            "Base URL.",
        ),
        ("RunProject", 403, RIGHTS.format("Run projects")),
        ("CancelRun", 403, RIGHTS.format("Run projects")),
        ("GetRunStatus", 403, RIGHTS.format("Read projects")),
        ("Me", 403, RIGHTS.format("Read projects")),
        (
            "GetQueriedTables",
            403,
            RIGHTS.format("Read projects") + " Only Hex's Enterprise plan has this call.",
        ),
        ("RunProject", 404, f"There is no such project, {NO_ACCESS}"),
        ("GetProject", 404, f"There is no such project, {NO_ACCESS}"),
        ("GetProjectRuns", 404, f"There is no such project, {NO_ACCESS}"),
        ("GetRunStatus", 404, f"There is no such run, {NO_ACCESS}"),
        ("CancelRun", 404, f"There is no such run, {NO_ACCESS}"),
        ("GetChartImageFromRun", 404, f"There is no such run or cell, {NO_ACCESS}"),
        ("Me", 408, "Usually temporary."),
        ("Me", 418, ""),
        ("RunProject", 422, PUBLISH),
        ("GetProjectRuns", 422, PUBLISH),
        ("CancelRun", 422, "A run that has ended cannot be cancelled."),
        ("GetChartImageFromRun", 422, "The run must have completed, and the cell must be a chart."),
        ("GetRunStatus", 429, "Hex's request limit is reached. Usually temporary."),
        ("RunProject", 500, FAILURE),
        ("GetRunStatus", 503, FAILURE),
        (
            "RunProject",
            503,
            "All of Hex's kernels are in use, so no run was started. Usually temporary.",
        ),
    ],
)
def test_an_error_response_names_the_call_hexs_explanation_and_what_to_do(name: str, status: int, hint: str) -> None:
    expected = f"Hex responded to {call_named(name)} with {status}: 'Why' 'More than that'. {hint} Trace id: t-1."
    assert message(name, status, BODY) == expected.replace("  ", " ")


@pytest.mark.parametrize(
    ("body", "quote"),
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
def test_a_servers_text_is_quoted_without_markup_and_cut(body: Any, quote: str) -> None:
    assert message("Me", 500, body) == f"Hex responded to Me (GET /users/me) with 500: {quote}. {FAILURE}"


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
        "'regoin' (the project has no such input), '8' (the project has no such input). "
        "Fix the task's input_params, or change the project's input parameters and publish it. Trace id: t-2."
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
        f"{rejected}. Fix the task's input_params, or change the project's input parameters and publish it."
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


def test_an_invalid_response_is_quoted() -> None:
    assert message("Me", 200, b"<html>Log in</html>") == (
        "Hex responded to Me (GET /users/me) with 200, but the response is not a JSON object: 'Log in'. Check the "
        "connection's Base URL and Proxy if the response is not from Hex."
    )
    with pytest.raises(errors.HexInvalidResponse) as raised:
        responses.decode(call_named("Me"), response(200, b""))
    error = raised.value
    assert (error.status, error.method, error.path, error.sent_at) == (200, "GET", "/users/me", 1000)


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
        "authority, set the connection's CA bundle to the authority's PEM file."
        if untrusted
        else "Check the connection's Base URL and Proxy, and the network."
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
        "Hex responded with 500. It is unknown whether a run was started: two runs. Hex run https://hex/r0 (id r0, "
        f"project p) is PENDING. Hex run https://hex/r1 (id r1, project p) is PENDING. {CANCEL}"
    )
    assert (error.status, error.trace_id, error.path, error.sent_at) == (500, "t", "/p", 7)


def test_a_long_list_of_runs_is_cut() -> None:
    text = str(error_messages.ambiguous_start(LOST, RUNS, ""))
    assert "(id r19, project p) is PENDING. And 2 more. The project" in text
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
            "The run ended ERRORED after 2.5 s: Hex run u (id r, project p, trace id t). Open it to see which cell "
            "failed.",
        ),
        (
            {"runId": "r", "projectId": "p", "runUrl": "u", "status": "KILLED", "elapsedTime": None},
            "The run ended KILLED: Hex run u (id r, project p). It was cancelled.",
        ),
        (
            {"runId": "r", "projectId": "p", "traceId": "t", "status": "UNABLE_TO_ALLOCATE_KERNEL"},
            "The run ended UNABLE_TO_ALLOCATE_KERNEL: Hex run r (project p, trace id t). Hex had no kernel for it. Try "
            "again later, or run fewer projects at once.",
        ),
        (
            {"runId": "r", "projectId": "p", "status": "PONDERING"},
            "The run ended PONDERING: Hex run r (project p).",
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
    assert str(error) == (
        f"The run timed out after 90.5 s, still RUNNING: Hex run u (id {RUN}, project {PROJECT}, trace id t)."
    )
    assert error.trace_id == "t"


def test_a_timeout_before_any_successful_poll_says_so() -> None:
    error = error_messages.run_timeout(PROJECT, RUN, None, 60)
    assert str(error) == (
        f"The run timed out after 60 s, status unknown, since no poll succeeded: Hex run {RUN} (project {PROJECT})."
    )
    assert error.trace_id is None
