"""Detects calls that block a running event loop, and with it all that runs in the loop."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from unittest import mock

from blockbuster import blockbuster

DETECTED = ("time.", "socket.", "ssl.", "sqlite3.")
"""Sleeping, and waiting for a server or a database. Files and locks of this machine are left out: they are too quick
to matter, and every lazy import reads some."""


@contextmanager
def no_blocking_calls() -> Iterator[None]:
    """Fail if code in a running event loop calls `time.sleep`, or a socket's or a database's method that blocks.

    The call raises `BlockingError` where it is made. If the code under test handles that like any other error, the
    `with` block raises it again at its end. Threads without a running loop may block.
    """
    errors: list[BaseException] = []

    class RecordedError(blockbuster.BlockingError):
        def __init__(self, function: str) -> None:
            super().__init__(function)
            errors.append(self)

    known = blockbuster.BlockBuster().functions
    functions = [function for name, function in known.items() if name.startswith(DETECTED)]
    functions += [
        blockbuster.BlockBusterFunction(None, "socket.getaddrinfo"),
        blockbuster.BlockBusterFunction(
            None, "ssl.SSLSocket.do_handshake", can_block_predicate=lambda tls, *_: not tls.getblocking()
        ),
    ]
    with mock.patch.object(blockbuster, "BlockingError", RecordedError):
        for function in functions:
            function.activate()
        try:
            yield
        finally:
            for function in functions:
                function.deactivate()
    if errors:
        raise errors[0]
