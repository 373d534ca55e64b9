"""Messages on stderr, below them on a terminal a line that shows what the command waits for."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TextIO

_LOGGER = "airflow_provider_hex"
_COLUMNS = 80


class Progress:
    """A line on a terminal that shows for how long the command has been waiting. Elsewhere nothing is shown.

    :param stream: where messages and the line go.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._is_terminal = stream.isatty()
        self._text = ""
        self._since = 0.0
        self._width = 0

    def show(self, text: str) -> None:
        """Show what the command waits for, from now on."""
        self._since = self._since if self._text else time.monotonic()
        self._text = text
        self._draw()

    def say(self, message: str) -> None:
        """Print a message."""
        self._replace("")
        self._print(message)
        self._draw()

    def sleep(self, seconds: float) -> None:
        """Sleep, and keep the line up to date."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self._draw()
            time.sleep(min(left, 1.0) if self._is_terminal else left)

    def _draw(self) -> None:
        self._replace(f"{self._text}, {time.monotonic() - self._since:.0f} s" if self._text else "")

    def _replace(self, line: str) -> None:
        if self._is_terminal and (line or self._width):
            line = line[: self._columns() - 1]
            self._print(f"\r{line.ljust(self._width)}", end="" if line else "\r")
            self._width = len(line)

    def _print(self, text: str, end: str = "\n") -> None:
        with suppress(OSError):  # the command goes on, although its messages cannot be shown
            print(text, end=end, file=self._stream, flush=True)

    def _columns(self) -> int:
        with suppress(OSError):
            return os.get_terminal_size(self._stream.fileno()).columns or _COLUMNS
        return _COLUMNS


class _Handler(logging.Handler):
    def __init__(self, progress: Progress) -> None:
        super().__init__()
        self._progress = progress

    def emit(self, record: logging.LogRecord) -> None:
        level = "" if record.levelno < logging.WARNING else f"{record.levelname.capitalize()}: "
        self._progress.say(f"{level}{record.getMessage()}")


@contextmanager
def log_lines(progress: Progress, *, verbose: bool) -> Iterator[None]:
    """Show this package's log lines as messages, and nowhere else, whatever Airflow's logging is.

    :param progress: shows them.
    :param verbose: show all, and not only warnings.
    """
    logger, handler = logging.getLogger(_LOGGER), _Handler(progress)
    level, propagate = logger.level, logger.propagate
    logger.setLevel(logging.INFO if verbose else logging.WARNING)
    logger.propagate = False
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
        logger.propagate = propagate
