"""A flag by which a task's code notices that Airflow ends its process."""

from __future__ import annotations

import time

_SLICE = 0.5
"""Seconds after which a sleeping task notices the kill. Airflow ends its process 5 s after the kill."""


class KillSwitch:
    """A flag that a signal handler sets. Setting a ``threading.Event`` there could deadlock."""

    def __init__(self) -> None:
        self.is_set = False

    def sleep(self, seconds: float) -> None:
        """Sleep, but not long after the switch is set."""
        until = time.monotonic() + seconds
        time.sleep(min(seconds, _SLICE))
        while not self.is_set and (left := until - time.monotonic()) > 0:
            time.sleep(min(left, _SLICE))
