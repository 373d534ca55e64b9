"""One call of each operation: how it is made with a transport, and whether its value is right."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from airflow_provider_hex.api import protocol, start, steps
from airflow_provider_hex.api.call import Call
from tests.conftest import PROJECT
from tests.transports.conftest import Either

CHART = "c4a1e7d2-58b3-4f96-8e0d-1a6c9b2f7354"


@dataclass(frozen=True)
class Kind:
    """An operation.

    :param call: makes the call for a run.
    :param make: carries it out, with retries and all that belongs to it.
    :param is_right: whether its value is right for a run.
    :param course: the status of the run before it.
    """

    call: Callable[[str], Call[Any]]
    is_right: Callable[[Any, str], bool]
    make: Callable[[Either, str], Any]
    course: str = "RUNNING"


def _requested(call: Callable[[str], Call[Any]], is_right: Callable[[Any, str], bool], **more: Any) -> Kind:
    return Kind(call, is_right, lambda transport, run: transport.request(call(run)), **more)


def _listed(call: Callable[[str], Call[Any]], is_right: Callable[[Any, str], bool]) -> Kind:
    return Kind(call, is_right, lambda transport, run: transport.items(call(run)))


def _started(transport: Either, run: str) -> Any:
    call = protocol.run_project(PROJECT)
    return transport.carry_out(start.start(call, PROJECT, on_ambiguous_start="reconcile", grace=30))


KINDS = {
    "Me": _requested(lambda run: protocol.me(), lambda v, run: v["email"] == "ada@example.com"),
    "ListProjects": _listed(
        lambda run: protocol.list_projects(), lambda v, run: PROJECT in [project["id"] for project in v]
    ),
    "GetProject": _requested(lambda run: protocol.get_project(PROJECT), lambda v, run: v["id"] == PROJECT),
    "GetQueriedTables": _listed(
        lambda run: protocol.get_queried_tables(PROJECT),
        lambda v, run: "analytics.core.regions" in [table["tableName"] for table in v],
    ),
    "ListCells": _listed(
        lambda run: protocol.list_cells(PROJECT), lambda v, run: CHART in [cell["staticId"] for cell in v]
    ),
    "RunProject": Kind(lambda run: protocol.run_project(PROJECT), lambda v, run: v["runId"] != run, _started),
    "GetProjectRuns": _listed(
        lambda run: protocol.get_project_runs(PROJECT), lambda v, run: [r["runId"] for r in v] == [run]
    ),
    "GetRunStatus": _requested(
        lambda run: protocol.get_run(PROJECT, run), lambda v, run: (v["runId"], v["status"]) == (run, "RUNNING")
    ),
    "CancelRun": Kind(
        lambda run: protocol.cancel_run(PROJECT, run),
        lambda v, run: v is None or (v["runId"], v["status"]) == (run, "KILLED"),  # by a cancel that got no response
        lambda transport, run: transport.carry_out(steps.cancel(PROJECT, run)),
    ),
    "GetChartImageFromRun": _requested(
        lambda run: protocol.get_chart_image(PROJECT, run, CHART),
        lambda v, run: v.startswith(b"\x89PNG"),
        course="COMPLETED",
    ),
}
