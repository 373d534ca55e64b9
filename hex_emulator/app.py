"""The emulator as an ASGI application."""

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from hex_emulator.api import ROUTERS
from hex_emulator.clock import Clock
from hex_emulator.control import control
from hex_emulator.emulator import Emulator, VanishedStatus
from hex_emulator.errors import ApiError, malformed
from hex_emulator.generations.api import APIS, ApiName
from hex_emulator.generations.older import Older
from hex_emulator.limits import LIMITS, Limiter, Limits, LimitsOf
from hex_emulator.page import pages
from hex_emulator.runs import new_trace_id
from hex_emulator.workspace import Workspace, default_workspace


def create_app(
    workspace: Workspace | None = None,
    speed: float = 1.0,
    limits: Limits | LimitsOf = "2026",
    *,
    api: ApiName = "mixed",
    vanished: VanishedStatus = 404,
) -> FastAPI:
    """Return a new emulator.

    Dropped connections and the emulator's time in ``Date`` need :class:`hex_emulator.server.Server`; everything else
    works under any ASGI server.

    :param workspace: its projects and tokens; default: ``workspace.toml``.
    :param speed: emulated seconds in one real second; 0 stops time.
    :param limits: its limits: those of Hex in a year, or others.
    :param api: which calls are of the older generation ("2025": all, "mixed": those that Hex has not moved yet).
    :param vanished: the status of GetRunStatus and CancelRun for a run that does not exist.
    :returns: the application; its ``state.emulator`` is an :class:`~hex_emulator.emulator.Emulator`.
    """
    app = FastAPI(title="Hex emulator", openapi_url=None, redirect_slashes=False)
    limiter = Limiter(limits if isinstance(limits, Limits) else LIMITS[limits])
    app.state.emulator = Emulator(workspace or default_workspace(), Clock(speed), limiter, APIS[api], vanished)
    for router in (*ROUTERS, control, pages):
        app.include_router(router)

    @app.exception_handler(ApiError)
    async def api_error(request: Request, error: ApiError) -> JSONResponse:
        return _response(error)

    @app.exception_handler(RequestValidationError)
    async def bad_request(request: Request, error: RequestValidationError) -> JSONResponse:
        return _response(malformed(error.errors()))

    @app.exception_handler(HTTPException)
    async def no_such_route(request: Request, error: HTTPException) -> JSONResponse:
        details = f"{request.method} {request.url.path} belongs neither to the Hex API nor to the emulator."
        return _response(ApiError(error.status_code, error.detail, details, headers=error.headers))

    @app.exception_handler(Exception)
    async def bug(request: Request, error: Exception) -> JSONResponse:
        return _response(ApiError(500, "Internal error", f"The emulator has a bug: {error!r}"))

    return app


def _response(error: ApiError) -> JSONResponse:
    """Return the response to a request that is none to the Hex API."""
    return Older().error(error, new_trace_id())
