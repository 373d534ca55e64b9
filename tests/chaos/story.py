"""A story of the simulation, in words, and what the simulation says happens in it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from tests.simulation import machine
from tests.simulation.airflow_model import Airflow
from tests.simulation.airflow_rules import Setup
from tests.simulation.hex_model import HexRun
from tests.simulation.setups import LONG_DEFERRED, SETUPS, WORKER
from tests.simulation.stories import play
from tests.simulation.world import EPOCH, Incidents, World

REPLAYED = tuple(setup for setup in SETUPS if setup.keeps_record and setup is not LONG_DEFERRED)
"""The tasks whose stories are replayed. A busy machine is too late for the timeouts of ``LONG_DEFERRED``."""


class Incident(NamedTuple):
    """What happens, and where: at the operation of this name that is the ``number``th, from 0."""

    where: str
    number: int
    what: str

    def __str__(self) -> str:
        again = f" ({self.number + 1}.)" if self.number else ""
        return f"{self.where}{again}: {self.what}"


@dataclass(frozen=True)
class Run:
    """A run at Hex: the attempt that started it, how it ends, and the attempt that cancelled it."""

    by: int
    end: str
    cancelled_by: int | None


@dataclass(frozen=True)
class Attempt:
    """How an attempt failed, and the numbers of the runs that its error names."""

    error: str | None
    names: tuple[int, ...]


@dataclass(frozen=True)
class Outcome:
    """What happened in a story.

    :param task: the task's state at the end.
    :param attempts: its attempts.
    :param starts: for each RunProject, the attempt that sent it.
    :param runs: the runs, in the order of their starts.
    :param missed: incidents whose operations there were not.
    """

    task: str
    attempts: tuple[Attempt, ...]
    starts: tuple[int, ...]
    runs: tuple[Run, ...]
    missed: tuple[Incident, ...] = ()

    def __str__(self) -> str:
        lines = [f"the task is {self.task}"]
        for number, attempt in enumerate(self.attempts, 1):
            lines.append(f"attempt {number}: {attempt.error or 'no error'}, naming runs {attempt.names}")
        lines.append(f"RunProject is sent by attempts {self.starts}")
        for number, run in enumerate(self.runs, 1):
            lines.append(f"run {number}: {run.end}, started by {run.by}, cancelled by {run.cancelled_by}")
        return "\n".join([*lines, *(f"not reached: {incident}" for incident in self.missed)])


@dataclass(eq=False)
class Story(World):
    """A world that remembers what else could have happened. It ends when :attr:`outcome` is asked for."""

    setup: Setup = WORKER
    offered: list[tuple[str, ...]] = field(default_factory=list)
    seconds: float = 0.0
    """When the task has ended, in the simulation."""
    ended: dict[tuple[int, str], list[tuple[int, ...]]] = field(default_factory=dict)
    """For each attempt and call, and each time that it takes effect, the runs that have ended by themselves by then."""

    def choose(self, where: str, options: Sequence[str]) -> str:
        self.offered.append((*options,))
        return super().choose(where, options)

    @cached_property
    def outcome(self) -> Outcome:
        """What the simulation says happens."""
        with machine.silence():
            airflow, endless = play(self.setup, self)
        assert not endless, f"{self}: {endless[0]}"
        self.seconds = airflow.over_at - EPOCH
        for by, call, ended in airflow.hex.done:
            self.ended.setdefault((by, call), []).append(ended)
        return _outcome(airflow)

    def all_incidents(self) -> Iterator[tuple[int, int, Incident]]:
        """Yield each incident that could have happened, with the numbers of its choice and its option."""
        seen: Counter[str] = Counter()
        for number, choice in enumerate(self.choices):
            for option, what in enumerate(self.offered[number]):
                yield number, option, Incident(choice.where, seen[choice.where], what)
            seen[choice.where] += 1

    @property
    def script(self) -> tuple[Incident, ...]:
        """The incidents of this story."""
        return tuple(each for number, option, each in self.all_incidents() if self.incidents.get(number) == option)

    @property
    def is_deferred(self) -> bool:
        return bool(self.setup.options.get("deferrable"))

    @property
    def needs_all_triggerers(self) -> bool:
        return any(each.what.startswith("triggerer") for each in self.script)

    def __str__(self) -> str:
        return f"{self.setup.name}: {'; '.join(map(str, self.script)) or 'nothing happens'}"


def _outcome(airflow: Airflow) -> Outcome:
    errors = [attempt.error for attempt in airflow.attempts]
    attempts = [Attempt(_name(error), _named_in(error, airflow.hex.runs)) for error in errors]
    runs = [Run(run.by, _end(run), run.cancelled_by) for run in airflow.hex.runs]
    starts = tuple(by for _, by in airflow.hex.starts)
    return Outcome(airflow.state, tuple(attempts), starts, tuple(runs))


def _name(error: BaseException | None) -> str | None:
    return None if error is None else type(error).__name__


def _named_in(error: BaseException | None, runs: list[HexRun]) -> tuple[int, ...]:
    text = f"{error} {getattr(error, '__notes__', '')}"
    return tuple(run.number for run in runs if run.id in text or f"/run/{run.number} " in f"{text} ")


def _end(run: HexRun) -> str:
    if run.cancelled_at is not None:
        return "KILLED"
    return "RUNNING" if run.ends is None else run.outcome


def told(setup: Setup, incidents: Incidents) -> Story:
    """Return a story that has been told."""
    story = Story(incidents, setup=setup)
    assert story.outcome
    return story
