"""Reads the manifest of a dbt project."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from airflow_provider_hex.api.errors import HexInvalidInput
from airflow_provider_hex.dbt.exposures import ExposureReading, read_exposures
from airflow_provider_hex.dbt.json_files import read_json, shown, to_path

log = logging.getLogger(__name__)

_LARGE = 5_000_000
"""Bytes from which on a manifest is worth trimming: reading it takes 0.1 s of CPU at every parse of the DAG file."""

_cache: dict[str, tuple[tuple[float, int], ExposureReading]] = {}
"""By file, its time of modification and size when it was read."""


def read_manifest(source: Any) -> dict[str, Any]:
    """Return the content of a manifest.

    :param source: its path, its URL for ``ObjectStoragePath``, an ``ObjectStoragePath``, or its content.
    :raises HexInvalidInput: there is no such file, or it is not the manifest of a dbt project.
    """
    content = read_json(source)
    if content is None:
        raise HexInvalidInput(f"There is no dbt manifest at {source}. dbt parse writes it: target/manifest.json.")
    if not isinstance(content, Mapping) or not {"exposures", "parent_map"} <= content.keys():
        raise HexInvalidInput(f"{shown(source)} is not the manifest of a dbt project.")
    return dict(content)


def exposures_in(source: Any) -> ExposureReading:
    """Return the exposures of Hex in a manifest. A process reads a file again only when it has changed.

    :param source: see :func:`read_manifest`.
    :raises HexInvalidInput: as :func:`read_manifest`, or the file cannot be read.
    """
    try:
        return _exposures_in(source)
    except OSError as error:
        raise HexInvalidInput(f"{source} cannot be read: {error.strerror or error}.") from None


def _exposures_in(source: Any) -> ExposureReading:
    if isinstance(source, Mapping) or not source or not (path := to_path(source)).exists():
        return read_exposures(read_manifest(source))
    stat = path.stat()
    version = stat.st_mtime, stat.st_size
    known, reading = _cache.get(str(source), (None, None))
    if reading is None or known != version:
        if stat.st_size > _LARGE:
            log.warning(
                "%s has %.0f MB, and is read whenever the DAG file is parsed. Trim it with: airflow hex exposures trim",
                source,
                stat.st_size / 1e6,
            )
        reading = read_exposures(read_manifest(source))
        _cache[str(source)] = version, reading
    return reading
