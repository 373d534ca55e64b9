"""Whether a Hex project is to be refreshed after dbt. No Airflow, no I/O."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from airflow_provider_hex.dbt.exposures import HexExposure
from airflow_provider_hex.dbt.graph import Node, Test, kind, short_name, walk

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

    Its models are those that the exposure reads. A view shows the data of its parents, so the parents of a view, an
    ephemeral model or a metric are its models, too. A failure upstream of a model that was built counts if it is of
    this run as well: ``dbt build`` would not have built the model, but ``dbt run`` does so before the tests. A status
    that is unknown is neither a success nor a failure. What dbt says of the exposure itself is ignored, because dbt
    does not wait for tests of its models.

    :param statuses: dbt's status of each node, by id, see :func:`~airflow_provider_hex.dbt.run_results.merge_results`.
    """

    def failed(node: Node) -> bool:
        return statuses.get(node.unique_id) in _FAILED

    def built(node: Node) -> bool:
        return statuses.get(node.unique_id) == _BUILT

    node_with = exposure.nodes.__getitem__
    models = walk(exposure.models, node_with, lambda node: node.passes_on and not failed(node))
    counting = walk(exposure.models, node_with, lambda node: (node.passes_on or built(node)) and not failed(node))
    failures: list[str] = []
    for node in counting.values():
        failures += _failure(node, exposure, statuses)
        if node.unique_id in models:
            failures += _failed_tests(node, exposure, statuses)
        elif node.passes_on or built(node) or kind(node.unique_id) == "source":
            failures += _failed_tests(node, exposure, statuses, of_models=False)
    if failures:
        return HeldBack("; ".join(dict.fromkeys(failures)))
    if names := tuple(node.name for node in models.values() if built(node)):
        return Refresh(names)
    return NothingBuilt(tuple(map(short_name, exposure.models)))


def _failure(node: Node, exposure: HexExposure, statuses: Mapping[str, str]) -> Iterator[str]:
    """Say how a node failed, if it did."""
    status = statuses.get(node.unique_id)
    if status == "skipped" and (causes := list(_causes(node, exposure, statuses))):
        yield f"{node.name} was skipped, because {' and '.join(causes)}"
    elif status in _FAILED:
        yield f"{node.name} {_FAILED[status]}"


def _failed_tests(
    node: Node, exposure: HexExposure, statuses: Mapping[str, str], *, of_models: bool = True
) -> Iterator[str]:
    """Say which tests of a node failed.

    A test that reads other nodes, too, counts if the project reads them all: so does dbt decide what to skip. If the
    node is one of the project's models, any test that failed counts.
    """
    for test in node.tests:
        status = statuses.get(test.unique_id, "")
        reads_all = exposure.nodes.keys() >= set(test.parents)
        if status in _TEST_FAILED and (reads_all or of_models):
            yield f"{_name(test, node)} {_TEST_FAILED[status]}"
        elif status == "skipped" and reads_all:
            yield f"{_name(test, node)} was skipped"


def _name(test: Test, node: Node) -> str:
    return f"test {test.name} of {short_name(test.attached_to or node.unique_id)}"


def _causes(node: Node, exposure: HexExposure, statuses: Mapping[str, str]) -> Iterator[str]:
    """Say what failed upstream of a node that was skipped."""
    for upstream in walk(node.parents, exposure.nodes.__getitem__).values():
        status = statuses.get(upstream.unique_id)
        if status in _FAILED and status != "skipped":
            yield f"{upstream.name} {_FAILED[status]}"
        for test in upstream.tests:
            if (found := statuses.get(test.unique_id)) in _TEST_FAILED:
                yield f"{_name(test, upstream)} {_TEST_FAILED[found]}"
