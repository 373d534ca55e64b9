from __future__ import annotations

from dataclasses import FrozenInstanceError
from typing import Any

import pytest

from airflow_provider_hex.api import errors, steps
from airflow_provider_hex.api.call import Call
from airflow_provider_hex.api.errors import HexError, HexForbidden, HexNotFound, HexRequestRejected, HexServerError
from tests.api.calls import PROJECT, RUN


def cancel(*replies: Any) -> list[str]:
    """Cancel a run with these values and errors of its calls, and return the calls' names."""
    procedure = steps.cancel(PROJECT, RUN)
    called, step = [], next(procedure)
    for reply in replies:
        assert isinstance(step, Call)
        assert f"/runs/{RUN}" in step.path
        called.append(step.name)
        try:
            step = procedure.throw(reply) if isinstance(reply, HexError) else procedure.send(reply)
        except StopIteration:
            break
    assert len(called) == len(replies)
    return called


def test_a_pause_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        steps.Pause(1).seconds = 2  # type: ignore[misc]


def test_a_cancel_that_hex_accepts_takes_one_request() -> None:
    assert cancel(None) == ["CancelRun"]


@pytest.mark.parametrize("rejected", [HexRequestRejected("422"), HexNotFound("404")])
@pytest.mark.parametrize("reported", [{"status": "COMPLETED"}, {"status": "KILLED"}, HexNotFound("404")])
def test_a_run_that_has_ended_or_is_gone_counts_as_cancelled(rejected: HexError, reported: Any) -> None:
    assert cancel(rejected, reported) == ["CancelRun", "GetRunStatus"]


@pytest.mark.parametrize(
    "reported", [{"status": "RUNNING"}, {"status": "PONDERING"}, {}, HexForbidden("403"), HexServerError("500")]
)
def test_a_rejected_cancel_of_any_other_run_raises_the_rejection(reported: Any) -> None:
    with pytest.raises(HexRequestRejected, match="422"):
        cancel(HexRequestRejected("422"), reported)


@pytest.mark.parametrize("error", [HexServerError("500"), errors.HexUnreachable("dropped")])
def test_a_cancel_with_an_unknown_outcome_is_an_error(error: HexError) -> None:
    with pytest.raises(type(error)):
        cancel(error)
