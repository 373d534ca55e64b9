"""Who may call, and what a call is about: what the calls of the Hex API have in common."""

from typing import Annotated

from fastapi import Depends, Path, Request

from hex_emulator.emulator import Current
from hex_emulator.errors import HexError, not_found
from hex_emulator.exchange import bearer
from hex_emulator.query import each_sent_once
from hex_emulator.runs import Run
from hex_emulator.workspace import Project, Scope, Token, Uuid

PathId = Annotated[Uuid, Path()]


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


READ = [Depends(_may_read), Depends(each_sent_once)]
RUN = [Depends(_may_run)]


async def _project(project_id: PathId, emulator: Current) -> Project:
    project = emulator.workspace.find_project(project_id)
    if project is None:
        raise not_found(f"There is no project {project_id}, or the token has no access to it.")
    return project


AnyProject = Annotated[Project, Depends(_project)]


async def _published(project: AnyProject) -> Project:
    if project.version is None:
        raise HexError(422, "Project not published", f"The project {project.id} has never been published.")
    return project


PublishedProject = Annotated[Project, Depends(_published)]


async def _run(project: AnyProject, run_id: PathId, emulator: Current) -> Run:
    run = emulator.runs.get(run_id.lower())
    if run is None or run.project.id != project.id:
        raise not_found(f"The project {project.id} has no run {run_id}.")
    return run


ThisRun = Annotated[Run, Depends(_run)]
