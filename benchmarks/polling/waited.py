"""How a wait for a run went, whichever policy polled it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from benchmarks.polling.workload import Run


@dataclass
class Waited:
    """How a wait for a run went.

    :param run: the run.
    :param late: seconds from its end until that was known; None if the wait failed.
    """

    run: Run
    late: float | None = None


@dataclass(frozen=True)
class Outcome:
    """What a policy made of some runs.

    :param waits: the waits.
    :param requests: how many status requests were sent.
    :param rate_limited: how many of them were rate-limited.
    """

    waits: Sequence[Waited]
    requests: int
    rate_limited: int

    @property
    def failed(self) -> int:
        """How many waits failed."""
        return sum(wait.late is None for wait in self.waits)

    @property
    def delays(self) -> list[float]:
        """The seconds from each run's end until that was known, the least first."""
        return sorted(wait.late for wait in self.waits if wait.late is not None)

    @property
    def mean(self) -> float:
        """The mean delay in seconds."""
        return fmean(self.delays) if self.delays else math.nan

    @property
    def p95(self) -> float:
        """The delay that 95 % of the waits are within, in seconds."""
        delays = self.delays
        return delays[math.ceil(0.95 * len(delays)) - 1] if delays else math.nan

    @property
    def refused(self) -> float:
        """The share of the requests that were rate-limited."""
        return self.rate_limited / max(self.requests, 1)

    def with_past(self) -> Outcome:
        """Return the waits for runs of projects that have a history."""
        return Outcome([wait for wait in self.waits if wait.run.past], self.requests, self.rate_limited)


def together(outcomes: Sequence[Outcome]) -> Outcome:
    """Return several outcomes as one."""
    return Outcome(
        [wait for outcome in outcomes for wait in outcome.waits],
        sum(outcome.requests for outcome in outcomes),
        sum(outcome.rate_limited for outcome in outcomes),
    )
