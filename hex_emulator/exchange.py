"""What happens around every public call: it is recorded and counted, and a fault may spoil it."""

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
from hex_emulator.errors import HexError, malformed
from hex_emulator.limits import Quota
from hex_emulator.spellings import rate_limit_headers
from hex_emulator.spoiling import Drop, spoilt
from hex_emulator.workspace import Token

OLDER = re.compile(r"^/api/v1/project/([^/]+)(/runs?)?(?=/|$)")


class HexRoute(APIRoute):
    """A route of the Hex API. Its `name` is the name of the call in Hex's reference. It also answers at the
    older path, in which older clients say `project` and `run` where the reference says `projects` and `runs`."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        return super().matches({**scope, "path": _in_plural(scope["path"])})

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handler = super().get_route_handler()

        async def recorded(request: Request) -> Response:
            return await _exchange(self.name, request, handler)

        return recorded


def _in_plural(path: str) -> str:
    return OLDER.sub(lambda older: f"/api/v1/projects/{older[1]}{'/runs' if older[2] else ''}", path)


Handler = Callable[[Request], Awaitable[Response]]


async def _exchange(call: str, request: Request, handler: Handler) -> Response:
    emulator: Emulator = request.app.state.emulator
    entry = await _record(call, request, emulator)

    async def answer() -> Response:
        return await _within_limits(call, request, handler)

    path = request.path_params
    fault = emulator.faults.take(call, path.get("project_id"), path.get("run_id"))
    response = await (spoilt(fault, request, answer) if fault else answer())
    entry["status"] = None if isinstance(response, Drop) else response.status_code
    return response


async def _within_limits(call: str, request: Request, handler: Handler) -> Response:
    """A call counts for the owner of its token, so without a valid one it counts for nobody."""
    emulator: Emulator = request.app.state.emulator
    token, now = bearer(request, emulator), emulator.clock.now()
    quota = emulator.limiter.take(token.owner, call, now) if token else None
    if quota is None:
        return await _answer(request, handler)
    response = _too_many(quota) if quota.refuses else await _answer(request, handler)
    response.headers.update(rate_limit_headers(emulator.limiter.limits.headers, quota, emulator.clock, now))
    return response


def _too_many(quota: Quota) -> Response:
    details = f"More than {quota.limit} requests; the window ends at {timestamp(quota.ends)}."
    return HexError(429, "Too many requests", details).response()


async def _answer(request: Request, handler: Handler) -> Response:
    try:
        return await handler(request)
    except HexError as error:
        return error.response()
    except RequestValidationError as error:
        return malformed(error.errors()).response()


async def _record(call: str, request: Request, emulator: Emulator) -> dict[str, Any]:
    raw = await request.body()
    try:
        body = json_value(raw) if raw else None
    except ValueError:
        body = raw.decode(errors="replace")
    token = bearer(request, emulator)
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
    """By name, the value that it has, or all of them if there are more."""
    params = request.query_params
    values = {name: params.getlist(name) for name in params}
    return {name: found if len(found) > 1 else found[0] for name, found in values.items()}


def bearer(request: Request, emulator: Emulator) -> Token | None:
    """The workspace's token that the request carries."""
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    return emulator.workspace.find_token(value.strip()) if scheme.lower() == "bearer" else None


def json_value(raw: bytes) -> Any:
    """Strict JSON: raises ValueError for NaN, infinite numbers, half surrogates and what is too deep."""
    try:
        value = json.loads(raw)
        json.dumps(value, allow_nan=False, ensure_ascii=False).encode()
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    return value
