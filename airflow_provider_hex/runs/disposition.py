"""What happens to the run of a task attempt that ends before the run does. Pure.

``docs/reliability.md`` has the same rules as a table, under "What happens to the run".
"""

from __future__ import annotations

from collections.abc import Set
from enum import Enum


class Cause(Enum):
    """Why the attempt ends before its run."""

    KILLED = "killed"
    """Airflow ends the task's process, or its trigger."""
    TIMED_OUT = "timed out"
    """The ``timeout`` or the ``execution_timeout`` is reached."""
    FAILED = "failed"
    """Anything else: Hex rejects the token, the trigger crashes, a bug."""


class AttemptStatus(Enum):
    """What Airflow says about the attempt."""

    CURRENT = "current"
    """It is the task's latest attempt, and no user has ended it. It is assumed if Airflow responds with an error."""
    ENDED_BY_USER = "ended by a user"
    """The task, or its DAG run, was marked failed or success, or was cleared."""
    SUPERSEDED = "superseded"
    """Another attempt, or another triggerer, owns the run."""
    UNKNOWN = "unknown"
    """Airflow did not respond in time."""


class Disposition(Enum):
    """What happens to the run."""

    CANCEL = "cancelled"
    LEAVE_TO_RETRY = "left to the retry"
    LEAVE_TO_OTHER_ATTEMPT = "left to the other attempt"
    LEAVE_RUNNING = "left running"


def decide(cause: Cause, status: AttemptStatus, *, retry_finds_run: bool, cancel_on: Set[Cause]) -> Disposition:
    """Decide what happens to the run.

    :param cause: why the attempt ends.
    :param status: what Airflow says about the attempt.
    :param retry_finds_run: whether the task has a retry left that finds the record of the run.
    :param cancel_on: the causes for which the task's arguments allow a cancel.
    """
    if cause not in cancel_on:
        return Disposition.LEAVE_RUNNING
    if cause is Cause.FAILED and retry_finds_run and status is not AttemptStatus.ENDED_BY_USER:
        return Disposition.LEAVE_TO_RETRY
    if status is AttemptStatus.SUPERSEDED:
        return Disposition.LEAVE_TO_OTHER_ATTEMPT
    if cause is Cause.KILLED and status is AttemptStatus.CURRENT and retry_finds_run:
        return Disposition.LEAVE_TO_RETRY
    return Disposition.CANCEL
