"""How a start is settled to which no clear answer came. No clock but the test's, no server."""

from __future__ import annotations

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
LOST = HexServerError("Hex answered 500.", status=500, trace_id="t-500", sent_at=SENT)


def at(seconds: float) -> str:
    """So many seconds after the request was sent, as Hex writes it."""
    return datetime.fromtimestamp(SENT + seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def run(name: str, **more: Any) -> dict[str, Any]:
    return {"runId": name, "projectId": PROJECT, "status": "RUNNING", "runUrl": f"https://hex/{name}", **more}


def page(*runs: Any, ahead: float | None = 0.0, more: bool = False) -> Page[Any]:
    return Page(list(runs), protocol.get_project_runs(PROJECT, offset=100) if more else None, ahead)


def reconcile(
    *replies: object,
    on_ambiguous_start: OnAmbiguousStart = "reconcile",
    options: Mapping[str, Any] | None = None,
) -> tuple[list[str], Callable[[], Any]]:
    """Carry out a start with these replies to its calls: the steps taken, and how it ended."""
    call = protocol.run_project(PROJECT, **(options or {}))
    steps = start(call, PROJECT, on_ambiguous_start=on_ambiguous_start, grace=30)
    taken: list[str] = []
    waiting = list(replies)
    go_on: Callable[[], Any] = lambda: next(steps)  # noqa: E731
    while True:
        try:
            step = go_on()
        except StopIteration as end:
            assert not waiting
            return taken, lambda value=end.value: value  # type: ignore[misc]
        except errors.HexError as error:
            assert not waiting

            def fail(error: errors.HexError = error) -> Any:
                raise error

            return taken, fail
        if isinstance(step, Pause):
            taken.append(f"pause {step.seconds}")
            go_on = lambda: steps.send(None)  # noqa: E731
            continue
        assert isinstance(step, Call)
        taken.append(step.name)
        reply = waiting.pop(0)
        if isinstance(reply, errors.HexError):
            go_on = lambda reply=reply: steps.throw(reply)  # type: ignore[misc]  # noqa: E731
        else:
            go_on = lambda reply=reply: steps.send(reply)  # type: ignore[misc]  # noqa: E731


LOOKED = ["RunProject", "pause 30", "GetProjectRuns"]
CLEAR = (
    "So that the project does not run twice, it is not started again: cancel in Hex the run that this task may have "
    "left, then clear the task."
)


def test_there_are_three_ways_to_treat_an_unclear_start() -> None:
    assert get_args(OnAmbiguousStart) == ("reconcile", "adopt", "fail")


def test_a_clear_answer_is_the_end() -> None:
    taken, outcome = reconcile(STARTED)
    assert taken == ["RunProject"]
    assert outcome() == STARTED


@pytest.mark.parametrize(
    "error", [errors.HexForbidden("403"), errors.HexRateLimited("429"), errors.HexNotConnected("refused")]
)
def test_an_error_that_means_that_no_run_was_made_is_passed_on(error: errors.HexError) -> None:
    taken, outcome = reconcile(error)
    assert taken == ["RunProject"]
    with pytest.raises(type(error)):
        outcome()


@pytest.mark.parametrize("error", [LOST, HexUnreachable("dropped", sent_at=SENT), errors.HexInvalidResponse("html")])
def test_no_run_since_the_request_means_start_again(error: errors.HexError) -> None:
    taken, outcome = reconcile(error, page(), STARTED)
    assert taken == [*LOOKED, "RunProject"]
    assert outcome() == STARTED


def test_what_is_done_about_a_lost_answer_is_told(caplog: pytest.LogCaptureFixture) -> None:
    reconcile(LOST, page(), LOST, page(run("r", startTime=at(1))))
    look = "Hex answered 500. Whether that started a run is looked up in 30 s."
    assert caplog.messages == [
        look,
        "No run was started. The project is started again.",
        look,
        f"Hex run r of project {PROJECT} (https://hex/r) was started since, and is taken for the run of this task.",
    ]
    assert {(record.name, record.levelname) for record in caplog.records} == {(start.__module__, "WARNING")}


def test_only_runs_that_were_started_by_api_are_looked_at() -> None:
    steps = start(protocol.run_project(PROJECT), PROJECT, on_ambiguous_start="reconcile", grace=1)
    next(steps)
    steps.throw(LOST)
    look = next(steps)
    assert isinstance(look, Call)
    assert look.query == {"limit": "100", "runTriggerFilter": "API"}
    assert look.path == f"/projects/{PROJECT}/runs"


def test_one_run_since_the_request_is_taken_if_nothing_tells_it_from_others() -> None:
    found = run("r", startTime=at(1), traceId="t", projectVersion=7, notifications=[{"type": "ALL"}])
    taken, outcome = reconcile(LOST, page(found))
    assert taken == LOOKED
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
def test_one_run_that_may_be_of_others_with_other_inputs_is_not_taken(options: dict[str, Any]) -> None:
    taken, outcome = reconcile(LOST, page(run("r", startTime=at(1))), options=options)
    assert taken == LOOKED
    with pytest.raises(HexAmbiguousStart) as raised:
        outcome()
    assert str(raised.value) == (
        "Hex answered 500. Whether that started a run is not known: one run of the project was started by API since, "
        f"but perhaps by others, with other inputs or options. Hex run r of project {PROJECT} (https://hex/r) is "
        f"RUNNING. {CLEAR}"
    )
    assert (raised.value.status, raised.value.trace_id) == (500, "t-500")
    assert reconcile(LOST, page(run("r")), options=options, on_ambiguous_start="adopt")[1]()["runId"] == "r"


@pytest.mark.parametrize("mode", ["reconcile", "adopt"])
def test_of_several_runs_none_is_taken_and_all_are_listed(mode: OnAmbiguousStart) -> None:
    taken, outcome = reconcile(LOST, page(run("r1"), run("r2")), on_ambiguous_start=mode)
    assert taken == LOOKED
    with pytest.raises(HexAmbiguousStart) as raised:
        outcome()
    assert str(raised.value) == (
        "Hex answered 500. Whether that started a run is not known: several runs of the project were started by API "
        f"since. Hex run r1 of project {PROJECT} (https://hex/r1) is RUNNING. Hex run r2 of project {PROJECT} "
        f"(https://hex/r2) is RUNNING. {CLEAR}"
    )


@pytest.mark.parametrize("found", [[], [run("r")]])
def test_whoever_wants_neither_gets_neither(found: list[Any]) -> None:
    taken, outcome = reconcile(LOST, page(*found), on_ambiguous_start="fail")
    assert taken == LOOKED
    with pytest.raises(HexAmbiguousStart) as raised:
        outcome()
    listed = f" Hex run r of project {PROJECT} (https://hex/r) is RUNNING." if found else ""
    assert str(raised.value) == (
        "Hex answered 500. Whether that started a run is not known: neither is a run to be taken for it, nor is it to "
        f"be sent again (on_ambiguous_start='fail').{listed} {CLEAR}"
    )


def test_a_list_that_cannot_be_looked_at_leaves_it_unknown() -> None:
    taken, outcome = reconcile(LOST, errors.HexForbidden("403: no scope."))
    assert taken == LOOKED
    with pytest.raises(HexAmbiguousStart) as raised:
        outcome()
    assert str(raised.value) == (
        "Hex answered 500. Whether that started a run is not known: the project's runs cannot be looked at. 403: no "
        "scope. The task's next attempt looks again; if it has none left, look in Hex before you clear the task."
    )
    assert raised.value.__cause__ is LOST


def test_after_three_starts_without_a_run_the_error_is_one_that_a_retry_may_mend() -> None:
    taken, outcome = reconcile(LOST, page(), LOST, page(), LOST, page())
    assert taken == LOOKED * 3
    with pytest.raises(HexServerError):
        outcome()


def test_a_second_look_goes_back_to_the_first_request() -> None:
    """The run of the first request may show only then."""
    later = HexServerError("500", sent_at=SENT + 60)
    assert reconcile(LOST, page(), later, page(run("r", startTime=at(1))))[1]()["runId"] == "r"


@pytest.mark.parametrize(
    ("told", "since"),
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
def test_a_run_counts_unless_it_is_known_to_be_older_than_the_request(told: dict[str, Any], since: bool) -> None:
    taken, _ = reconcile(LOST, page(run("r", **told)), *([] if since else [STARTED]))
    assert taken == (LOOKED if since else [*LOOKED, "RunProject"])


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
def test_moments_are_compared_by_hexs_clock(ahead: float | None, seconds: float, since: bool) -> None:
    taken, _ = reconcile(LOST, page(run("r", startTime=at(seconds)), ahead=ahead), *([] if since else [STARTED]))
    assert (taken == LOOKED) is since


NEW, OLD, OLDER = (run(name, startTime=at(seconds)) for name, seconds in (("n", 5), ("o", -50), ("p", -90)))
EDGE, UNTOLD = run("e", startTime=at(-2)), run("u")


@pytest.mark.parametrize(
    ("first", "asked_again"),
    [
        ([NEW, OLD], False),
        ([NEW, OLD, OLDER], False),
        ([OLD, UNTOLD], False),
        ([OLDER, OLD], True),
        ([OLD, NEW], True),
        ([NEW, NEW], True),
        ([NEW, EDGE], True),
        ([UNTOLD], True),
        ([], True),
    ],
)
def test_pages_are_read_until_all_that_follow_are_older(first: list[Any], asked_again: bool) -> None:
    replies = [page(*first, more=True), *([page(run("last"), run("last2"))] if asked_again else [])]
    expected = [*LOOKED, *(["GetProjectRuns"] if asked_again else [])]
    if not any(found in (NEW, UNTOLD) for found in first) and not asked_again:
        replies, expected = [*replies, page(STARTED)], [*expected, "RunProject"]
    assert reconcile(LOST, *replies)[0] == expected


def test_a_run_is_found_on_whichever_page_it_is() -> None:
    assert reconcile(LOST, page(OLDER, OLD, more=True), page(NEW))[1]()["runId"] == "n"
    assert reconcile(LOST, page(OLDER, NEW, more=True), page(OLD))[1]()["runId"] == "n"
