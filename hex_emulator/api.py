"""The calls of the Hex API that are about runs and users, one function for each.

The calls about projects are in :mod:`hex_emulator.projects`; those about cells and charts are in
:mod:`hex_emulator.cells` and :mod:`hex_emulator.charts`.
See https://learn.hex.tech/docs/api/api-reference.
"""

from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request, Response
from fastapi.routing import APIRoute
from starlette.routing import Match

from hex_emulator.cells import cells
from hex_emulator.charts import charts
from hex_emulator.dependencies import READ, READ_USER, RUN, Caller, PublishedProject, RunBody, VanishingRun
from hex_emulator.emulator import CurrentEmulator
from hex_emulator.errors import ApiError, InputsRejected, not_found
from hex_emulator.exchange import CurrentExchange, exchange_of
from hex_emulator.hex_route import HexRoute
from hex_emulator.notifications import recipients
from hex_emulator.projects import projects
from hex_emulator.query import RunsQuery
from hex_emulator.runs import Run
from hex_emulator.workspace import Project

api = APIRouter(prefix="/api/v1", route_class=HexRoute)
unknown_calls = APIRouter(prefix="/api", route_class=HexRoute)
ROUTERS = (api, projects, cells, charts, unknown_calls)


@api.get("/users/me", name="Me", dependencies=READ_USER)
async def me(caller: Caller, emulator: CurrentEmulator, exchange: CurrentExchange) -> dict[str, Any]:
    """See https://learn.hex.tech/docs/api/api-reference#operation/Me."""
    return exchange.generation.me(caller, emulator.workspace, emulator.clock.now())


@api.post("/projects/{project_id}/runs", name="RunProject", status_code=201, dependencies=RUN)
async def run_project(
    request: Request, emulator: CurrentEmulator, caller: Caller, body: RunBody, project: PublishedProject
) -> dict[str, Any]:
    """See https://learn.hex.tech/docs/api/api-reference#operation/RunProject.

    ``updatePublishedResults`` makes Hex ignore custom inputs. A dry run is checked like any other and gets the same
    response, but no run is made: it takes no kernel, and its status is that of a run that does not exist.
    """
    inputs = {} if body.update_published_results else body.input_params
    _check_inputs(project, inputs)
    details: dict[str, Any] = {
        "inputs": inputs,
        "notifications": [item.model_dump(by_alias=True, exclude_unset=True) for item in body.notifications],
        "update_published_results": body.update_published_results or (body.update_cache and not inputs),
        "use_cached_sql_results": body.use_cached_sql_results and not body.update_cache,
        "view_id": body.view_id or None,
        "owner": caller.owner,
        "trace_id": exchange_of(request).trace_id,
    }
    if not body.dry_run and not emulator.has_free_kernel(caller.owner):
        raise ApiError(503, "No kernel available", "The user has reached the kernel limit. No run was started.")
    run = Run(project, [], **details) if body.dry_run else emulator.start_run(project, **details)
    return {
        "projectId": project.id,
        "runId": run.id,
        "runUrl": run_url(run, request),
        "runStatusUrl": f"{request.base_url}api/v1/projects/{project.id}/runs/{run.id}",
        "traceId": run.trace_id,
        "projectVersion": project.version,
        "notifications": recipients(run.notifications),
    }


def _check_inputs(project: Project, inputs: dict[str, Any]) -> None:
    invalid, unknown = project.rejected_inputs(inputs)
    if invalid or unknown:
        raise InputsRejected(invalid, unknown)


@api.get("/projects/{project_id}/runs", name="GetProjectRuns", dependencies=READ)
async def get_project_runs(
    request: Request,
    emulator: CurrentEmulator,
    exchange: CurrentExchange,
    project: PublishedProject,
    query: Annotated[RunsQuery, Query()],
) -> dict[str, Any]:
    """See https://learn.hex.tech/docs/api/api-reference#operation/GetProjectRuns."""
    now = emulator.clock.now()
    limit, offset = query.limit, query.offset
    runs = [
        run
        for run in emulator.runs_of(project)
        if query.status_filter in (None, run.status(now)) and query.run_trigger_filter in ("ALL", run.trigger)
    ]

    def page(start: int) -> str:
        return str(request.url.include_query_params(limit=limit, offset=start))

    return {
        "runs": [_run_body(run, request) for run in runs[offset : offset + limit]],
        "nextPage": page(offset + limit) if offset + limit < len(runs) else None,
        "previousPage": page(max(0, offset - limit)) if offset else None,
        "traceId": exchange.trace_id,
    }


@api.get("/projects/{project_id}/runs/{run_id}", name="GetRunStatus", dependencies=READ)
async def get_run_status(
    request: Request, run: VanishingRun, enable_expanded_stats: Annotated[str, Header()] = ""
) -> dict[str, Any]:
    """See https://learn.hex.tech/docs/api/api-reference#operation/GetRunStatus."""
    return _run_body(run, request, expanded=enable_expanded_stats == "true")


@api.delete("/projects/{project_id}/runs/{run_id}", name="CancelRun", status_code=204, dependencies=RUN)
async def cancel_run(emulator: CurrentEmulator, run: VanishingRun) -> Response:
    """See https://learn.hex.tech/docs/api/api-reference#operation/CancelRun."""
    now = emulator.clock.now()
    if run.has_ended(now):
        raise ApiError(422, "Run has ended", f"The run {run.id} is {run.status(now)} and cannot be cancelled.")
    run.set_status("KILLED", now)
    return Response(status_code=204)


@unknown_calls.api_route(
    "/{path:path}",
    name="Unknown",
    methods=["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"],
)
async def unknown(request: Request) -> Response:
    """Respond to what is no call of the Hex API: 405 on a known path, else 404."""
    details = f"There is no {request.method} {request.url.path} in this API."
    same_path = [route for route in routes() if route.matches(request.scope)[0] is Match.PARTIAL]
    if allowed := sorted({method for route in same_path for method in route.methods}):
        raise ApiError(405, "Method not allowed", details, headers={"Allow": ", ".join(allowed)})
    raise not_found(details)


def routes() -> list[APIRoute]:
    """Return the routes of all calls of the Hex API."""
    return [route for router in ROUTERS for route in router.routes if isinstance(route, APIRoute)]


def run_url(run: Run, request: Request) -> str:
    """Return the URL of the page that shows a run.

    :param run: the run.
    :param request: the request to respond to; the URL has its host.
    :returns: a URL that :mod:`hex_emulator.page` serves.
    """
    return f"{request.base_url}emulator/app/{run.project.id}/latest?runId={run.id}"


def _run_body(run: Run, request: Request, expanded: bool = False) -> dict[str, Any]:
    exchange, now = exchange_of(request), request.app.state.emulator.clock.now()
    body = exchange.generation.run(run, now, expanded)
    return {**body, "runUrl": run_url(run, request), "traceId": exchange.trace_id}
