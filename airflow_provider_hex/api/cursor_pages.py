"""Lists that Hex returns in pages, each with the cursor of the next one. No I/O."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from airflow_provider_hex.api import responses
from airflow_provider_hex.api.call import Call, Page, Response

T = TypeVar("T")


def pages(
    name: str,
    path: str,
    query: Mapping[str, str | list[str]],
    after: str | None,
    read_item: Callable[[Any], T],
    id_note: str = "",
) -> Call[Page[T]]:
    """Return the :class:`Call` for one page.

    :param query: the query's parameters, without the cursor.
    :param after: the cursor, None for the first page.
    :param read_item: reads an item's JSON.
    """

    def read(data: Any, response: Response) -> Page[T]:
        items = [read_item(item) for item in responses.read_list(data, "values")]
        cursor = responses.read_cursor(data, after)
        following = pages(name, path, query, cursor, read_item, id_note) if cursor else None
        return responses.to_page(items, following, response)

    return Call(name, "GET", path, read, query={**query, **({"after": after} if after else {})}, id_note=id_note)
