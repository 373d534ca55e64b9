"""Small manifests, as dbt writes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from airflow_provider_hex.dbt.exposures import HexExposure, read_exposures

URL = "https://app.hex.tech/acme/app/5a8591dd-4039-49df-9202-96385ba3eff8/latest"
OTHER_URL = "https://app.hex.tech/acme/app/1a8591dd-4039-49df-9202-96385ba3eff8/latest"


def exposure(*parents: str, url: str | None = URL, **fields: Any) -> dict[str, Any]:
    """An exposure on some models. ``hex``: its ``meta.hex``."""
    meta = {"hex": fields.pop("hex")} if "hex" in fields else {}
    return {"url": url, "config": {"meta": meta}, "parents": [node_id(each) for each in parents], **fields}


def node_id(name: str) -> str:
    """The id of a node; that of a model, if only its name is given."""
    return name if "." in name else f"model.shop.{name}"


def manifest(
    exposures: Mapping[str, Mapping[str, Any]],
    parents: Mapping[str, Sequence[str]] | None = None,
    *,
    materialized: Mapping[str, str] | None = None,
    tests: Mapping[str, Sequence[str]] | None = None,
) -> dict[str, Any]:
    """A manifest.

    :param exposures: by name, or by package and name, what :func:`exposure` returned.
    :param parents: by node, what it reads. Default: nothing.
    :param materialized: by model, its materialization. Default: table.
    :param tests: by test, the models that it reads; it is attached to the first.
    """
    parent_map = {node_id(each): [node_id(parent) for parent in of] for each, of in (parents or {}).items()}
    nodes: dict[str, Any] = {}
    for name, of in (tests or {}).items():
        parent_map[f"test.shop.{name}"] = [node_id(each) for each in of]
        nodes[f"test.shop.{name}"] = {"name": name, "attached_node": node_id(of[0]), "config": {"materialized": "test"}}
    found = {}
    for key, data in exposures.items():
        package, _, name = key.rpartition(".")
        unique_id = f"exposure.{package or 'shop'}.{name}"
        fields = dict(data)
        parent_map[unique_id] = fields.pop("parents")
        found[unique_id] = {"name": name, "label": None, "description": "", "owner": {"email": None}, **fields}
    for each in {*parent_map, *(parent for of in parent_map.values() for parent in of)}:
        if each.startswith("model."):
            nodes[each] = {"name": each, "config": {"materialized": "table"}}
    for name, kind in (materialized or {}).items():
        nodes[node_id(name)] = {"name": name, "config": {"materialized": kind}}
    return {"exposures": found, "nodes": nodes, "parent_map": parent_map}


def only_exposure(*args: Any, **kwargs: Any) -> HexExposure:
    """The only exposure of a :func:`manifest`."""
    (found,) = read_exposures(manifest(*args, **kwargs)).exposures
    return found


def run_results(statuses: Mapping[str, str], *, which: str = "build", started: str = "2026-11-26T12:00:00Z") -> Any:
    """The content of ``run_results.json``.

    :param statuses: by node, its status.
    """
    return {
        "metadata": {"invocation_started_at": started, "generated_at": started},
        "args": {"which": which},
        "results": [{"unique_id": node_id(name), "status": status} for name, status in statuses.items()],
    }
