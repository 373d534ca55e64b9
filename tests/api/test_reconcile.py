"""Reconciling the ambiguous start of a task's previous attempt. No clock, no server."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from airflow_provider_hex.api import errors, protocol
from airflow_provider_hex.api.call import Call, Page
from airflow_provider_hex.api.errors import HexAmbiguousStart, HexError
from airflow_provider_hex.api.models import RunStatus
from airflow_provider_hex.api.start import StartRequest, reconcile
from airflow_provider_hex.api.steps import Pause
from tests.api.calls import PROJECT

AT = 1_800_000_000.0
NO_RESPONSE = HexError("RunProject got no response.")


def run(name: str, seconds: float = 1.0, status: str = "RUNNING") -> dict[str, Any]:
    """Return a run that began these seconds after the request was sent."""
    moment = datetime.fromtimestamp(AT + seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {"runId": name, "projectId": PROJECT, "status": status, "startTime": moment}


def reconciled(*runs: dict[str, Any], default_options: bool = True, grace: float = 30, **options: Any) -> Any:
    """Reconcile the start with these runs in the project, and check the request that lists them."""
    steps = reconcile(
        PROJECT,
        StartRequest(AT, default_options),
        NO_RESPONSE,
        **{"on_ambiguous_start": "reconcile", "grace": grace, **options},
    )
    assert next(steps) == Pause(grace)
    listing = steps.send(None)
    assert isinstance(listing, Call)
    assert (listing.name, listing.query) == ("GetProjectRuns", {"limit": "100", "runTriggerFilter": "API"})
    with pytest.raises(StopIteration) as end:
        steps.send(Page(list(runs), None, 0.0))
    return end.value.value


def test_no_run_since_the_request_means_that_it_started_none() -> None:
    assert reconciled() is None
    assert reconciled(run("old", -3), run("older", -60)) is None


@pytest.mark.parametrize("default_options", [True, False])
def test_no_run_means_none_whatever_the_options(default_options: bool) -> None:
    assert reconciled(default_options=default_options) is None
    assert reconciled(default_options=default_options, on_ambiguous_start="adopt") is None


def test_the_one_run_since_the_request_is_taken() -> None:
    assert reconciled(run("r"), run("old", -3)) == {"projectId": PROJECT, "runId": "r"}


def test_the_grace_may_be_zero() -> None:
    assert reconciled(run("r"), grace=0.0)["runId"] == "r"


@pytest.mark.parametrize("status", ["PENDING", "RUNNING", "COMPLETED", "ERRORED", "KILLED", "PONDERING"])
def test_a_run_with_any_status_is_a_candidate_by_default(status: str) -> None:
    assert reconciled(run("r", status=status))["runId"] == "r"


def test_runs_that_are_not_candidates_do_not_count() -> None:
    def in_flight(run: Any) -> bool:
        return not RunStatus.of(run).is_terminal

    assert reconciled(run("r", status="ERRORED"), run("s", status="KILLED"), is_candidate=in_flight) is None
    assert reconciled(run("r", status="ERRORED"), run("s"), is_candidate=in_flight)["runId"] == "s"
    with pytest.raises(HexAmbiguousStart, match="several runs"):
        reconciled(run("r", status="ERRORED"), run("s"), run("t"), is_candidate=in_flight)


def test_runs_that_are_not_candidates_are_not_in_the_message() -> None:
    with pytest.raises(HexAmbiguousStart) as raised:
        reconciled(
            run("r"),
            run("s"),
            is_candidate=lambda run: run["runId"] == "s",
            default_options=False,
        )
    assert "RUNNING: s of project" in str(raised.value)
    assert "RUNNING: r of" not in str(raised.value)


def test_the_events_of_a_run_that_is_not_a_candidate_are_not_requested() -> None:
    pending = {**run("78c33d18-170c-44d3-a227-b3194f134f73", status="PENDING"), "startTime": None}
    assert reconciled(pending, is_candidate=lambda run: False) is None


def test_the_one_run_is_taken_only_with_adopt_if_the_request_had_inputs_or_options() -> None:
    with pytest.raises(HexAmbiguousStart, match=r"perhaps with other inputs.*\nRUNNING: r of ") as raised:
        reconciled(run("r"), default_options=False)
    assert "clear the task" in str(raised.value)
    assert reconciled(run("r"), default_options=False, on_ambiguous_start="adopt")["runId"] == "r"


@pytest.mark.parametrize("mode", ["reconcile", "adopt"])
def test_none_of_several_runs_is_taken(mode: str) -> None:
    with pytest.raises(HexAmbiguousStart, match=r"several runs .*\nRUNNING: r of .*\nRUNNING: s of "):
        reconciled(run("r"), run("s"), on_ambiguous_start=mode)


@pytest.mark.parametrize("runs", [[], [run("r")]])
def test_fail_returns_no_run(runs: list[Any]) -> None:
    with pytest.raises(HexAmbiguousStart, match="on_ambiguous_start='fail'"):
        reconciled(*runs, on_ambiguous_start="fail")


def test_an_error_of_the_list_is_raised() -> None:
    """Unlike in :func:`start`, a later attempt may still reconcile the start."""
    steps = reconcile(PROJECT, StartRequest(AT, True), NO_RESPONSE, on_ambiguous_start="reconcile", grace=1)
    next(steps)
    steps.send(None)
    with pytest.raises(errors.HexServerError):
        steps.throw(errors.HexServerError("500"))


def test_pages_are_requested_until_all_further_runs_are_older() -> None:
    steps = reconcile(PROJECT, StartRequest(AT, True), NO_RESPONSE, on_ambiguous_start="reconcile", grace=1)
    next(steps)
    steps.send(None)
    following = protocol.get_project_runs(PROJECT, offset=100)
    assert steps.send(Page([run("new", 5)], following, 0.0)) is following
    with pytest.raises(HexAmbiguousStart, match="several"):
        steps.send(Page([run("newer", 6)], None, 0.0))


UNTIL = 60.0
"""Seconds after the request by which it must have reached Hex."""
LATE = run("78c33d18-170c-44d3-a227-b3194f134f73", 90.0)
"""A run that got its kernel later than that. It may have been PENDING until then."""


def reconciled_late(*runs: dict[str, Any], statuses: tuple[Any, ...] = ()) -> Any:
    """Reconcile the start in a retry, with these runs in the project, and these responses of GetRunStatus."""
    steps = reconcile(
        PROJECT, StartRequest(AT, True), NO_RESPONSE, on_ambiguous_start="reconcile", grace=0, until=AT + UNTIL
    )
    next(steps)
    steps.send(None)
    replies = [Page(list(runs), None, 0.0), *statuses]
    try:
        for reply in replies:
            step = steps.throw(reply) if isinstance(reply, HexError) else steps.send(reply)
            assert isinstance(step, Call)
            assert step.headers == {"enable-expanded-stats": "true"}
    except StopIteration as end:
        assert reply is replies[-1]
        return end.value
    raise AssertionError("A reply is missing.")


def with_events(listed: dict[str, Any], **seconds: float) -> dict[str, Any]:
    """Return a run as GetRunStatus shows it, with the status changes at these times."""
    events = [
        {"type": "STATUS", "value": value, "timestamp": run("", at)["startTime"]} for value, at in seconds.items()
    ]
    return {**listed, "stateEvents": events}


def test_a_run_that_was_pending_for_long_is_found_by_its_events() -> None:
    status = with_events(LATE, PENDING=1.0, RUNNING=90.0)
    assert reconciled_late(LATE, statuses=(status,))["runId"] == LATE["runId"]


@pytest.mark.parametrize("created", [-60.0, 80.0])
def test_a_run_whose_events_show_that_it_was_created_earlier_or_later_is_not_taken(created: float) -> None:
    assert reconciled_late(LATE, statuses=(with_events(LATE, PENDING=created, RUNNING=90.0),)) is None


@pytest.mark.parametrize(
    "status",
    [LATE, {**LATE, "stateEvents": []}, errors.HexServerError("500")],
    ids=["no-events", "empty", "error"],
)
def test_a_run_that_started_within_an_hour_counts_if_hex_does_not_say_when_it_was_created(status: Any) -> None:
    assert reconciled_late(LATE, statuses=(status,))["runId"] == LATE["runId"]
    with pytest.raises(HexAmbiguousStart, match="several runs"):
        reconciled_late(LATE, run("r"), statuses=(status,))


def test_a_pending_run_that_starts_before_its_status_is_requested_counts() -> None:
    assert reconciled_late({**LATE, "startTime": None}, statuses=(LATE,))["runId"] == LATE["runId"]


def test_a_run_that_started_more_than_an_hour_later_does_not_count() -> None:
    later = [run(f"r{number}", UNTIL + 2.0 + 3600.1 + number) for number in range(9)]
    assert reconciled_late(*later) is None
    assert reconciled_late(*later, LATE, statuses=(with_events(LATE, PENDING=1.0),))["runId"] == LATE["runId"]


def test_a_run_that_started_later_counts_if_its_status_is_not_requested() -> None:
    later = [{**LATE, "runId": f"78c33d18-170c-44d3-a227-b3194f13400{number}"} for number in range(6)]
    statuses = tuple(with_events(each, PENDING=80.0) for each in later[:5])
    assert reconciled_late(*later, statuses=statuses)["runId"] == later[5]["runId"]
