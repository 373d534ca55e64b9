"""The control endpoint, ``/_emulator``, with which a test controls the emulator. It takes no token.

| request | what it does |
| --- | --- |
| `GET /_emulator/health` | returns `{status: "ok", now, speed, api, vanished}` |
| `GET /_emulator/workspace` | returns the projects and tokens, shaped like `workspace.toml` |
| `POST /_emulator/runs/next` | sets how the next `times` (1) runs go, of `projectId` or of any: `outcome`, `pending` and `running` seconds, or a whole `timeline` of `[status, seconds]`, the last with null. What is left out is as the project defines it |
| `POST /_emulator/faults` | makes calls fail, see `hex_emulator.faults.Fault` (`call`, `projectId`, `runId`, `after`, `times`, `delay`, `status`, `body`, `contentType`, `headers`, `slow`, `truncate`, `drop`, `apply`) |
| `DELETE /_emulator/faults` | removes all faults |
| `GET /_emulator/requests` | returns all requests to the Hex API since the last reset, oldest first; `?call=RunProject` for one call. A `status` of null means that there was no response |
| `GET /_emulator/runs` | returns all runs, oldest first; `timeline` includes future statuses |
| `POST /_emulator/runs` | starts a run without a request to the Hex API: `projectId`, `inputs`, `trigger` (`SCHEDULED`), and `owner`, who holds its kernel (null: every owner holds one). It may exceed the kernel limit |
| `DELETE /_emulator/runs/{runId}` | removes a run, so that every call about it is as about one that never was |
| `POST /_emulator/runs/{runId}/status` | `{status}`: changes the status of a run now, also to one that Hex does not have |
| `POST /_emulator/api` | sets which calls are of the older generation of the API: `api` is `2025` (all), `2026` (none) or `mixed` (those that Hex has not moved yet) |
| `POST /_emulator/vanished` | sets the `status` of GetRunStatus and CancelRun for a run that does not exist: 403, 404 or 422 |
| `POST /_emulator/limits` | changes some of `requestsPerMinute` (60), `hexApiPerMinute` (30), `hexApiPerHour` (1800), `hexApi30RpmPerMinute` (30), `runsPerMinute` (20), `runsPerHour` (60), `imagesPerMinute` (20), `kernels` (25), null switches one off, and `headers`, the styles of `hex_emulator.rate_limit_headers`; returns all |
| `POST /_emulator/limits/of` | sets all limits to those `of` a year, `2025` or `2026`; returns them |
| `POST /_emulator/limits/use` | counts `requests`, `hexApi`, `hexApi30Rpm`, `runs` and `images` as if `owner`, or every owner, had sent so many now; each counts for the limits of that kind only |
| `POST /_emulator/list-order` | sets the `order` of GetProjectRuns: `newest` first (as after the start), `oldest` first, or `mixed` |
| `POST /_emulator/clock` | sets the `speed` (emulated seconds in one real second, 0 stops time), or moves time ahead by `advance` emulated seconds |
| `DELETE /_emulator` | returns to the state right after the start: its API, limits and speed, the present time, and no runs, requests or faults |

The calls are Me, ListProjects, GetProject, GetQueriedTables, RunProject, GetProjectRuns, GetRunStatus, CancelRun,
GetChartImageFromRun and ListCells, or Unknown for anything else under `/api`. An unknown run or project is 404, any other
mistake is 400.
"""  # noqa: E501

from typing import Any

from fastapi import APIRouter, Request

from hex_emulator.api import routes, run_url
from hex_emulator.clock import timestamp
from hex_emulator.control_bodies import (
    ApiBody,
    ClockBody,
    LimitsOfBody,
    ListOrderBody,
    NextRunsBody,
    StartRunBody,
    StatusBody,
    UseBody,
    VanishedBody,
)
from hex_emulator.emulator import CurrentEmulator, Emulator, NextRuns
from hex_emulator.errors import ApiError, not_found
from hex_emulator.faults import Fault
from hex_emulator.generations.api import APIS
from hex_emulator.limits import LIMITS, Limits
from hex_emulator.runs import Run
from hex_emulator.workspace import Project, Workspace

control = APIRouter(prefix="/_emulator")

CALLS = {route.name for route in routes()}


@control.get("/health")
async def health(emulator: CurrentEmulator) -> dict[str, Any]:
    """Return the emulated time and its speed, and what the API is set to."""
    return {
        "status": "ok",
        "now": timestamp(emulator.clock.now()),
        "speed": emulator.clock.speed,
        "api": emulator.api.name,
        "vanished": emulator.vanished,
    }


@control.get("/workspace")
async def workspace(emulator: CurrentEmulator) -> Workspace:
    """Return the projects and tokens."""
    return emulator.workspace


@control.post("/runs/next", status_code=204)
async def next_runs(body: NextRunsBody, emulator: CurrentEmulator) -> None:
    """Say how the next runs go."""
    if body.project_id is not None:
        _project(body.project_id, emulator)
    emulator.next_runs.append(NextRuns(body, body.project_id, body.times))


@control.post("/faults", status_code=204)
async def add_fault(fault: Fault, emulator: CurrentEmulator) -> None:
    """Make calls fail."""
    if fault.call != "*":
        _check_call(fault.call)
    emulator.faults.add(fault)


@control.delete("/faults", status_code=204)
async def clear_faults(emulator: CurrentEmulator) -> None:
    """Remove all faults."""
    emulator.faults.clear()


@control.get("/requests")
async def requests(emulator: CurrentEmulator, call: str | None = None) -> list[dict[str, Any]]:
    """Return the requests to the Hex API."""
    if call is not None:
        _check_call(call)
    return [entry for entry in emulator.requests if call in (None, entry["call"])]


@control.get("/runs")
async def runs(request: Request, emulator: CurrentEmulator) -> list[dict[str, Any]]:
    """Return all runs."""
    return [_run_body(run, request, emulator) for run in emulator.runs.values()]


@control.post("/runs", status_code=201)
async def start_run(body: StartRunBody, request: Request, emulator: CurrentEmulator) -> dict[str, Any]:
    """Start a run."""
    project = _project(body.project_id, emulator)
    _check_owner(body.owner, emulator)
    run = emulator.start_run(project, inputs=body.inputs, trigger=body.trigger, owner=body.owner)
    return _run_body(run, request, emulator)


@control.delete("/runs/{run_id}", status_code=204)
async def remove_run(run_id: str, emulator: CurrentEmulator) -> None:
    """Remove a run."""
    del emulator.runs[_run(run_id, emulator).id]


@control.post("/runs/{run_id}/status", status_code=204)
async def set_status(run_id: str, body: StatusBody, emulator: CurrentEmulator) -> None:
    """Change the status of a run."""
    _run(run_id, emulator).set_status(body.status, emulator.clock.now())


@control.post("/api", status_code=204)
async def set_api(body: ApiBody, emulator: CurrentEmulator) -> None:
    """Set which calls are of the older generation."""
    emulator.api = APIS[body.api]


@control.post("/vanished", status_code=204)
async def set_vanished(body: VanishedBody, emulator: CurrentEmulator) -> None:
    """Set the status for a run that does not exist."""
    emulator.vanished = body.status


@control.post("/limits/of")
async def set_limits_of(body: LimitsOfBody, emulator: CurrentEmulator) -> Limits:
    """Set all limits to those of a year, and return them."""
    emulator.limiter.limits = LIMITS[body.of]
    return emulator.limiter.limits


@control.post("/limits")
async def set_limits(changes: Limits, emulator: CurrentEmulator) -> Limits:
    """Change some limits, and return all."""
    emulator.limiter.limits = emulator.limiter.limits.updated(changes)
    return emulator.limiter.limits


@control.post("/limits/use", status_code=204)
async def use_up(body: UseBody, emulator: CurrentEmulator) -> None:
    """Count requests as if another client had sent them."""
    owners = {token.owner for token in emulator.workspace.tokens}
    _check_owner(body.owner, emulator)
    counts = {kind: count for kind, count in body.model_dump(exclude={"owner"}).items() if count}
    for owner in owners if body.owner is None else {body.owner}:
        emulator.limiter.count(owner, counts, emulator.clock.now())


@control.post("/list-order", status_code=204)
async def set_list_order(body: ListOrderBody, emulator: CurrentEmulator) -> None:
    """Set the order of GetProjectRuns."""
    emulator.list_order = body.order


@control.post("/clock")
async def set_clock(body: ClockBody, emulator: CurrentEmulator) -> dict[str, Any]:
    """Change the speed of time, or move time ahead."""
    if body.speed is not None:
        emulator.clock.speed = body.speed
    emulator.clock.advance(body.advance)
    return await health(emulator)


@control.delete("", status_code=204)
async def reset(emulator: CurrentEmulator) -> None:
    """Return to the state right after the start."""
    emulator.reset()


def _check_call(name: str) -> None:
    """Reject a misspelt name: it would match no call, and a test with it would pass without testing anything."""
    if name not in CALLS:
        raise ApiError(400, "Malformed request", f"{name} is none of {', '.join(sorted(CALLS))}.")


def _check_owner(owner: str | None, emulator: Emulator) -> None:
    if owner is not None and owner not in {token.owner for token in emulator.workspace.tokens}:
        raise ApiError(400, "Malformed request", f"{owner} owns no token.")


def _project(project_id: str, emulator: Emulator) -> Project:
    project = emulator.workspace.find_project(project_id)
    if project is None:
        raise not_found(f"The workspace has no project {project_id}.")
    return project


def _run(run_id: str, emulator: Emulator) -> Run:
    if run_id not in emulator.runs:
        raise not_found(f"There is no run {run_id}.")
    return emulator.runs[run_id]


def _run_body(run: Run, request: Request, emulator: Emulator) -> dict[str, Any]:
    return {
        "projectId": run.project.id,
        "runId": run.id,
        "runUrl": run_url(run, request),
        "status": run.status(emulator.clock.now()),
        "trigger": run.trigger,
        "inputs": run.inputs,
        "notifications": run.notifications,
        "updatePublishedResults": run.update_published_results,
        "useCachedSqlResults": run.use_cached_sql_results,
        "viewId": run.view_id,
        "traceId": run.trace_id,
        "timeline": [[status, timestamp(at)] for status, at in run.timeline],
    }
