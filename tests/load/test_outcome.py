"""The counting that the load tests' bounds rest on."""

from collections import Counter

import pytest

from tests.load.outcome import LoadOutcome, most_at_once, most_within


def run(*timeline: tuple[str, str]) -> dict[str, object]:
    return {"timeline": [(status, f"2026-11-22T10:{at}.000Z") for status, at in timeline]}


@pytest.mark.parametrize(
    ("moments", "most"),
    [([], 0), ([5], 1), ([0, 59.9], 2), ([0, 60], 1), ([0, 50, 55, 109, 109.9], 4), ([0, 0, 100, 100, 100], 3)],
)
def test_a_minute_may_begin_at_any_moment(moments: list[float], most: int) -> None:
    assert most_within(60, moments) == most


@pytest.mark.parametrize(
    ("spans", "most"), [([], 0), ([(0, 9)], 1), ([(0, 5), (5, 9)], 1), ([(0, 5), (4, 9), (4.5, 4.6)], 3)]
)
def test_a_kernel_is_free_when_its_run_has_ended(spans: list[tuple[float, float]], most: int) -> None:
    assert most_at_once(spans) == most


def test_a_run_holds_its_kernel_from_its_start_to_its_end() -> None:
    killed = run(("PENDING", "00:00"), ("RUNNING", "00:01"), ("KILLED", "00:20"))
    waiting = run(("PENDING", "00:19"))
    later = run(("PENDING", "00:20"), ("RUNNING", "00:21"), ("COMPLETED", "00:30"))
    assert LoadOutcome(Counter(), 0, [], [killed, waiting, later]).most_kernels == 2
