"""Print the tables, draw the figure, and exit with 1 if a claim does not hold. ``docs/benchmarks.md`` explains them."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import TypeAlias

from benchmarks.polling import figures, workload
from benchmarks.polling.fixed import best, fixed
from benchmarks.polling.oracle import odds_of, odds_of_all, oracle
from benchmarks.polling.ours import FULL_BUDGET, Policy
from benchmarks.polling.waited import Outcome, together
from benchmarks.polling.workload import Run

AT_ONCE = {1: 100, 2: 60, 5: 30, 10: 15, 25: 8, 50: 4, 100: 4}
"""How many runs are waited for at once, and how often such a set of runs is drawn."""
INTERVALS = {3.0: "0.1.9", 5.0: "Kestra", 10.0: "Paradime", 30.0: "", 60.0: ""}
"""The fixed intervals, and who uses them."""
PROCESSES = ((2, 0, 2), (2, 10, 12), (2, 10, 60), (4, 0, 100), (1, 25, 26))
"""Triggerers, tasks in workers, and waits in all, which share one token."""
OUTAGE = (120.0, 720.0)
"""From when until when Hex responds with 500, in seconds."""


Wait: TypeAlias = Callable[[Sequence[Run]], Outcome]


@dataclass(frozen=True)
class Row:
    """What one policy made of one number of runs at once.

    :param policy: the policy's name.
    :param count: the runs at once.
    :param outcome: what came of all runs.
    :param known: what came of the runs of projects that have a history.
    """

    policy: str
    count: int
    outcome: Outcome
    known: Outcome

    def __str__(self) -> str:
        failed = self.outcome.failed / len(self.outcome.waits)
        values = (self.outcome.mean, self.outcome.p95, self.known.mean, self.outcome.requests / len(self.outcome.waits))
        cells = [self.policy, f"{failed:.0%}" if failed else "0", *(f"{value:.1f}" for value in values)]
        return f"| {self.count} | {' | '.join(cells)} | {self.outcome.refused:.1%} |"


HEAD = """
| at once | policy | failed | mean delay, s | p95 | mean, projects with a history | requests per run | rate-limited |
| --: | --- | --: | --: | --: | --: | --: | --: |"""

OURS, OURS_KNOWN, OURS_DEFAULT, BEST = (
    "ours, without history",
    "ours, with history",
    "ours, default budget",
    "best fixed",
)


def rows(year: int, count: int) -> list[Row]:
    """Simulate all policies for one number of runs at once, with the limits of a year."""
    logging.disable(logging.CRITICAL)
    drawn = [workload.runs(count, seed) for seed in range(AT_ONCE[count])]

    def row(policy: str, wait: Wait) -> Row:
        outcome = together([wait(runs) for runs in drawn])
        return Row(policy, count, outcome, outcome.with_past())

    def ours(policy: Policy, with_history: bool) -> Wait:
        return lambda runs: policy.wait(runs, year, with_history=with_history)[0]

    def at(interval: float) -> Wait:
        return lambda runs: fixed(runs, interval, year)

    full = Policy(FULL_BUDGET)
    found = [row(_name(interval), at(interval)) for interval in INTERVALS]
    interval, outcome = best(drawn, year)
    found += [
        Row(f"{BEST}: {interval:g} s", count, outcome, outcome.with_past()),
        row(OURS, ours(full, False)),
        row(OURS_KNOWN, ours(full, True)),
        row(OURS_DEFAULT, ours(Policy(), True)),
    ]
    if year == 2026:
        found += [
            row("oracle, without history", lambda runs: oracle(runs, lambda run: odds_of_all())),
            row(
                "oracle, with history",
                lambda runs: oracle(runs, lambda run: odds_of(run.of) if run.past else odds_of_all()),
            ),
        ]
    return found


def _name(interval: float) -> str:
    return f"fixed {interval:g} s" + (f" ({INTERVALS[interval]})" if INTERVALS[interval] else "")


def end_together(count: int) -> tuple[int, float, float]:
    """Return the mean delay of runs that all end at the same moment, without history, and the bound."""
    logging.disable(logging.CRITICAL)
    drawn = [workload.runs_that_end_together(count, seed) for seed in range(12)]
    waited = together([Policy(FULL_BUDGET).wait(runs, 2026, with_history=False)[0] for runs in drawn])
    return count, waited.mean, max(2.5, 1.05 * count)


def share_a_token(triggerers: int, in_workers: int, count: int) -> tuple[str, Outcome]:
    """Simulate several processes with one token."""
    logging.disable(logging.CRITICAL)
    policy = Policy(triggerers=triggerers, in_workers=in_workers)
    drawn = [workload.runs(count, seed) for seed in range(4)]
    name = f"| {triggerers} | {in_workers} | {count} "
    return name, together([policy.wait(runs, 2026, with_history=True)[0] for runs in drawn])


def fail_for_ten_minutes() -> tuple[float, float]:
    """Return the requests a minute while Hex fails, and the mean delay of 25 runs that end a minute after that."""
    logging.disable(logging.CRITICAL)
    new = workload.Project(OUTAGE[1], 0.1, ())
    runs = [Run(number, number, number * 0.1, OUTAGE[1] + 60.0, new) for number in range(25)]
    outcome, hex_ = Policy(FULL_BUDGET).wait(runs, 2026, with_history=False, fails=OUTAGE)
    failed = [moment for moment, _ in hex_.requests if OUTAGE[0] + 60 <= moment < OUTAGE[1]]
    return len(failed) / ((OUTAGE[1] - OUTAGE[0] - 60) / 60), outcome.mean


def main() -> int:
    """Simulate, print the tables, and draw the figures.

    :returns: the exit code: 1 if a claim does not hold.
    """
    with ProcessPoolExecutor() as pool:
        cells = {(year, count): pool.submit(rows, year, count) for year in (2026, 2025) for count in reversed(AT_ONCE)}
        ends = [pool.submit(end_together, count) for count in AT_ONCE]
        shared = [pool.submit(share_a_token, *each) for each in PROCESSES]
        outage = pool.submit(fail_for_ten_minutes)
        tables = {year: [row for count in AT_ONCE for row in cells[year, count].result()] for year in (2026, 2025)}
    broken = []
    for year, table in tables.items():
        print(f"\n## Limits of {year}\n{HEAD}")
        for row in table:
            print(row)
        broken += _broken(year, table)
    print("\n## Runs that end at the same moment, limits of 2026\n\n| at once | mean delay, s | bound |")
    print("| --: | --: | --: |")
    for count, mean, bound in (each.result() for each in ends):
        print(f"| {count} | {mean:.1f} | {bound:.1f} |")
        broken += [f"{count} runs that end together: {mean:.1f} s"] * (mean > bound)
    print("\n## Several processes with one token, limits of 2026, default budget\n")
    print("| triggerers | tasks in workers | waits | failed | mean delay, s | p95 | rate-limited |")
    print("| --: | --: | --: | --: | --: | --: | --: |")
    for name, outcome in (each.result() for each in shared):
        print(f"{name}| {outcome.failed} | {outcome.mean:.1f} | {outcome.p95:.1f} | {outcome.refused:.1%} |")
        broken += [f"several processes {name}"] * (outcome.failed > 0 or outcome.refused > 0.1)
    per_minute, mean = outage.result()
    print(f"\nWhile Hex fails for ten minutes, 25 waits send {per_minute:.1f} requests a minute.")
    print(f"Once it is back, ends are known after {mean:.1f} s.")
    broken += ["the outage"] * (per_minute > 5 or mean > 1.05 * 25)
    figures.draw(tables)
    print("\n".join(["", "All claims hold." if not broken else "DOES NOT HOLD:", *broken]))
    return 1 if broken else 0


def _broken(year: int, table: Sequence[Row]) -> list[str]:
    """Return the claims that do not hold."""
    broken = []
    for count in AT_ONCE:
        of = {row.policy.split(":")[0]: row for row in table if row.count == count}
        peer, own, known = of[BEST], of[OURS], of[OURS_KNOWN]
        limit = max(peer.outcome.mean, 2.5)
        claims = {
            "no wait fails": not own.outcome.failed + known.outcome.failed + of[OURS_DEFAULT].outcome.failed,
            "without history as good as the best fixed interval": own.outcome.mean <= limit,
        }
        if year == 2026:
            least, least_known = of["oracle, without history"].outcome, of["oracle, with history"]
            half = max(peer.known.mean, 2.5) / 2
            claims["with history half of it"] = known.known.mean <= max(half, least_known.known.mean)
            claims["within 1.3 times the oracle's"] = own.outcome.mean <= max(1.3 * least.mean, 2.5)
            claims["with history, too"] = known.outcome.mean <= max(1.3 * least_known.outcome.mean, 2.5)
        broken += [f"{year}, {count} at once: {claim}" for claim, holds in claims.items() if not holds]
    return broken


if __name__ == "__main__":
    sys.exit(main())
