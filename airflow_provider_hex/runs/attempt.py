"""What Airflow reports about this attempt of a task."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any, TypeVar

from airflow_provider_hex.runs.bare_context import NoTaskInstance
from airflow_provider_hex.runs.disposition import AttemptStatus
from airflow_provider_hex.runs.run_store import RunStore
from airflow_provider_hex.triggers.run_xcom import published_run_id
from airflow_provider_hex.version_compat import state_of

T = TypeVar("T")

log = logging.getLogger(__name__)

_ENDED_BY_USER = {"failed", "success", "skipped", "upstream_failed", "removed", "restarting"}
"""The states of a task that a user ended while it ran; ``restarting`` is that of one that was cleared."""
_MAX_WAIT = 1.5
"""Seconds to wait for Airflow's response. Airflow sends SIGKILL 5 s after the first signal."""


def is_ended_by_user(ti: Any) -> bool:
    """Ask Airflow whether a user has ended a task.

    :param ti: the task instance, as Airflow passes it to the task or to its trigger.
    """
    return not isinstance(ti, NoTaskInstance) and state_of(ti) in _ENDED_BY_USER


class Attempt:
    """This attempt of a task.

    :param ti: the task instance, as Airflow passes it to the task.
    :param store: its access to the record.
    """

    def __init__(self, ti: Any, store: RunStore) -> None:
        self._ti = ti
        self._store = store

    @property
    def retry_finds_record(self) -> bool:
        """Whether the task has a retry left, and a task state store in which the retry finds the record."""
        return self._store.is_available and bool(self._ti.try_number <= self._ti.max_tries)

    def status_in_time(self) -> AttemptStatus:
        """Return :meth:`status`, or ``UNKNOWN`` if Airflow does not respond in time."""
        return _in_time(self.status, AttemptStatus.UNKNOWN)

    def status_without_record(self, run_id: str | None) -> AttemptStatus:
        """Return the status of an attempt that has not recorded its run.

        No other attempt knows the run then, unless it has found it by the record of the request.

        :param run_id: the attempt's run.
        """
        is_others = self._store.is_available and _in_time(lambda: self._is_published(run_id), False)
        return AttemptStatus.SUPERSEDED if is_others else AttemptStatus.CURRENT

    def _is_published(self, run_id: str | None) -> bool:
        try:
            return published_run_id(self._ti) == run_id
        except Exception as error:
            log.warning("Airflow could not be asked whether another attempt waits for the run: %s", error)
            return False

    def status(self) -> AttemptStatus:
        """Ask Airflow about the attempt."""
        try:
            if is_ended_by_user(self._ti):
                return AttemptStatus.ENDED_BY_USER
            if self._store.is_available and not self._store.is_visible():
                return AttemptStatus.SUPERSEDED
        except Exception as error:
            log.warning("Airflow could not be asked whether a user ended the task: %s", error)
        return AttemptStatus.CURRENT


def _in_time(question: Callable[[], T], default: T) -> T:
    """Return Airflow's answer, or the default if it does not respond in time.

    It uses another thread, because a signal may have interrupted this one in a request to Airflow.
    """
    found: list[T] = []
    thread = threading.Thread(target=lambda: found.append(question()), daemon=True)
    thread.start()
    thread.join(_MAX_WAIT)
    return found[0] if found else default
