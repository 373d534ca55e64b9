"""The log lines of a sensor that pokes."""

from __future__ import annotations

import logging
import time

from airflow_provider_hex.api import run_watch
from airflow_provider_hex.api.models import Run
from airflow_provider_hex.api.run_lines import status_line

log = logging.getLogger(__name__)


class PokeLog:
    """Logs a new status of the run, and each minute that the wait goes on.

    :param began: when the wait began, in epoch seconds; 0 if that is unknown.
    :param is_first: whether this process began it.
    """

    def __init__(self, began: float = 0.0, *, is_first: bool = True) -> None:
        self._began = began
        self._is_first = is_first
        self._status = ""
        self._next = 0.0

    @property
    def new_until(self) -> float:
        """Until when Hex may not show the run yet, in epoch seconds."""
        return self._began + run_watch.NEW_FOR

    def polled(self, run: Run) -> None:
        """Log the run's status."""
        now = time.time()
        if run["status"] != self._status or now >= self._next:
            log.info("%s", status_line(run, None if self._is_first else now - self._began))
            self._is_first, self._status, self._next = not self._began, run["status"], now + run_watch.HEARTBEAT
