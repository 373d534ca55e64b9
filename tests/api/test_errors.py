from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from airflow_provider_hex.airflow_compat import AirflowFailException
from airflow_provider_hex.api import errors
from airflow_provider_hex.api.errors import HexError, add_sentence

KINDS = {
    # class: transient, no_effect, retry_helps
    errors.HexError: (False, False, True),
    errors.HexInvalidInput: (False, False, False),
    errors.HexUnreachable: (True, False, True),
    errors.HexNotConnected: (True, True, True),
    errors.HexUntrustedCertificate: (False, True, False),
    errors.HexInvalidResponse: (True, False, True),
    errors.HexServerError: (True, False, True),
    errors.HexRateLimited: (True, True, True),
    errors.HexRequestRejected: (False, False, False),
    errors.HexUnauthorized: (False, False, False),
    errors.HexForbidden: (False, False, False),
    errors.HexNotFound: (False, False, False),
    errors.HexRunGone: (False, False, False),
    errors.HexAmbiguousStart: (False, False, False),
    errors.HexUnreconciledStart: (False, False, False),
    errors.HexRunFailed: (False, False, True),
    errors.HexRunTimeout: (False, False, True),
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
def test_each_class_says_what_may_be_done_after_it(cls: type[HexError]) -> None:
    assert (cls.transient, cls.no_effect, cls.retry_helps) == KINDS[cls]


@pytest.mark.parametrize("cls", KINDS)
def test_hex_may_have_acted_only_after_a_transient_error_that_may_have_had_an_effect(cls: type[HexError]) -> None:
    ambiguous = {errors.HexUnreachable, errors.HexInvalidResponse, errors.HexServerError}
    assert cls("500").may_have_acted is (cls in ambiguous)


def test_every_class_is_tested() -> None:
    assert {cls for cls in vars(errors).values() if isinstance(cls, type) and issubclass(cls, HexError)} == set(KINDS)


def test_the_errors_are_importable_without_airflow() -> None:
    code = (
        "import sys; sys.modules['airflow'] = None; import airflow_provider_hex.api.errors as e; "
        "import airflow_provider_hex.api.start; print(e.HexError('x'))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "x"


@pytest.mark.parametrize("cls", KINDS)
def test_an_error_keeps_its_class_message_and_facts_in_an_event(cls: type[HexError]) -> None:
    restored = HexError.from_dict(json.loads(json.dumps(cls("What happened.", **FACTS).to_dict())))
    assert type(restored) is cls
    assert str(restored) == "What happened."
    assert restored.facts == {name: getattr(restored, name) for name in FACTS} == FACTS


def test_an_error_of_an_unknown_class_is_restored_as_a_plain_hex_error() -> None:
    restored = HexError.from_dict({"type": "HexOutOfInk", "message": "What happened."})
    assert type(restored) is HexError
    assert str(restored) == "What happened."


def test_facts_that_are_not_given_are_none() -> None:
    assert str(HexError()) == ""
    assert HexError().facts == dict.fromkeys(FACTS)


def test_an_invalid_input_is_a_value_error_too() -> None:
    assert issubclass(errors.HexInvalidInput, ValueError)


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("What happened.", "What happened. To which run."),
        ("Timeout, PID: 7", "Timeout, PID: 7. To which run."),
        ("See https://hex/x", "See https://hex/x To which run."),
        ("", "To which run."),
    ],
)
def test_a_sentence_can_be_added_to_any_error(message: str, expected: str) -> None:
    for error in (HexError(message), AirflowFailException(message)):
        add_sentence(error, "To which run.")
        assert str(error) == expected


def test_a_sentence_becomes_a_note_of_an_error_that_does_not_show_its_arguments() -> None:
    error = BrokenPipeError(32, "Broken pipe")
    add_sentence(error, "The run was left running.")
    assert error.__notes__ == ["The run was left running."]


def test_a_sentence_becomes_a_note_of_an_error_whose_text_needs_all_its_arguments() -> None:
    class OfTwo(Exception):
        def __str__(self) -> str:
            return f"{self.args[0]} {self.args[1]}"

    error = OfTwo("What", "happened.")
    add_sentence(error, "The run was left running.")
    assert str(error) == "What happened."
    assert error.__notes__ == ["The run was left running."]


@pytest.mark.parametrize(
    "end",
    [
        " Run: https://hex/r",
        " Trace id: t. Run: https://hex/r",
        " Run: r of project p",
        "\nRUNNING: https://hex/r",
        "\na\nb",
    ],
)
def test_a_sentence_is_added_before_the_run_at_the_end_of_a_message(end: str) -> None:
    for error in (HexError(f"It failed.{end}"), AirflowFailException(f"It failed.{end}")):
        add_sentence(error, "The run was cancelled.")
        assert str(error) == f"It failed. The run was cancelled.{end}"
