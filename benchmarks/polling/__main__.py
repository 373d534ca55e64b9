"""Print the tables, and exit with 1 if a bound does not hold. ``docs/benchmarks.md`` explains them."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterable, Sequence
from statistics import fmean, median

from benchmarks.polling import floor, simulation, workload
from benchmarks.polling.simulation import Waited

RUNS = 6000
"""How many runs are waited for in all, by each policy, for each number at once."""
AT_ONCE = (1, 5, 25, 100)
INTERVALS = (3.0, 5.0, 10.0, 60.0)
AT_MOST = 0.5
"""The delay at the most, as a ratio to that of the fixed interval that takes as many requests."""


def main() -> int:
    """Simulate, and print the tables.

    :returns: the exit code: 1 if a bound does not hold.
    """
    holds = True
    print(f"Delay: seconds from a run's end until it was seen, and the same as a share of the run's length.\n{HEAD}")
    compared = []
    for count in AT_ONCE:
        drawn = [workload.runs(count, seed) for seed in range(RUNS // count)]
        print(f"| **{count} at once** | | | | | | | | |")
        for interval in INTERVALS:
            waits = _all(simulation.fixed(runs, interval) for runs in drawn)
            print(_row(f"fixed {interval:g} s", waits))
        without = _all(simulation.ours(runs, with_history=False) for runs in drawn)
        with_history = _all(simulation.ours(runs, with_history=True) for runs in drawn)
        known = [wait for wait in with_history if wait.run.past]
        print(_row("ours, without history", without))
        print(_row("ours, with history", with_history))
        print(_row("… its projects that have one", known))
        holds = holds and all(wait.late is not None for wait in [*without, *with_history])
        compared += [
            _Comparison(count, "with history", known, _seconds, floor.known(share=False)),
            _Comparison(count, "without history", without, _share, floor.unknown(share=True)),
        ]
    print(f"\nAt equal requests\n{COMPARISON_HEAD}")
    for comparison in compared:
        print(comparison.row())
    holds = holds and all(comparison.ratio <= AT_MOST for comparison in compared)
    print(f"\nNo 429 for ours, and no ratio above {AT_MOST}: {'holds' if holds else 'DOES NOT HOLD'}.")
    return 0 if holds else 1


def _seconds(wait: Waited, late: float) -> float:
    return late


def _share(wait: Waited, late: float) -> float:
    return late / wait.run.length


HEAD = """
| policy | failed by 429 | requests per run | mean | median | p95 | mean share | median share | p95 share |
| --- | --: | --: | --: | --: | --: | --: | --: | --: |"""

COMPARISON_HEAD = """
| at once | ours | mean delay of | requests per run | as many by fixed | its delay | ours | ratio | floor |
| --: | --- | --- | --: | --: | --: | --: | --: | --: |"""


class _Comparison:
    """Ours against the fixed interval that takes as many requests per run, and against the floor for as many polls.

    That peer is given every advantage: no rate limit, no other run at the same time, and no poll at the start.
    """

    def __init__(
        self,
        count: int,
        name: str,
        waits: Sequence[Waited],
        of: Callable[[Waited, float], float],
        odds: Sequence[floor.Best],
    ) -> None:
        self._count, self._name, self._of, self._odds = count, name, of, odds
        self._requests = fmean(wait.requests for wait in waits)
        self._polls = fmean(wait.polls for wait in waits)
        self._delay = fmean(of(wait, wait.late) for wait in waits if wait.late is not None)
        self._interval = _interval([wait.run.length for wait in waits], self._requests)
        self._peer = fmean(of(wait, -wait.run.length % self._interval) for wait in waits)
        self.ratio = self._delay / self._peer

    def row(self) -> str:
        share = self._of is _share
        peer, own, least = (
            f"{delay:.1%}" if share else f"{delay:.1f} s"
            for delay in (self._peer, self._delay, floor.floor(self._odds, self._polls))
        )
        return (
            f"| {self._count} | {self._name} | {'share of the length' if share else 'seconds'} | {self._requests:.1f} "
            f"| {self._interval:.1f} s | {peer} | {own} | {self.ratio:.2f} | {least} |"
        )


def _interval(lengths: Sequence[float], requests: float) -> float:
    """Return the interval at which runs of these lengths take so many requests each, on average."""
    low, high = 0.1, 10_000.0
    for _ in range(50):
        interval = math.sqrt(low * high)
        low, high = (interval, high) if fmean(math.ceil(s / interval) for s in lengths) > requests else (low, interval)
    return high


def _row(name: str, waits: Sequence[Waited]) -> str:
    known = [(wait.late, wait.late / wait.run.length) for wait in waits if wait.late is not None]
    failed = 1 - len(known) / len(waits)
    cells = [name, f"{failed:.1%}" if failed else "0", f"{fmean(wait.requests for wait in waits):.1f}"]
    late, share = [sorted(values) for values in zip(*known, strict=True)]
    cells += [f"{value:.1f}" for value in (fmean(late), median(late), _p95(late))]
    cells += [f"{value:.1%}" for value in (fmean(share), median(share), _p95(share))]
    return f"| {' | '.join(cells)} |"


def _p95(ordered: Sequence[float]) -> float:
    return ordered[math.ceil(0.95 * len(ordered)) - 1]


def _all(simulated: Iterable[Sequence[Waited]]) -> list[Waited]:
    return [wait for waits in simulated for wait in waits]


if __name__ == "__main__":
    sys.exit(main())
