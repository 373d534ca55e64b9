"""A small manifest for the DAG file: the exposures of Hex and what they read. No Airflow, no I/O."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow_provider_hex.dbt.exposures import is_of_hex, meta_of
from airflow_provider_hex.dbt.graph import Graph

_OF_EXPOSURES = ("name", "label", "url", "owner", "description")


def trim(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Return the part of a manifest that ``HexExposures`` reads: some KB, to be committed, or made in CI.

    :func:`~airflow_provider_hex.dbt.exposures.read_exposures` returns the same for both.
    """
    graph = Graph(manifest)
    exposures = {each: data for each, data in (manifest.get("exposures") or {}).items() if is_of_hex(data)}
    upstream = {unique_id: node for each in exposures for unique_id, node in graph.upstream(each).items()}
    tests = {test.unique_id: test for node in upstream.values() for test in node.tests}
    nodes: dict[str, Any] = {
        each: {"config": {"materialized": graph.materialized(each)}} for each in upstream if graph.materialized(each)
    }
    nodes |= {each: {"name": test.name, "attached_node": test.attached_to} for each, test in tests.items()}
    return {
        "exposures": {each: _kept(data) for each, data in sorted(exposures.items())},
        "nodes": dict(sorted(nodes.items())),
        "parent_map": {each: list(graph.parents(each)) for each in sorted({*exposures, *upstream, *tests})},
    }


def _kept(exposure: Mapping[str, Any]) -> dict[str, Any]:
    meta = {"hex": meta_of(exposure)["hex"]} if "hex" in meta_of(exposure) else {}
    return {name: exposure[name] for name in _OF_EXPOSURES if exposure.get(name)} | {"config": {"meta": meta}}
