"""Many who wait at once in one triggerer: what they are told, and what Hex is asked for it."""

from __future__ import annotations

import asyncio
import contextvars
import logging
import time
from collections.abc import Iterator
from typing import Any

import pytest

from airflow_provider_hex.api.async_client import _session
from airflow_provider_hex.api.config import HexConfig
from airflow_provider_hex.api.errors import HexError, HexInvalidInput, HexNotFound, HexRunTimeout, HexUnauthorized
from airflow_provider_hex.api.models import Run
from airflow_provider_hex.api.run_watch import RunWatch
from airflow_provider_hex.triggers import poller
from hex_emulator.client import Control
from tests.conftest import PROJECT, PROJECTS, TOKENS

OTHER = PROJECTS["Warehouse health"]


@pytest.fixture(autouse=True)
def none_is_left_behind() -> Iterator[None]:
    yield
    assert not poller._pollers


def config(emulator: Control, token: str = "full", **options: Any) -> HexConfig:
    return HexConfig(emulator.api_url, TOKENS[token], **{"requests_per_minute": 6000, **options})


def watch(run: dict[str, Any], **options: Any) -> RunWatch:
    return RunWatch(run["projectId"], run["runId"], started_at=time.time(), **{"poll_interval": 0.05, **options})


def runs(emulator: Control, count: int, project: str = PROJECT, **course: Any) -> list[dict[str, Any]]:
    """That many runs of a project, each on its way: a second, or as told."""
    course = course or {"pending": 5, "running": 5}
    emulator.next_run(times=count, **course)
    return [emulator.start_run(project, trigger="API") for _ in range(count)]


def wait_for(*waits: tuple[HexConfig, RunWatch]) -> list[Run | BaseException]:
    """Wait for all at once, and return what each was told."""

    async def together() -> list[Run | BaseException]:
        async with asyncio.timeout(30):
            return await asyncio.gather(*(poller.ended_run(*wait) for wait in waits), return_exceptions=True)

    return asyncio.run(together())


def ids(told: list[Any]) -> list[str]:
    return [run["runId"] for run in told]


def calls(emulator: Control) -> list[str]:
    return [request["call"] for request in emulator.requests()]


def test_each_is_told_how_its_own_run_ended(emulator: Control) -> None:
    waited_for = runs(emulator, 25)
    told = wait_for(*[(config(emulator), watch(run)) for run in waited_for])
    assert ids(told) == [run["runId"] for run in waited_for]
    assert {run["status"] for run in told} == {"COMPLETED"}  # type: ignore[index]


def test_the_runs_of_a_project_are_asked_for_in_one_request(emulator: Control) -> None:
    wait_for(*[(config(emulator), watch(run, poll_interval=0.2)) for run in runs(emulator, 25)])
    assert set(calls(emulator)) == {"GetProjectRuns"}
    assert len(calls(emulator)) < 25


def test_a_run_alone_is_asked_for_alone_once_the_projects_past_is_known(emulator: Control) -> None:
    wait_for(*[(config(emulator), watch(runs(emulator, 1, project)[0])) for project in (PROJECT, OTHER)])
    assert calls(emulator).count("GetProjectRuns") == 2
    assert calls(emulator).count("GetRunStatus") > 2


def test_two_of_the_same_run_are_both_told(emulator: Control) -> None:
    (run,) = runs(emulator, 1)
    assert ids(wait_for((config(emulator), watch(run)), (config(emulator), watch(run)))) == [run["runId"]] * 2


def test_tokens_are_never_mixed(emulator: Control) -> None:
    mine, theirs = runs(emulator, 3), runs(emulator, 3, OTHER)
    waits = [(config(emulator), watch(run)) for run in mine]
    waits += [(config(emulator, "read-only"), watch(run)) for run in theirs]
    wait_for(*waits)
    asked = {(request["token"], request["path"].split("/")[4]) for request in emulator.requests()}
    assert asked == {("full", PROJECT), ("read-only", OTHER)}


def test_the_same_token_in_two_connections_has_one_poller(emulator: Control) -> None:
    async def count() -> int:
        waits = [asyncio.create_task(poller.ended_run(config(emulator), watch(run))) for run in runs(emulator, 3)]
        await asyncio.sleep(0)
        found = len(poller._pollers)
        await asyncio.gather(*waits)
        return found

    assert asyncio.run(count()) == 1


def test_one_that_is_cancelled_leaves_the_others_waiting(emulator: Control) -> None:
    async def cancel_the_first() -> list[Run | BaseException]:
        waits = [asyncio.create_task(poller.ended_run(config(emulator), watch(run))) for run in runs(emulator, 3)]
        await asyncio.sleep(0)
        waits[0].cancel()
        return await asyncio.gather(*waits, return_exceptions=True)

    first, *others = asyncio.run(cancel_the_first())
    assert isinstance(first, asyncio.CancelledError)
    assert [run["status"] for run in others] == ["COMPLETED"] * 2  # type: ignore[index]


def test_whoever_comes_later_is_looked_after_too(emulator: Control) -> None:
    async def one_after_the_other() -> list[Run]:
        first, second = runs(emulator, 2)
        waiting = asyncio.create_task(poller.ended_run(config(emulator), watch(first)))
        while not emulator.requests():
            await asyncio.sleep(0.01)
        return [await poller.ended_run(config(emulator), watch(second)), await waiting]

    assert len(asyncio.run(one_after_the_other())) == 2


@pytest.mark.parametrize(
    "fault",
    [{"drop": True}, {"status": 500}, {"status": 429, "headers": {"Retry-After": "0"}}, {"truncate": True}],
)
@pytest.mark.parametrize("call", ["GetProjectRuns", "GetRunStatus"])
@pytest.mark.parametrize("count", [1, 3])
def test_blips_are_outlived(count: int, call: str, fault: dict[str, Any], emulator: Control) -> None:
    emulator.fault(call, times=2, **fault)
    told = wait_for(*[(config(emulator), watch(run)) for run in runs(emulator, count)])
    assert [run["status"] for run in told] == ["COMPLETED"] * count  # type: ignore[index]


@pytest.mark.parametrize("status", [403, 404, 422])
def test_a_list_that_is_refused_is_done_without(status: int, emulator: Control) -> None:
    emulator.fault("GetProjectRuns", times=None, status=status)
    told = wait_for(*[(config(emulator), watch(run)) for run in runs(emulator, 3)])
    assert [run["status"] for run in told] == ["COMPLETED"] * 3  # type: ignore[index]


def test_a_run_that_is_gone_is_news_for_those_alone_who_wait_for_it(emulator: Control) -> None:
    gone, *others = waited_for = runs(emulator, 3)
    emulator.vanish(gone["runId"])
    first, *rest = wait_for(*[(config(emulator), watch(run)) for run in waited_for])
    assert isinstance(first, HexNotFound)
    assert gone["runId"] in str(first)
    assert ids(rest) == [run["runId"] for run in others]


def test_a_run_far_down_the_list_is_asked_for_by_itself(emulator: Control) -> None:
    emulator.no_limits()
    waited_for = runs(emulator, 2, timeline=[("RUNNING", 10), ("COMPLETED", None)])
    runs(emulator, 150)
    assert ids(wait_for(*[(config(emulator), watch(run)) for run in waited_for])) == [r["runId"] for r in waited_for]
    assert "GetRunStatus" in calls(emulator)


def test_a_token_that_is_refused_ends_all_waits_with_one_request(emulator: Control) -> None:
    emulator.fault("*", times=None, status=401)
    waited_for = runs(emulator, 3)
    told = wait_for(*[(config(emulator), watch(run)) for run in waited_for])
    for run, error in zip(waited_for, told, strict=True):
        assert isinstance(error, HexUnauthorized)
        assert str(error).count("It ends the wait for run") == 1
        assert run["runId"] in str(error)
    assert calls(emulator) == ["GetProjectRuns"]


def test_an_id_that_is_none_concerns_nobody_else(emulator: Control) -> None:
    (run,) = runs(emulator, 1)
    bad, good = wait_for((config(emulator), watch({**run, "runId": "r"})), (config(emulator), watch(run)))
    assert isinstance(bad, HexInvalidInput)
    assert good["status"] == "COMPLETED"  # type: ignore[index]


def test_sessions_share_the_authorities_that_they_trust(emulator: Control) -> None:
    """They are most of what a session weighs."""

    async def contexts() -> list[Any]:
        mine, theirs = _session(config(emulator)), _session(config(emulator, "read-only"))
        try:
            return [client._transport._pool._ssl_context for client in (mine, theirs)]  # type: ignore[attr-defined]
        finally:
            await mine.aclose()
            await theirs.aclose()

    one, other = asyncio.run(contexts())
    assert one is other


def test_each_has_a_time_of_its_own(emulator: Control) -> None:
    stuck, done = runs(emulator, 1, timeline=[("RUNNING", None)]) + runs(emulator, 1)
    told = wait_for((config(emulator), watch(stuck, timeout=0.3)), (config(emulator), watch(done)))
    assert isinstance(told[0], HexRunTimeout)
    assert "was still RUNNING when its time was up, after 0.3 s" in str(told[0])
    assert told[1]["status"] == "COMPLETED"  # type: ignore[index]


def test_what_is_not_foreseen_reaches_all_who_wait(emulator: Control, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bug, say; that nobody is told is the one thing that must not be."""
    monkeypatch.setattr("airflow_provider_hex.triggers.poller.duration", lambda run: 1 / 0)
    told = wait_for(*[(config(emulator), watch(run)) for run in runs(emulator, 3)])
    assert [type(error) for error in told] == [ZeroDivisionError] * 3


def test_each_log_line_is_in_the_context_of_whoever_waits_for_that_run(emulator: Control) -> None:
    """That is how Airflow finds the log of the trigger."""
    mine: contextvars.ContextVar[str] = contextvars.ContextVar("mine", default="nobody")
    lines: list[tuple[str, str]] = []

    class Collector(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append((mine.get(), record.getMessage()))

    async def wait(run: dict[str, Any]) -> None:
        mine.set(run["runId"])
        await poller.ended_run(config(emulator), watch(run))

    async def together() -> None:
        await asyncio.gather(*(wait(run) for run in runs(emulator, 3)))

    logger, collector = logging.getLogger("airflow_provider_hex"), Collector()
    logger.addHandler(collector)
    logger.setLevel(logging.INFO)
    try:
        asyncio.run(together())
    finally:
        logger.removeHandler(collector)
    assert len({owner for owner, _ in lines}) == 3
    assert all(f"Hex run {owner} " in line for owner, line in lines)


def test_a_limit_that_another_client_uses_up_is_waited_for(emulator: Control) -> None:
    emulator.use_up(requests=60)
    told = wait_for(*[(config(emulator), watch(run)) for run in runs(emulator, 3)])
    assert [run["status"] for run in told] == ["COMPLETED"] * 3  # type: ignore[index]
    assert sum(request["status"] == 429 for request in emulator.requests()) <= 2


def test_looks_are_spread_over_the_budget(emulator: Control) -> None:
    """Many who begin together would else use up a minute's budget at once."""

    async def wait() -> None:
        emulator.next_run(times=20, timeline=[("RUNNING", None)])
        projects = [PROJECT, OTHER, PROJECTS["Churn forecast"]] * 3
        waits = [poller.ended_run(slow, watch(emulator.start_run(project))) for project in projects]
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1.05):
                await asyncio.gather(*waits)

    slow = config(emulator, requests_per_minute=300)
    asyncio.run(wait())
    assert 6 <= len(emulator.requests()) <= 11


def test_an_error_names_its_run_once() -> None:
    """The same error is shared by many, each of whom adds a sentence."""
    waiting = [RunWatch(PROJECT, f"r{n}", started_at=0.0) for n in range(2)]

    async def told() -> list[str]:
        waiters = [poller.Waiter(watch) for watch in waiting]
        error = HexNotFound("Gone.")
        for waiter in waiters:
            waiter.missed(error)
        return [str(waiter.ended.exception()) for waiter in waiters]

    assert asyncio.run(told()) == [f"Gone. It ends the wait for run r{n}." for n in range(2)]
    assert HexError.from_dict(HexNotFound("Gone.").to_dict()).args == ("Gone.",)
