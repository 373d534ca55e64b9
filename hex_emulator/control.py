"""The control endpoint, `/_emulator`: what a test tells the emulator, and asks it. It takes no token.

| request | what it does |
| --- | --- |
| `GET /_emulator/health` | `{status: "ok", now, speed}` |
| `GET /_emulator/workspace` | the projects and tokens, shaped like `workspace.toml` |
| `POST /_emulator/runs/next` | how the next `times` (1) runs go, of `projectId` or of any: `outcome`, `pending` and `running` seconds, or a whole `timeline` of `[status, seconds]`, the last with null. What is left out is the project's own |
| `POST /_emulator/faults` | one thing that goes wrong: see `hex_emulator.faults.Fault` (`call`, `projectId`, `runId`, `after`, `times`, `delay`, `status`, `body`, `contentType`, `headers`, `slow`, `truncate`, `drop`, `apply`) |
| `DELETE /_emulator/faults` | nothing goes wrong any more |
| `GET /_emulator/requests` | every public call since the reset, oldest first; `?call=RunProject` for one kind. A `status` of null: not answered |
| `GET /_emulator/runs` | all runs, oldest first, with what is still to come in `timeline` |
| `POST /_emulator/runs` | a run that somebody else started: `projectId`, `inputs`, `trigger` (`SCHEDULED`) |
| `DELETE /_emulator/runs/{runId}` | the run vanishes: 404 from now on |
| `POST /_emulator/runs/{runId}/status` | `{status}`: from now on the run has this status, be it one that Hex does not have |
| `POST /_emulator/limits` | change some of `requestsPerMinute` (60), `runsPerMinute` (20), `runsPerHour` (60), `imagesPerMinute` (20), `kernels` (25), null switching one off, and `headers`, the spellings in which answers tell of them: see `hex_emulator.spellings`. Answers with all |
| `POST /_emulator/limits/use` | `owner`, or everybody, has sent that many `requests`, `runs` and `images` more; each counts for the limits of its own kind only |
| `POST /_emulator/listing` | `order` in which GetProjectRuns lists: `newest` first, as it does at first, `oldest` first, or `mixed` |
| `POST /_emulator/clock` | `speed` (virtual seconds in a real one, 0 freezes), `advance` (virtual seconds) |
| `DELETE /_emulator` | a fresh start: no runs, no requests, no faults, nothing used of the limits, the first limits, order and speed, the present time |

The calls are Me, ListProjects, GetProject, GetQueriedTables, RunProject, GetProjectRuns, GetRunStatus, CancelRun
and GetChartImageFromRun, or Unknown for anything else under `/api`. A run that has vanished, or never was, is 404;
an order that is not as above is 400. A run that somebody else started takes a kernel though there be none left.
"""  # noqa: E501

from typing import Annotated, Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from hex_emulator.api import routes, run_url
from hex_emulator.clock import timestamp
from hex_emulator.course import Course, Seconds
from hex_emulator.emulator import Current, Emulator, NextRuns, Order
from hex_emulator.errors import HexError, not_found
from hex_emulator.faults import Fault
from hex_emulator.limits import Limits
from hex_emulator.runs import Run
from hex_emulator.workspace import Project, Workspace

control = APIRouter(prefix="/_emulator")

CALLS = {route.name for route in routes()}
CAMEL = ConfigDict(alias_generator=to_camel, extra="forbid")


class NextRunsOrder(Course):
    model_config = CAMEL

    project_id: str | None = None
    times: Annotated[int, Field(ge=1)] = 1


class RunOrder(BaseModel):
    model_config = CAMEL

    project_id: str
    inputs: dict[str, Any] = {}
    trigger: str = "SCHEDULED"


class StatusOrder(BaseModel):
    model_config = CAMEL

    status: Annotated[str, Field(min_length=1)]


class UseOrder(BaseModel):
    model_config = CAMEL

    owner: str | None = None
    requests: Annotated[int, Field(ge=0)] = 0
    runs: Annotated[int, Field(ge=0)] = 0
    images: Annotated[int, Field(ge=0)] = 0


class ListingOrder(BaseModel):
    model_config = CAMEL

    order: Order


class ClockOrder(BaseModel):
    model_config = CAMEL

    speed: Annotated[float, Field(ge=0, le=1e6)] | None = None
    advance: Seconds = 0


@control.get("/health")
async def health(emulator: Current) -> dict[str, Any]:
    return {"status": "ok", "now": timestamp(emulator.clock.now()), "speed": emulator.clock.speed}


@control.get("/workspace")
async def workspace(emulator: Current) -> Workspace:
    return emulator.workspace


@control.post("/runs/next", status_code=204)
async def next_runs(order: NextRunsOrder, emulator: Current) -> None:
    if order.project_id is not None:
        _project(order.project_id, emulator)
    emulator.next_runs.append(NextRuns(order, order.project_id, order.times))


@control.post("/faults", status_code=204)
async def add_fault(fault: Fault, emulator: Current) -> None:
    if fault.call != "*":
        _check_call(fault.call)
    emulator.faults.add(fault)


@control.delete("/faults", status_code=204)
async def clear_faults(emulator: Current) -> None:
    emulator.faults.clear()


@control.get("/requests")
async def requests(emulator: Current, call: str | None = None) -> list[dict[str, Any]]:
    if call is not None:
        _check_call(call)
    return [entry for entry in emulator.requests if call in (None, entry["call"])]


@control.get("/runs")
async def runs(request: Request, emulator: Current) -> list[dict[str, Any]]:
    return [_described(run, request, emulator) for run in emulator.runs.values()]


@control.post("/runs", status_code=201)
async def start_run(order: RunOrder, request: Request, emulator: Current) -> dict[str, Any]:
    project = _project(order.project_id, emulator)
    run = emulator.start_run(project, inputs=order.inputs, trigger=order.trigger)
    return _described(run, request, emulator)


@control.delete("/runs/{run_id}", status_code=204)
async def vanish(run_id: str, emulator: Current) -> None:
    del emulator.runs[_run(run_id, emulator).id]


@control.post("/runs/{run_id}/status", status_code=204)
async def set_status(run_id: str, order: StatusOrder, emulator: Current) -> None:
    _run(run_id, emulator).change(order.status, emulator.clock.now())


@control.post("/limits")
async def set_limits(changes: Limits, emulator: Current) -> Limits:
    emulator.limiter.limits = emulator.limiter.limits.changed(changes)
    return emulator.limiter.limits


@control.post("/limits/use", status_code=204)
async def use_up(order: UseOrder, emulator: Current) -> None:
    owners = {token.owner for token in emulator.workspace.tokens}
    if order.owner is not None and order.owner not in owners:
        raise HexError(400, "Malformed request", f"{order.owner} owns no token.")
    counts = {kind: count for kind, count in order.model_dump(exclude={"owner"}).items() if count}
    for owner in owners if order.owner is None else {order.owner}:
        emulator.limiter.use(owner, counts, emulator.clock.now())


@control.post("/listing", status_code=204)
async def set_listing(order: ListingOrder, emulator: Current) -> None:
    emulator.order = order.order


@control.post("/clock")
async def set_clock(order: ClockOrder, emulator: Current) -> dict[str, Any]:
    if order.speed is not None:
        emulator.clock.speed = order.speed
    emulator.clock.advance(order.advance)
    return await health(emulator)


@control.delete("", status_code=204)
async def reset(emulator: Current) -> None:
    emulator.reset()


def _check_call(name: str) -> None:
    """A misspelt name would match nothing, and a test that relies on it would prove nothing."""
    if name not in CALLS:
        raise HexError(400, "Malformed request", f"{name} is none of {', '.join(sorted(CALLS))}.")


def _project(project_id: str, emulator: Emulator) -> Project:
    project = emulator.workspace.find_project(project_id)
    if project is None:
        raise not_found(f"The workspace has no project {project_id}.")
    return project


def _run(run_id: str, emulator: Emulator) -> Run:
    if run_id not in emulator.runs:
        raise not_found(f"There is no run {run_id}.")
    return emulator.runs[run_id]


def _described(run: Run, request: Request, emulator: Emulator) -> dict[str, Any]:
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
        "timeline": [[status, timestamp(at)] for status, at in run.moments],
    }
