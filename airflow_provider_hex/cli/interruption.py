"""What ends a command early: Ctrl-C, SIGTERM and SIGHUP. All are handled as a ``KeyboardInterrupt``."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

_SIGNALS = (signal.SIGTERM, signal.SIGHUP)


class Terminated(KeyboardInterrupt):
    """A signal ends the command. Its argument is the signal's number."""


def exit_code(interruption: KeyboardInterrupt) -> int:
    """Return the exit code of a command that was ended: 128 and the signal's number."""
    number: int = interruption.args[0] if isinstance(interruption, Terminated) else signal.SIGINT
    return 128 + number


@contextmanager
def terminable() -> Iterator[None]:
    """Raise :class:`Terminated` for a signal. A signal that is ignored, as by ``nohup``, stays so."""
    is_main = threading.current_thread() is threading.main_thread()  # Python handles signals only there
    handled = [each for each in _SIGNALS if is_main and signal.getsignal(each) is not signal.SIG_IGN]
    previous = {each: signal.signal(each, _terminate) for each in handled}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def _terminate(number: int, frame: FrameType | None) -> NoReturn:
    raise Terminated(number)
