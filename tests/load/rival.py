"""Another client of the same user, which uses half of what Hex allows, at random times."""

import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from hex_emulator.client import Control

REQUESTS_A_MINUTE, STATUS_REQUESTS_A_MINUTE, RUNS_A_MINUTE = 30, 15, 0.5
"""Half of Hex's 60 requests and 30 status requests a minute, and of its 60 runs an hour."""


@contextmanager
def another_client(hex_: Control, token: str, project: str) -> Iterator[None]:
    """A client that works within the `with` block, by Hex's clock. The runs of its project hold kernels."""
    stop = threading.Event()
    thread = threading.Thread(target=_work, args=(hex_.url, token, project, stop), daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _work(url: str, token: str, project: str, stop: threading.Event) -> None:
    dice = random.Random(25)
    headers = {"Authorization": f"Bearer {token}"}
    with Control(url) as hex_, httpx.Client(base_url=hex_.api_url, headers=headers, trust_env=False) as client:
        minute = 60 / hex_.health()["speed"]
        while not stop.wait(dice.uniform(0, 2 * minute)):
            hex_.use_up(
                requests=dice.randint(0, 2 * REQUESTS_A_MINUTE),
                hex_api=dice.randint(0, 2 * STATUS_REQUESTS_A_MINUTE),
            )
            if dice.random() < RUNS_A_MINUTE:
                client.post(f"/projects/{project}/runs")
