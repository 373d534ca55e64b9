"""Procedures that take several requests. No I/O: a client carries them out.

A procedure is a generator. It yields the next step, a :class:`~airflow_provider_hex.api.call.Call` or a
:class:`Pause`. It receives the call's value, or the call's error is raised in it. It returns the result.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

from airflow_provider_hex.api import protocol
from airflow_provider_hex.api.call import Call
from airflow_provider_hex.api.errors import HexError, HexNotFound, HexRequestRejected
from airflow_provider_hex.api.models import RunStatus

T = TypeVar("T")


@dataclass(frozen=True)
class Pause:
    """Wait for this many seconds."""

    seconds: float


Steps: TypeAlias = Generator[Call[Any] | Pause, Any, T]


def cancel(project_id: str, run_id: str) -> Steps[None]:
    """Cancel a run. One that has ended already, or is gone, counts as cancelled.

    See https://learn.hex.tech/docs/api/api-reference#operation/CancelRun.

    :param project_id: the project.
    :param run_id: the run.
    :raises HexError: it could not be cancelled, or it is unknown whether it was.
    """
    try:
        yield protocol.cancel_run(project_id, run_id)
    except HexRequestRejected:
        # Hex rejects the cancel of a run that has ended, but does not document how.
        if not (yield from _is_over(project_id, run_id)):
            raise


def _is_over(project_id: str, run_id: str) -> Steps[bool]:
    try:
        return RunStatus.of((yield protocol.get_run(project_id, run_id))).is_terminal
    except HexNotFound:
        return True
    except HexError:
        return False
