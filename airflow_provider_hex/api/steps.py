"""What takes several requests to Hex: decided here, carried out by either transport.

Such a procedure is a generator. It yields the next step, a :class:`~airflow_provider_hex.api.protocol.Call` or a
:class:`Pause`; it is sent the call's value, or thrown its error; it returns the result. So nothing here does I/O.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

from airflow_provider_hex.api import protocol
from airflow_provider_hex.api.errors import HexError, HexNotFound, HexRefused
from airflow_provider_hex.api.models import RunStatus
from airflow_provider_hex.api.protocol import Call

T = TypeVar("T")


@dataclass(frozen=True)
class Pause:
    """Let this many seconds pass."""

    seconds: float


Steps: TypeAlias = Generator[Call[Any] | Pause, Any, T]


def cancel(project_id: str, run_id: str) -> Steps[None]:
    """Cancel a run. One that has ended already, or is gone, counts as cancelled.

    :raises HexError: it could not be cancelled, or whether it was is not known.
    """
    try:
        yield protocol.cancel_run(project_id, run_id)
    except HexRefused:
        # What Hex answers for a run that has ended is not documented, so ask whether it has.
        if not (yield from _is_over(project_id, run_id)):
            raise


def _is_over(project_id: str, run_id: str) -> Steps[bool]:
    try:
        return RunStatus.of((yield protocol.get_run(project_id, run_id))).is_terminal
    except HexNotFound:
        return True
    except HexError:
        return False
