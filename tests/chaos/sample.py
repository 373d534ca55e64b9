"""A sample of the simulation's stories: for each kind of incident at each kind of operation, one story.

The seed chooses the task that it happens to, and the order.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import islice
from random import Random

from tests.chaos.story import REPLAYED, Incident, Story, told
from tests.simulation.airflow_rules import Setup
from tests.simulation.world import Incidents

LONGEST = 200.0
"""Seconds that a story may take in the simulation."""
LONG_SLEEP = "frozen for long"
TRIGGERS_ONLY = "fire the event"
"""An operation within the triggerer's own process: nothing outside can stop it there."""
FIRST = {
    ("attempt 1 sends RunProject", "the response is lost"): "attempt 1 sends GetProjectRuns",
    ("attempt 1: GetRunStatus", "a user marks the task failed before"): "attempt 1 sends CancelRun",
}
"""Incidents after which Hex's response to another request matters: the start is reconciled, or the run is cancelled."""


def sample(seed: int, most: int) -> list[Story]:
    """Return so many stories: of all kinds in turn, and within a kind in an order that the seed makes."""
    random = Random(seed)
    found: dict[tuple[str, str], list[tuple[Setup, Incidents]]] = {}
    for setup in REPLAYED:
        for cell, incidents in _candidates(setup):
            found.setdefault(cell, []).append((setup, incidents))
    kinds: dict[str, list[tuple[str, str]]] = {}
    for cell in sorted(found):
        kinds.setdefault(_kind(cell), []).append(cell)
    for cells in kinds.values():
        random.shuffle(cells)
    stories = (_story(found[cell], random) for cell in _in_turn([*kinds.values()]))
    return [*islice((story for story in stories if story is not None), most)]


def _in_turn(kinds: list[list[tuple[str, str]]]) -> Iterator[tuple[str, str]]:
    for number in range(max(map(len, kinds))):
        yield from [cells[number] for cells in kinds if number < len(cells)]


def _story(candidates: list[tuple[Setup, Incidents]], random: Random) -> Story | None:
    """Return a story that is not too long, of a random task: if possible, one that a busy machine does not time out."""
    shuffled = random.sample(candidates, len(candidates))
    for setup, incidents in sorted(shuffled, key=lambda each: _urgency(each[0])):
        story = told(setup, incidents)
        if story.seconds <= LONGEST:
            return story
    return None


def _urgency(setup: Setup) -> int:
    return setup.has_short_timeout + (setup.execution_timeout is not None)  # which may interrupt anything


def _candidates(setup: Setup) -> Iterator[tuple[tuple[str, str], Incidents]]:
    """Yield what may happen to a task, and the kind of operation and of incident that it is an example of."""
    quiet = told(setup, {})
    if quiet.outcome.task == "failed":
        yield ("nothing", setup.name), {}
    for number, option, incident in quiet.all_incidents():
        if option and _is_possible(incident) and not (incident.number and setup.has_short_timeout):
            yield _cell(incident, "triggerer killed before" in quiet.offered[number]), {number: option}
        request = None if incident.number else FIRST.get((incident.where, incident.what))
        if request:
            for later, other, then in told(setup, {number: option}).all_incidents():
                if other and later > number and then.where == request:
                    where, what = _cell(then, deferred=False)
                    yield (f"{where}, after {incident.what}", what), {number: option, later: other}


def _is_possible(incident: Incident) -> bool:
    """Whether real processes can be made to do it, within some minutes."""
    where, what = incident.where, incident.what
    if where in ("the cleared task", "the trigger") or TRIGGERS_ONLY in where or what.startswith(LONG_SLEEP):
        return False
    if where.endswith("resumes"):  # when Airflow sees an exit is up to Airflow
        return False
    if "report the deferral" in where and what.startswith("a user"):  # a trigger begins at once in the simulation only
        return False
    # The supervisor makes the report, when it has it: then the process' end makes no difference any more.
    return "report the" not in where or what.startswith("a user") or what.endswith("after")


PHASES: tuple[tuple[str, Callable[[str], object]], ...] = (
    ("starting", re.compile("get the record|record the re|RunProject|record the run|XCom").search),
    ("waiting", re.compile("GetProjectRuns|GetRunStatus").search),
    ("ending", re.compile("").search),
)


def _cell(incident: Incident, deferred: bool) -> tuple[str, str]:
    """Return the kind of operation and of incident. Kills and Hex's responses matter at each operation."""
    where = re.sub(r"^attempt \d+:? ", "", incident.where)
    if incident.what.startswith("killed") or not incident.what.endswith((" before", " after")):
        return where, incident.what
    phase = "deferred" if deferred else next(name for name, matches in PHASES if matches(where))
    return phase, incident.what.removesuffix(" before").removesuffix(" after")


def _kind(cell: tuple[str, str]) -> str:
    where, what = cell
    call = re.match(r"sends (\w+)|nothing", where)
    return call[0] if call else " ".join(what.split()[:2])
