"""Every story with at most one incident, and a sample of those with more: each keeps the promises."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from random import Random

import pytest

from tests.simulation import machine
from tests.simulation.airflow_rules import Setup
from tests.simulation.explore import report
from tests.simulation.setups import DEFERRED, NO_RECORD_DEFERRED, SENSOR_TIMEOUT, SETUPS, WORKER
from tests.simulation.stories import Tally, all_stories, random_stories, shortest, tell

by_setup = pytest.mark.parametrize("setup", SETUPS, ids=lambda setup: setup.name)
TALLY = Tally()


@pytest.fixture(scope="module", autouse=True)
def _silent() -> Iterator[None]:
    with machine.silence():
        yield


@by_setup
def test_every_story_with_one_incident_keeps_the_promises(setup: Setup) -> None:
    tally = Tally()
    for story in all_stories(setup, most=1):
        tally.add(story)
        assert not story.broken, f"\n{story}"
    print(f"\n{setup.name}: {report(tally)}")


@pytest.mark.parametrize("setup", [WORKER, DEFERRED, NO_RECORD_DEFERRED, SENSOR_TIMEOUT], ids=lambda setup: setup.name)
def test_stories_with_several_incidents_keep_the_promises(setup: Setup) -> None:
    for story in islice(random_stories(setup, seed=1), 150):
        assert not story.broken, f"\n{shortest(story)}"


@by_setup
def test_without_an_incident_a_task_completes_unless_it_times_out(setup: Setup) -> None:
    story = tell(setup, {})
    at_timeout = "skipped" if setup.options.get("soft_fail") else "failed"
    assert story.state == (at_timeout if "timeout" in setup.name else "success"), f"\n{story}"


def test_a_story_can_be_told_again() -> None:
    for story in islice(random_stories(DEFERRED, seed=2), 20):
        assert tell(DEFERRED, story.incidents) == story


def test_a_random_story_depends_on_its_seed_only() -> None:
    assert tell(WORKER, {}, Random(5), 0.1) == tell(WORKER, {}, Random(5), 0.1)
