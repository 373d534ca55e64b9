"""When the poller polls, and when waits end, in virtual time."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_hex.api.config import HexConfig
from airflow_provider_hex.api.errors import (
    HexError,
    HexInvalidInput,
    HexNotFound,
    HexRateLimited,
    HexRunTimeout,
    HexServerError,
    HexUnreachable,
    HexUntrustedCertificate,
)
from airflow_provider_hex.api.run_watch import RunWatch
from airflow_provider_hex.triggers.poller import Poller
from airflow_provider_hex.triggers.waiters import Project, Waiter
from tests.triggers.virtual_time import HexInMemory, VirtualTime, id_of

CONFIG = HexConfig("https://app.hex.tech/api/v1", "token")
SPACING = 61 / CONFIG.requests_per_minute
"""Seconds between two polls that are evenly spread over a minute, and the second that Hex may count longer."""
PLENTY = HexConfig("https://app.hex.tech/api/v1", "token", requests_per_minute=6000)
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


def gaps(hex_: HexInMemory) -> list[float]:
    return [later - earlier for earlier, later in pairwise(moments(hex_))]


def busiest_minute(hex_: HexInMemory) -> int:
    return max(sum(start <= moment < start + 60 for moment in moments(hex_)) for start in moments(hex_))


def test_the_polls_of_a_run_are_spread_evenly_over_the_rate_limit(time: VirtualTime) -> None:
    hex_ = HexInMemory(time, CONFIG, {RUNS[0]: 40.0})
    ((seconds, run),) = wait_for(time, hex_, watch(time, RUNS[0]))
    assert run["status"] == "COMPLETED"
    assert moments(hex_)[:4] == pytest.approx([2, 2 + SPACING, 2 + 2 * SPACING, 2 + 3 * SPACING], abs=1e-3)
    assert 40 <= seconds < 40 + SPACING + 0.001
    assert [name for _, name in hex_.requests] == ["GetProjectRuns"] + ["GetRunStatus"] * (len(hex_.requests) - 1)


def test_a_run_is_polled_more_seldom_when_its_end_is_unlikely(time: VirtualTime) -> None:
    """Here the rate limit allows every poll."""
    hex_ = HexInMemory(time, PLENTY, {RUNS[0]: 2500.0})
    wait_for(time, hex_, watch(time, RUNS[0]))
    assert moments(hex_)[:3] == [2, 4, 6]
    assert moments(hex_)[-1] - moments(hex_)[-2] == 4


@pytest.mark.parametrize("interval", [0.5, 7, 60])
def test_an_interval_that_the_user_chose_is_used_as_it_is_within_the_rate_limit(
    interval: float, time: VirtualTime
) -> None:
    hex_ = HexInMemory(time, PLENTY, {RUNS[0]: 200.0})
    wait_for(time, hex_, watch(time, RUNS[0], poll_interval=interval))
    assert moments(hex_)[:3] == pytest.approx([interval, 2 * interval, 3 * interval], abs=1e-3)


def test_an_interval_shorter_than_the_rate_limit_allows_is_spread_evenly(time: VirtualTime) -> None:
    hex_ = HexInMemory(time, CONFIG, {RUNS[0]: 200.0})
    wait_for(time, hex_, watch(time, RUNS[0], poll_interval=0.1))
    assert gaps(hex_) == pytest.approx([SPACING] * len(gaps(hex_)), abs=1e-3)


def test_waits_that_begin_together_spread_their_polls_over_the_rate_limit(time: VirtualTime) -> None:
    """They would else use up a minute's requests at once."""
    projects = {run_id: id_of(1 + number % 5) for number, run_id in enumerate(RUNS)}
    hex_ = HexInMemory(time, CONFIG, dict.fromkeys(RUNS, 90.0), projects)
    wait_for(time, hex_, *[watch(time, run_id, projects[run_id]) for run_id in RUNS])
    assert gaps(hex_) == pytest.approx([SPACING] * len(gaps(hex_)), abs=1e-3)
    assert busiest_minute(hex_) <= CONFIG.requests_per_minute


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
        assert "A last poll was not possible: The limit is reached. Run: " in str(result)


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
    assert "A last poll was not possible: Hex did not respond within 30 s. Run: " in str(error)


def test_a_wait_that_the_rate_limit_holds_up_after_its_list_was_polled_says_so(time: VirtualTime) -> None:
    """The list does not have the runs, so each is to be polled by itself."""
    hex_ = HexInMemory(
        time, HexConfig("https://app.hex.tech/api/v1", "token", requests_per_minute=2), dict.fromkeys(RUNS)
    )
    hex_.is_list_empty = True
    ended = wait_for(time, hex_, *[watch(time, run, poll_interval=60, timeout=10) for run in RUNS[:3]])
    errors = [str(error) for _, error in ended]
    assert all(isinstance(error, HexRunTimeout) for _, error in ended)
    assert ["the rate limit allows no request within 30 s. Run: " in error for error in errors].count(True) == 2


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


@pytest.mark.parametrize("error", [HexServerError("Hex failed.", status=500), HexUnreachable("No response.")])
@pytest.mark.parametrize("listed", [True, False])
def test_a_hex_that_fails_is_polled_four_times_a_minute_and_as_often_as_before_after_one_success(
    listed: bool, error: HexError, time: VirtualTime
) -> None:
    async def fail_for_a_while() -> None:
        await time.sleep(100)
        hex_.error = error
        await time.sleep(900)
        hex_.error = None

    async def wait() -> None:
        poller = poller_of(time, hex_)
        waits = [poller.wait(watch(time, run_id, projects.get(run_id, id_of(1)))) for run_id in hex_.runs]
        await asyncio.gather(*waits, fail_for_a_while())
        await poller.stop()

    runs = [id_of(number) for number in range(101, 126)]
    projects = {} if listed else {run_id: id_of(number) for number, run_id in enumerate(runs, 1)}
    hex_ = HexInMemory(time, CONFIG, dict.fromkeys(runs, 1100.0), projects)
    time.run(wait())
    failing = [moment for moment in moments(hex_) if 160 < moment < 1000]
    assert max(sum(start <= moment < start + 60 for moment in failing) for start in failing) == 4
    recovered = [moment for moment in moments(hex_) if moment > 1000]
    assert recovered[0] < 1016
    assert recovered[1] - recovered[0] == pytest.approx(SPACING, abs=1e-3)
    assert [moment for moment in moments(hex_) if moment < 102][-1] > 95


def test_the_run_that_has_most_likely_ended_is_polled_first(time: VirtualTime) -> None:
    """Of one project, past runs took ten minutes, and of the other a minute. All else is the same."""

    async def wait() -> None:
        poller = poller_of(time, hex_)
        for project_id, minutes in (("slow", 10), ("quick", 1)):
            past = [
                {"runId": f"{project_id} {n}", "status": "COMPLETED", "elapsedTime": minutes * 6e4} for n in range(9)
            ]
            poller._projects[ids[project_id]] = Project(ids[project_id])
            poller._projects[ids[project_id]].learn(past)  # type: ignore[arg-type]
        waits = [watch(time, RUNS[n], ids[project_id], poll_interval=60) for n, project_id in enumerate(ids)]
        await asyncio.gather(*(poller.wait(each) for each in waits))
        await poller.stop()

    ids = {"slow": id_of(1), "quick": id_of(2)}
    hex_ = HexInMemory(time, CONFIG, {RUNS[0]: 400.0, RUNS[1]: 400.0}, {RUNS[0]: ids["slow"], RUNS[1]: ids["quick"]})
    time.run(wait())
    assert ids["quick"] in hex_.paths[0]


def test_a_list_counts_all_waits_of_its_project(time: VirtualTime) -> None:
    """Three runs that may have ended are worth more than one."""
    projects = {run_id: id_of(2) for run_id in RUNS[1:4]}
    hex_ = HexInMemory(time, CONFIG, dict.fromkeys(RUNS[:4], 100.0), projects)
    wait_for(time, hex_, *[watch(time, run, projects.get(run, id_of(1)), poll_interval=10) for run in RUNS[:4]])
    assert id_of(2) in hex_.paths[0]


def test_a_run_that_a_list_does_not_have_is_polled_alone_next(time: VirtualTime) -> None:
    """Although the others of its project are due again, too."""
    hex_ = HexInMemory(time, CONFIG, dict.fromkeys(RUNS[:3], 60.0))
    hex_.missing = {RUNS[0]}
    wait_for(time, hex_, *[watch(time, run) for run in RUNS[:3]])
    assert hex_.paths[0].endswith("/runs")
    assert hex_.paths[1].endswith(RUNS[0])
    assert moments(hex_)[1] == pytest.approx(2 + SPACING, abs=1e-3)
    assert hex_.paths[2].endswith("/runs")


def test_a_last_poll_does_not_wait_until_polls_are_evenly_spread(time: VirtualTime) -> None:
    """Hex fails, so that polls are 15 seconds apart, or a 429 taught that they are to be a minute apart."""
    projects = {RUNS[0]: id_of(1), RUNS[1]: id_of(2)}
    hex_ = HexInMemory(time, CONFIG, dict.fromkeys(RUNS[:2], 200.0), projects)
    for moment in range(5):
        hex_.limiter.learned("GetRunStatus", {}, time.now - 1000 + moment, status=429)
    busy = watch(time, RUNS[0], id_of(1), poll_interval=0.1)
    timed_out = watch(time, RUNS[1], id_of(2), timeout=60)
    _, (seconds, error) = wait_for(time, hex_, busy, timed_out)
    assert isinstance(error, HexRunTimeout)
    assert seconds == 60
    assert 60 in moments(hex_)
    assert hex_.limiter.poll_pause("GetRunStatus", time.now) > 15


def test_a_last_poll_that_fails_is_tried_again_although_polls_are_rare(time: VirtualTime) -> None:
    async def wait() -> Any:
        poller = poller_of(time, hex_)
        waiting = asyncio.create_task(poller.wait(watch(time, RUNS[0], timeout=300)))
        await time.sleep(300.5)
        hex_.error = None
        try:
            return await waiting
        finally:
            await poller.stop()

    hex_ = HexInMemory(time, CONFIG, {RUNS[0]: 299.0})
    hex_.error = HexServerError("Hex failed.", status=500)
    assert time.run(wait())["status"] == "COMPLETED"
    assert moments(hex_)[-2:] == pytest.approx([300, 301], abs=1e-3)


@settings(deadline=None, max_examples=25)
@given(st.lists(st.tuples(st.integers(1, 12), st.none() | st.sampled_from([0.1, 5, 90])), min_size=1, max_size=40))
def test_no_project_starves(waits: list[tuple[int, float | None]]) -> None:
    """However many tasks wait: within a bounded number of requests, each project whose poll is due is polled."""
    time = VirtualTime()
    runs = [id_of(100 + number) for number in range(len(waits))]
    projects = {run_id: id_of(project) for run_id, (project, _) in zip(runs, waits, strict=True)}
    hex_ = HexInMemory(time, CONFIG, dict.fromkeys(runs, 900.0), projects)
    intervals = [interval for _, interval in waits]
    every = [
        watch(time, run_id, projects[run_id], poll_interval=interval)
        for run_id, interval in zip(runs, intervals, strict=True)
    ]
    ended = wait_for(time, hex_, *every)
    assert [run["status"] for _, run in ended] == ["COMPLETED"] * len(runs)
    count = len(set(projects.values()))
    for project in set(projects.values()):
        polled = [number for number, path in enumerate(hex_.paths) if project in path]
        seldom = min(interval or 4 for run, interval in zip(runs, intervals, strict=True) if projects[run] == project)
        most = 5 * count + seldom / SPACING + 1
        assert max(later - earlier for earlier, later in pairwise([0, *polled])) <= most


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
    assert [str(error) for error in ended] == [
        f"No. This ends the wait for the run. Run: {run_id} of project {projects.get(run_id, id_of(1))}"
        for run_id in RUNS[:4]
    ]
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
    assert asyncio.run(errors()) == [
        f"Gone. This ends the wait for the run. Run: r{n} of project {id_of(1)}" for n in range(2)
    ]
    assert error.args == ("Gone.",)
