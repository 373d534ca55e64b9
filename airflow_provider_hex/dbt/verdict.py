"""Whether a Hex project is to be refreshed after dbt. No Airflow, no I/O."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from airflow_provider_hex.dbt.exposures import HexExposure
from airflow_provider_hex.dbt.graph import Node, Test, short_name, walk

_BUILT = "success"
_FAILED = {"error": "failed", "partial success": "failed in part", "skipped": "was skipped"}
_TEST_FAILED = {"fail": "failed", "error": "failed with an error"}


@dataclass(frozen=True)
class Refresh:
    """At least one of the project's models was built, and none failed.

    :param built: the names of the models that were built.
    """

    built: tuple[str, ...]


@dataclass(frozen=True)
class NothingBuilt:
    """None of the project's models was in this run of dbt.

    :param models: the names of the project's models.
    """

    models: tuple[str, ...]


@dataclass(frozen=True)
class HeldBack:
    """A model of the project failed or was skipped, or one of its tests failed.

    :param why: what failed, such as ``test unique_daily_revenue_id of daily_revenue failed``.
    """

    why: str


Verdict = Refresh | NothingBuilt | HeldBack

WhenModelsFail = Literal["fail", "skip"]
"""What a task does that is held back."""


def verdict(exposure: HexExposure, statuses: Mapping[str, str]) -> Verdict:
    """Decide whether a Hex project is to be refreshed.

    Its models are those that the exposure reads. A view, an ephemeral model or a metric that was not built passes on
    what was done to its parents. A status that is unknown is neither a success nor a failure. What dbt says of the
    exposure itself is ignored, because dbt does not wait for tests of its models.

    :param exposure: the project.
    :param statuses: dbt's status of each node, by id, see :func:`~airflow_provider_hex.dbt.run_results.merge_results`.
    """
    nodes = _counting(exposure, statuses)
    if failures := list(dict.fromkeys(text for node in nodes for text in _failures(node, exposure, statuses))):
        return HeldBack("; ".join(failures))
    if built := tuple(node.name for node in nodes if statuses.get(node.unique_id) == _BUILT):
        return Refresh(built)
    return NothingBuilt(tuple(map(short_name, exposure.models)))


def _counting(exposure: HexExposure, statuses: Mapping[str, str]) -> list[Node]:
    """Return the nodes whose statuses count: the project's models, and the parents of those that pass on."""

    def passes_on(node: Node) -> bool:
        status = statuses.get(node.unique_id)
        return node.passes_on and status != _BUILT and status not in _FAILED

    return list(walk(exposure.models, exposure.nodes.__getitem__, passes_on).values())


def _failures(node: Node, exposure: HexExposure, statuses: Mapping[str, str]) -> Iterator[str]:
    """Say what of a node failed: the node itself, and its tests."""
    status = statuses.get(node.unique_id)
    if status == "skipped" and (causes := list(_causes(node, exposure, statuses))):
        yield f"{node.name} was skipped, because {' and '.join(causes)}"
    elif status in _FAILED:
        yield f"{node.name} {_FAILED[status]}"
    yield from _failed_tests(node, exposure, statuses)


def _failed_tests(node: Node, exposure: HexExposure, statuses: Mapping[str, str]) -> Iterator[str]:
    for test in node.tests:
        status = statuses.get(test.unique_id, "")
        if status in _TEST_FAILED:
            yield f"{_name(test, node)} {_TEST_FAILED[status]}"
        elif status == "skipped" and exposure.nodes.keys() >= set(test.parents):
            yield f"{_name(test, node)} was skipped"


def _name(test: Test, node: Node) -> str:
    return f"test {test.name} of {short_name(test.attached_to or node.unique_id)}"


def _causes(node: Node, exposure: HexExposure, statuses: Mapping[str, str]) -> Iterator[str]:
    """Say what failed above a node that was skipped."""
    for above in walk(node.parents, exposure.nodes.__getitem__).values():
        status = statuses.get(above.unique_id)
        if status in _FAILED and status != "skipped":
            yield f"{above.name} {_FAILED[status]}"
        for test in above.tests:
            if (found := statuses.get(test.unique_id)) in _TEST_FAILED:
                yield f"{_name(test, above)} {_TEST_FAILED[found]}"
