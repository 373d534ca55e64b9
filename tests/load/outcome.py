"""What many tasks at once came to: in Airflow, and at Hex."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

ENDED = {"COMPLETED", "ERRORED", "KILLED", "UNABLE_TO_ALLOCATE_KERNEL"}
LIMITED = {429, 503}


@dataclass(frozen=True)
class Outcome:
    """The states of the tasks, the processes that workers started for them, their requests, and all runs at Hex."""

    tasks: Counter[str | None]
    worker_processes: int
    requests: list[dict[str, Any]]
    runs: list[dict[str, Any]]

    @property
    def looks(self) -> list[dict[str, Any]]:
        """The requests that ask for the status of runs."""
        return [request for request in self.requests if request["call"] in ("GetRunStatus", "GetProjectRuns")]

    @property
    def looks_refused(self) -> int:
        return sum(look["status"] == 429 for look in self.looks)

    @property
    def most_looks_a_minute(self) -> int:
        """In any minute of Hex's time."""
        return most_within(60, [_seconds(look["at"]) for look in self.looks])

    @property
    def starts_refused(self) -> int:
        """How often Hex said that no run could be started yet."""
        starts = [request for request in self.requests if request["call"] == "RunProject"]
        return sum(start["status"] in LIMITED for start in starts)

    @property
    def most_kernels(self) -> int:
        """How many runs, of whomever, were in flight at once."""
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
            "starts refused": self.starts_refused,
            "looks": len(self.looks),
            "a minute at most": self.most_looks_a_minute,
            "refused": self.looks_refused,
        }
        return ", ".join(f"{name}: {fact}" for name, fact in facts.items())


def most_within(seconds: float, moments: list[float]) -> int:
    """The most of `moments`, in order, that lie within so many seconds, wherever these begin."""
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
