"""When the poller polls, and when waits end, in virtual time."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from airflow_provider_hex.api.config import HexConfig
from airflow_provider_hex.api.errors import (
    HexError,
    HexInvalidInput,
    HexNotFound,
    HexRateLimited,
    HexRunTimeout,
    HexUntrustedCertificate,
)
from airflow_provider_hex.api.run_watch import RunWatch
from airflow_provider_hex.triggers.poller import Poller
from airflow_provider_hex.triggers.waiters import Project, Waiter
from tests.triggers.virtual_time import HexInMemory, VirtualTime, id_of

CONFIG = HexConfig("https://app.hex.tech/api/v1", "token")
RUNS = [id_of(number) for number in range(11, 31)]


@pytest.fixture
def time() -> VirtualTime:
    return VirtualTime()


def watch(time: VirtualTime, run_id: str, project_id: str = id_of(1), **options: Any) -> RunWatch:
    return RunWatch(project_id, run_id, started_at=time.now, **options)


def poller_of(time: VirtualTime, hex_: HexInMemory) -> Poller:
    def connect(config: HexConfig) -> Any:
        return hex_

    return Poller(CONFIG, clock=time.clock, sleep=time.sleep, connect=connect)


def wait_for(time: VirtualTime, hex_: HexInMemory, *watches: RunWatch) -> list[tuple[float, Any]]:
    """Wait for all at once, and return how each wait ended, and after how many seconds."""

    async def ended(poller: Poller, each: RunWatch) -> tuple[float, Any]:
        began = time.now
        try:
            result: Any = await poller.wait(each)
        except Exception as error:
            result = error
        return time.now - began, result

    async def together() -> list[tuple[float, Any]]:
        poller = poller_of(time, hex_)
        try:
            return await asyncio.gather(*(ended(poller, each) for each in watches))
        finally:
            await poller.stop()

    return time.run(together())


def moments(hex_: HexInMemory) -> list[float]:
    return [moment for moment, _ in hex_.requests]


def test_a_run_is_polled_more_seldom_the_longer_it_takes(time: VirtualTime) -> None:
    hex_ = HexInMemory(time, CONFIG, {RUNS[0]: 40.0})
    ((seconds, run),) = wait_for(time, hex_, watch(time, RUNS[0]))
    assert run["status"] == "COMPLETED"
    assert moments(hex_)[:3] == [2, 4, 6]
    assert 40 <= seconds < 45
    assert [name for _, name in hex_.requests] == ["GetProjectRuns"] + ["GetRunStatus"] * (len(hex_.requests) - 1)


def test_waits_that_begin_together_spread_their_polls_over_the_rate_limit(time: VirtualTime) -> None:
    """They would else use up a minute's requests at once. At 30 a minute, polls are a second apart."""
    projects = {run_id: id_of(1 + number % 5) for number, run_id in enumerate(RUNS)}
    hex_ = HexInMemory(time, CONFIG, dict.fromkeys(RUNS, 90.0), projects)
    wait_for(time, hex_, *[watch(time, run_id, projects[run_id]) for run_id in RUNS])
    gaps = [later - earlier for earlier, later in zip(moments(hex_), moments(hex_)[1:], strict=False)]
    assert min(gaps) >= 0.999
    assert all(sum(start <= moment < start + 60 for moment in moments(hex_)) <= 30 for start in moments(hex_))


def test_a_wait_that_begins_during_a_pause_is_polled_when_it_is_due(time: VirtualTime) -> None:
    async def one_after_the_other() -> None:
        poller = poller_of(time, hex_)
        first = asyncio.create_task(poller.wait(watch(time, RUNS[0], poll_interval=1000)))
        await time.sleep(10)
        await poller.wait(watch(time, RUNS[1], poll_interval=5))
        first.cancel()
        await poller.stop()

    hex_ = HexInMemory(time, CONFIG, {RUNS[0]: None, RUNS[1]: 0.0})
    time.run(one_after_the_other())
    assert moments(hex_) == [15]


def test_a_run_is_polled_a_last_time_when_the_timeout_is_reached(time: VirtualTime) -> None:
    hex_ = HexInMemory(time, CONFIG, {RUNS[0]: 19.5, RUNS[1]: None})
    done, stuck = wait_for(time, hex_, *[watch(time, run, poll_interval=15, timeout=20) for run in RUNS[:2]])
    assert (done[0], done[1]["status"]) == (20, "COMPLETED")
    assert stuck[0] == 20
    assert isinstance(stuck[1], HexRunTimeout)
    assert "RUNNING" in str(stuck[1])


def test_a_run_is_polled_when_the_timeout_is_reached_though_no_poll_was_due(time: VirtualTime) -> None:
    hex_ = HexInMemory(time, CONFIG, {RUNS[0]: 11.0, RUNS[1]: None})
    done, stuck = wait_for(time, hex_, *[watch(time, run, poll_interval=60, timeout=12) for run in RUNS[:2]])
    assert (done[0], done[1]["status"]) == (12, "COMPLETED")
    assert stuck[0] == 12
    assert isinstance(stuck[1], HexRunTimeout)
    assert moments(hex_) == [12]


@pytest.mark.parametrize(("asked", "polls"), [(20, [12, 32]), (40, [12])])
def test_the_last_poll_waits_for_the_rate_limit_but_not_for_long(
    asked: float, polls: list[float], time: VirtualTime
) -> None:
    async def recover() -> None:
        await time.sleep(15)
        hex_.error = None

    async def wait() -> Any:
        poller = poller_of(time, hex_)
        waiting = poller.wait(watch(time, RUNS[0], poll_interval=60, timeout=12))
        result, _ = await asyncio.gather(waiting, recover(), return_exceptions=True)
        await poller.stop()
        return result

    hex_ = HexInMemory(time, CONFIG, {RUNS[0]: 11.0})
    hex_.error = HexRateLimited("The limit is reached.", retry_after=asked)
    result = time.run(wait())
    assert moments(hex_) == polls
    if asked < 30:
        assert result["status"] == "COMPLETED"
    else:
        assert isinstance(result, HexRunTimeout)
        assert str(result).endswith("A last poll was not possible: The limit is reached.")


def test_a_last_poll_comes_before_the_polls_of_all_runs_that_are_overdue(time: VirtualTime) -> None:
    projects = {run_id: id_of(number) for number, run_id in enumerate(RUNS, 1)}
    hex_ = HexInMemory(time, CONFIG, {**dict.fromkeys(RUNS, 300.0), RUNS[0]: 100.0}, projects)
    busy = [watch(time, run_id, projects[run_id], poll_interval=0.1) for run_id in RUNS[1:]]
    last = watch(time, RUNS[0], projects[RUNS[0]], poll_interval=3600, timeout=120)
    (seconds, run), *others = wait_for(time, hex_, last, *busy)
    assert run["status"] == "COMPLETED"
    assert seconds <= 125
    assert [run["status"] for _, run in others] == ["COMPLETED"] * len(busy)
    assert max(seconds for seconds, _ in others) <= 360


def test_waits_that_time_out_together_share_the_rate_limit_for_their_last_polls(time: VirtualTime) -> None:
    projects = {run_id: id_of(number) for number, run_id in enumerate(RUNS, 1)}
    hex_ = HexInMemory(time, CONFIG, dict.fromkeys(RUNS, 11.0), projects)
    waits = [watch(time, run_id, projects[run_id], poll_interval=60, timeout=12) for run_id in RUNS]
    ended = wait_for(time, hex_, *waits)
    assert [run["status"] for _, run in ended] == ["COMPLETED"] * len(RUNS)
    assert max(seconds for seconds, _ in ended) <= 42


def test_a_wait_ends_soon_after_its_timeout_although_hex_does_not_respond(time: VirtualTime) -> None:
    hex_ = HexInMemory(time, CONFIG, {RUNS[0]: None})
    hex_.delay = 1e6
    ((seconds, error),) = wait_for(time, hex_, watch(time, RUNS[0], timeout=20))
    assert seconds == 50
    assert isinstance(error, HexRunTimeout)
    assert str(error).endswith("A last poll was not possible: Hex did not respond within 30 s.")


def test_a_wait_that_the_rate_limit_holds_up_after_its_list_was_polled_says_so(time: VirtualTime) -> None:
    """The list does not have the runs, so each is to be polled by itself."""
    hex_ = HexInMemory(
        time, HexConfig("https://app.hex.tech/api/v1", "token", requests_per_minute=2), dict.fromkeys(RUNS)
    )
    hex_.is_list_empty = True
    ended = wait_for(time, hex_, *[watch(time, run, poll_interval=60, timeout=10) for run in RUNS[:3]])
    errors = [str(error) for _, error in ended]
    assert all(isinstance(error, HexRunTimeout) for _, error in ended)
    assert [error.endswith("the rate limit allows no request within 30 s.") for error in errors].count(True) == 2


def test_the_next_poll_waits_as_long_as_hex_asks(time: VirtualTime) -> None:
    async def recover() -> None:
        await time.sleep(30)
        hex_.error = None

    async def wait() -> None:
        poller = poller_of(time, hex_)
        await asyncio.gather(poller.wait(watch(time, RUNS[0])), recover())
        await poller.stop()

    hex_ = HexInMemory(time, CONFIG, {RUNS[0]: 1.0})
    hex_.error = HexRateLimited("429", retry_after=42)
    time.run(wait())
    assert moments(hex_) == [2, 44]


@pytest.mark.parametrize("kind", [HexUntrustedCertificate, HexInvalidInput])
@pytest.mark.parametrize("listed", [True, False])
def test_a_permanent_error_of_the_connection_ends_all_its_waits_at_once(
    kind: type[HexError], listed: bool, time: VirtualTime
) -> None:
    """Whether a list or a single run was polled. Each error names the run that was waited for."""

    async def fail() -> None:
        await time.sleep(100)
        hex_.error = kind("No.")

    async def wait() -> list[Any]:
        poller = poller_of(time, hex_)
        waits = [poller.wait(watch(time, run_id, projects.get(run_id, id_of(1)))) for run_id in RUNS[:4]]
        *ended, _ = await asyncio.gather(*waits, fail(), return_exceptions=True)
        assert poller.is_idle
        await poller.stop()
        return ended

    projects = {} if listed else {run_id: id_of(number) for number, run_id in enumerate(RUNS[:4], 1)}
    hex_ = HexInMemory(time, CONFIG, dict.fromkeys(RUNS), projects)
    ended = time.run(wait())
    assert [type(error) for error in ended] == [kind] * 4
    assert [str(error) for error in ended] == [f"No. It ends the wait for run {run_id}." for run_id in RUNS[:4]]
    assert len([moment for moment in moments(hex_) if moment > 100]) == 1


def test_a_poller_that_is_stopped_while_hex_does_not_respond_ends_at_once(time: VirtualTime) -> None:
    async def stop() -> float:
        poller = poller_of(time, hex_)
        waiting = asyncio.create_task(poller.wait(watch(time, RUNS[0])))
        await time.sleep(10)
        began = time.now
        waiting.cancel()
        await poller.stop()
        return time.now - began

    hex_ = HexInMemory(time, CONFIG, {RUNS[0]: None})
    hex_.delay = 1e6
    assert time.run(stop()) == 0


def test_an_error_that_several_waits_share_names_one_run_in_each() -> None:
    async def errors() -> list[str]:
        waiters = [Waiter(RunWatch(id_of(1), f"r{n}", started_at=0.0), Project(id_of(1))) for n in range(2)]
        for waiter in waiters:
            waiter.poll_failed(error)
        return [str(waiter.ended.exception()) for waiter in waiters]

    error = HexNotFound("Gone.")
    assert asyncio.run(errors()) == [f"Gone. It ends the wait for run r{n}." for n in range(2)]
    assert error.args == ("Gone.",)
