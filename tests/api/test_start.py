"""Starting a run, and reconciling an ambiguous start. No clock, no server."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, get_args

import pytest

from airflow_provider_hex.api import errors, protocol
from airflow_provider_hex.api.call import Call, Page
from airflow_provider_hex.api.errors import HexAmbiguousStart, HexServerError, HexUnreachable
from airflow_provider_hex.api.start import OnAmbiguousStart, start
from airflow_provider_hex.api.steps import Pause
from tests.api.calls import PROJECT, RUN

SENT = 1_800_000_000.0
STARTED = {"runId": RUN, "projectId": PROJECT}
LOST = HexServerError("Hex responded with 500.", status=500, trace_id="t-500", sent_at=SENT)


def at(seconds: float) -> str:
    """Return the time these seconds after the request was sent, in Hex's form."""
    return datetime.fromtimestamp(SENT + seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def run(name: str, **more: Any) -> dict[str, Any]:
    return {"runId": name, "projectId": PROJECT, "status": "RUNNING", "runUrl": f"https://hex/{name}", **more}


def page(*runs: Any, ahead: float | None = 0.0, more: bool = False) -> Page[Any]:
    return Page(list(runs), protocol.get_project_runs(PROJECT, offset=100) if more else None, ahead)


def start_with(
    *replies: object,
    on_ambiguous_start: OnAmbiguousStart = "reconcile",
    options: Mapping[str, Any] | None = None,
) -> tuple[list[str], Callable[[], Any]]:
    """Start a run with these values and errors of its calls; return the steps taken, and the outcome."""
    call = protocol.run_project(PROJECT, **(options or {}))
    steps = start(call, PROJECT, on_ambiguous_start=on_ambiguous_start, grace=30)
    taken: list[str] = []
    waiting = list(replies)
    reply: Any = None
    result: Any
    try:
        while True:
            step = steps.throw(reply) if isinstance(reply, errors.HexError) else steps.send(reply)
            if isinstance(step, Pause):
                taken.append(f"pause {step.seconds}")
                reply = None
            else:
                taken.append(step.name)
                reply = waiting.pop(0)
    except StopIteration as end:
        result = end.value
    except errors.HexError as error:
        result = error
    assert not waiting

    def outcome() -> Any:
        if isinstance(result, errors.HexError):
            raise result
        return result

    return taken, outcome


RECONCILED = ["RunProject", "pause 30", "GetProjectRuns"]
UNKNOWN = "Hex responded with 500. It is unknown whether a run was started:"
CANCEL = (
    "The project is not started again, since it might run twice. Cancel in Hex the run that this task may have "
    "started, then clear the task."
)


def test_there_are_three_ways_to_treat_an_ambiguous_start() -> None:
    assert get_args(OnAmbiguousStart) == ("reconcile", "adopt", "fail")


def test_a_response_with_a_run_takes_one_request() -> None:
    taken, outcome = start_with(STARTED)
    assert taken == ["RunProject"]
    assert outcome() == STARTED


@pytest.mark.parametrize(
    "error", [errors.HexForbidden("403"), errors.HexRateLimited("429"), errors.HexNotConnected("refused")]
)
def test_an_error_that_means_that_no_run_was_started_is_raised(error: errors.HexError) -> None:
    taken, outcome = start_with(error)
    assert taken == ["RunProject"]
    with pytest.raises(type(error)):
        outcome()


@pytest.mark.parametrize("error", [LOST, HexUnreachable("dropped", sent_at=SENT), errors.HexInvalidResponse("html")])
def test_the_run_is_started_again_if_there_is_none_since_the_request(error: errors.HexError) -> None:
    taken, outcome = start_with(error, page(), STARTED)
    assert taken == [*RECONCILED, "RunProject"]
    assert outcome() == STARTED


def test_each_step_of_an_ambiguous_start_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        start_with(LOST, page(), LOST, page(run("r", startTime=at(1))))
    ambiguous = [
        ("WARNING", "It is unknown whether a run was started. Hex responded with 500."),
        ("INFO", "Listing the project's runs in 30 s, to find out whether a run was started."),
    ]
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        *ambiguous,
        ("WARNING", "No run was started. Sending RunProject again."),
        *ambiguous,
        ("WARNING", "Re-attaching to the one run that was started since then: https://hex/r"),
    ]
    assert {record.name for record in caplog.records} == {start.__module__}


def test_only_runs_that_were_started_by_api_are_listed() -> None:
    steps = start(protocol.run_project(PROJECT), PROJECT, on_ambiguous_start="reconcile", grace=1)
    next(steps)
    steps.throw(LOST)
    listing = next(steps)
    assert isinstance(listing, Call)
    assert listing.query == {"limit": "100", "runTriggerFilter": "API"}
    assert listing.path == f"/projects/{PROJECT}/runs"


def test_the_one_run_since_the_request_is_taken_if_the_request_had_default_options() -> None:
    found = run("r", startTime=at(1), traceId="t", projectVersion=7, notifications=[{"type": "ALL"}])
    taken, outcome = start_with(LOST, page(found))
    assert taken == RECONCILED
    assert outcome() == {
        "runId": "r",
        "projectId": PROJECT,
        "runUrl": "https://hex/r",
        "traceId": "t",
        "projectVersion": 7,
        "notifications": [{"type": "ALL"}],
    }


@pytest.mark.parametrize(
    "options",
    [
        {"input_params": {"a": 1}},
        {"view_id": "v"},
        {"update_published_results": True},
        {"use_cached_sql_results": False},
    ],
)
def test_the_one_run_is_not_taken_if_the_request_had_inputs_or_options(options: dict[str, Any]) -> None:
    taken, outcome = start_with(LOST, page(run("r", startTime=at(1))), options=options)
    assert taken == RECONCILED
    with pytest.raises(HexAmbiguousStart) as raised:
        outcome()
    assert str(raised.value) == (
        f"{UNKNOWN} one run of the project was started by API since then, perhaps with other inputs or options. "
        f"{CANCEL}\nRUNNING: https://hex/r"
    )
    assert (raised.value.status, raised.value.trace_id) == (500, "t-500")
    assert start_with(LOST, page(run("r")), options=options, on_ambiguous_start="adopt")[1]()["runId"] == "r"


@pytest.mark.parametrize("mode", ["reconcile", "adopt"])
def test_none_of_several_runs_is_taken_and_all_are_listed(mode: OnAmbiguousStart) -> None:
    taken, outcome = start_with(LOST, page(run("r1"), run("r2")), on_ambiguous_start=mode)
    assert taken == RECONCILED
    with pytest.raises(HexAmbiguousStart) as raised:
        outcome()
    assert str(raised.value) == (
        f"{UNKNOWN} several runs of the project were started by API since then. {CANCEL}\n"
        "RUNNING: https://hex/r1\nRUNNING: https://hex/r2"
    )


@pytest.mark.parametrize("found", [[], [run("r")]])
def test_fail_neither_re_attaches_nor_starts_another(found: list[Any]) -> None:
    taken, outcome = start_with(LOST, page(*found), on_ambiguous_start="fail")
    assert taken == RECONCILED
    with pytest.raises(HexAmbiguousStart) as raised:
        outcome()
    listed = "\nRUNNING: https://hex/r" if found else ""
    assert str(raised.value) == (
        f"{UNKNOWN} with on_ambiguous_start='fail', the task re-attaches to no run, and does not send the request "
        f"again. {CANCEL}{listed}"
    )


def test_a_start_is_unreconciled_if_the_runs_cannot_be_listed() -> None:
    taken, outcome = start_with(LOST, errors.HexForbidden("403: no scope."))
    assert taken == RECONCILED
    with pytest.raises(errors.HexUnreconciledStart) as raised:
        outcome()
    assert str(raised.value) == (
        f"{UNKNOWN} the project's runs cannot be listed. 403: no scope. The task's next attempt tries to reconcile the "
        "start again. If there is none, check the project's runs in Hex before you clear the task."
    )
    assert raised.value.__suppress_context__  # its message has that of the cause


def test_after_three_starts_without_a_run_a_retry_may_help() -> None:
    taken, outcome = start_with(LOST, page(), LOST, page(), LOST, page())
    assert taken == RECONCILED * 3
    with pytest.raises(HexServerError) as raised:
        outcome()
    assert raised.value.retry_helps


def test_the_second_list_reaches_back_to_the_first_request() -> None:
    """The run of the first request may not be listed before."""
    later = HexServerError("500", sent_at=SENT + 60)
    assert start_with(LOST, page(), later, page(run("r", startTime=at(1))))[1]()["runId"] == "r"


@pytest.mark.parametrize(
    ("times", "since"),
    [
        ({"startTime": at(0)}, True),
        ({"startTime": at(-2)}, True),
        ({"startTime": at(-2.1)}, False),
        ({"startTime": at(-3600), "endTime": at(10)}, False),
        ({"startTime": None, "endTime": at(10)}, True),
        ({"startTime": None, "endTime": at(-10)}, False),
        ({"startTime": at(10), "stateEvents": [{"timestamp": at(-10)}, {"timestamp": at(10)}]}, False),
        ({"startTime": None, "stateEvents": [{"timestamp": at(1)}, {"type": "x"}, None]}, True),
        ({"startTime": at(-10), "stateEvents": "none"}, False),
        ({"startTime": None}, True),
        ({"startTime": "yesterday"}, True),
        ({"startTime": 7}, True),
        ({"startTime": at(-10).removesuffix("Z")}, True),
        ({}, True),
    ],
)
def test_a_run_counts_unless_it_is_certainly_older_than_the_request(times: dict[str, Any], since: bool) -> None:
    taken, _ = start_with(LOST, page(run("r", **times)), *([] if since else [STARTED]))
    assert taken == (RECONCILED if since else [*RECONCILED, "RunProject"])


@pytest.mark.parametrize(
    ("ahead", "seconds", "since"),
    [
        (600, 598, True),
        (600, 597, False),
        (-600, -602, True),
        (-600, -603, False),
        (None, -60, True),
        (None, -61, False),
    ],
)
def test_times_are_compared_by_hexs_clock(ahead: float | None, seconds: float, since: bool) -> None:
    taken, _ = start_with(LOST, page(run("r", startTime=at(seconds)), ahead=ahead), *([] if since else [STARTED]))
    assert (taken == RECONCILED) is since


NEW, OLD, OLDER = (run(name, startTime=at(seconds)) for name, seconds in (("n", 5), ("o", -50), ("p", -90)))
EDGE, UNDATED = run("e", startTime=at(-2)), run("u")


@pytest.mark.parametrize(
    ("first", "more_pages"),
    [
        ([NEW, OLD], False),
        ([NEW, OLD, OLDER], False),
        ([OLD, UNDATED], False),
        ([OLDER, OLD], True),
        ([OLD, NEW], True),
        ([NEW, NEW], True),
        ([NEW, EDGE], True),
        ([UNDATED], True),
        ([], True),
    ],
)
def test_pages_are_requested_until_all_further_runs_are_older(first: list[Any], more_pages: bool) -> None:
    replies = [page(*first, more=True), *([page(run("last"), run("last2"))] if more_pages else [])]
    expected = [*RECONCILED, *(["GetProjectRuns"] if more_pages else [])]
    if not any(found in (NEW, UNDATED) for found in first) and not more_pages:
        replies, expected = [*replies, page(STARTED)], [*expected, "RunProject"]
    assert start_with(LOST, *replies)[0] == expected


def test_a_run_is_found_on_any_page() -> None:
    assert start_with(LOST, page(OLDER, OLD, more=True), page(NEW))[1]()["runId"] == "n"
    assert start_with(LOST, page(OLDER, NEW, more=True), page(OLD))[1]()["runId"] == "n"


def pending(number: int) -> dict[str, Any]:
    """Return a run that waits for a kernel, so that the list shows no time for it."""
    return run(f"78c33d18-170c-44d3-a227-b3194f13400{number}", status="PENDING", startTime=None, endTime=None)


def with_events(listed: dict[str, Any], *seconds: float) -> dict[str, Any]:
    """Return a run as GetRunStatus shows it, with ``stateEvents`` at these times."""
    return {**listed, "stateEvents": [{"type": "STATUS", "value": "PENDING", "timestamp": at(s)} for s in seconds]}


def test_a_pending_run_that_is_older_than_the_request_is_not_taken() -> None:
    own, other = pending(1), pending(2)
    taken, outcome = start_with(LOST, page(own, other), with_events(own, 1), with_events(other, -60, 9))
    assert taken == [*RECONCILED, "GetRunStatus", "GetRunStatus"]
    assert outcome()["runId"] == own["runId"]
    assert start_with(LOST, page(other), with_events(other, -60), STARTED)[1]() == STARTED


def test_the_events_of_a_pending_run_are_requested() -> None:
    steps = start(protocol.run_project(PROJECT), PROJECT, on_ambiguous_start="reconcile", grace=1)
    next(steps)
    steps.throw(LOST)
    next(steps)
    asked = steps.send(page(pending(1)))
    assert isinstance(asked, Call)
    assert asked.path == f"/projects/{PROJECT}/runs/{pending(1)['runId']}"
    assert asked.headers == {"enable-expanded-stats": "true"}


@pytest.mark.parametrize(
    "status",
    [
        pending(1),
        {**pending(1), "stateEvents": None},
        {**pending(1), "stateEvents": [{"timestamp": "yesterday"}]},
        errors.HexNotFound("404"),
        errors.HexForbidden("403"),
        HexServerError("500"),
    ],
)
def test_a_pending_run_is_a_candidate_if_hex_does_not_say_when_it_began(status: object) -> None:
    taken, outcome = start_with(LOST, page(pending(1)), status)
    assert taken == [*RECONCILED, "GetRunStatus"]
    assert outcome()["runId"] == pending(1)["runId"]


def test_the_events_of_five_runs_at_most_are_requested() -> None:
    listed = [pending(number) for number in range(7)]
    older = [with_events(each, -60) for each in listed]
    taken, outcome = start_with(LOST, page(*listed[:3], more=True), page(*listed[3:]), *older[:5])
    assert taken == [*RECONCILED, "GetProjectRuns", *["GetRunStatus"] * 5]
    with pytest.raises(HexAmbiguousStart, match="several runs") as raised:
        outcome()
    assert [each["runId"] in str(raised.value) for each in listed] == [False] * 5 + [True] * 2


@pytest.mark.parametrize(
    ("error", "requests"),
    [(HexServerError("500"), 1), (errors.HexRateLimited("429"), 1), (errors.HexNotFound("404"), 2)],
)
def test_no_further_events_are_requested_after_a_transient_error(error: errors.HexError, requests: int) -> None:
    """The client has sent that request again for as long as it may, so the others would take as long."""
    statuses = [error, *[with_events(pending(2), -60)][: requests - 1]]
    taken, outcome = start_with(LOST, page(pending(1), pending(2)), *statuses, options={"view_id": "v"})
    assert taken == [*RECONCILED, *["GetRunStatus"] * requests]
    with pytest.raises(HexAmbiguousStart) as raised:
        outcome()
    assert [pending(number)["runId"] in str(raised.value) for number in (1, 2)] == [True, requests == 1]


def test_no_events_are_requested_where_they_do_not_help() -> None:
    assert start_with(LOST, page(pending(1)), on_ambiguous_start="fail")[0] == RECONCILED
    assert start_with(LOST, page({**pending(1), "startTime": at(1)}))[0] == RECONCILED
