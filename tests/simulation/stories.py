"""Telling stories, exploring them all up to a number of incidents, and shortening one that breaks a promise."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from random import Random

from tests.simulation import machine
from tests.simulation.airflow_model import Airflow
from tests.simulation.airflow_rules import Setup
from tests.simulation.exceptions import excused
from tests.simulation.hex_model import Hex
from tests.simulation.invariants import CHECKS, Violation, violations
from tests.simulation.sensor_invariants import SENSOR_CHECKS
from tests.simulation.world import Choice, EndlessStory, Incidents, World

RISKS = (0.03, 0.06, 0.1, 0.2)
"""How likely an incident is at each choice: low, so that late ones occur, or high, so that several do."""


@dataclass(frozen=True)
class Story:
    """What happened.

    :param setup: the task.
    :param incidents: the choices that are not 0.
    :param choices: all choices.
    :param lines: what happened, to read.
    :param state: the task's state at the end.
    :param broken: the promises that it breaks, though nothing explains it.
    :param exceptions: the exceptions that it meets.
    """

    setup: Setup
    incidents: Incidents
    choices: tuple[Choice, ...]
    lines: tuple[str, ...]
    state: str
    broken: tuple[Violation, ...]
    exceptions: tuple[str, ...]

    def __str__(self) -> str:
        task = f"{self.setup.name}: {self.setup}"
        return "\n".join([task, *self.lines, *(f"BROKEN  {violation}" for violation in self.broken)])


def play(setup: Setup, world: World) -> tuple[Airflow, list[Violation]]:
    """Let a task run in a world until its end. Return the model of Airflow, and whether there was no end."""
    hex = Hex(world, run_takes=setup.run_takes)
    airflow = Airflow(world, hex, setup)
    hex.waits_for = airflow.waits_for
    with machine.running(world, setup.airflow):
        world.after(0.0, airflow.begin)
        try:
            world.run()
        except EndlessStory as error:
            return airflow, [Violation("the task ends", str(error))]
    return airflow, []


def tell(setup: Setup, incidents: Incidents, random: Random | None = None, risk: float = 0.0, most: int = 4) -> Story:
    """Tell one story: let a task run in a world with these incidents, and check the promises at the end."""
    world = World(incidents, random, risk, most)
    airflow, found = play(setup, world)
    found += violations(airflow, SENSOR_CHECKS if setup.is_sensor else CHECKS)
    reasons = [excused(airflow, violation) for violation in found]
    return Story(
        setup,
        world.chosen,
        tuple(world.choices),
        tuple(world.lines),
        airflow.state,
        tuple(violation for violation, reason in zip(found, reasons, strict=True) if reason is None),
        tuple(reason for reason in reasons if reason is not None),
    )


def all_stories(setup: Setup, most: int) -> Iterator[Story]:
    """Tell every story with at most so many incidents, those with the fewest first, each of them once."""
    level: list[dict[int, int]] = [{}]
    for depth in range(most + 1):
        following: list[dict[int, int]] = []
        for incidents in level:
            story = tell(setup, incidents)
            yield story
            if depth < most:
                following += [
                    {**incidents, number: chosen}
                    for number, choice in enumerate(story.choices)
                    if number > max(incidents, default=-1)
                    for chosen in range(1, choice.options)
                ]
        level = following


def random_stories(setup: Setup, seed: int, most: int = 4) -> Iterator[Story]:
    """Tell stories with random incidents, without an end."""
    for number in count():
        random = Random(f"{setup.name} {seed} {number}")
        yield tell(setup, {}, random, random.choice(RISKS), most)


def shortest(story: Story) -> Story:
    """Return a story with as few incidents as possible that breaks the same promise."""
    promise = story.broken[0].promise
    for number in sorted(story.incidents):
        fewer = {other: chosen for other, chosen in story.incidents.items() if other != number}
        shorter = tell(story.setup, fewer)
        if any(violation.promise == promise for violation in shorter.broken):
            return shortest(shorter)
    return story


@dataclass
class Tally:
    """What was explored."""

    stories: int = 0
    choices: int = 0
    states: dict[str, int] = field(default_factory=dict)
    exceptions: dict[str, int] = field(default_factory=dict)

    def add(self, story: Story) -> None:
        self.stories += 1
        self.choices += len(story.choices)
        self.states[story.state] = self.states.get(story.state, 0) + 1
        for name in set(story.exceptions):
            self.exceptions[name] = self.exceptions.get(name, 0) + 1
