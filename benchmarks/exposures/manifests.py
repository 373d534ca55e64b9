"""Manifests of any size, in which each model is like a real one."""

from __future__ import annotations

import copy
import json
import subprocess
from pathlib import Path
from typing import Any

from demo.shop import CHECKOUT, DBT_PROJECT

DBT = CHECKOUT / ".envs" / "dbt" / "bin" / "dbt"
LAYERS = 5
MODELS_OF_AN_EXPOSURE = 3
MODEL, TEST = "model.shop.daily_revenue", "test.shop.not_null_daily_revenue_revenue."
Manifest = dict[str, Any]


def real_manifest(folder: Path) -> Manifest:
    """Return what dbt writes for the demo's project: 5 models, and all macros of dbt.

    :param folder: for the files that dbt writes.
    """
    options = [
        "--project-dir",
        DBT_PROJECT,
        "--profiles-dir",
        DBT_PROJECT,
        "--target-path",
        folder,
        "--log-path",
        folder,
    ]
    environment = {"SHOP_DUCKDB": str(folder / "shop.duckdb")}
    subprocess.run([DBT, "--quiet", "parse", *options], env=environment, check=True)
    manifest: Manifest = json.loads((folder / "manifest.json").read_text())
    return manifest


def manifest_with(models: int, real: Manifest) -> Manifest:
    """Return a manifest with a number of models, two tests a model, and an exposure for each fifty models.

    A model reads two models of the layer below. An exposure reads models of the highest layer.

    :param models: the number of models.
    :param real: a real manifest: its model and its tests are copied, with their SQL and descriptions.
    """
    in_layer = models // LAYERS
    made = Copies(real)
    ids = [[f"model.shop.m{layer}_{number}" for number in range(in_layer)] for layer in range(LAYERS)]
    for layer, names in enumerate(ids):
        for number, unique_id in enumerate(names):
            below = [ids[layer - 1][(2 * number + step) % in_layer] for step in (0, 1)] if layer else []
            made.add_model(unique_id, below)
    for number in range(max(1, models // 50)):
        first = number * MODELS_OF_AN_EXPOSURE
        made.add_exposure(number, [ids[-1][(first + step) % in_layer] for step in range(MODELS_OF_AN_EXPOSURE)])
    return made.manifest


class Copies:
    """A manifest of copies of one model, its tests, and an exposure.

    :param real: the manifest that has them.
    """

    def __init__(self, real: Manifest) -> None:
        self._real = real
        self._tests = [node for unique_id, node in real["nodes"].items() if unique_id.startswith(TEST)]
        self.manifest = {**real, "nodes": {}, "exposures": {}, "parent_map": {}, "child_map": {}}

    def add_model(self, unique_id: str, parents: list[str]) -> None:
        """Add a model and its tests."""
        self._add("nodes", unique_id, self._real["nodes"][MODEL], parents)
        for number, test in enumerate(self._tests * 2):
            name = f"test.shop.not_null_{unique_id.rsplit('.', maxsplit=1)[-1]}.{number}"
            self._add("nodes", name, {**test, "attached_node": unique_id}, [unique_id])

    def add_exposure(self, number: int, parents: list[str]) -> None:
        """Add an exposure of a Hex project."""
        project = {"meta": {"hex": {"project_id": f"5a8591dd-4039-49df-9202-{number:012}"}}}
        exposure = {**self._real["exposures"]["exposure.shop.revenue"], "config": project, "meta": {}}
        self._add("exposures", f"exposure.shop.e{number}", exposure, parents)

    def _add(self, kind: str, unique_id: str, original: Manifest, parents: list[str]) -> None:
        name = unique_id.split(".", 2)[2]
        node = {**copy.deepcopy(original), "unique_id": unique_id, "name": name, "depends_on": {"nodes": parents}}
        node["original_file_path"] = node["path"] = f"models/{name}.sql"
        node["fqn"] = ["shop", name]
        self.manifest[kind][unique_id] = node
        self.manifest["parent_map"][unique_id] = parents
        self.manifest["child_map"].setdefault(unique_id, [])
        for parent in parents:
            self.manifest["child_map"].setdefault(parent, []).append(unique_id)
