"""The emulator's own time, which tests speed up, freeze or move ahead."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import formatdate


class Clock:
    """Virtual time: `speed` virtual seconds pass in each real second (0 freezes it). It never goes back,
    except on `reset`."""

    def __init__(self, speed: float = 1.0, real: Callable[[], float] = time.monotonic) -> None:
        self._first_speed = speed
        self._real = real
        self.reset()

    def reset(self) -> None:
        """Return to the present and to the speed that the clock was made with."""
        self._speed = self._first_speed
        self._set(datetime.now(UTC))

    def now(self) -> datetime:
        return self._then + timedelta(seconds=(self._real() - self._since) * self._speed)

    @property
    def speed(self) -> float:
        return self._speed

    @speed.setter
    def speed(self, speed: float) -> None:
        self._set(self.now())
        self._speed = speed

    def advance(self, seconds: float) -> None:
        self._set(self.now() + timedelta(seconds=seconds))

    def real_seconds(self, span: timedelta) -> float:
        """How long one waits for so much virtual time; as long as it is while time stands still."""
        return span.total_seconds() / (self._speed or 1)

    def _set(self, moment: datetime) -> None:
        self._then = moment
        self._since = self._real()


def timestamp(moment: datetime) -> str:
    """A moment as Hex writes it: UTC, ISO 8601, milliseconds."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def http_date(epoch_seconds: float) -> str:
    """A moment as HTTP writes it, in whole seconds."""
    return formatdate(epoch_seconds, usegmt=True)
