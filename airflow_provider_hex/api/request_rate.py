"""How many requests a minute Hex accepts from this process, as 429s show it. Pure."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

from airflow_provider_hex.api.limit_headers import ROUNDING, WINDOW

_CUT = 0.75
"""The factor by which a 429 reduces the rate."""
_GAIN = 0.0002
"""The share of the maximum by which an accepted request raises the rate, times the requests accepted since the last
429, times the square root of the demand."""
_FEWEST = 0.5
"""The minimum requests a minute."""
_FEWEST_ACCEPTED = 2
"""The minimum requests that count as accepted in the last minute. A process that has just begun has sent none yet."""
_JITTER = 0.3
"""The share by which a spacing varies, so that processes which were rate-limited together do not stay together."""


class RequestRate:
    """The rate at which one of several processes sends its requests, so that all keep to a limit that they share.

    No process knows of the others. Each sends as much as it may until its first 429. Then its rate becomes what Hex
    accepted from it in the last minute, less a quarter. From then on the rate rises with each accepted request, slowly
    at first and faster the longer there was no 429, and falls by a quarter with each 429. In the long run, processes
    with the same demand have the same rate on average, as TCP's connections do on a shared line.

    :param most: the maximum requests a minute.
    :param draw: returns a random number from 0 to 1.
    """

    def __init__(self, most: float, draw: Callable[[], float] = random.random) -> None:
        self.per_minute = self._most = most
        self.demand = 1
        """How many requests wait. A process with a greater demand arrives at a higher rate."""
        self._draw = draw
        self._accepted = 0
        self._varied = 1.0

    @property
    def spacing(self) -> float:
        """The seconds between two requests that are evenly spread. It varies while 429s keep the rate down."""
        even = (WINDOW + ROUNDING) / self.per_minute
        return even if self.per_minute == self._most else even * self._varied

    def accepted(self) -> None:
        """Record a request that was not rate-limited."""
        self._accepted += 1
        self._change(self.per_minute + _GAIN * self._most * self._accepted * math.sqrt(self.demand))

    def rate_limited(self, recent: int) -> None:
        """Record a request that was rate-limited.

        :param recent: how many requests were accepted in the last minute.
        """
        self._accepted = 0
        self._change(min(self.per_minute, max(recent, _FEWEST_ACCEPTED)) * _CUT)

    def _change(self, per_minute: float) -> None:
        self.per_minute = min(max(per_minute, _FEWEST), self._most)
        self._varied = 1 + _JITTER * (2 * self._draw() - 1)
