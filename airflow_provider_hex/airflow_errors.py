"""Where the API's errors become Airflow's: the one place that decides whether a task fails for good.

Airflow retries a task that raised an ``AirflowException``, and fails one for good that raised an
``AirflowFailException``. An error keeps its own class in either case, for callbacks and retry policies:
a ``HexNotFound`` stays one.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from types import FrameType, TracebackType
from typing import Any

from airflow_provider_hex.airflow_compat import AirflowException, AirflowFailException, BaseOperator
from airflow_provider_hex.api.errors import HexError


@contextmanager
def airflow_errors() -> Iterator[None]:
    """Raise each :class:`HexError` from within the block, or the decorated function, as one that Airflow knows.

    :raises HexError: which is an ``AirflowFailException`` if no retry helps, and else an ``AirflowException``.
    """
    try:
        yield
    except HexError as error:
        raise for_airflow(error) from error.__cause__


@contextmanager
def argument_errors(task_id: object) -> Iterator[None]:
    """Raise each :class:`HexError` about a task's arguments as :func:`airflow_errors` does, with the task named.

    The traceback ends in the DAG file, because Airflow's UI shows only its last two lines.
    """
    try:
        yield
    except HexError as error:
        known = for_airflow(error)
        known.args = (f"Task {task_id}: {error}",)
        raise known.with_traceback(_line_in_dag_file()) from None


def _line_in_dag_file() -> TracebackType | None:
    """Return where a DAG file makes the task, None if Airflow makes it: a mapped one, in the worker."""
    between = ("contextlib", type(BaseOperator).__module__)
    frame: FrameType | None = sys._getframe()
    while frame is not None:
        module = frame.f_globals.get("__name__", "")
        if module not in between and not module.startswith("airflow_provider_hex."):
            return None if module.startswith("airflow.") else TracebackType(None, frame, frame.f_lasti, frame.f_lineno)
        frame = frame.f_back
    return None


def for_airflow(error: HexError, *also: type[Exception]) -> HexError:
    """Return the error as an ``AirflowFailException`` if no retry helps, and else as an ``AirflowException``.

    :param also: further classes of which it is to be an instance.
    """
    kind = AirflowException if error.retry_helps else AirflowFailException
    # One that is Airflow's already is of a class that _combined made of its own class.
    own = type(error).__mro__[1] if isinstance(error, AirflowException) else type(error)
    known: HexError = _combined(own, (kind, *also))(str(error), **error.facts)
    known.retry_helps = error.retry_helps
    for note in getattr(error, "__notes__", ()):
        known.add_note(note)
    return known


@cache
def _combined(own: Any, kinds: tuple[type[Exception], ...]) -> Any:
    names = {"__module__": own.__module__, "__qualname__": own.__qualname__, "__doc__": own.__doc__}
    return type(own.__name__, (own, *kinds), {**names, "__reduce__": _reduce})


def _reduce(error: HexError) -> Any:
    """Pickle the error as data, because its class is made at run time and cannot be imported."""
    return _restore, (error.to_dict(), error.retry_helps)


def _restore(data: dict[str, Any], retry_helps: bool) -> HexError:
    error = HexError.from_dict(data)
    error.retry_helps = retry_helps
    return for_airflow(error)
