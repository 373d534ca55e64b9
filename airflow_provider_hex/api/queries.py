"""The queries of requests to Hex. No I/O."""

from __future__ import annotations

from typing import Any

from airflow_provider_hex.api.errors import HexInvalidInput
from airflow_provider_hex.api.validation import to_count

_SMALLEST_IMAGE, _LARGEST_IMAGE = 100, 2000  # pixels


def query_of(**values: Any) -> dict[str, str | list[str]]:
    """Return a query in Hex's form, without what is not given or has Hex's default value.

    :param values: the query's parameters, by name.
    """
    return {
        name: list(value) if isinstance(value, (list, tuple)) else "true" if value is True else str(value)
        for name, value in values.items()
        if value not in (None, False, "") and value != []
    }


def image_size(width: int | None, height: int | None) -> dict[str, str]:
    """Return the query for the size of a chart's image.

    :param width: the pixels, from 100 to 2000; None for Hex's default.
    :param height: the same.
    :raises HexInvalidInput: only one of them is given, or one is out of range.
    """
    if (width is None) != (height is None):
        raise HexInvalidInput("Pass width and height of the image together: Hex ignores one without the other.")
    return {
        name: str(to_count(pixels, name, _SMALLEST_IMAGE, _LARGEST_IMAGE))
        for name, pixels in (("width", width), ("height", height))
        if pixels is not None
    }
