"""When a token expires, from Hex's response to Me."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

_SECONDS = range(10**9, 10**11)  # from 2001 on
_MILLISECONDS = range(10**12, 10**14)


def expiry(me: Any) -> datetime | None:
    """Return when a token expires.

    Hex does not document the unit of ``token.exp``: it may be epoch seconds or milliseconds, or a date as text.

    :param me: Hex's response to Me.
    :return: the time in UTC, None if Hex does not say so, or nothing that can be read as a time.
    """
    token = me.get("token") if isinstance(me, Mapping) else None
    exp = token.get("exp") if isinstance(token, Mapping) else None
    try:
        return _moment(exp)
    except (TypeError, ValueError, OverflowError):
        return None


def _moment(exp: Any) -> datetime | None:
    if isinstance(exp, str) and "-" in exp:
        moment = datetime.fromisoformat(exp.strip())
        return moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)
    number = int(float(exp))
    if number in _MILLISECONDS:
        number //= 1000
    return datetime.fromtimestamp(number, UTC) if number in _SECONDS else None
