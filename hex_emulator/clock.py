"""The emulator's own time, which tests speed up, stop or move ahead."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import formatdate


class Clock:
    """Emulated time. It never goes back, except on :meth:`reset`.

    :param speed: emulated seconds in one real second; 0 stops time.
    :param real: returns real time in seconds.
    """

    def __init__(self, speed: float = 1.0, real: Callable[[], float] = time.monotonic) -> None:
        self._first_speed = speed
        self._real = real
        self.reset()

    def reset(self) -> None:
        """Return to the present and to the first speed."""
        self._speed = self._first_speed
        self._set(datetime.now(UTC))

    def now(self) -> datetime:
        """Return the emulated time."""
        return self._then + timedelta(seconds=(self._real() - self._since) * self._speed)

    @property
    def speed(self) -> float:
        """Emulated seconds in one real second."""
        return self._speed

    @speed.setter
    def speed(self, speed: float) -> None:
        self._set(self.now())
        self._speed = speed

    def advance(self, seconds: float) -> None:
        """Move time ahead.

        :param seconds: by how many emulated seconds.
        """
        self._set(self.now() + timedelta(seconds=seconds))

    def real_seconds(self, span: timedelta) -> float:
        """Return the real seconds that an emulated span takes.

        :param span: the emulated span.
        :returns: the real seconds; while time stands still, as many as the span has.
        """
        return span.total_seconds() / (self._speed or 1)

    def _set(self, moment: datetime) -> None:
        self._then = moment
        self._since = self._real()


def timestamp(moment: datetime) -> str:
    """Format a moment as Hex does.

    :param moment: an aware time.
    :returns: ISO 8601 in UTC, with milliseconds.
    """
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def http_date(epoch_seconds: float) -> str:
    """Format a moment as HTTP headers do.

    :param epoch_seconds: seconds since 1970.
    :returns: an HTTP date, in whole seconds.
    """
    return formatdate(epoch_seconds, usegmt=True)
