"""What all calls of the Hex API share: they are recorded, count for the rate limits, and can be hit by a fault."""

import re
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any
from urllib.parse import unquote

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.routing import Match
from starlette.types import Scope

from hex_emulator.clock import timestamp
from hex_emulator.emulator import Emulator
from hex_emulator.errors import ApiError, malformed
from hex_emulator.exchange import Exchange
from hex_emulator.fault_response import DroppedResponse, fault_response
from hex_emulator.limits import Quota
from hex_emulator.rate_limit_headers import rate_limit_headers
from hex_emulator.request_log import bearer_token, record

OLDER_PATH = re.compile(r"^/api/v1/project/([^/]+)(/runs?)?(?=/|$)")
ESCAPED_SLASH = re.compile(rb"%(?=2f)", re.IGNORECASE)


class HexRoute(APIRoute):
    """A route of the Hex API. Its ``name`` is the name of the call in Hex's reference.

    It also matches the older path, which has ``project`` and ``run`` in place of ``projects`` and ``runs``. A ``%2F``
    is a part of a name and separates nothing.
    """

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Match the path, or the older path, and the method of a request.

        :param scope: the ASGI scope of the request.
        :returns: how far it matches, and what the route adds to the scope.
        """
        return super().matches({**scope, "path": _newer_path(_decoded_path(scope))})

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return FastAPI's handler, inside the recording, the faults and the rate limits."""
        handler = super().get_route_handler()

        async def recorded(request: Request) -> Response:
            return await _respond(self.name, request, handler)

        return recorded


def _decoded_path(scope: Scope) -> str:
    """Return the path, in which %2F is still escaped."""
    raw_path: bytes | None = scope.get("raw_path")
    return unquote(ESCAPED_SLASH.sub(b"%25", raw_path).decode("ascii")) if raw_path else scope["path"]


def _newer_path(path: str) -> str:
    return OLDER_PATH.sub(lambda older: f"/api/v1/projects/{older[1]}{'/runs' if older[2] else ''}", path)


Handler = Callable[[Request], Awaitable[Response]]


async def _respond(call: str, request: Request, handler: Handler) -> Response:
    emulator: Emulator = request.app.state.emulator
    exchange = request.state.exchange = Exchange(call, emulator.api)
    entry = await record(call, request, emulator, exchange.trace_id)

    async def real_response() -> Response:
        return await _real_response(exchange, request, handler)

    path = request.path_params
    fault = emulator.faults.take(call, path.get("project_id"), path.get("run_id"))
    response = await (fault_response(fault, request, exchange, real_response) if fault else real_response())
    entry["status"] = None if isinstance(response, DroppedResponse) else response.status_code
    return response


async def _real_response(exchange: Exchange, request: Request, handler: Handler) -> Response:
    """Respond with 401 without a valid token, with 429 if the token's owner is rate-limited, or else as the call."""
    emulator: Emulator = request.app.state.emulator
    token, now = bearer_token(request, emulator), emulator.clock.now()
    if token is None:
        return exchange.unauthorized(token_sent="authorization" in request.headers)
    quota = emulator.limiter.count_call(token.owner, exchange.call, now)
    if quota is None:
        return await _handle(exchange, request, handler)
    response = _too_many(exchange, quota) if quota.is_exceeded else await _handle(exchange, request, handler)
    response.headers.update(rate_limit_headers(emulator.limiter.limits.headers, quota, emulator.clock, now))
    return response


def _too_many(exchange: Exchange, quota: Quota) -> Response:
    details = f"More than {quota.limit} requests; the window ends at {timestamp(quota.ends)}."
    return exchange.error(ApiError(429, "Too many requests", details))


async def _handle(exchange: Exchange, request: Request, handler: Handler) -> Response:
    try:
        return exchange.traced(await handler(request))
    except ApiError as error:
        return exchange.error(error)
    except RequestValidationError as error:
        return exchange.error(malformed(error.errors()))
