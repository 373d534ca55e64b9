"""The runs to wait for: drawn from a seed, chosen before any policy was measured, and the same for all."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, field

QUICK_FAILURES = 0.10
"""Share of the runs that fail early: a bad input, a renamed table."""
QUICK = (2.0, 30.0)
"""Seconds after which those fail, log-uniform."""

KINDS = (
    (0.8, (60.0, 900.0)),  # minutes
    (0.2, (2400.0, 4800.0)),  # about an hour
)
"""Share of the projects, and the range of what their runs usually take (log-uniform), in seconds."""
SPREAD = (0.05, 0.30)
"""How much a project's runs differ from one another: the sigma of a log-normal, itself log-uniform by project."""

SAME_PROJECT = 1 / 3
"""Chance that a run belongs to the project of the run before it: one notebook, several inputs."""
NEW_PROJECTS = 0.5
"""Share of the projects that have never run before."""
PAST_RUNS = (1.0, 100.0)
"""How many ended runs the list of any other project shows (log-uniform). A page holds 100."""

STARTS_AT_ONCE = 20
SECONDS_BETWEEN_STARTS = 61.0
"""RunProject's limit was 20 a minute until 2026-08. All tasks are due at once, so they start in groups of 20."""


@dataclass(frozen=True)
class Project:
    """A project.

    :param usual: the seconds that its runs usually take.
    :param spread: the sigma of their log-normal.
    :param past: the seconds that its past runs took.
    """

    usual: float
    spread: float
    past: tuple[float, ...] = field(repr=False)

    def length(self, draw: random.Random) -> float:
        """Draw how long a run takes, in seconds."""
        if draw.random() < QUICK_FAILURES:
            return log_uniform(draw, QUICK)
        return self.usual * math.exp(draw.gauss(0.0, self.spread))


@dataclass(frozen=True)
class Run:
    """A run.

    :param number: its number among all runs.
    :param project: its project's number.
    :param start: when it starts, in seconds.
    :param length: the seconds that it takes.
    :param of: its project.
    """

    number: int
    project: int
    start: float
    length: float
    of: Project

    @property
    def past(self) -> tuple[float, ...]:
        """The seconds that past runs of its project took."""
        return self.of.past

    @property
    def end(self) -> float:
        """When it ends, in seconds."""
        return self.start + self.length


def runs(count: int, seed: int) -> list[Run]:
    """Draw so many runs, and when they start."""
    draw = random.Random(f"{count} {seed}")
    projects: list[Project] = []
    drawn: list[Run] = []
    for number in range(count):
        if not projects or draw.random() >= SAME_PROJECT:
            projects.append(_project(draw))
        project = projects[-1]
        drawn.append(Run(number, len(projects) - 1, _start(number), project.length(draw), project))
    return drawn


def runs_that_end_together(count: int, seed: int) -> list[Run]:
    """Draw runs of as many new projects that end at the same moment, one to two minutes after the last one's start."""
    end = _start(count - 1) + random.Random(f"together {count} {seed}").uniform(60.0, 120.0)
    new = Project(end, SPREAD[0], ())
    return [Run(number, number, _start(number), end - _start(number), new) for number in range(count)]


def _start(number: int) -> float:
    group, place = divmod(number, STARTS_AT_ONCE)
    return group * SECONDS_BETWEEN_STARTS + place * 0.1


def log_uniform(draw: random.Random, between: tuple[float, float]) -> float:
    """Draw a log-uniform number between two."""
    return math.exp(draw.uniform(*map(math.log, between)))


def _project(draw: random.Random) -> Project:
    between = draw.choices([between for _, between in KINDS], [share for share, _ in KINDS])[0]
    project = Project(log_uniform(draw, between), log_uniform(draw, SPREAD), ())
    if draw.random() < NEW_PROJECTS:
        return project
    count = round(log_uniform(draw, PAST_RUNS))
    return Project(project.usual, project.spread, tuple(project.length(draw) for _ in range(count)))
