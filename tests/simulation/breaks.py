"""Finding deliberate breaks of the product's code.

``python -m tests.simulation.breaks`` prints a table: how many stories it took, how long, and the shortest story.
"""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import chain

from tests import conftest  # sets Airflow's environment
from tests.simulation import machine
from tests.simulation.broken_code import BREAKS, Break
from tests.simulation.stories import Story, all_stories, random_stories, shortest, tell


@dataclass(frozen=True)
class Found:
    """How a break was found."""

    stories: int
    seconds: float
    story: Story


def find(broken: Break, limit: int = 3000) -> Found | None:
    """Explore until a story breaks a promise, and return the shortest one that does; None if there is none.

    All stories with one incident come first, then random ones. The code without the break keeps the promise in the
    same story.
    """
    began = time.perf_counter()
    stories = chain(all_stories(broken.setup, most=1), random_stories(broken.setup, seed=0))
    for number in range(1, limit + 1):
        with ExitStack() as stack:
            for each in broken.patches():
                stack.enter_context(each)
            story = next(stories)
            if not story.broken:
                continue
            story = shortest(story)
        if not tell(broken.setup, story.incidents).broken:
            return Found(number, time.perf_counter() - began, story)
    return None


def main() -> None:
    with machine.silence():
        _print_table()


def _print_table() -> None:
    print("| break | found after | seconds | shortest story |\n| --- | --: | --: | --- |")
    for broken in BREAKS:
        found = find(broken)
        if found is None:
            print(f"| {broken.name} | NOT FOUND | | |", flush=True)
            continue
        incidents = "; ".join(line.split("!! ")[1] for line in found.story.lines if "!! " in line) or "(no incident)"
        print(
            f"| {broken.name} | {found.stories} stories | {found.seconds:.1f} | {broken.setup.name}: {incidents} "
            f"→ {found.story.broken[0].promise} |",
            flush=True,
        )


if __name__ == "__main__":
    main()


__all__ = ["BREAKS", "Break", "Found", "conftest", "find"]
