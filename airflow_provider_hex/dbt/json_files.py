"""JSON files on disk or in an object storage."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from airflow_provider_hex.api.errors import HexInvalidInput
from airflow_provider_hex.api.validation import short


def read_json(source: Any) -> Any:
    """Return the content of a JSON file, None if there is no such file.

    :param source: its path, its URL for ``ObjectStoragePath``, an ``ObjectStoragePath``, or the content as a mapping.
    :raises HexInvalidInput: it is not JSON.
    """
    if isinstance(source, Mapping) or not source:
        return source or None
    try:
        with to_path(source).open("rb") as file:
            return json.load(file)
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise HexInvalidInput(f"{source} is not JSON: {error}.") from None


def to_path(source: Any) -> Any:
    """Return a path that can be opened: on disk, or in an object storage if it has a scheme, such as ``s3://``.

    :raises HexInvalidInput: it is no path.
    """
    if type(source) is type(Path()) or (isinstance(source, str) and "://" not in source):
        return Path(source).expanduser()
    if not isinstance(source, str):
        if not hasattr(source, "open"):
            raise HexInvalidInput(f"{short(source)} is neither a path, nor a URL, nor the content of a file as a dict.")
        return source
    from airflow_provider_hex.airflow_compat import ObjectStoragePath

    return ObjectStoragePath(source)


def shown(source: Any) -> str:
    """Return what a message calls a source of JSON."""
    return "What was passed" if isinstance(source, Mapping) or not source else str(source)
