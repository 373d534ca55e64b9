"""Pages with a cursor, which a client is to hand back and not to read."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from typing import Any

from hex_emulator.errors import HexError
from hex_emulator.query import CursorQuery


def page(call: str, items: Sequence[Any], query: CursorQuery) -> dict[str, Any]:
    """`{values, pagination}`: the items after the one cursor or before the other, the first ones without any.
    Hex does not say what a cursor that it never gave answers, nor both at once; here it is 400."""
    if query.after is not None and query.before is not None:
        raise HexError(400, "Malformed request", "after and before exclude each other.")
    if query.before is not None:
        end = _place(call, query.before)
        start = max(0, end - query.limit)
    else:
        start = 0 if query.after is None else _place(call, query.after)
        end = start + query.limit
    return {
        "values": items[start:end],
        "pagination": {
            "after": _cursor(call, end) if end < len(items) else None,
            "before": _cursor(call, start) if start else None,
        },
    }


def _cursor(call: str, place: int) -> str:
    return urlsafe_b64encode(f"{call} {place}".encode()).decode()


def _place(call: str, cursor: str) -> int:
    try:
        place = int(urlsafe_b64decode(cursor).decode().rpartition(" ")[2])
    except ValueError:
        place = -1
    if place < 0 or cursor != _cursor(call, place):
        raise HexError(400, "Malformed request", f"{call} never gave the cursor {cursor}.")
    return place
