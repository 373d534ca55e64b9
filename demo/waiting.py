"""Bounded waits."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def wait_for(what: str, probe: Callable[[], T | None], seconds: float, pause: float = 0.25) -> T:
    """Call `probe` every `pause` seconds, and return its first result that is not None.

    Raises TimeoutError, which names `what`, after `seconds`.
    """
    deadline = time.monotonic() + seconds
    while (found := probe()) is None:
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {seconds:.0f} s")
        time.sleep(pause)
    return found
