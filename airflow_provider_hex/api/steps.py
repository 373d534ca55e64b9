"""Procedures that take several requests. No I/O: a client carries them out.

A procedure is a generator. It yields the next step, a :class:`~airflow_provider_hex.api.call.Call` or a
:class:`Pause`. It receives the call's value, or the call's error is raised in it. It returns the result.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias, TypeVar, cast

from airflow_provider_hex.api import error_messages, protocol
from airflow_provider_hex.api.call import Call
from airflow_provider_hex.api.errors import HexError, HexRequestRejected, HexRunGone, HexUnauthorized, add_sentence
from airflow_provider_hex.api.models import Run, RunStatus

T = TypeVar("T")


@dataclass(frozen=True)
class Pause:
    """Wait for this many seconds."""

    seconds: float


Steps: TypeAlias = Generator[Call[Any] | Pause, Any, T]


def carry_out(steps: Steps[T], take: Callable[[Call[Any] | Pause], Any]) -> T:
    """Carry out a procedure, and return what it returns.

    :param take: takes a step: returns the call's value, or raises the call's error.
    :raises HexError: what the procedure raises.
    """
    go_on = partial(steps.send, None)
    while True:
        try:
            step = go_on()
        except StopIteration as end:
            return cast(T, end.value)
        try:
            go_on = partial(steps.send, take(step))
        except HexError as error:
            go_on = partial(steps.throw, error)


MAY_BE_GONE = (403, 404, 422)
"""How Hex may respond to a request about a run that it does not have, or does not show."""


def poll(project_id: str, run_id: str, *, is_new: bool = False) -> Steps[Run]:
    """Poll a run. If Hex does not show it, find out whether the token can read its project.

    See https://learn.hex.tech/docs/api/api-reference#operation/GetRunStatus.

    :param is_new: whether the run was started so recently that Hex may not show it yet. Then a rejection is transient.
    :raises HexRunGone: the run is gone, or the token's owner has no access to it.
    :raises HexError: the run could not be polled. The message says so if the token cannot read the project.
    """
    try:
        run: Run = yield protocol.get_run(project_id, run_id)
    except HexRequestRejected as error:
        if error.status not in MAY_BE_GONE:
            raise
        if is_new:
            add_sentence(error, "The run is new, and Hex may not show it yet.")
            error.transient = True
            raise
        rejection = error
    else:
        return run
    try:
        yield protocol.get_project(project_id)
    except HexUnauthorized:
        raise
    except HexRequestRejected:
        add_sentence(rejection, "The token cannot read the project either.")
        raise rejection from None
    raise error_messages.run_gone(rejection, project_id, run_id)


_CANCEL_TRIES, _CANCEL_PAUSE = 3, 1.0
"""How often a new run is to be cancelled, and the seconds in between. Airflow ends a process 5 s after a kill."""


def cancel(project_id: str, run_id: str, *, is_new: bool = False) -> Steps[Run | HexRunGone | None]:
    """Cancel a run. One that has ended already, or is gone, counts as cancelled.

    See https://learn.hex.tech/docs/api/api-reference#operation/CancelRun.

    :param is_new: whether the run was started so recently that Hex may not show it yet. Then it is not gone, and the
        cancel is tried three times.
    :return: None if Hex cancelled it, the run if it had ended, or an error that says that it is gone.
    :raises HexError: it could not be cancelled, or it is unknown whether it was.
    """
    tries = _CANCEL_TRIES if is_new else 1
    while True:
        tries -= 1
        try:
            yield protocol.cancel_run(project_id, run_id)
        except HexRequestRejected as error:
            rejection = error
        else:
            return None
        # Hex rejects the cancel of a run that has ended, but does not document how.
        try:
            run = yield from poll(project_id, run_id, is_new=is_new)
        except HexRunGone as gone:
            return gone
        except HexError as error:
            if not tries or error.status not in MAY_BE_GONE:
                raise rejection from None
        else:
            if RunStatus.of(run).is_terminal:
                return run
            raise rejection
        yield Pause(_CANCEL_PAUSE)
