"""How late ends are known when there are far more waits than one token's limit is for: one table."""

from __future__ import annotations

import logging
import random
import sys

from benchmarks.polling.ours import FULL_BUDGET, Policy
from benchmarks.polling.workload import Project, Run

SIZES = ((25, 25, 1), (100, 100, 1), (1000, 100, 1), (10_000, 400, 1), (10_000, 400, 10))
"""How many waits there are, of how many projects, in how many triggerers."""
STARTED_WITHIN = 600.0
"""Seconds within which the runs begin."""
LENGTHS = 600.0, 4200.0
"""Seconds that a run takes, at least and at most."""


def runs(count: int, projects: int) -> list[Run]:
    """Draw runs of new projects."""
    draw = random.Random(f"{count} {projects}")
    drawn = []
    for number in range(count):
        length = draw.uniform(*LENGTHS)
        new = Project(length, 0.1, ())
        drawn.append(Run(number, number % projects, draw.uniform(0.0, STARTED_WITHIN), length, new))
    return sorted(drawn, key=lambda run: run.start)


def main() -> None:
    """Simulate, and print the table."""
    logging.disable(logging.CRITICAL)
    print("| waits at once | projects | triggerers | failed | mean delay, s | p95 | rate-limited |")
    print("| --: | --: | --: | --: | --: | --: | --: |")
    for count, projects, triggerers in SIZES:
        outcome, _ = Policy(FULL_BUDGET, triggerers=triggerers).wait(runs(count, projects), 2026, with_history=False)
        cells = outcome.failed, f"{outcome.mean:.0f}", f"{outcome.p95:.0f}", f"{outcome.refused:.1%}"
        print(f"| {count:,} | {projects} | {triggerers} | {' | '.join(map(str, cells))} |")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
