"""dbt exposures for Hex projects, derived from the tables that the projects query. No I/O."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from airflow_provider_hex.dbt.graph import BUILT

_PART = re.compile(r'"(?:[^"]|"")*"|\[[^\]]*\]|`[^`]*`|[^.\s]+')
_QUOTES = '"`[]'


@dataclass(frozen=True)
class Upstream:
    """What a project depends on.

    :param refs: the models, seeds, snapshots and sources as an exposure names them, such as ``ref('orders')``.
    :param unknown: tables that are not dbt's.
    :param ambiguous: tables whose names fit several of dbt's.
    """

    refs: tuple[str, ...]
    unknown: tuple[str, ...] = ()
    ambiguous: tuple[str, ...] = ()


class Relations:
    """The tables that a dbt project builds or reads.

    :param manifest: dbt's ``manifest.json``, whole: a trimmed one has only the models upstream of exposures.
    """

    def __init__(self, manifest: Mapping[str, Any]) -> None:
        package = manifest.get("metadata", {}).get("project_name")
        self._built = [
            (table_parts(node["relation_name"]), _ref(node, package))
            for node in manifest.get("nodes", {}).values()
            if node.get("resource_type") in BUILT and node.get("relation_name")
        ]
        self._sources = [
            (table_parts(node["relation_name"]), f"source('{node['source_name']}', '{node['name']}')")
            for node in manifest.get("sources", {}).values()
            if node.get("relation_name")
        ]

    def find(self, table: str) -> list[str]:
        """Return what has a table's name: a source only if nothing builds the table.

        Names are compared from the right, because Hex has a table's name as the query has it: with its database and
        schema, or without them. Letter case and quotes do not matter.

        :return: each of them as an exposure names it; several if the name fits several.
        """
        parts = table_parts(table)
        for relations in (self._built, self._sources):
            if found := {ref for relation, ref in relations if _same(relation, parts)}:
                return sorted(found)
        return []

    def upstream(self, tables: Iterable[str]) -> Upstream:
        """Return what a project depends on.

        :param tables: the names of the tables that it queries.
        """
        found = {table: self.find(table) for table in tables}
        return Upstream(
            tuple(sorted({refs[0] for refs in found.values() if len(refs) == 1})),
            tuple(sorted(table for table, refs in found.items() if not refs)),
            tuple(sorted(table for table, refs in found.items() if len(refs) > 1)),
        )


def table_parts(name: str) -> tuple[str, ...]:
    """Return the parts of a table's name, in lower case and without quotes: ``("shop", "main", "orders")``.

    :param name: the name, with the quotes of any warehouse. BigQuery's may stand around several parts.
    """
    parts: list[str] = []
    for part in _PART.findall(name):
        bare = part.strip(_QUOTES).replace('""', '"').lower()
        parts += bare.split(".") if part.startswith("`") else [bare]
    return tuple(parts)


def exposure(project: Mapping[str, Any], refs: Iterable[str], taken: set[str]) -> dict[str, Any]:
    """Return an exposure in the form of dbt's YAML files.

    :param project: the project, as Hex returns it.
    :param refs: what it depends on, such as ``ref('orders')``.
    :param taken: the names of other exposures. The new one's is added.
    """
    name = base = re.sub(r"[^a-z0-9]+", "_", project["title"].lower()).strip("_") or "hex_project"
    number = 1
    while name in taken:
        number += 1
        name = f"{base}_{number}"
    taken.add(name)
    owner = project.get("owner") or {}
    return {
        "name": name,
        "label": project["title"],
        "type": "dashboard",
        "owner": {"email": owner["email"]} if owner.get("email") else {"name": "Hex"},
        "depends_on": list(refs),
        "config": {"meta": {"hex": {"project_id": project["id"]}}},
    }


def _same(relation: tuple[str, ...], parts: tuple[str, ...]) -> bool:
    length = min(len(relation), len(parts))
    return relation[-length:] == parts[-length:]


def _ref(node: Mapping[str, Any], package: str | None) -> str:
    name = f"'{node['name']}'"
    if node.get("package_name") not in (None, package):
        name = f"'{node['package_name']}', {name}"
    return f"ref({name}, v={node['version']!r})" if node.get("version") is not None else f"ref({name})"
