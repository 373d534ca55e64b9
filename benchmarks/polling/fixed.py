"""Waiting as other clients do: each task polls by itself at a fixed interval, and fails at the first 429."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence

from benchmarks.polling.limits import Limits
from benchmarks.polling.waited import Outcome, Waited, together
from benchmarks.polling.workload import Run

TRIED = (2.1, 2.5, *range(3, 11), 12, 15, 17, *range(20, 70, 5), *range(70, 130, 10), *range(150, 450, 30))
"""The intervals among which the best one is searched, in seconds."""


def fixed(runs: Iterable[Run], interval: float, year: int) -> Outcome:
    """Wait for runs. Each is started, polled at once, and then at the interval.

    :param runs: the runs.
    :param interval: the seconds between two polls.
    :param year: whose limits Hex has.
    """
    limits, waits = Limits(year), [Waited(run) for run in runs]
    requests = rate_limited = 0
    events = [(wait.run.start, number, True) for number, wait in enumerate(waits)]
    heapq.heapify(events)
    while events:
        now, number, starts = heapq.heappop(events)
        run = waits[number].run
        requests += not starts
        if not limits.allows("RunProject" if starts else "GetRunStatus", now):
            rate_limited += not starts
        elif starts:
            heapq.heappush(events, (now, number, False))
        elif run.end <= now:
            waits[number].late = now - run.end
        else:
            heapq.heappush(events, (now + interval, number, False))
    return Outcome(waits, requests, rate_limited)


def best(drawn: Sequence[Sequence[Run]], year: int) -> tuple[float, Outcome]:
    """Return the shortest interval at which no wait fails, and what comes of it.

    :param drawn: several sets of runs.
    :param year: whose limits Hex has.
    """
    for interval in TRIED:
        outcome = together([fixed(runs, interval, year) for runs in drawn])
        if not outcome.failed:
            return interval, outcome
    raise ValueError("Waits fail at every interval that was tried.")
