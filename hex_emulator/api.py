"""The Hex API itself, as far as this project uses it: one function for each call of Hex's reference."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel

from hex_emulator.clock import timestamp
from hex_emulator.emulator import Current, Emulator
from hex_emulator.errors import HexError, malformed, not_found
from hex_emulator.exchange import HexRoute, bearer, json_value
from hex_emulator.runs import Run, new_trace_id
from hex_emulator.workspace import Project, Scope, Token, Uuid

api = APIRouter(prefix="/api/v1", route_class=HexRoute)
elsewhere = APIRouter(prefix="/api", route_class=HexRoute)

RunStatus = Literal["PENDING", "RUNNING", "ERRORED", "COMPLETED", "KILLED", "UNABLE_TO_ALLOCATE_KERNEL"]
RunTrigger = Literal["API", "SCHEDULED", "APP_REFRESH", "ALL"]
PathId = Annotated[Uuid, Path()]


# Who may call


async def _caller(request: Request, emulator: Current) -> Token:
    token = bearer(request, emulator)
    if token is None:
        raise HexError(401, "Unauthorized", "No valid API token in the Authorization header.")
    return token


Caller = Annotated[Token, Depends(_caller)]


async def _may_read(caller: Caller) -> None:
    _demand("read", caller)


async def _may_run(caller: Caller) -> None:
    _demand("run", caller)


def _demand(scope: Scope, caller: Token) -> None:
    if scope not in caller.scopes:
        raise HexError(403, "Forbidden", f'The token lacks the "{scope}" scope.')


READ = [Depends(_may_read)]
RUN = [Depends(_may_run)]


# What a call is about


async def _project(project_id: PathId, emulator: Current) -> Project:
    project = emulator.workspace.find_project(project_id)
    if project is None:
        raise not_found(f"There is no project {project_id}, or the token has no access to it.")
    return project


async def _published(project: Annotated[Project, Depends(_project)]) -> Project:
    if project.version is None:
        raise HexError(422, "Project not published", f"The project {project.id} has never been published.")
    return project


AnyProject = Annotated[Project, Depends(_project)]
PublishedProject = Annotated[Project, Depends(_published)]


async def _run(project: AnyProject, run_id: PathId, emulator: Current) -> Run:
    run = emulator.runs.get(run_id.lower())
    if run is None or run.project.id != project.id:
        raise not_found(f"The project {project.id} has no run {run_id}.")
    return run


ThisRun = Annotated[Run, Depends(_run)]


class _Body(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, strict=True)


class NotificationRequest(_Body):
    type: Literal["SUCCESS", "FAILURE", "ALL"]
    include_success_screenshot: bool
    screenshot_format: list[Literal["png", "pdf", "csv", "xlsx"]] = []
    slack_channel_ids: list[str] = []
    user_ids: list[str] = []
    group_ids: list[str] = []
    subject: str = ""
    body: str = ""


class RunProjectRequest(_Body, extra="forbid"):
    input_params: dict[str, Any] = {}
    dry_run: bool = False
    update_cache: bool = False
    notifications: list[NotificationRequest] = []
    update_published_results: bool = False
    use_cached_sql_results: bool = True
    view_id: str = ""


async def _run_project_request(request: Request) -> RunProjectRequest:
    raw = await request.body()
    if not raw:
        return RunProjectRequest()
    if request.headers.get("Content-Type", "").partition(";")[0].strip().lower() != "application/json":
        raise HexError(400, "Malformed request", "The body's Content-Type must be application/json.")
    try:
        wanted = RunProjectRequest.model_validate(json_value(raw))
    except ValidationError as error:
        raise malformed(error.errors()) from error
    except ValueError as error:
        raise HexError(400, "Malformed request", f"The body is no JSON: {error}.") from error
    if wanted.view_id and wanted.input_params:
        raise HexError(400, "Malformed request", "viewId and inputParams exclude each other.")
    return wanted


# The calls


@api.get("/users/me", name="Me", dependencies=READ)
async def me(caller: Caller) -> dict[str, Any]:
    return {"name": caller.name, "email": caller.owner, "traceId": new_trace_id()}


@api.post("/projects/{project_id}/runs", name="RunProject", status_code=201, dependencies=RUN)
async def run_project(
    request: Request,
    emulator: Current,
    wanted: Annotated[RunProjectRequest, Depends(_run_project_request)],
    project: PublishedProject,
) -> dict[str, Any]:
    """`updatePublishedResults` makes Hex ignore custom inputs. A dry run is checked and answered like any
    other, but makes no run: asking for its status finds nothing."""
    inputs = {} if wanted.update_published_results else wanted.input_params
    _check_inputs(project, inputs)
    details: dict[str, Any] = {
        "inputs": inputs,
        "notifications": [item.model_dump(by_alias=True, exclude_unset=True) for item in wanted.notifications],
        "update_published_results": wanted.update_published_results or (wanted.update_cache and not inputs),
        "use_cached_sql_results": wanted.use_cached_sql_results and not wanted.update_cache,
        "view_id": wanted.view_id or None,
    }
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
    request: Request,
    emulator: Current,
    project: PublishedProject,
    limit: Annotated[int, Query(ge=1, le=100)] = 25,
    offset: Annotated[int, Query(ge=0)] = 0,
    status_filter: Annotated[RunStatus | None, Query(alias="statusFilter")] = None,
    run_trigger_filter: Annotated[RunTrigger, Query(alias="runTriggerFilter")] = "ALL",
) -> dict[str, Any]:
    now = emulator.clock.now()
    runs = [
        run
        for run in reversed(emulator.runs.values())
        if run.project.id == project.id
        and status_filter in (None, run.status(now))
        and run_trigger_filter in ("ALL", run.trigger)
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


@elsewhere.api_route("/{path:path}", name="Unknown", methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
async def unknown(request: Request) -> Response:
    raise not_found(f"There is no {request.method} {request.url.path} in this API.")


# Answers


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
