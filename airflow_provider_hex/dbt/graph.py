"""The part of a dbt manifest's graph that is upstream of an exposure. No Airflow, no I/O."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

_NOT_BUILT = ("metric", "semantic_model", "saved_query")
"""Kinds of nodes that only stand for others: dbt builds nothing for them."""
BUILT = ("model", "seed", "snapshot")
"""Kinds of nodes that dbt builds."""
_WITHOUT_DATA = ("view", "ephemeral")
"""Materializations without data: what they show changes when their parents' data do."""


@dataclass(frozen=True)
class Test:
    """A test of dbt, or a unit test.

    :param unique_id: dbt's id of it, as in ``run_results.json``.
    :param name: its name.
    :param attached_to: the id of the node that it was declared for; None for a test that is an SQL file.
    :param parents: the ids of all nodes that it reads.
    """

    unique_id: str
    name: str
    attached_to: str | None
    parents: tuple[str, ...]


@dataclass(frozen=True)
class Node:
    """A model, seed, snapshot, source, metric or the like.

    :param unique_id: dbt's id of it, such as ``model.shop.daily_revenue``.
    :param parents: the ids of the nodes that it reads.
    :param tests: the tests that read it.
    :param passes_on: whether its data are those of its parents: it is a view, an ephemeral model, a metric or the like.
    """

    unique_id: str
    parents: tuple[str, ...] = ()
    tests: tuple[Test, ...] = ()
    passes_on: bool = False

    @property
    def name(self) -> str:
        """The name that a user knows it by, such as ``daily_revenue``."""
        return short_name(self.unique_id)

    @property
    def stands_for_others(self) -> bool:
        """Whether dbt builds nothing for it: it is a metric or the like."""
        return kind(self.unique_id) in _NOT_BUILT


def kind(unique_id: str) -> str:
    """Return the kind of node that an id is of, such as ``model``."""
    return unique_id.partition(".")[0]


def short_name(unique_id: str) -> str:
    """Return an id without its kind and package."""
    return unique_id.split(".", 2)[-1]


def walk(
    start: Iterable[str], node: Callable[[str], Node], goes_on: Callable[[Node], bool] = lambda node: True
) -> dict[str, Node]:
    """Return some nodes and those upstream of them, by their ids, the nearest first.

    :param start: the ids of the nodes to start at.
    :param node: returns the node with an id.
    :param goes_on: whether the parents of a node are returned as well. Default: yes.
    """
    found: dict[str, Node] = {}
    left = deque(start)
    while left:
        each = left.popleft()
        if each not in found:
            found[each] = node(each)
            left += found[each].parents if goes_on(found[each]) else ()
    return found


class Graph:
    """The graph of a manifest.

    :param manifest: the content of ``manifest.json``, or of what :func:`~airflow_provider_hex.dbt.trim.trim` returns.
    """

    def __init__(self, manifest: Mapping[str, Any]) -> None:
        self._parent_map: Mapping[str, Iterable[str]] = manifest.get("parent_map") or {}
        self._nodes: Mapping[str, Mapping[str, Any]] = manifest.get("nodes") or {}
        self._known: dict[str, Node] = {}
        self._tests: dict[str, list[Test]] = defaultdict(list)
        unit_tests = manifest.get("unit_tests") or {}
        for unique_id, data in sorted([*self._nodes.items(), *unit_tests.items()]):
            if kind(unique_id) in ("test", "unit_test"):
                parents = self.parents(unique_id)
                test = Test(unique_id, data["name"], data.get("attached_node"), parents)
                for parent in parents:
                    self._tests[parent].append(test)

    def parents(self, unique_id: str) -> tuple[str, ...]:
        """Return the ids of the nodes that a node, test or exposure reads."""
        return tuple(self._parent_map.get(unique_id, ()))

    def upstream(self, unique_id: str) -> dict[str, Node]:
        """Return all nodes that an exposure reads, directly or not, by their ids."""
        return walk(self.parents(unique_id), self._node)

    def materialized(self, unique_id: str) -> str | None:
        """Return the materialization of a node, None if it has none."""
        config = self._nodes.get(unique_id, {}).get("config") or {}
        materialization: str | None = config.get("materialized")
        return materialization

    def is_built(self, unique_id: str) -> bool:
        """Return whether dbt builds a node, so that ``run_results.json`` has a result for it."""
        return kind(unique_id) in BUILT and self.materialized(unique_id) != "ephemeral"

    def _node(self, unique_id: str) -> Node:
        if unique_id not in self._known:
            passes_on = kind(unique_id) in _NOT_BUILT or self.materialized(unique_id) in _WITHOUT_DATA
            tests = tuple(self._tests.get(unique_id, ()))
            self._known[unique_id] = Node(unique_id, self.parents(unique_id), tests, passes_on)
        return self._known[unique_id]
