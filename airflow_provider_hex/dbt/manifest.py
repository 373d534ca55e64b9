"""Reads JSON files of dbt, from disk or from an object storage."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from airflow_provider_hex.api.errors import HexInvalidInput
from airflow_provider_hex.dbt.exposures import ExposureReading, read_exposures

log = logging.getLogger(__name__)

_LARGE = 5_000_000
"""Bytes of a manifest from which on it is worth to trim it: json.load takes 0.1 s for about 8 MB."""

_cache: dict[str, tuple[float, ExposureReading]] = {}


def read_manifest(source: Any) -> dict[str, Any]:
    """Return the content of a manifest.

    :param source: its path, its URL for ``ObjectStoragePath``, an ``ObjectStoragePath``, or its content.
    :raises HexInvalidInput: there is no such file, or it is not the manifest of a dbt project.
    """
    content = source if isinstance(source, Mapping) else read_json(source)
    if content is None:
        raise HexInvalidInput(f"There is no dbt manifest at {source}. dbt writes target/manifest.json when it parses.")
    if not isinstance(content, Mapping) or not {"exposures", "parent_map"} <= content.keys():
        raise HexInvalidInput(f"{_shown(source)} is not the manifest of a dbt project.")
    return dict(content)


def exposures_in(source: Any) -> ExposureReading:
    """Return the exposures of Hex in a manifest. A file is read again only when it has changed.

    :param source: see :func:`read_manifest`.
    :raises HexInvalidInput: as :func:`read_manifest`.
    """
    if isinstance(source, Mapping):
        return read_exposures(read_manifest(source))
    path = to_path(source)
    stat = path.stat() if path.exists() else None
    cached = _cache.get(str(source))
    if stat and cached and cached[0] == stat.st_mtime:
        return cached[1]
    if stat and stat.st_size > _LARGE:
        log.warning(
            "The dbt manifest has %.0f MB, and is read whenever the DAG file is parsed. Make it smaller with: "
            "airflow hex exposures trim %s",
            stat.st_size / 1e6,
            source,
        )
    reading = read_exposures(read_manifest(source))
    if stat:
        _cache[str(source)] = stat.st_mtime, reading
    return reading


def read_json(source: Any) -> Any:
    """Return the content of a JSON file, None if there is no such file.

    :param source: its path, its URL for ``ObjectStoragePath``, or an ``ObjectStoragePath``.
    :raises HexInvalidInput: it is not JSON.
    """
    try:
        with to_path(source).open("rb") as file:
            return json.load(file)
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise HexInvalidInput(f"{source} is not JSON: {error}.") from None


def to_path(source: Any) -> Any:
    """Return a path that can be opened: on disk, or in an object storage if it has a scheme, such as ``s3://``."""
    if isinstance(source, str) and "://" not in source:
        return Path(source)
    if isinstance(source, str):
        from airflow_provider_hex.airflow_compat import ObjectStoragePath

        return ObjectStoragePath(source)
    return source


def _shown(source: Any) -> str:
    return "The dict" if isinstance(source, Mapping) else str(source)
