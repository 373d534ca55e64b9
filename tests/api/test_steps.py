from __future__ import annotations

from dataclasses import FrozenInstanceError
from typing import Any

import pytest

from airflow_provider_hex.api import steps
from airflow_provider_hex.api.call import Call
from airflow_provider_hex.api.errors import (
    HexError,
    HexForbidden,
    HexNotFound,
    HexRequestRejected,
    HexRunGone,
    HexServerError,
    HexUnauthorized,
    HexUnreachable,
)
from airflow_provider_hex.api.steps import Steps
from tests.api.calls import PROJECT, RUN

GONE = (403, 404, 422)


def outcome(procedure: Steps[Any], *replies: Any) -> tuple[list[str], Any]:
    """Carry out a procedure with these values and errors of its calls. Return the calls' names, and its result."""
    called, step = [], next(procedure)
    for reply in replies:
        while isinstance(step, steps.Pause):
            step = next(procedure)
        assert isinstance(step, Call)
        called.append(step.name)
        try:
            step = procedure.throw(reply) if isinstance(reply, HexError) else procedure.send(reply)
        except StopIteration as end:
            assert len(called) == len(replies)
            return called, end.value
    raise AssertionError(f"It did not end after {called}.")


def poll(*replies: Any, **options: Any) -> tuple[list[str], Any]:
    return outcome(steps.poll(PROJECT, RUN, **options), *replies)


def cancel(*replies: Any, **options: Any) -> tuple[list[str], Any]:
    return outcome(steps.cancel(PROJECT, RUN, **options), *replies)


def rejection(status: int) -> HexRequestRejected:
    """What the client raises."""
    kind = {401: HexUnauthorized, 403: HexForbidden, 404: HexNotFound}.get(status, HexRequestRejected)
    return kind(f"{status}.", status=status, reason="No", trace_id="t-1")


def test_a_pause_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        steps.Pause(1).seconds = 2  # type: ignore[misc]


def test_a_poll_takes_one_request() -> None:
    assert poll({"status": "RUNNING"}) == (["GetRunStatus"], {"status": "RUNNING"})


@pytest.mark.parametrize("status", GONE)
def test_a_run_that_hex_does_not_show_is_gone_if_the_token_can_read_its_project(status: int) -> None:
    with pytest.raises(HexRunGone) as raised:
        poll(rejection(status), {"id": PROJECT})
    assert str(raised.value) == (
        f"Hex run {RUN} (project {PROJECT}) is gone, or the token's owner has no access to it. Hex responded to "
        f"GetRunStatus with {status}: 'No'. The token of the Hex connection can read the project. Check the "
        "ids, and whose token it is. Trace id: t-1."
    )
    assert raised.value.status == status


@pytest.mark.parametrize("status", GONE)
@pytest.mark.parametrize("project", GONE)
def test_a_rejection_stands_and_says_so_if_the_token_cannot_read_the_project_either(status: int, project: int) -> None:
    with pytest.raises(HexRequestRejected, match=rf"^{status}\. The token cannot read the project either\.$") as raised:
        poll(rejection(status), rejection(project))
    assert not isinstance(raised.value, HexRunGone)
    assert raised.value.status == status


@pytest.mark.parametrize("error", [HexServerError("500"), HexUnreachable("dropped"), rejection(401)])
def test_another_error_of_the_check_of_the_project_is_raised_as_it_is(error: HexError) -> None:
    with pytest.raises(type(error)) as raised:
        poll(rejection(404), error)
    assert raised.value is error


@pytest.mark.parametrize("status", [400, 401, 409])
def test_the_project_is_not_checked_after_any_other_rejection(status: int) -> None:
    with pytest.raises(HexRequestRejected) as raised:
        poll(rejection(status))
    assert not raised.value.transient


@pytest.mark.parametrize("status", GONE)
def test_a_new_run_that_hex_does_not_show_is_a_transient_error(status: int) -> None:
    with pytest.raises(HexRequestRejected, match="The run is new, and Hex may not show it yet") as raised:
        poll(rejection(status), is_new=True)
    assert raised.value.transient
    assert not isinstance(raised.value, HexRunGone)


@pytest.mark.parametrize("status", [400, 401])
def test_other_rejections_of_a_new_run_are_permanent(status: int) -> None:
    with pytest.raises(HexRequestRejected) as raised:
        poll(rejection(status), is_new=True)
    assert not raised.value.transient


def test_a_cancel_that_hex_accepts_takes_one_request() -> None:
    assert cancel(None) == (["CancelRun"], None)


@pytest.mark.parametrize("rejected", GONE)
@pytest.mark.parametrize("status", ["COMPLETED", "ERRORED", "KILLED"])
def test_a_run_that_has_ended_counts_as_cancelled_and_is_returned(rejected: int, status: str) -> None:
    assert cancel(rejection(rejected), {"status": status}) == (["CancelRun", "GetRunStatus"], {"status": status})


@pytest.mark.parametrize("rejected", GONE)
@pytest.mark.parametrize("polled", GONE)
def test_a_run_that_is_gone_counts_as_cancelled_and_the_result_says_so(rejected: int, polled: int) -> None:
    called, result = cancel(rejection(rejected), rejection(polled), {"id": PROJECT})
    assert called == ["CancelRun", "GetRunStatus", "GetProject"]
    assert isinstance(result, HexRunGone)


@pytest.mark.parametrize("polled", GONE)
def test_a_new_run_is_not_thought_to_be_gone_by_a_cancel(polled: int) -> None:
    replies = [rejection(status) for _ in range(3) for status in (404, polled)]
    with pytest.raises(HexNotFound, match="404"):
        cancel(*replies, is_new=True)


@pytest.mark.parametrize("project", GONE)
def test_a_run_whose_project_the_token_cannot_read_does_not_count_as_cancelled(project: int) -> None:
    with pytest.raises(HexRequestRejected, match="422"):
        cancel(rejection(422), rejection(404), rejection(project))


@pytest.mark.parametrize(
    "reported", [{"status": "RUNNING"}, {"status": "PONDERING"}, {}, rejection(401), HexServerError("500")]
)
def test_a_rejected_cancel_of_any_other_run_raises_the_rejection(reported: Any) -> None:
    with pytest.raises(HexRequestRejected, match="422"):
        cancel(rejection(422), reported)


@pytest.mark.parametrize("error", [HexServerError("500"), HexUnreachable("dropped")])
def test_a_cancel_with_an_unknown_outcome_is_an_error(error: HexError) -> None:
    with pytest.raises(type(error)):
        cancel(error)
