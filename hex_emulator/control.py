"""The control endpoint, `/_emulator`: what a test tells the emulator, and asks it. It takes no token.

| request | what it does |
| --- | --- |
| `GET /_emulator/health` | `{status: "ok", now, speed}` |
| `GET /_emulator/workspace` | the projects and tokens, shaped like `workspace.toml` |
| `POST /_emulator/runs/next` | how the next `times` (1) runs go, of `projectId` or of any: `outcome`, `pending` and `running` seconds, or a whole `timeline` of `[status, seconds]`, the last with null. What is left out is the project's own |
| `POST /_emulator/faults` | one thing that goes wrong: see `hex_emulator.faults.Fault` (`call`, `projectId`, `runId`, `after`, `times`, `delay`, `status`, `body`, `contentType`, `headers`, `truncate`, `drop`, `apply`) |
| `DELETE /_emulator/faults` | nothing goes wrong any more |
| `GET /_emulator/requests` | every public call since the reset, oldest first; `?call=RunProject` for one kind. A `status` of null: not answered |
| `GET /_emulator/runs` | all runs, oldest first, with what is still to come in `timeline` |
| `POST /_emulator/runs` | a run that somebody else started: `projectId`, `inputs`, `trigger` (`SCHEDULED`) |
| `DELETE /_emulator/runs/{runId}` | the run vanishes: 404 from now on |
| `POST /_emulator/runs/{runId}/status` | `{status}`: from now on the run has this status, be it one that Hex does not have |
| `POST /_emulator/clock` | `speed` (virtual seconds in a real one, 0 freezes), `advance` (virtual seconds) |
| `DELETE /_emulator` | a fresh start: no runs, no requests, no faults, the first speed, the present time |

The calls are Me, RunProject, GetProjectRuns, GetRunStatus and CancelRun, or Unknown for any other path under
`/api`. A run that has vanished, or never was, is 404; an order that is not as above is 400.
"""  # noqa: E501

from typing import Annotated, Any

from fastapi import APIRouter, Request
from fastapi.routing import APIRoute
from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from hex_emulator.api import api, elsewhere, run_url
from hex_emulator.clock import timestamp
from hex_emulator.course import Course, Seconds
from hex_emulator.emulator import Current, Emulator, NextRuns
from hex_emulator.errors import HexError, not_found
from hex_emulator.faults import Fault
from hex_emulator.runs import Run
from hex_emulator.workspace import Project, Workspace

control = APIRouter(prefix="/_emulator")

CALLS = {route.name for route in [*api.routes, *elsewhere.routes] if isinstance(route, APIRoute)}
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
