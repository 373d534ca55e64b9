"""The outcome of many tasks at once, in Airflow and at Hex."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

ENDED = {"COMPLETED", "ERRORED", "KILLED", "UNABLE_TO_ALLOCATE_KERNEL"}
LIMITED = {429, 503}
"""How Hex responds at its rate limit, and at its kernel limit."""


@dataclass(frozen=True)
class LoadOutcome:
    """The states of the tasks, how often a worker ran one, their requests, and all runs at Hex."""

    tasks: Counter[str | None]
    worker_processes: int
    requests: list[dict[str, Any]]
    runs: list[dict[str, Any]]

    @property
    def status_requests(self) -> list[dict[str, Any]]:
        return [request for request in self.requests if request["call"] in ("GetRunStatus", "GetProjectRuns")]

    @property
    def status_requests_limited(self) -> int:
        return sum(request["status"] in LIMITED for request in self.status_requests)

    @property
    def most_status_requests_a_minute(self) -> int:
        """In any minute of Hex's time."""
        return most_within(60, [_seconds(request["at"]) for request in self.status_requests])

    @property
    def starts_limited(self) -> int:
        return sum(request["call"] == "RunProject" and request["status"] in LIMITED for request in self.requests)

    @property
    def most_kernels(self) -> int:
        """The most runs, of all clients, that were in flight at once."""
        return most_at_once(in_flight(run) for run in self.runs)

    def runs_of(self, projects: Iterable[str]) -> list[list[str]]:
        """For each project, the statuses of its runs."""
        return [[run["status"] for run in self.runs if run["projectId"] == project] for project in projects]

    def __str__(self) -> str:
        facts = {
            "tasks": dict(self.tasks),
            "worker processes": self.worker_processes,
            "runs": dict(Counter(run["status"] for run in self.runs)),
            "kernels at once": self.most_kernels,
            "starts limited": self.starts_limited,
            "status requests": len(self.status_requests),
            "status requests a minute at most": self.most_status_requests_a_minute,
            "status requests limited": self.status_requests_limited,
        }
        return ", ".join(f"{name}: {fact}" for name, fact in facts.items())


def most_within(seconds: float, moments: list[float]) -> int:
    """The most of `moments`, which are in order, that lie within any period of so many seconds."""
    most = first = 0
    for last, moment in enumerate(moments):
        while moments[first] <= moment - seconds:
            first += 1
        most = max(most, last - first + 1)
    return most


def most_at_once(spans: Iterable[tuple[float, float]]) -> int:
    """The most of `spans` (begin, end) that overlap; one that begins when another ends does not overlap it."""
    changes = sorted(change for begin, end in spans for change in ((begin, 1), (end, -1)))
    most = now = 0
    for _, change in changes:
        now += change
        most = max(most, now)
    return most


def in_flight(run: dict[str, Any]) -> tuple[float, float]:
    timeline = [(status, _seconds(at)) for status, at in run["timeline"]]
    return timeline[0][1], next((at for status, at in timeline if status in ENDED), float("inf"))


def _seconds(at: str) -> float:
    return datetime.fromisoformat(at).timestamp()
