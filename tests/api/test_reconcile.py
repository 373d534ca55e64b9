"""How the next attempt of a task settles a RunProject whose answer nobody got. No clock, no server."""

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
NOBODY_KNOWS = HexError("RunProject was sent, and nobody got its answer.")


def run(name: str, seconds: float = 1.0, status: str = "RUNNING") -> dict[str, Any]:
    """A run that began so many seconds after the request was sent."""
    moment = datetime.fromtimestamp(AT + seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {"runId": name, "projectId": PROJECT, "status": status, "startTime": moment}


def settled(*runs: dict[str, Any], default_options: bool = True, grace: float = 30, **options: Any) -> Any:
    """Settle it with these runs in the project, or with this error; check what is asked of Hex on the way."""
    steps = reconcile(
        PROJECT,
        StartRequest(AT, default_options),
        NOBODY_KNOWS,
        **{"on_ambiguous_start": "reconcile", "grace": grace, **options},
    )
    assert next(steps) == Pause(grace)
    look = steps.send(None)
    assert isinstance(look, Call)
    assert (look.name, look.query) == ("GetProjectRuns", {"limit": "100", "runTriggerFilter": "API"})
    with pytest.raises(StopIteration) as end:
        steps.send(Page(list(runs), None, 0.0))
    return end.value.value


def test_no_run_since_then_means_that_it_started_none() -> None:
    assert settled() is None
    assert settled(run("old", -3), run("older", -60)) is None


@pytest.mark.parametrize("default_options", [True, False])
def test_no_run_means_none_whatever_was_asked_for(default_options: bool) -> None:
    assert settled(default_options=default_options) is None
    assert settled(default_options=default_options, on_ambiguous_start="adopt") is None


def test_the_one_run_since_then_is_its_own() -> None:
    assert settled(run("r"), run("old", -3)) == {"projectId": PROJECT, "runId": "r"}


def test_the_grace_may_be_over_already() -> None:
    assert settled(run("r"), grace=0.0)["runId"] == "r"


@pytest.mark.parametrize("status", ["PENDING", "RUNNING", "COMPLETED", "ERRORED", "KILLED", "PONDERING"])
def test_any_run_is_a_candidate_unless_told_otherwise(status: str) -> None:
    assert settled(run("r", status=status))["runId"] == "r"


def test_runs_that_are_no_candidates_count_for_nothing() -> None:
    def going(run: Any) -> bool:
        return not RunStatus.of(run).is_terminal

    assert settled(run("r", status="ERRORED"), run("s", status="KILLED"), is_candidate=going) is None
    assert settled(run("r", status="ERRORED"), run("s"), is_candidate=going)["runId"] == "s"
    with pytest.raises(HexAmbiguousStart, match="several runs"):
        settled(run("r", status="ERRORED"), run("s"), run("t"), is_candidate=going)


def test_what_is_no_candidate_is_not_listed() -> None:
    with pytest.raises(HexAmbiguousStart) as raised:
        settled(
            run("r"),
            run("s"),
            is_candidate=lambda run: run["runId"] == "s",
            default_options=False,
        )
    assert "Hex run s " in str(raised.value)
    assert "Hex run r " not in str(raised.value)


def test_a_run_that_may_be_of_others_is_listed_and_not_taken_unless_nobody_else_starts_any() -> None:
    with pytest.raises(HexAmbiguousStart, match=r"nobody got its answer\. .*perhaps by others.* Hex run r ") as raised:
        settled(run("r"), default_options=False)
    assert "clear the task" in str(raised.value)
    assert settled(run("r"), default_options=False, on_ambiguous_start="adopt")["runId"] == "r"


@pytest.mark.parametrize("mode", ["reconcile", "adopt"])
def test_of_several_runs_none_is_taken(mode: str) -> None:
    with pytest.raises(HexAmbiguousStart, match=r"several runs .* Hex run r .* Hex run s "):
        settled(run("r"), run("s"), on_ambiguous_start=mode)


@pytest.mark.parametrize("runs", [[], [run("r")]])
def test_whoever_wants_no_guess_gets_none(runs: list[Any]) -> None:
    with pytest.raises(HexAmbiguousStart, match="on_ambiguous_start='fail'"):
        settled(*runs, on_ambiguous_start="fail")


def test_a_look_that_fails_is_no_answer() -> None:
    """Unlike :func:`start`, whose request no later attempt would settle: here one may, by and by."""
    steps = reconcile(PROJECT, StartRequest(AT, True), NOBODY_KNOWS, on_ambiguous_start="reconcile", grace=1)
    next(steps)
    steps.send(None)
    with pytest.raises(errors.HexServerError):
        steps.throw(errors.HexServerError("500"))


def test_each_page_is_looked_at_until_all_that_follow_are_older() -> None:
    steps = reconcile(PROJECT, StartRequest(AT, True), NOBODY_KNOWS, on_ambiguous_start="reconcile", grace=1)
    next(steps)
    steps.send(None)
    following = protocol.get_project_runs(PROJECT, offset=100)
    assert steps.send(Page([run("new", 5)], following, 0.0)) is following
    with pytest.raises(HexAmbiguousStart, match="several"):
        steps.send(Page([run("newer", 6)], None, 0.0))
