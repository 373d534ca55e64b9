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
SEEDS = range(4)
AT_MOST = 1.2
"""The total time at the most, but for one minute, as a ratio to the earliest possible: one triggerer."""
REFUSED_AT_MOST = 1.0
"""Refused requests for each start at the most, without each task's first one: one triggerer."""
LIMITS = (
    ("20 a minute, 60 an hour", 20, 60, None),
    ("10 a minute, 100 an hour", 10, 100, None),
    ("5 a minute", 5, None, None),
    ("30 an hour", None, 30, None),
    ("25 kernels", None, None, 25),
)
WAYS = (
    ("one triggerer", {}),
    ("two triggerers", {"triggerers": 2}),
    ("three Airflows", {"airflows": 3}),
    ("in workers", {"deferrable": False}),
)
HEAD = """
| limits | tasks | earliest possible, s | total, s | ratio | refused first | refused again | latest, s | silence, s | overtaken |
| --- | --: | --: | --: | --: | --: | --: | --: | --: | --: |"""


def main() -> int:
    """Simulate, and print the tables.

    :returns: the exit code: 1 if a bound does not hold.
    """
    logging.disable(logging.WARNING)  # each refusal in a worker is logged
    random.seed(0)
    holds = True
    for headers in (False, True):
        for way, options in WAYS:
            print(f"\n**{way}, {'with' if headers else 'without'} a header**\n{HEAD}")
            for name, *numbers in LIMITS:
                if headers and numbers[2] is not None:
                    continue  # the kernel limit has no header
                for count in AT_ONCE:
                    results = _simulate(numbers, count, headers, options)
                    if any(result.refused for result in results):
                        print(_row(name, count, results))
                    holds = holds and (bool(options) or _is_good(results))
    print(f"\nOne triggerer, ratio at most {AT_MOST}, refused again at most {REFUSED_AT_MOST:g}: {holds}.")
    return 0 if holds else 1


def _simulate(numbers: Sequence[int | None], count: int, headers: bool, options: dict[str, int]) -> list[Result]:
    minute, hour, kernels = numbers
    return [
        simulate(Limits(minute, hour, kernels, sliding, headers), count, seed=seed, **options)
        for sliding in ((True, False) if kernels is None else (True,))
        for seed in (SEEDS if options.get("deferrable", True) else SEEDS[:1])
    ]


def _is_good(results: Sequence[Result]) -> bool:
    ratio = fmean(result.ratio for result in results if result.refused) if results[0].refused else 0.0
    return ratio <= AT_MOST and all(result.again <= REFUSED_AT_MOST for result in results)


def _row(name: str, count: int, results: Sequence[Result]) -> str:
    mean = [
        fmean(values)
        for values in (
            [result.ideal[-1] for result in results],
            [result.total for result in results],
        )
    ]
    cells = [name, f"{count}", *(f"{seconds:.0f}" for seconds in mean)]
    cells.append(f"{fmean(result.ratio for result in results):.2f}")
    cells.append(f"{fmean(result.first_refused / count for result in results):.2f}")
    cells.append(f"{fmean(result.again for result in results):.2f}")
    cells += [
        f"{max(getattr(result, figure) for result in results):.0f}" for figure in ("late", "silence", "overtaken")
    ]
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    sys.exit(main())
