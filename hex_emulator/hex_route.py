"""What all calls of the Hex API share: they are recorded, count for the rate limits, and can be hit by a fault."""

import json
import re
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.routing import Match
from starlette.types import Scope

from hex_emulator.clock import timestamp
from hex_emulator.emulator import Emulator
from hex_emulator.errors import ApiError, malformed
from hex_emulator.fault_response import DroppedResponse, fault_response
from hex_emulator.limits import Quota
from hex_emulator.rate_limit_headers import rate_limit_headers
from hex_emulator.workspace import Token

OLDER_PATH = re.compile(r"^/api/v1/project/([^/]+)(/runs?)?(?=/|$)")


class HexRoute(APIRoute):
    """A route of the Hex API. Its ``name`` is the name of the call in Hex's reference.

    It also matches the older path, which has ``project`` and ``run`` in place of ``projects`` and ``runs``.
    """

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Match the path, or the older path, and the method of a request.

        :param scope: the ASGI scope of the request.
        :returns: how far it matches, and what the route adds to the scope.
        """
        return super().matches({**scope, "path": _newer_path(scope["path"])})

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return FastAPI's handler, inside the recording, the faults and the rate limits."""
        handler = super().get_route_handler()

        async def recorded(request: Request) -> Response:
            return await _respond(self.name, request, handler)

        return recorded


def _newer_path(path: str) -> str:
    return OLDER_PATH.sub(lambda older: f"/api/v1/projects/{older[1]}{'/runs' if older[2] else ''}", path)


Handler = Callable[[Request], Awaitable[Response]]


async def _respond(call: str, request: Request, handler: Handler) -> Response:
    emulator: Emulator = request.app.state.emulator
    entry = await _record(call, request, emulator)

    async def real_response() -> Response:
        return await _within_limits(call, request, handler)

    path = request.path_params
    fault = emulator.faults.take(call, path.get("project_id"), path.get("run_id"))
    response = await (fault_response(fault, request, real_response) if fault else real_response())
    entry["status"] = None if isinstance(response, DroppedResponse) else response.status_code
    return response


async def _within_limits(call: str, request: Request, handler: Handler) -> Response:
    """Respond with 429 if the token's owner is rate-limited. Requests without a valid token do not count."""
    emulator: Emulator = request.app.state.emulator
    token, now = bearer_token(request, emulator), emulator.clock.now()
    quota = emulator.limiter.count_call(token.owner, call, now) if token else None
    if quota is None:
        return await _handle(request, handler)
    response = _too_many(quota) if quota.is_exceeded else await _handle(request, handler)
    response.headers.update(rate_limit_headers(emulator.limiter.limits.headers, quota, emulator.clock, now))
    return response


def _too_many(quota: Quota) -> Response:
    details = f"More than {quota.limit} requests; the window ends at {timestamp(quota.ends)}."
    return ApiError(429, "Too many requests", details).response()


async def _handle(request: Request, handler: Handler) -> Response:
    try:
        return await handler(request)
    except ApiError as error:
        return error.response()
    except RequestValidationError as error:
        return malformed(error.errors()).response()


async def _record(call: str, request: Request, emulator: Emulator) -> dict[str, Any]:
    raw = await request.body()
    try:
        body = strict_json(raw) if raw else None
    except ValueError:
        body = raw.decode(errors="replace")
    token = bearer_token(request, emulator)
    entry = {
        "at": timestamp(emulator.clock.now()),
        "call": call,
        "method": request.method,
        "path": request.url.path,
        "query": _query(request),
        "body": body,
        "token": token.name if token else None,
        "status": None,
    }
    emulator.requests.append(entry)
    return entry


def _query(request: Request) -> dict[str, str | list[str]]:
    """Return the query by name: a value, or the list of them if the name is repeated."""
    params = request.query_params
    values = {name: params.getlist(name) for name in params}
    return {name: found if len(found) > 1 else found[0] for name, found in values.items()}


def bearer_token(request: Request, emulator: Emulator) -> Token | None:
    """Return the token that a request is sent with.

    :param request: the request.
    :param emulator: its workspace has the valid tokens.
    :returns: the token; None if there is none, or it is not valid.
    """
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    return emulator.workspace.find_token(value.strip()) if scheme.lower() == "bearer" else None


def strict_json(raw: bytes) -> Any:
    """Parse JSON.

    :param raw: the text.
    :returns: its value.
    :raises ValueError: if it is no JSON, nested too deeply, or has NaN, infinite numbers or half surrogates.
    """
    try:
        value = json.loads(raw)
        json.dumps(value, allow_nan=False, ensure_ascii=False).encode()
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    return value
