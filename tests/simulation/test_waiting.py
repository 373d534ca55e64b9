"""Many waits in one triggerer: none is forgotten, none starves, none fails because of another, the budgets are kept."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from unittest.mock import patch

import pytest

from airflow_provider_hex.triggers.poller import Poller
from airflow_provider_hex.triggers.start_queue import LONGEST_INTERVAL, SHORTEST_INTERVAL, StartQueue
from airflow_provider_hex.triggers.waiters import Waiter
from tests.simulation import machine
from tests.simulation.hex_model import CONFIG
from tests.simulation.waiting import busiest_minute, problems, wait_for_runs, wait_for_slots


@pytest.fixture(autouse=True)
def _silent() -> Iterator[None]:
    with machine.silence():
        yield


@pytest.mark.parametrize("trouble", [0.0, 0.05, 0.3])
@pytest.mark.parametrize("seed", range(4))
def test_every_wait_ends_as_its_own_run_does(seed: int, trouble: float) -> None:
    waits, server = wait_for_runs(seed, 60, trouble)
    assert not problems(waits, server)
    assert server.rejected == 0


@pytest.mark.parametrize("seed", range(4))
def test_the_waits_of_a_token_keep_to_its_budget(seed: int) -> None:
    _, server = wait_for_runs(seed, 60, 0.0, gaps=False)
    assert busiest_minute(server) <= CONFIG.requests_per_minute


@pytest.mark.parametrize("seed", range(4))
def test_the_waits_of_a_token_keep_to_its_budget_also_after_a_gap(seed: int) -> None:
    """A poller that is created again after no task waited knows what was sent before."""
    _, server = wait_for_runs(seed, 60, 0.0)
    assert busiest_minute(server) <= CONFIG.requests_per_minute


@pytest.mark.parametrize("seed", range(10))
def test_every_task_gets_a_slot_in_turn(seed: int) -> None:
    slots = wait_for_slots(seed, 40)
    got = sorted((slot.got, slot.asks) for slot in slots if slot.got is not None)
    assert all(slot.got or slot.cancelled for slot in slots)
    assert [asks for _, asks in got] == sorted(asks for _, asks in got)
    for (one, _), (other, _) in pairwise(got):
        assert other - one >= SHORTEST_INTERVAL - 0.001
    assert got[-1][0] - max(asks for _, asks in got) <= len(slots) * LONGEST_INTERVAL


def test_a_failure_that_reaches_other_waits_is_found() -> None:
    def fail_all(self: Waiter, error: Exception) -> None:
        for waiter in list(self.project.waiters):
            waiter._end_with(error)

    with patch.object(Waiter, "poll_failed", fail_all):
        assert problems(*wait_for_runs(0, 60, 0.05))


def test_a_wait_that_is_forgotten_is_found() -> None:
    def forget(self: Poller, waiter: Waiter) -> None:
        waiter.project.waiters.discard(waiter)

    with patch.object(Poller, "_plan_next", forget):
        try:
            found = problems(*wait_for_runs(0, 60, 0.0))
        except Exception as error:  # it waits for ever
            found = [str(error)]
    assert found


def test_a_queue_whose_slots_are_too_close_is_found() -> None:
    with patch.object(StartQueue, "_next_slot", lambda self: 0.0):
        got = sorted(slot.got for slot in wait_for_slots(0, 40) if slot.got is not None)
    assert any(other - one < SHORTEST_INTERVAL for one, other in pairwise(got))
