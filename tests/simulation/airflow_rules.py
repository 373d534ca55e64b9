"""Airflow's delays, what a user may do, and what is known of the task and its attempts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tests.simulation.hex_model import RUN_TAKES
from tests.simulation.world import Process

GRACE = 5.0
"""Seconds from SIGTERM to SIGKILL (``supervisor.kill``)."""
NOTICED_AFTER = 2.0
"""Seconds until a process, or the triggerer, notices that a user ended its task (observed: 2 to 4 s)."""
RETRY_DELAY = 5.0
DEAD_AFTER = 40.0
"""Seconds without a heartbeat after which the scheduler fails the attempt. (300 by default; 40 makes stories short.)"""
SHORT_SLEEP, LONG_SLEEP = 55.0, 300.0
"""How long a frozen process sleeps: until the next attempt has begun, and until it has ended."""
ADOPTED_AFTER = 31.0
"""Seconds after which another triggerer adopts the triggers of a dead one (observed)."""
EXECUTION_TIMEOUT = "execution timeout"
DONE = ("success", "failed")
MARKS = {"a user marks the task failed": "failed", "a user marks the task success": "success"}
CLEARED = "a user clears the task"
USER = [*MARKS, CLEARED]


@dataclass
class Attempt:
    """One attempt of the task.

    :param number: Airflow's try number.
    :param max_tries: as Airflow passes it to the task.
    :param why: how it came about: ``first``, ``retry`` or ``clear``.
    """

    number: int
    max_tries: int
    why: str
    began: float
    process: Process | None = None
    error: BaseException | None = None
    error_at: float = 0.0
    result: Any = None
    ends: list[str] = field(default_factory=list)
    """What ended it, or was tried to: ``killed``, ``terminated``, ``execution timeout``, ``frozen``, ..."""
    recorded_run: str | None = None
    """The run that it recorded last."""
    recorded_at: float = 0.0
    gave_up: str | None = None
    """The run whose failure, or timeout, it recorded."""
    terminated_at: float = 0.0
    wait_failed_at: float | None = None
    """When its trigger fired an event about a failed wait."""
    returned: bool = False
    """Whether its code returned, or deferred."""
    asked_at: float = 0.0
    """When it last asked Airflow for its state, and Airflow responded."""
    asks_since: float = 0.0
    """When it last began to ask."""
    frozen_at: float = 0.0
    thought_dead: bool = False
    """Whether Airflow failed it, because its process was frozen."""
    report_rejected: bool = False
    """Whether Airflow rejected its report, because the task was no longer running."""

    @property
    def has_retry(self) -> bool:
        return self.number <= self.max_tries


@dataclass(frozen=True)
class Setup:
    """The task.

    :param retries: how many it has.
    :param options: the operator's arguments.
    :param execution_timeout: the task's, in seconds.
    :param run_takes: seconds that a run takes in Hex.
    """

    name: str
    retries: int = 1
    options: dict[str, Any] = field(default_factory=dict)
    execution_timeout: float | None = None
    run_takes: float = RUN_TAKES
