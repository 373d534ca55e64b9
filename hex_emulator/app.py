"""The emulator as an ASGI application."""

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from hex_emulator.api import ROUTERS
from hex_emulator.clock import Clock
from hex_emulator.control import control
from hex_emulator.emulator import Emulator
from hex_emulator.errors import ApiError, malformed
from hex_emulator.limits import Limiter, Limits
from hex_emulator.page import pages
from hex_emulator.workspace import Workspace, default_workspace


def create_app(workspace: Workspace | None = None, speed: float = 1.0, limits: Limits | None = None) -> FastAPI:
    """Return a new emulator.

    Dropped connections and the emulator's time in ``Date`` need :class:`hex_emulator.server.Server`; everything else
    works under any ASGI server.

    :param workspace: its projects and tokens; default: ``workspace.toml``.
    :param speed: emulated seconds in one real second; 0 stops time.
    :param limits: its limits; default: Hex's.
    :returns: the application; its ``state.emulator`` is an :class:`~hex_emulator.emulator.Emulator`.
    """
    app = FastAPI(title="Hex emulator", openapi_url=None, redirect_slashes=False)
    app.state.emulator = Emulator(workspace or default_workspace(), Clock(speed), Limiter(limits or Limits()))
    for router in (*ROUTERS, control, pages):
        app.include_router(router)

    @app.exception_handler(ApiError)
    async def api_error(request: Request, error: ApiError) -> JSONResponse:
        return error.response()

    @app.exception_handler(RequestValidationError)
    async def bad_request(request: Request, error: RequestValidationError) -> JSONResponse:
        return malformed(error.errors()).response()

    @app.exception_handler(HTTPException)
    async def no_such_route(request: Request, error: HTTPException) -> JSONResponse:
        details = f"{request.method} {request.url.path} belongs neither to the Hex API nor to the emulator."
        return ApiError(error.status_code, error.detail, details, error.headers).response()

    @app.exception_handler(Exception)
    async def bug(request: Request, error: Exception) -> JSONResponse:
        return ApiError(500, "Internal error", f"The emulator has a bug: {error!r}").response()

    return app
