"""One call of each operation, and responses, for the tests of the API core."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from airflow_provider_hex.api import protocol
from airflow_provider_hex.api.call import Call, Response

PROJECT = "5a8591dd-4039-49df-9202-96385ba3eff8"
RUN = "78c33d18-170c-44d3-a227-b3194f134f73"
CELL = "b7f5c3a9-6e0d-4b52-8f1c-2d9a4e7c6b10"

_OF_A_PROJECT: dict[str, Callable[[str], Call[Any]]] = {
    "RunProject": protocol.run_project,
    "GetRunStatus": lambda project: protocol.get_run(project, RUN),
    "GetProjectRuns": protocol.get_project_runs,
    "CancelRun": lambda project: protocol.cancel_run(project, RUN),
    "GetProject": protocol.get_project,
    "GetQueriedTables": protocol.get_queried_tables,
    "GetChartImageFromRun": lambda project: protocol.get_chart_image(project, RUN, CELL),
    "ListCells": protocol.list_cells,
}
_OTHERS: dict[str, Callable[[], Call[Any]]] = {"ListProjects": protocol.list_projects, "Me": protocol.me}
NAMES_OF_A_PROJECT = tuple(_OF_A_PROJECT)
NAMES = (*_OF_A_PROJECT, *_OTHERS)


def call_named(name: str, project: str = PROJECT) -> Call[Any]:
    """Return a call of an operation, by its name in Hex's reference."""
    return _OTHERS[name]() if name in _OTHERS else _OF_A_PROJECT[name](project)


def response(status: int, body: Any, headers: Mapping[str, str] | None = None) -> Response:
    """Return a response to a request that was sent at 1000 and received at 1001, in epoch seconds."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Response(status, headers or {}, content, 1000.0, 1001.0)


class XComArg:
    """Stands for another task's result, as Airflow's own class of this name, which has this method too."""

    def resolve(self) -> None: ...


UNRESOLVED = XComArg()
