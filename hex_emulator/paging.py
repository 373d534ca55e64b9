"""Pages with a cursor, which means nothing to a client."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from typing import Any

from hex_emulator.errors import ApiError
from hex_emulator.query import CursorQuery


def page(call: str, items: Sequence[Any], query: CursorQuery) -> dict[str, Any]:
    """Return one page of a list: the items after or before a cursor, or the first ones.

    Hex does not document the response to an unknown cursor, or to two cursors; here it is 400.

    :param call: the name of the call; its cursors are not valid for another.
    :param items: the whole list.
    :param query: the cursor and the number of items.
    :returns: the fields ``values`` and ``pagination`` of the response.
    :raises ApiError: 400 for a cursor of another call, or two cursors.
    """
    if query.after is not None and query.before is not None:
        raise ApiError(400, "Malformed request", "after and before exclude each other.")
    if query.before is not None:
        end = _index(call, query.before)
        start = max(0, end - query.limit)
    else:
        start = 0 if query.after is None else _index(call, query.after)
        end = start + query.limit
    return {
        "values": items[start:end],
        "pagination": {
            "after": _cursor(call, end) if end < len(items) else None,
            "before": _cursor(call, start) if start else None,
        },
    }


def _cursor(call: str, index: int) -> str:
    return urlsafe_b64encode(f"{call} {index}".encode()).decode()


def _index(call: str, cursor: str) -> int:
    try:
        index = int(urlsafe_b64decode(cursor).decode().rpartition(" ")[2])
    except ValueError:
        index = -1
    if index < 0 or cursor != _cursor(call, index):
        raise ApiError(400, "Malformed request", f"{call} has no cursor {cursor}.")
    return index
