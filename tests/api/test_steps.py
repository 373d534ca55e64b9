from __future__ import annotations

from dataclasses import FrozenInstanceError
from typing import Any

import pytest

from airflow_provider_hex.api import errors, steps
from airflow_provider_hex.api.call import Call
from airflow_provider_hex.api.errors import HexError, HexForbidden, HexNotFound, HexRequestRejected, HexServerError
from tests.api.calls import PROJECT, RUN


def cancel(*replies: Any) -> list[str]:
    """Cancel a run with these replies, and return what was asked."""
    going = steps.cancel(PROJECT, RUN)
    asked, step = [], next(going)
    for reply in replies:
        assert isinstance(step, Call)
        assert f"/runs/{RUN}" in step.path
        asked.append(step.name)
        try:
            step = going.throw(reply) if isinstance(reply, HexError) else going.send(reply)
        except StopIteration:
            break
    assert len(asked) == len(replies)
    return asked


def test_a_pause_stays_as_long_as_it_is() -> None:
    with pytest.raises(FrozenInstanceError):
        steps.Pause(1).seconds = 2  # type: ignore[misc]


def test_a_cancel_that_hex_accepts_is_the_end() -> None:
    assert cancel(None) == ["CancelRun"]


@pytest.mark.parametrize("refusal", [HexRequestRejected("422"), HexNotFound("404")])
@pytest.mark.parametrize("seen", [{"status": "COMPLETED"}, {"status": "KILLED"}, HexNotFound("404")])
def test_a_refused_cancel_of_a_run_that_is_over_or_gone_is_fine(refusal: HexError, seen: Any) -> None:
    assert cancel(refusal, seen) == ["CancelRun", "GetRunStatus"]


@pytest.mark.parametrize(
    "seen", [{"status": "RUNNING"}, {"status": "PONDERING"}, {}, HexForbidden("403"), HexServerError("500")]
)
def test_a_refused_cancel_of_any_other_run_is_that_refusal(seen: Any) -> None:
    with pytest.raises(HexRequestRejected, match="422"):
        cancel(HexRequestRejected("422"), seen)


@pytest.mark.parametrize("error", [HexServerError("500"), errors.HexUnreachable("dropped")])
def test_a_cancel_that_is_not_known_to_have_worked_is_an_error(error: HexError) -> None:
    with pytest.raises(type(error)):
        cancel(error)
