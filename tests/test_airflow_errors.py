from __future__ import annotations

import pickle
from typing import Any

import pytest

from airflow_provider_hex.airflow_compat import AirflowException, AirflowFailException
from airflow_provider_hex.airflow_errors import airflow_errors, for_airflow
from airflow_provider_hex.api import errors
from airflow_provider_hex.api.errors import HexError
from tests.api.test_errors import FACTS, KINDS


def overridden(cls: type[HexError], retry_helps: bool) -> HexError:
    """Return an error whose own ``retry_helps`` differs from its class's."""
    error = cls("What happened.", **FACTS)
    error.retry_helps = retry_helps
    return error


@pytest.mark.parametrize("cls", KINDS)
def test_an_error_keeps_its_class_and_becomes_an_airflow_exception(cls: type[HexError]) -> None:
    error = for_airflow(cls("What happened.", **FACTS))
    assert isinstance(error, cls)
    assert isinstance(error, AirflowException)
    assert (type(error).__name__, type(error).__module__) == (cls.__name__, cls.__module__)


@pytest.mark.parametrize("cls", KINDS)
def test_only_an_error_that_no_retry_helps_fails_the_task_for_good(cls: type[HexError]) -> None:
    assert isinstance(for_airflow(cls("What happened.")), AirflowFailException) is not cls.retry_helps


@pytest.mark.parametrize("retry_helps", [True, False])
@pytest.mark.parametrize("cls", [errors.HexNotFound, errors.HexServerError])
def test_retry_helps_may_be_set_on_an_error(cls: type[HexError], retry_helps: bool) -> None:
    error = for_airflow(overridden(cls, retry_helps))
    assert isinstance(error, cls)
    assert isinstance(error, AirflowFailException) is not retry_helps
    assert error.retry_helps is retry_helps


@pytest.mark.parametrize("retry_helps", [True, False])
@pytest.mark.parametrize("cls", KINDS)
def test_the_message_and_the_facts_are_kept(cls: type[HexError], retry_helps: bool) -> None:
    error = for_airflow(overridden(cls, retry_helps))
    assert str(error) == "What happened."
    assert error.facts == FACTS
    assert error.to_dict() == {"type": cls.__name__, "message": "What happened.", **FACTS}


def test_notes_are_kept() -> None:
    error = HexError("What happened.")
    error.add_note("The run was left running.")
    assert for_airflow(error).__notes__ == ["The run was left running."]


@pytest.mark.parametrize("retry_helps", [True, False])
@pytest.mark.parametrize("cls", KINDS)
def test_an_error_that_airflow_knows_already_stays_the_same(cls: type[HexError], retry_helps: bool) -> None:
    once = for_airflow(overridden(cls, retry_helps))
    twice = for_airflow(once)
    assert type(twice) is type(once)
    assert (str(twice), twice.facts, twice.retry_helps) == (str(once), once.facts, once.retry_helps)


def test_retry_helps_may_still_change_on_an_error_that_airflow_knows() -> None:
    error = for_airflow(errors.HexNotFound("What happened."))
    error.retry_helps = True
    assert not isinstance(for_airflow(error), AirflowFailException)
    assert isinstance(for_airflow(error), errors.HexNotFound)


@pytest.mark.parametrize("retry_helps", [True, False])
@pytest.mark.parametrize("cls", KINDS)
def test_an_error_can_be_pickled(cls: type[HexError], retry_helps: bool) -> None:
    error = for_airflow(overridden(cls, retry_helps))
    restored = pickle.loads(pickle.dumps(error))
    assert type(restored) is type(error)
    assert (str(restored), restored.facts, restored.retry_helps) == ("What happened.", FACTS, retry_helps)


def test_errors_within_the_block_are_raised_for_airflow_with_their_cause() -> None:
    cause = OSError("refused")
    with pytest.raises(errors.HexNotFound, match=r"^What happened\.$") as raised, airflow_errors():
        raise errors.HexNotFound("What happened.") from cause
    assert isinstance(raised.value, AirflowFailException)
    assert raised.value.__cause__ is cause


def test_errors_of_a_decorated_function_are_raised_for_airflow() -> None:
    @airflow_errors()
    def poll(*args: Any) -> Any:
        if args:
            return args
        raise errors.HexServerError("What happened.")

    assert poll(1) == (1,)
    for _ in range(2):
        with pytest.raises(errors.HexServerError) as raised:
            poll()
        assert isinstance(raised.value, AirflowException)


def test_other_errors_are_left_alone() -> None:
    with pytest.raises(KeyError) as raised, airflow_errors():
        raise KeyError("other")
    assert type(raised.value) is KeyError


def test_the_classes_that_are_made_for_airflow_are_not_among_all_classes() -> None:
    made = type(for_airflow(errors.HexNotFound("No project.")))
    assert made not in errors.all_classes()
    assert errors.HexNotFound in errors.all_classes()
