"""A world that a test owns: one clock, processes that wait in it, and a choice at every point where things may differ.

A *story* is what happens for one sequence of choices. Choice 0 is always that nothing goes wrong, so a story is named
by its *incidents*: the choices that are not 0. The same choices always make the same story.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from random import Random
from typing import Any, TypeAlias

from greenlet import getcurrent, greenlet  # type: ignore[import-untyped]  # SQLAlchemy, and so Airflow, has it

EPOCH = 1_800_000_000.0
LONGEST_STORY = 6 * 3600.0
MOST_EVENTS = 20_000
LATENCY = 0.1
"""Seconds that a request to Hex or Airflow takes."""
EXIT_SEEN_AFTER = 5
"""Seconds until Airflow 3 sees that a process has ended (observed; the default of ``min_heartbeat_interval``)."""

Incidents: TypeAlias = Mapping[int, int]
"""The number of a choice, and what was chosen; 0 is chosen everywhere else."""


class Killed(BaseException):
    """The process is dead: SIGKILL. It unwinds the process' code, whose I/O has no effect any more."""


class EndlessStory(Exception):
    """The story goes on for hours, or takes too many steps."""


@dataclass(frozen=True)
class Choice:
    """A choice that was made.

    :param where: what was going on.
    :param options: how many there were.
    :param chosen: which one was taken.
    """

    where: str
    options: int
    chosen: int


@dataclass
class World:
    """The clock, what is due, and the choices.

    :param incidents: the choices that are not 0.
    :param random: makes the choices that ``incidents`` does not, if given.
    :param risk: how likely an incident is at each choice, if ``random`` is given.
    :param most: how many incidents ``random`` may choose.
    """

    incidents: Incidents = field(default_factory=dict)
    random: Random | None = None
    risk: float = 0.0
    most: int = 4
    now: float = EPOCH
    choices: list[Choice] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    _due: list[tuple[float, int, Callable[[], object]]] = field(default_factory=list)
    _order: Any = field(default_factory=count)
    _bad: int = 0
    processes: list[Process] = field(default_factory=list)
    hub: Any = field(default_factory=getcurrent)

    def choose(self, where: str, options: Sequence[str]) -> str:
        """Return one of the options. The first one is that nothing goes wrong."""
        number = len(self.choices)
        chosen = self.incidents.get(number, 0)
        if self.random is not None and self._bad < self.most and self.random.random() < self.risk:
            chosen = self.random.randrange(len(options))
        chosen = chosen if chosen < len(options) else 0
        self.choices.append(Choice(where, len(options), chosen))
        if chosen:
            self._bad += 1
            self.say(f"!! {where}: {options[chosen]}")
        return options[chosen]

    @property
    def chosen(self) -> dict[int, int]:
        """The incidents of this story."""
        return {number: choice.chosen for number, choice in enumerate(self.choices) if choice.chosen}

    def say(self, line: str) -> None:
        """Add a line to the story."""
        self.lines.append(f"{self.now - EPOCH:7.1f} s  {line}")

    def after(self, seconds: float, act: Callable[[], object]) -> None:
        """Do something later."""
        heapq.heappush(self._due, (self.now + seconds, next(self._order), act))

    def run(self, most: int = MOST_EVENTS) -> None:
        """Let everything happen, until nothing is due."""
        for _ in range(most):
            if not self._due:
                return
            moment, _, act = heapq.heappop(self._due)
            self.now = max(self.now, moment)
            if self.now > EPOCH + LONGEST_STORY:
                break
            act()
        self._kill_all()
        raise EndlessStory(f"The story has not ended after {self.now - EPOCH:.0f} s.")

    def _kill_all(self) -> None:
        self._due.clear()
        for process in self.processes:
            process.dead, process.frozen = True, False
            for thread in process.threads:
                thread.resume()


class _Greenlet(greenlet):  # type: ignore[misc]
    thread: Thread


class Thread:
    """One thread of a process. All threads of all processes take turns: one runs until it waits.

    :param process: the process.
    :param work: what the thread does.
    """

    def __init__(self, process: Process, work: Callable[[], object]) -> None:
        self.process = process
        self._work = work
        self._greenlet = _Greenlet(self._run, parent=process.world.hub)
        self._greenlet.thread = self
        self.done = False
        process.threads.append(self)
        process.world.after(0.0, self.resume)

    def resume(self) -> None:
        """Let the thread check whether what it waits for has happened."""
        if not self.done and not self.process.frozen:
            self._greenlet.switch()

    def wait(self, seconds: float | None, until: Callable[[], bool] = lambda: False) -> None:
        """Wait until the time has passed, or something holds. Signals interrupt the process' first thread."""
        world = self.process.world
        deadline = None if seconds is None else world.now + seconds
        if seconds is not None:
            world.after(max(seconds, 0.0), self.resume)
        while True:
            while self.process.frozen:
                self.process.leave_thread()
            self.process.check()
            if self is self.process.threads[0]:
                self.process.handle_signals()
            if until() or (deadline is not None and world.now >= deadline):
                return
            self.process.leave_thread()

    def _run(self) -> None:
        try:
            self.process.check()
            self._work()
        except Killed:
            pass
        finally:
            self.done = True
            if self is self.process.threads[0]:
                self.process.ended()
            for other in self.process.threads:
                self.process.world.after(0.0, other.resume)


class Process:
    """A process: threads that live and die together.

    :param world: the world.
    :param name: what it is called in the story.
    :param main: what its first thread does.
    :param on_exit: is called when it has ended, whether it was killed or not.
    """

    def __init__(self, world: World, name: str, main: Callable[[], object], on_exit: Callable[[], object]) -> None:
        self.world = world
        self.name = name
        self.dead = self.frozen = self.has_ended = False
        self.hook: Any = None
        self.supervisor: Any = None
        self.contexts: list[Any] = []
        self.ask_to_end: Callable[[], object] = lambda: None
        self.on_switch: Callable[[], Callable[[], None]] = lambda: lambda: None
        self.threads: list[Thread] = []
        self._signals: list[Callable[[], object]] = []
        self._on_exit = on_exit
        world.processes.append(self)
        Thread(self, main)

    def check(self) -> None:
        """Raise :class:`Killed` if the process is dead."""
        if self.dead:
            raise Killed

    def leave_thread(self) -> None:
        """Let the others run, and come back when this thread is resumed."""
        restore = self.on_switch()
        self.world.hub.switch()
        restore()

    def signal(self, handler: Callable[[], object]) -> None:
        """Run a signal handler in the first thread, wherever that is. It may raise."""
        if not self.has_ended:
            self._signals.append(handler)
            self.world.after(0.0, self.threads[0].resume)

    def handle_signals(self) -> None:
        while self._signals:
            self._signals.pop(0)()

    def kill(self) -> None:
        """End the process at once: SIGKILL."""
        if self.dead or self.has_ended:
            return
        self.world.say(f"{self.name} is dead")
        self.dead, self.frozen = True, False
        for thread in self.threads:
            self.world.after(0.0, thread.resume)

    def freeze(self, seconds: float) -> None:
        """Suspend the process."""
        self.frozen = True
        self.world.after(seconds, self._thaw)

    def _thaw(self) -> None:
        if self.frozen:
            self.world.say(f"{self.name} wakes up")
            self.frozen = False
            for thread in self.threads:
                self.world.after(0.0, thread.resume)

    def ended(self) -> None:
        if not self.has_ended:
            self.has_ended = True
            self.dead = True  # threads that it leaves behind
            self._on_exit()


def current_thread() -> Thread | None:
    """Return the simulated thread that is running, None outside of all."""
    running = getcurrent()
    return running.thread if isinstance(running, _Greenlet) else None
