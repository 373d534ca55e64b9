"""FastAPI dependencies of the Hex API's calls: the caller's token, its scope, and the project or run of the path."""

from typing import Annotated

from fastapi import Depends, Path, Request

from hex_emulator.emulator import CurrentEmulator
from hex_emulator.errors import ApiError, not_found
from hex_emulator.hex_route import bearer_token
from hex_emulator.query import no_repeated_names
from hex_emulator.runs import Run
from hex_emulator.workspace import Project, Scope, Token, Uuid

PathId = Annotated[Uuid, Path()]


async def _caller(request: Request, emulator: CurrentEmulator) -> Token:
    token = bearer_token(request, emulator)
    if token is None:
        raise ApiError(401, "Unauthorized", "No valid API token in the Authorization header.")
    return token


Caller = Annotated[Token, Depends(_caller)]


async def _may_read(caller: Caller) -> None:
    _require("read", caller)


async def _may_run(caller: Caller) -> None:
    _require("run", caller)


def _require(scope: Scope, caller: Token) -> None:
    if scope not in caller.scopes:
        raise ApiError(403, "Forbidden", f'The token lacks the "{scope}" scope.')


READ = [Depends(_may_read), Depends(no_repeated_names)]
RUN = [Depends(_may_run)]


async def _project(project_id: PathId, emulator: CurrentEmulator) -> Project:
    project = emulator.workspace.find_project(project_id)
    if project is None:
        raise not_found(f"There is no project {project_id}, or the token has no access to it.")
    return project


PathProject = Annotated[Project, Depends(_project)]


async def _published(project: PathProject) -> Project:
    if project.version is None:
        raise ApiError(422, "Project not published", f"The project {project.id} has never been published.")
    return project


PublishedProject = Annotated[Project, Depends(_published)]


async def _run(project: PathProject, run_id: PathId, emulator: CurrentEmulator) -> Run:
    run = emulator.runs.get(run_id.lower())
    if run is None or run.project.id != project.id:
        raise not_found(f"The project {project.id} has no run {run_id}.")
    return run


PathRun = Annotated[Run, Depends(_run)]
