"""Bounded waits."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def wait_for(what: str, probe: Callable[[], T | None], seconds: float, pause: float = 0.25) -> T:
    """The first thing other than None that `probe` returns.

    Raises TimeoutError, which says `what` did not happen, after `seconds`.
    """
    deadline = time.monotonic() + seconds
    while (found := probe()) is None:
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {seconds:.0f} s")
        time.sleep(pause)
    return found
