"""Print the tables, and exit with 1 if a bound does not hold. ``docs/benchmarks.md`` explains them."""

from __future__ import annotations

import logging
import random
import sys
from collections.abc import Sequence
from statistics import fmean

from benchmarks.starts.hex_limits import Limits
from benchmarks.starts.simulation import Result, simulate

AT_ONCE = (5, 25, 100, 200)
SEEDS = range(2)
AT_MOST = 1.2
"""The mean ratio at the most, with one triggerer."""
REFUSED_AGAIN_AT_MOST = 1.0
"""Refused requests for each start at the most, without the first one of each task, with one triggerer."""
LIMITS = (
    ("20 a minute, 60 an hour", 20, 60, None),
    ("10 a minute, 100 an hour", 10, 100, None),
    ("5 a minute", 5, None, None),
    ("30 an hour", None, 30, None),
    ("25 kernels", None, None, 25),
)
WAYS: tuple[tuple[str, bool, dict[str, int]], ...] = (
    ("one triggerer", False, {}),
    ("one triggerer, Hex says when its limit ends", True, {}),
    ("two triggerers", False, {"triggerers": 2}),
    ("three Airflows", False, {"airflows": 3}),
    ("in workers", False, {"deferrable": False}),
)
COLUMNS = (
    "limits",
    "tasks",
    "earliest possible, s",
    "all started, s",
    "ratio",
    "refused at first",
    "refused again",
    "latest, s",
    "silence, s",
    "overtaken",
)


def main() -> int:
    """Simulate, and print the tables.

    :returns: the exit code: 1 if a bound does not hold.
    """
    logging.disable(logging.WARNING)  # each refusal in a worker is logged
    random.seed(0)  # the product's random delays
    holds = True
    for way, headers, options in WAYS:
        print(f"\n**{way}**\n\n| {' | '.join(COLUMNS)} |\n| --- |{' --: |' * (len(COLUMNS) - 1)}")
        for name, minute, hour, kernels in LIMITS:
            if headers and kernels is not None:
                continue  # the kernel limit has no header
            kinds = [Limits(minute, hour, kernels, sliding, headers) for sliding in (True, False)]
            for count in AT_ONCE:
                results = [simulate(limits, count, seed=seed, **options) for limits in kinds for seed in SEEDS]
                if any(result.refused for result in results):
                    print(_row(name, count, results))
                    holds = holds and (bool(options) or _is_good(results))
    print(f"\nOne triggerer: ratio at most {AT_MOST}, refused again at most {REFUSED_AGAIN_AT_MOST:g}: ", end="")
    print("holds." if holds else "DOES NOT HOLD.")
    return 0 if holds else 1


def _is_good(results: Sequence[Result]) -> bool:
    ratio = fmean(result.ratio for result in results)
    return ratio <= AT_MOST and fmean(result.again for result in results) <= REFUSED_AGAIN_AT_MOST


def _row(name: str, count: int, results: Sequence[Result]) -> str:
    ideal = fmean(result.ideal[-1] for result in results)
    total = fmean(result.total for result in results)
    ratio = fmean(result.ratio for result in results)
    first = fmean(result.first_refused / count for result in results)
    again = fmean(result.again for result in results)
    late = max(result.late for result in results)
    silence = max(result.silence for result in results)
    overtaken = max(result.overtaken for result in results)
    return (
        f"| {name} | {count} | {ideal:.0f} | {total:.0f} | {ratio:.2f} | {first:.2f} | {again:.2f} "
        f"| {late:.0f} | {silence:.0f} | {overtaken} |"
    )


if __name__ == "__main__":
    sys.exit(main())
