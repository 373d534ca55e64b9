"""The connection's id in messages: each message about a connection says *the Hex connection* once."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from airflow_provider_hex.api.errors import HexError, replace_message

_CONNECTION = re.compile("([Tt]he Hex connection)(?: '[^']*')?")


def with_name(text: str, name: str) -> str:
    """Return a message with a connection's id, empty for none, in place of any other id."""
    return _CONNECTION.sub(lambda found: f"{found[1]} '{name}'" if name else found[1], text, count=1)


def name_connection(error: HexError, name: str) -> None:
    """Say in an error which connection it is about, if it is about one."""
    message = str(error)
    if (named := with_name(message, name)) != message:
        replace_message(error, named, named)


@contextmanager
def naming_connection(name: str) -> Iterator[None]:
    """Say in each :class:`HexError` from within the block, or the decorated function, which connection it is about."""
    try:
        yield
    except HexError as error:
        name_connection(error, name)
        raise
