"""The simulated machine."""

import threading
import time

from tests.simulation.machine import running
from tests.simulation.world import World


def test_other_threads_keep_the_real_time() -> None:
    """An emulator that other tests share would else stop: its timers would be due in the simulated time."""
    seen: list[float] = []
    before = time.monotonic()
    with running(World()):
        thread = threading.Thread(target=lambda: seen.append(time.monotonic()))
        thread.start()
        thread.join()
        simulated = time.monotonic()
    assert before <= seen[0] <= time.monotonic()
    assert simulated > time.monotonic() + 1e6
