"""The Hex API itself, as far as this project uses it: one function for each call of Hex's reference. What tells of
projects is in `hex_emulator.projects`, what draws charts in `hex_emulator.charts`."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.routing import APIRoute
from starlette.routing import Match

from hex_emulator.access import READ, RUN, Caller, PublishedProject, ThisRun
from hex_emulator.charts import charts
from hex_emulator.clock import timestamp
from hex_emulator.emulator import Current, Emulator
from hex_emulator.errors import HexError, not_found
from hex_emulator.exchange import HexRoute
from hex_emulator.projects import projects
from hex_emulator.query import RunsQuery
from hex_emulator.run_request import Wanted
from hex_emulator.runs import Run, new_trace_id
from hex_emulator.workspace import Project

api = APIRouter(prefix="/api/v1", route_class=HexRoute)
elsewhere = APIRouter(prefix="/api", route_class=HexRoute)
ROUTERS = (api, projects, charts, elsewhere)


@api.get("/users/me", name="Me", dependencies=READ)
async def me(caller: Caller) -> dict[str, Any]:
    return {"name": caller.name, "email": caller.owner, "traceId": new_trace_id()}


@api.post("/projects/{project_id}/runs", name="RunProject", status_code=201, dependencies=RUN)
async def run_project(request: Request, emulator: Current, wanted: Wanted, project: PublishedProject) -> dict[str, Any]:
    """`updatePublishedResults` makes Hex ignore custom inputs. A dry run is checked and answered like any
    other, but makes no run: it takes no kernel, and asking for its status finds nothing."""
    inputs = {} if wanted.update_published_results else wanted.input_params
    _check_inputs(project, inputs)
    details: dict[str, Any] = {
        "inputs": inputs,
        "notifications": [item.model_dump(by_alias=True, exclude_unset=True) for item in wanted.notifications],
        "update_published_results": wanted.update_published_results or (wanted.update_cache and not inputs),
        "use_cached_sql_results": wanted.use_cached_sql_results and not wanted.update_cache,
        "view_id": wanted.view_id or None,
    }
    if not wanted.dry_run and not emulator.has_free_kernel():
        raise HexError(503, "No kernel available", "The workspace runs as much as it may. No run was made.")
    run = Run(project, [], **details) if wanted.dry_run else emulator.start_run(project, **details)
    return {
        "projectId": project.id,
        "runId": run.id,
        "runUrl": run_url(run, request),
        "runStatusUrl": f"{request.base_url}api/v1/projects/{project.id}/runs/{run.id}",
        "traceId": run.trace_id,
        "projectVersion": project.version,
        "notifications": run.notifications,
    }


def _check_inputs(project: Project, inputs: dict[str, Any]) -> None:
    invalid, unknown = project.rejected(inputs)
    if invalid or unknown:
        raise HexError(
            422,
            "Invalid input parameters",
            f"The project {project.id} does not take these inputs.",
            invalid=invalid,
            notFound=unknown,
        )


@api.get("/projects/{project_id}/runs", name="GetProjectRuns", dependencies=READ)
async def get_project_runs(
    request: Request, emulator: Current, project: PublishedProject, query: Annotated[RunsQuery, Query()]
) -> dict[str, Any]:
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
        "runs": [_run_body(run, request, emulator) for run in runs[offset : offset + limit]],
        "nextPage": page(offset + limit) if offset + limit < len(runs) else None,
        "previousPage": page(max(0, offset - limit)) if offset else None,
        "traceId": new_trace_id(),
    }


@api.get("/projects/{project_id}/runs/{run_id}", name="GetRunStatus", dependencies=READ)
async def get_run_status(request: Request, emulator: Current, run: ThisRun) -> dict[str, Any]:
    return _run_body(run, request, emulator)


@api.delete("/projects/{project_id}/runs/{run_id}", name="CancelRun", status_code=204, dependencies=RUN)
async def cancel_run(emulator: Current, run: ThisRun) -> Response:
    """Hex does not say what cancelling an ended run answers; here it is 422."""
    now = emulator.clock.now()
    if run.has_ended(now):
        raise HexError(422, "Run has ended", f"The run {run.id} is {run.status(now)} and cannot be cancelled.")
    run.change("KILLED", now)
    return Response(status_code=204)


@elsewhere.api_route(
    "/{path:path}",
    name="Unknown",
    methods=["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"],
)
async def unknown(request: Request) -> Response:
    what = f"{request.method} {request.url.path}"
    here = [route for route in routes() if route.matches(request.scope)[0] is Match.PARTIAL]
    allowed = sorted({method for route in here for method in route.methods})
    if allowed:
        raise HexError(405, "Method not allowed", f"There is no {what} in this API.", {"Allow": ", ".join(allowed)})
    raise not_found(f"There is no {what} in this API.")


def routes() -> list[APIRoute]:
    return [route for router in ROUTERS for route in router.routes if isinstance(route, APIRoute)]


def run_url(run: Run, request: Request) -> str:
    """Where `hex_emulator.page` shows the run, on the host by which the request came."""
    return f"{request.base_url}emulator/app/{run.project.id}/latest?runId={run.id}"


def _run_body(run: Run, request: Request, emulator: Emulator) -> dict[str, Any]:
    now = emulator.clock.now()
    start, end, elapsed = run.start_time(now), run.end_time(now), run.elapsed(now)
    return {
        "projectId": run.project.id,
        "projectVersion": run.project.version,
        "runId": run.id,
        "runUrl": run_url(run, request),
        "status": run.status(now),
        "runTrigger": run.trigger,
        "startTime": timestamp(start) if start else None,
        "endTime": timestamp(end) if end else None,
        "elapsedTime": round(elapsed.total_seconds() * 1000) if elapsed is not None else None,
        "flagConfigOverride": None,
        "traceId": run.trace_id,
        "notifications": run.notifications,
        "stateEvents": [
            {"type": "STATUS", "value": status, "timestamp": timestamp(at)} for status, at in run.history(now)
        ],
    }
