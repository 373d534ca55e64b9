"""What Airflow reports about this attempt of a task."""

from __future__ import annotations

import logging
import threading
from typing import Any

from airflow_provider_hex.runs.disposition import AttemptStatus
from airflow_provider_hex.runs.run_store import RunStore
from airflow_provider_hex.version_compat import state_of

log = logging.getLogger(__name__)

_ENDED_BY_USER = {"failed", "success", "skipped", "upstream_failed", "removed", "restarting"}
"""The states of a task that a user ended while it ran; ``restarting`` is that of one that was cleared."""
_MAX_WAIT = 1.5
"""Seconds to wait for Airflow's response. Airflow sends SIGKILL 5 s after the first signal."""


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
        """Return :meth:`status`, or ``UNKNOWN`` if Airflow does not respond in time.

        It uses another thread, because a signal may have interrupted this one in a request to Airflow.
        """
        found: list[AttemptStatus] = []
        thread = threading.Thread(target=lambda: found.append(self.status()), daemon=True)
        thread.start()
        thread.join(_MAX_WAIT)
        return found[0] if found else AttemptStatus.UNKNOWN

    def status(self) -> AttemptStatus:
        """Ask Airflow about the attempt."""
        try:
            if state_of(self._ti) in _ENDED_BY_USER:
                return AttemptStatus.ENDED_BY_USER
            if self._store.is_available and not self._store.is_visible():
                return AttemptStatus.SUPERSEDED
        except Exception as error:
            log.warning("Airflow could not be asked whether a user ended the task: %s", error)
        return AttemptStatus.CURRENT
