"""Stories of the simulation are replayed on real processes: the same happens as in the simulation."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import TypeAlias, cast

import pytest

from airflow_provider_hex.airflow_compat import AIRFLOW_V_3_3_PLUS

if not AIRFLOW_V_3_3_PLUS:
    pytest.skip("the simulation is of Airflow 3.3", allow_module_level=True)

from demo.local_airflow import LocalAirflow
from hex_emulator.client import Control
from tests.chaos.gate import Gate
from tests.chaos.replay import Replay
from tests.chaos.stage import Stage
from tests.chaos.story import Outcome, Story

pytestmark = [pytest.mark.system, pytest.mark.timeout(2400)]

Played: TypeAlias = tuple[Replay, Outcome]
AT_ONCE = 12
"""How many stories happen at the same time, as many as Airflow has slots."""


@pytest.fixture(scope="module")
def played(
    airflow: LocalAirflow, emulator: Control, gate: Gate, projects: Iterator[str], request: pytest.FixtureRequest
) -> Iterator[dict[str, Future[Played]]]:
    """What happens in each story. They happen at the same time, but for those that stop a triggerer."""
    stage = Stage(gate)
    selected = [item for item in request.session.items if isinstance(item, pytest.Function)]
    stories = [cast("Story", item.callspec.params["story"]) for item in selected if "played" in item.fixturenames]
    replays = {
        str(story): Replay(story, airflow, emulator, next(projects), f"story-{number}")
        for number, story in enumerate(stories)
    }
    for each in replays.values():
        stage.add(each)
    alone = [name for name, each in replays.items() if each.story.needs_all_triggerers]
    deferred = [name for name, each in replays.items() if each.story.is_deferred and name not in alone]
    others = [name for name in replays if name not in alone and name not in deferred]
    with ThreadPoolExecutor(AT_ONCE) as pool, ThreadPoolExecutor(1) as triggerer:

        def play(name: str) -> Played:
            return replays[name], replays[name].play(gate.url)

        futures = {name: pool.submit(play, name) for name in [*deferred, *others]}
        before = [futures[name] for name in deferred]

        def play_alone(name: str) -> Played:
            wait(before)
            return play(name)

        try:
            yield futures | {name: triggerer.submit(play_alone, name) for name in alone}
        finally:
            for each in replays.values():
                each.stop()


def test_what_the_simulation_says_happens(story: Story, played: dict[str, Future[Played]]) -> None:
    replay, outcome = played[str(story)].result()
    simulated = "\n".join(["In the simulation:", *story.lines, str(story.outcome)])
    assert outcome == story.outcome, "\n".join([simulated, "On real processes:", *replay.lines, str(outcome)])
