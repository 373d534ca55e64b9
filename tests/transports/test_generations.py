"""The table of both generations of Hex's API, and of today's mixture: every call, through both clients.

A row says what the result is, a value or an error with its facts, and which requests the emulator received.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest

from airflow_provider_hex.api import errors, protocol
from airflow_provider_hex.api.call import Call
from hex_emulator.client import Control
from tests.conftest import PROJECT, PROJECTS, TOKENS
from tests.transports.conftest import Either, Transports
from tests.transports.kinds import CHART, KINDS

NOT_MOVED = ("CancelRun", "ListProjects", "GetQueriedTables")
CODES = {
    400: "BAD_REQUEST",
    403: "FORBIDDEN",
    404: "NOT_FOUND",
    422: "UNPROCESSABLE_CONTENT",
    429: "TOO_MANY_REQUESTS",
    500: "INTERNAL_SERVER_ERROR",
    503: "SERVICE_UNAVAILABLE",
}
OTHER = "11111111-1111-4111-8111-111111111111"
DRAFT = PROJECTS["Pricing draft"]
STATUS_PAGE = " https://status.hex.tech "


@pytest.fixture(params=["2025", "2026", "mixed"])
def api(request: pytest.FixtureRequest, emulator: Control) -> str:
    emulator.set_api(request.param)
    return str(request.param)


def is_moved(api: str, name: str) -> bool:
    return api == "2026" or (api == "mixed" and name not in NOT_MOVED)


def a_run(emulator: Control, name: str, course: str | None = None) -> str:
    """Start a run as the call needs it, and return its id."""
    emulator.next_run(timeline=[(course or KINDS[name].course, None)])
    trigger = "SCHEDULED" if name == "RunProject" else "API"
    return str(emulator.start_run(PROJECT, trigger=trigger)["runId"])


def received(emulator: Control) -> list[str]:
    return [request["call"] for request in emulator.requests()]


@pytest.mark.parametrize("name", KINDS)
def test_each_call_returns_its_value(name: str, api: str, transport: Either, emulator: Control) -> None:
    run = a_run(emulator, name)
    assert KINDS[name].is_right(KINDS[name].make(transport, run), run)
    assert received(emulator) == [name]


def test_the_projects_version_is_text_in_each_response(api: str, transport: Either, emulator: Control) -> None:
    started = transport.request(protocol.run_project(PROJECT))
    polled = transport.request(protocol.get_run(PROJECT, started["runId"]))
    (listed,) = transport.items(protocol.get_project_runs(PROJECT))
    assert [each["projectVersion"] for each in (started, polled, listed)] == ["12"] * 3


@pytest.mark.parametrize("expanded", [True, False])
def test_the_events_of_a_run_can_be_requested(expanded: bool, api: str, transport: Either, emulator: Control) -> None:
    run = a_run(emulator, "GetRunStatus")
    polled = transport.request(protocol.get_run(PROJECT, run, expanded=expanded))
    assert ("stateEvents" in polled) is (expanded or api == "2025")


def test_a_lost_start_is_found_without_events_in_the_list(api: str, transport: Either, emulator: Control) -> None:
    """A run that waits for a kernel since before the request is not taken for the request's run."""
    emulator.next_run(timeline=[("PENDING", None)], times=2)
    earlier = emulator.start_run(PROJECT, trigger="API")["runId"]
    emulator.clock(advance=60)
    emulator.fault("RunProject", drop=True, apply=True)
    assert KINDS["RunProject"].make(transport, earlier)["runId"] == emulator.runs()[-1]["runId"] != earlier
    events = [] if api == "2025" else ["GetRunStatus"] * 2
    assert received(emulator) == ["RunProject", "GetProjectRuns", *events]


@dataclass(frozen=True)
class Refusal:
    """A request that Hex refuses.

    :param name: the call.
    :param what: why it is refused.
    :param call: makes it for a run.
    :param status: the status of the response.
    :param error: the class of the error.
    :param hint: a part of the message.
    :param token: the token.
    :param course: the status of the run.
    :param vanished: the status for runs that are gone.
    :param older_status: the status in the older generation, if it is another.
    :param inputs: the inputs that are rejected.
    """

    name: str
    what: str
    call: Callable[[str], Call[Any]]
    status: int
    error: type[errors.HexError]
    hint: str
    token: str = "full"
    course: str | None = None
    vanished: Any = 404
    older_status: int | None = None
    inputs: tuple[str, ...] = ()


SCOPES = {
    "RunProject": "the scope 'Run projects'",
    "CancelRun": "the scope 'Run projects'",
    "ListCells": "the scope 'Cells → Read' (formerly 'Read projects')",
    "Me": "the scope 'Users → Read' (formerly 'Read projects')",
    "GetQueriedTables": "the scope 'Read project queried tables' (formerly 'Read projects')",
}
READ = "the scope 'Projects → Read access' (formerly 'Read projects')"
NO_PROJECT = "There is no such project, or the token's owner has no access to it. Check the ids"
NO_RUN = "The run is gone, or the token's owner has no access to it. Check the ids"
NO_CHART = "The run must have completed, and the cell must be a chart in it."
PUBLISH = "Publish the project if it was never published"
FIX_INPUTS = "Fix the task's input_params"
INPUTS = {
    "a wrong value": {"as_of": "yesterday"},
    "an unknown input": {"regoin": "EMEA"},
    "both": {"order_count": "many", "regoin": "EMEA"},
}
WRONG_TOKEN = "The token is wrong, has expired, or belongs to a workspace at another address."
GONE = {
    403: (errors.HexForbidden, "The run is gone, or the token of the Hex connection lacks a permission for it."),
    404: (errors.HexNotFound, NO_RUN),
    422: (errors.HexRequestRejected, "or the token's owner has no access to it. Check the ids"),
}
ON_A_PROJECT: dict[str, Callable[[str], Call[Any]]] = {
    "GetProject": protocol.get_project,
    "RunProject": protocol.run_project,
    "GetProjectRuns": protocol.get_project_runs,
    "GetQueriedTables": protocol.get_queried_tables,
    "ListCells": protocol.list_cells,
}
ON_A_RUN: dict[str, Callable[[str, str], Call[Any]]] = {
    "GetRunStatus": protocol.get_run,
    "CancelRun": protocol.cancel_run,
}


def _of_tokens() -> Iterator[Refusal]:
    for name, kind in KINDS.items():
        yield Refusal(name, "wrong token", kind.call, 401, errors.HexUnauthorized, WRONG_TOKEN, token="hxtp_unknown")
        hint = SCOPES.get(name, READ)
        yield Refusal(name, "no scope", kind.call, 403, errors.HexForbidden, hint, token="no-scopes")


def _on_projects() -> Iterator[Refusal]:
    for name, call in ON_A_PROJECT.items():
        yield Refusal(name, "no such project", partial(_of_project, call, OTHER), 404, errors.HexNotFound, NO_PROJECT)
    for name in ("RunProject", "GetProjectRuns", "GetQueriedTables"):
        call = partial(_of_project, ON_A_PROJECT[name], DRAFT)
        yield Refusal(name, "never published", call, 422, errors.HexRequestRejected, PUBLISH)
    for what, inputs in INPUTS.items():
        call = partial(_with_inputs, inputs)
        yield Refusal("RunProject", what, call, 422, errors.HexRequestRejected, FIX_INPUTS, inputs=tuple(inputs))


def _of_project(call: Callable[[str], Call[Any]], project: str, run: str) -> Call[Any]:
    return call(project)


def _with_inputs(inputs: dict[str, str], run: str) -> Call[Any]:
    return protocol.run_project(PROJECT, input_params=inputs)


def _on_runs() -> Iterator[Refusal]:
    for name, call in ON_A_RUN.items():
        for status, (error, hint) in GONE.items():
            gone = partial(_of_run, call, PROJECT, OTHER)
            yield Refusal(name, f"gone, {status}", gone, status, error, hint, vanished=status)
        elsewhere = partial(_of_run, call, DRAFT, None)
        yield Refusal(name, "a run of another project", elsewhere, 404, errors.HexNotFound, NO_RUN)
    cancel = KINDS["CancelRun"].call
    hint = "The run has ended, or it is gone"
    yield Refusal("CancelRun", "ended", cancel, 422, errors.HexRequestRejected, hint, course="COMPLETED")


def _of_run(call: Callable[[str, str], Call[Any]], project: str, gone: str | None, run: str) -> Call[Any]:
    return call(project, gone or run)


def _others() -> Iterator[Refusal]:
    name, image, rejected = "GetChartImageFromRun", protocol.get_chart_image, errors.HexRequestRejected
    chart = KINDS[name].call
    yield Refusal(name, "running", chart, 400, rejected, NO_CHART, course="RUNNING", older_status=422)
    yield Refusal(name, "no chart", lambda run: image(PROJECT, run, OTHER), 404, errors.HexNotFound, NO_CHART)
    yield Refusal(name, "no run", lambda run: image(PROJECT, OTHER, CHART), 404, errors.HexNotFound, NO_CHART)
    lists: dict[str, Callable[[str], Call[Any]]] = {
        "ListProjects": lambda run: protocol.list_projects(after="nonsense"),
        "GetQueriedTables": lambda run: protocol.get_queried_tables(PROJECT, after="nonsense"),
        "ListCells": lambda run: protocol.list_cells(PROJECT, after="nonsense"),
    }
    for name, call in lists.items():
        yield Refusal(
            name, "malformed", call, 400, rejected, "The request is malformed. Check the ids and the options."
        )


REFUSALS = {f"{row.name}, {row.what}": row for row in (*_of_tokens(), *_on_projects(), *_on_runs(), *_others())}


@pytest.mark.parametrize("what", REFUSALS)
def test_each_documented_refusal_is_an_error_that_says_why_and_what_to_do(
    what: str, api: str, transports: Transports, emulator: Control
) -> None:
    row = REFUSALS[what]
    moved = is_moved(api, row.name)
    emulator.set_vanished(row.vanished)
    run = a_run(emulator, row.name, row.course)
    transport = transports(token=TOKENS.get(row.token, row.token))
    with pytest.raises(errors.HexRequestRejected) as raised:
        transport.send(row.call(run))
    error, (request,) = raised.value, emulator.requests()
    status = row.status if moved else (row.older_status or row.status)
    of_the_edge = status == 401 and api != "2025"

    assert type(error) is row.error
    assert error.status == request["status"] == status
    assert error.trace_id == (None if of_the_edge else request["traceId"])
    lists_inputs = bool(row.inputs) and not moved  # the older response has nothing but the rejected inputs
    if moved or of_the_edge:
        assert error.reason == (None if of_the_edge else CODES[status])
    else:
        assert (error.reason is None) is lists_inputs
    assert (error.details is None) is (of_the_edge or lists_inputs)
    assert not error.transient

    message = str(error)
    assert message.startswith(f"Hex responded to {row.name} ({error.method} {error.path}) with {status}")
    assert row.hint in message
    assert "{" not in message
    assert PUBLISH not in message or row.hint == PUBLISH
    assert message.endswith(f" Trace id: {error.trace_id}.") is not of_the_edge
    if row.what == "no scope" and (row.name, api) != ("GetQueriedTables", "2026"):  # the emulator lacks that scope
        scope = message.partition('The token lacks the scope "')[2].partition('"')[0]
        assert f"'{scope}'" in row.hint
    assert all(name in message for name in row.inputs)


TRANSIENT: dict[str, tuple[dict[str, Any], type[errors.HexError]]] = {
    "429": ({"status": 429}, errors.HexRateLimited),
    "429, Retry-After": ({"status": 429, "headers": {"Retry-After": "7"}}, errors.HexRateLimited),
    "500": ({"status": 500}, errors.HexServerError),
    "503": ({"status": 503}, errors.HexServerError),
    "HTML": ({"status": 502, "body": "<h1>Bad gateway</h1>"}, errors.HexServerError),
    "half a response": ({"truncate": True}, errors.HexInvalidResponse),
}


@pytest.mark.parametrize(
    ("name", "what"),
    [(name, what) for name in KINDS for what in TRANSIENT if (name, what) != ("CancelRun", "half a response")],
)
def test_each_transient_error_says_what_is_known_and_is_retried(
    name: str, what: str, api: str, transport: Either, emulator: Control
) -> None:
    """CancelRun has no body that could be cut."""
    does, expected = TRANSIENT[what]
    if (name, what) == ("RunProject", "503"):
        expected = errors.HexRateLimited
    run = a_run(emulator, name)
    emulator.fault(name, **does, times=2)
    with pytest.raises(errors.HexError) as raised:
        transport.send(KINDS[name].call(run))
    error, (request,) = raised.value, emulator.requests()
    is_ours = what not in ("HTML", "half a response")  # a response in the form of Hex's errors
    has_trace_id = is_ours or (what == "half a response" and api != "2025")

    assert type(error) is expected
    assert error.transient
    assert error.status == request["status"]
    assert error.retry_after == (7 if "Retry-After" in what else None)
    assert error.trace_id == (request["traceId"] if has_trace_id else None)
    if is_moved(api, name) or not is_ours:
        assert error.reason == (CODES[error.status or 0] if is_ours else None)
    else:
        assert error.reason is not None
    assert (STATUS_PAGE in str(error)) is ((error.status or 0) >= 500)
    assert "{" not in str(error)
    assert "<" not in str(error)

    emulator.clock(advance=60)
    assert KINDS[name].is_right(KINDS[name].make(transport, run), run)
    ambiguous = name == "RunProject" and expected is not errors.HexRateLimited
    again = ["GetProjectRuns"] if ambiguous else []
    if what == "half a response" and ambiguous:  # the run was started
        events = [] if api == "2025" else ["GetRunStatus"]
        assert received(emulator) == [name, name, *again, *events]
    else:
        assert received(emulator) == [name, name, *again, name]
