from __future__ import annotations

import json
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowException, AirflowFailException

from airflow_provider_hex.api import errors
from airflow_provider_hex.api.errors import HexError, add_sentence

KINDS = {
    # An error of this kind: passes, had no effect on Hex, and no retry of the task can mend it.
    errors.HexError: (False, False, False),
    errors.HexInvalidInput: (False, False, True),
    errors.HexUnreachable: (True, False, False),
    errors.HexNotConnected: (True, True, False),
    errors.HexInvalidResponse: (True, False, False),
    errors.HexServerError: (True, False, False),
    errors.HexRateLimited: (True, True, False),
    errors.HexRequestRejected: (False, False, True),
    errors.HexUnauthorized: (False, False, True),
    errors.HexForbidden: (False, False, True),
    errors.HexNotFound: (False, False, True),
    errors.HexAmbiguousStart: (False, False, True),
    errors.HexUnreconciledStart: (False, False, True),
    errors.HexRunFailed: (False, False, False),
    errors.HexRunTimeout: (False, False, False),
}
FACTS: dict[str, Any] = {
    "status": 404,
    "reason": "Why",
    "details": "More",
    "trace_id": "t-3",
    "method": "GET",
    "path": "/users/me",
    "retry_after": 7.5,
    "sent_at": 1000.5,
}


@pytest.mark.parametrize("cls", KINDS)
def test_each_kind_tells_what_may_be_done_after_it(cls: type[HexError]) -> None:
    assert (cls.transient, cls.no_effect, issubclass(cls, AirflowFailException)) == KINDS[cls]
    assert issubclass(cls, AirflowException)


@pytest.mark.parametrize("cls", KINDS)
def test_only_after_an_error_that_passes_and_may_have_had_an_effect_hex_may_have_acted(cls: type[HexError]) -> None:
    unclear = {errors.HexUnreachable, errors.HexInvalidResponse, errors.HexServerError}
    assert cls("500").may_have_acted is (cls in unclear)


@pytest.mark.parametrize("cls", KINDS)
def test_an_error_that_a_retry_may_mend_after_all_says_the_same(cls: type[HexError]) -> None:
    again = cls("What happened.", **FACTS).retryable()
    assert not isinstance(again, AirflowFailException)
    assert str(again) == "What happened."
    assert {name: getattr(again, name) for name in FACTS} == FACTS


def test_no_kind_is_left_out() -> None:
    assert {cls for cls in vars(errors).values() if isinstance(cls, type) and issubclass(cls, HexError)} == set(KINDS)


@pytest.mark.parametrize("cls", KINDS)
def test_an_error_survives_the_way_through_an_event(cls: type[HexError]) -> None:
    back = HexError.from_dict(json.loads(json.dumps(cls("What happened.", **FACTS).to_dict())))
    assert type(back) is cls
    assert str(back) == "What happened."
    assert {name: getattr(back, name) for name in FACTS} == FACTS


def test_an_error_of_a_kind_that_is_not_known_is_an_error_all_the_same() -> None:
    back = HexError.from_dict({"type": "HexOutOfInk", "message": "What happened."})
    assert type(back) is HexError
    assert str(back) == "What happened."


def test_an_error_knows_only_what_it_was_told() -> None:
    assert str(HexError()) == ""
    assert {getattr(HexError(), name) for name in FACTS} == {None}


@pytest.mark.parametrize(
    ("message", "said"), [("What happened.", "What happened. To which run."), ("", "To which run.")]
)
def test_a_sentence_can_be_added_to_any_error(message: str, said: str) -> None:
    for error in (HexError(message), AirflowFailException(message)):
        add_sentence(error, "To which run.")
        assert str(error) == said


def test_a_sentence_is_not_lost_on_an_error_that_speaks_for_itself() -> None:
    error = BrokenPipeError(32, "Broken pipe")
    errors.add_sentence(error, "The run goes on.")
    assert error.__notes__ == ["The run goes on."]
