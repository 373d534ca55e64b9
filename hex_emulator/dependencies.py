"""FastAPI dependencies of the Hex API's calls: the caller's token, its scope, the project or run, the body."""

from typing import Annotated

from fastapi import Depends, Path, Request
from pydantic import ValidationError

from hex_emulator.emulator import CurrentEmulator, Emulator
from hex_emulator.errors import ApiError, malformed, not_found
from hex_emulator.exchange import CurrentExchange, exchange_of
from hex_emulator.query import no_repeated_names
from hex_emulator.request_log import bearer_token, strict_json
from hex_emulator.run_request import RunProjectRequest
from hex_emulator.runs import Run
from hex_emulator.workspace import Project, Scope, Token

VANISHED = {403: "Forbidden", 404: "Not found", 422: "Unprocessable"}


async def _caller(request: Request, emulator: CurrentEmulator) -> Token:
    token = bearer_token(request, emulator)
    if token is None:
        raise AssertionError("hex_route has let a request without a token through")
    return token


Caller = Annotated[Token, Depends(_caller)]


class MayUse:
    """Rejects a token that lacks a scope. A FastAPI dependency.

    :param scope: the scope.
    """

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    async def __call__(self, caller: Caller, exchange: CurrentExchange) -> None:
        """Check the caller's scopes.

        :raises ApiError: 403, if the scope is missing.
        """
        scope = exchange.generation.required_scope(caller, self._scope)
        if scope is not None and scope not in caller.scopes:
            name = exchange.generation.scopes[scope]
            raise ApiError(403, "Forbidden", f'The token lacks the scope "{name}".')


READ = [Depends(MayUse("read")), Depends(no_repeated_names)]
READ_CELLS = [Depends(MayUse("cells")), Depends(no_repeated_names)]
READ_USER = [Depends(MayUse("users")), Depends(no_repeated_names)]
RUN = [Depends(MayUse("run"))]


async def _path_project_id(project_id: Annotated[str, Path()], exchange: CurrentExchange) -> str:
    exchange.generation.check_id(project_id)
    return project_id.lower()


async def _path_run_id(run_id: Annotated[str, Path()], exchange: CurrentExchange) -> str:
    exchange.generation.check_id(run_id)
    return run_id.lower()


async def _path_static_id(static_id: Annotated[str, Path()], exchange: CurrentExchange) -> str:
    exchange.generation.check_id(static_id)
    return static_id.lower()


ProjectId = Annotated[str, Depends(_path_project_id)]
RunId = Annotated[str, Depends(_path_run_id)]
StaticId = Annotated[str, Depends(_path_static_id)]


def project_of(project_id: str, emulator: Emulator) -> Project:
    """Return a project.

    :param project_id: its id.
    :param emulator: its workspace has the project.
    :returns: the project.
    :raises ApiError: 404, if there is none.
    """
    project = emulator.workspace.find_project(project_id)
    if project is None:
        raise not_found(f"There is no project {project_id}, or the token has no access to it.")
    return project


async def _project(project_id: ProjectId, emulator: CurrentEmulator) -> Project:
    return project_of(project_id, emulator)


PathProject = Annotated[Project, Depends(_project)]


async def _published(project: PathProject) -> Project:
    if project.version is None:
        raise ApiError(422, "Project not published", f"The project {project.id} has never been published.")
    return project


PublishedProject = Annotated[Project, Depends(_published)]


async def _any_run(project_id: ProjectId, run_id: RunId, emulator: CurrentEmulator) -> Run | None:
    run = emulator.runs.get(run_id)
    return run if run and run.project.id == project_id else None


AnyRun = Annotated[Run | None, Depends(_any_run)]


async def _run(run: AnyRun, project: PathProject, run_id: RunId) -> Run:
    if run is None:
        raise not_found(f"The project {project.id} has no run {run_id}.")
    return run


PathRun = Annotated[Run, Depends(_run)]
"""The run of the path; 404 if it does not exist."""


async def _vanishing_run(run: AnyRun, project_id: ProjectId, run_id: RunId, emulator: CurrentEmulator) -> Run:
    if run is None:
        details = f"The project {project_id} has no run {run_id}, or the token has no access to it."
        raise ApiError(emulator.vanished, VANISHED[emulator.vanished], details)
    return run


VanishingRun = Annotated[Run, Depends(_vanishing_run)]
"""The run of the path; the status that the emulator is set to if it does not exist."""


async def _run_project_request(request: Request) -> RunProjectRequest:
    model = exchange_of(request).generation.run_request
    raw = await request.body()
    if not raw:
        return model()
    if request.headers.get("Content-Type", "").partition(";")[0].strip().lower() != "application/json":
        raise ApiError(400, "Malformed request", "The body's Content-Type must be application/json.")
    try:
        body = model.model_validate(strict_json(raw))
    except ValidationError as error:
        raise malformed(error.errors()) from error
    except ValueError as error:
        raise ApiError(400, "Malformed request", f"The body is no JSON: {error}.") from error
    if body.view_id and body.input_params:
        raise ApiError(400, "Malformed request", "viewId and inputParams exclude each other.")
    return body


RunBody = Annotated[RunProjectRequest, Depends(_run_project_request)]
