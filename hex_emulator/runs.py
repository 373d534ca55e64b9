"""A run and the course of its life."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import uuid4

from hex_emulator.course import Course
from hex_emulator.workspace import Project

ENDED = frozenset({"COMPLETED", "ERRORED", "KILLED", "UNABLE_TO_ALLOCATE_KERNEL"})
NOT_STARTED = frozenset({"PENDING", "KILLED", "UNABLE_TO_ALLOCATE_KERNEL"})


def new_trace_id() -> str:
    return uuid4().hex


class Moment(NamedTuple):
    """The run has this status from then on."""

    status: str
    at: datetime


@dataclass
class Run:
    """A run as planned: `moments` holds what has happened and what is still to come, so every question about
    its present takes `now`."""

    project: Project
    moments: list[Moment]
    inputs: dict[str, Any] = field(default_factory=dict)
    trigger: str = "API"
    notifications: list[dict[str, Any]] = field(default_factory=list)
    update_published_results: bool = False
    use_cached_sql_results: bool = True
    view_id: str | None = None
    id: str = field(default_factory=lambda: str(uuid4()))
    trace_id: str = field(default_factory=new_trace_id)

    def history(self, now: datetime) -> list[Moment]:
        return [moment for moment in self.moments if moment.at <= now]

    def status(self, now: datetime) -> str:
        return self.history(now)[-1].status

    def has_ended(self, now: datetime) -> bool:
        return self.status(now) in ENDED

    def start_time(self, now: datetime) -> datetime | None:
        """When the project began to run; None while it waits for a kernel, and if it never got one."""
        return next((moment.at for moment in self.history(now) if moment.status not in NOT_STARTED), None)

    def end_time(self, now: datetime) -> datetime | None:
        last = self.history(now)[-1]
        return last.at if last.status in ENDED else None

    def elapsed(self, now: datetime) -> timedelta | None:
        start = self.start_time(now)
        return (self.end_time(now) or now) - start if start else None

    def change(self, status: str, now: datetime) -> None:
        """From now on the run has this status; what was still to come is forgotten."""
        self.moments = [*self.history(now), Moment(status, now)]


def plan(course: Course, now: datetime) -> list[Moment]:
    moments = []
    for status, seconds in course.stages():
        moments.append(Moment(status, now))
        now += timedelta(seconds=seconds or 0)
    return moments
