"""The emulator as an ASGI application."""

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from hex_emulator.api import ROUTERS
from hex_emulator.clock import Clock
from hex_emulator.control import control
from hex_emulator.emulator import Emulator
from hex_emulator.errors import HexError, malformed
from hex_emulator.limits import Limiter, Limits
from hex_emulator.page import pages
from hex_emulator.workspace import Workspace, default_workspace


def create_app(workspace: Workspace | None = None, speed: float = 1.0, limits: Limits | None = None) -> FastAPI:
    """`limits` are Hex's own unless stated. Dropped connections and the emulator's time in `Date` need
    `hex_emulator.server`; everything else works under any ASGI server."""
    app = FastAPI(title="Hex emulator", openapi_url=None, redirect_slashes=False)
    app.state.emulator = Emulator(workspace or default_workspace(), Clock(speed), Limiter(limits or Limits()))
    for router in (*ROUTERS, control, pages):
        app.include_router(router)

    @app.exception_handler(HexError)
    async def hex_error(request: Request, error: HexError) -> JSONResponse:
        return error.response()

    @app.exception_handler(RequestValidationError)
    async def bad_request(request: Request, error: RequestValidationError) -> JSONResponse:
        return malformed(error.errors()).response()

    @app.exception_handler(HTTPException)
    async def no_such_route(request: Request, error: HTTPException) -> JSONResponse:
        details = f"{request.method} {request.url.path} is neither the Hex API's nor the emulator's."
        return HexError(error.status_code, error.detail, details, error.headers).response()

    @app.exception_handler(Exception)
    async def own_mistake(request: Request, error: Exception) -> JSONResponse:
        return HexError(500, "Internal error", f"The emulator has a bug: {error!r}").response()

    return app
