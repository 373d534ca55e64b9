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
    assert "Hex run s (" in str(raised.value)
    assert "Hex run r (" not in str(raised.value)


def test_the_events_of_a_run_that_is_not_a_candidate_are_not_requested() -> None:
    pending = {**run("78c33d18-170c-44d3-a227-b3194f134f73", status="PENDING"), "startTime": None}
    assert reconciled(pending, is_candidate=lambda run: False) is None


def test_the_one_run_is_taken_only_with_adopt_if_the_request_had_inputs_or_options() -> None:
    with pytest.raises(HexAmbiguousStart, match=r"no response\. .*perhaps with other inputs.* Hex run r ") as raised:
        reconciled(run("r"), default_options=False)
    assert "clear the task" in str(raised.value)
    assert reconciled(run("r"), default_options=False, on_ambiguous_start="adopt")["runId"] == "r"


@pytest.mark.parametrize("mode", ["reconcile", "adopt"])
def test_none_of_several_runs_is_taken(mode: str) -> None:
    with pytest.raises(HexAmbiguousStart, match=r"several runs .* Hex run r .* Hex run s "):
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
