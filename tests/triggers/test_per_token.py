from __future__ import annotations

import asyncio

from airflow_provider_hex.api.config import HexConfig
from airflow_provider_hex.triggers.per_token import PerToken

URL = "https://app.hex.tech/api/v1"


class Thing:
    is_idle = False


async def things(shared: PerToken[Thing], *tokens: str) -> list[Thing]:
    return [shared.get(HexConfig(URL, token)) for token in tokens]


def test_there_is_one_object_per_token() -> None:
    one, same, another = asyncio.run(things(PerToken(lambda config: Thing()), "a", "a", "b"))
    assert one is same
    assert one is not another


def test_each_event_loop_has_its_own_and_those_of_closed_loops_are_forgotten() -> None:
    shared = PerToken(lambda config: Thing())
    (one,) = asyncio.run(things(shared, "a"))
    (other,) = asyncio.run(things(shared, "a"))
    assert one is not other
    assert len(shared) == 1


def test_an_object_that_is_idle_is_forgotten() -> None:
    async def get_twice() -> tuple[Thing, Thing, int]:
        kept, idle = await things(shared, "a", "b")
        idle.is_idle = True
        shared.forget_idle()
        return kept, (await things(shared, "a"))[0], len(shared)

    shared = PerToken(lambda config: Thing())
    kept, same, count = asyncio.run(get_twice())
    assert kept is same
    assert count == 1
