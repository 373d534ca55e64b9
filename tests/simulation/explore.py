"""Explore stories at random, for as long as is wanted: ``make simulate ARGS="--seconds 600"``."""

from __future__ import annotations

import argparse
import sys
import time
from random import Random

from tests import conftest  # sets Airflow's environment
from tests.simulation import machine
from tests.simulation.exceptions import EXCEPTIONS
from tests.simulation.setups import SETUPS
from tests.simulation.stories import Tally, random_stories, shortest


def report(tally: Tally) -> str:
    """Return what was explored, in words."""
    states = ", ".join(f"{number} {state}" for state, number in sorted(tally.states.items()))
    met = "".join(f"\n  {number:5} x {name}" for name, number in sorted(tally.exceptions.items()))
    return f"{tally.stories} stories with {tally.choices} choices: {states}. Exceptions met:{met or ' none'}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=None, help="to repeat an exploration")
    parser.add_argument("--incidents", type=int, default=4, help="the most incidents of a story")
    parser.add_argument("--all", action="store_true", help="do not end at the first broken promise")
    arguments = parser.parse_args()
    seed = Random().randrange(1_000_000) if arguments.seed is None else arguments.seed
    print(f"Exploring for {arguments.seconds:g} s with --seed {seed}.")
    tally = Tally()
    explorations = [random_stories(setup, seed, arguments.incidents) for setup in SETUPS]
    until = time.monotonic() + arguments.seconds
    with machine.silence():
        while time.monotonic() < until:
            for stories in explorations:
                story = next(stories)
                tally.add(story)
                if story.broken and arguments.all:
                    print(shortest(story), "\n")
                elif story.broken:
                    print(f"After {tally.stories} stories, a promise is broken. The shortest such story:\n")
                    print(shortest(story))
                    return 1
    print(report(tally))
    never = [name for name in EXCEPTIONS if name not in tally.exceptions]
    print(f"Exceptions that were never met: {', '.join(never) or 'none'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())


__all__ = ["conftest", "main", "report"]
