"""A run and its statuses."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import uuid4

from hex_emulator.run_plan import RunPlan
from hex_emulator.workspace import Project

ENDED = frozenset({"COMPLETED", "ERRORED", "KILLED", "UNABLE_TO_ALLOCATE_KERNEL"})
NOT_STARTED = frozenset({"PENDING", "KILLED", "UNABLE_TO_ALLOCATE_KERNEL"})


def new_trace_id() -> str:
    """Return a random trace id."""
    return uuid4().hex


class StatusChange(NamedTuple):
    """A status, and when the run takes it."""

    status: str
    at: datetime


@dataclass
class Run:
    """A run. Its ``timeline`` has past and future statuses, so every method takes the emulated time ``now``.

    It holds a kernel of its ``owner``; without an owner, as a run that no token has started, one of every owner.
    ``trace_id`` is that of the request that started it.
    """

    project: Project
    timeline: list[StatusChange]
    inputs: dict[str, Any] = field(default_factory=dict)
    trigger: str = "API"
    notifications: list[dict[str, Any]] = field(default_factory=list)
    update_published_results: bool = False
    use_cached_sql_results: bool = True
    view_id: str | None = None
    owner: str | None = None
    id: str = field(default_factory=lambda: str(uuid4()))
    trace_id: str = field(default_factory=new_trace_id)

    def history(self, now: datetime) -> list[StatusChange]:
        """Return the status changes up to ``now``."""
        return [change for change in self.timeline if change.at <= now]

    def status(self, now: datetime) -> str:
        """Return the status at ``now``."""
        return self.history(now)[-1].status

    def has_ended(self, now: datetime) -> bool:
        """Return whether the status at ``now`` is terminal."""
        return self.status(now) in ENDED

    def start_time(self, now: datetime) -> datetime | None:
        """Return when the run got a kernel; None if it has not."""
        return next((change.at for change in self.history(now) if change.status not in NOT_STARTED), None)

    def end_time(self, now: datetime) -> datetime | None:
        """Return when the run ended; None if it has not."""
        last = self.history(now)[-1]
        return last.at if last.status in ENDED else None

    def elapsed(self, now: datetime) -> timedelta | None:
        """Return for how long the run has had a kernel; None if it never had one."""
        start = self.start_time(now)
        return (self.end_time(now) or now) - start if start else None

    def set_status(self, status: str, now: datetime) -> None:
        """Change the status, and drop what was planned.

        :param status: the status from now on.
        :param now: the emulated time.
        """
        self.timeline = [*self.history(now), StatusChange(status, now)]


def timeline(plan: RunPlan, start: datetime) -> list[StatusChange]:
    """Return when a run takes which status.

    :param plan: its plan.
    :param start: when it is started.
    :returns: the timeline of a :class:`Run`.
    """
    changes = []
    for status, seconds in plan.stages():
        changes.append(StatusChange(status, start))
        start += timedelta(seconds=seconds or 0)
    return changes
