"""What happens around every public call: it is recorded, and a fault may spoil it."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from http.client import responses
from typing import Any

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.types import Receive, Scope, Send

from hex_emulator.clock import timestamp
from hex_emulator.emulator import Emulator
from hex_emulator.errors import HexError, malformed
from hex_emulator.faults import Fault
from hex_emulator.workspace import Token

ABORT = "hex_emulator.abort"  # the ASGI extension with which `hex_emulator.server` closes a connection


class HexRoute(APIRoute):
    """A route of the Hex API. Its `name` is the name of the call in Hex's reference."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handler = super().get_route_handler()

        async def recorded(request: Request) -> Response:
            return await _exchange(self.name, request, handler)

        return recorded


async def _exchange(call: str, request: Request, handler: Callable[[Request], Awaitable[Response]]) -> Response:
    emulator: Emulator = request.app.state.emulator
    entry = await _record(call, request, emulator)

    async def answer() -> Response:
        try:
            return await handler(request)
        except HexError as error:
            return error.response()
        except RequestValidationError as error:
            return malformed(error.errors()).response()

    path = request.path_params
    fault = emulator.faults.take(call, path.get("project_id"), path.get("run_id"))
    response = await (_spoilt(fault, request, answer) if fault else answer())
    entry["status"] = None if isinstance(response, Drop) else response.status_code
    return response


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
        "query": dict(request.query_params),
        "body": body,
        "token": token.name if token else None,
        "status": None,
    }
    emulator.requests.append(entry)
    return entry


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


async def _spoilt(fault: Fault, request: Request, answer: Callable[[], Awaitable[Response]]) -> Response:
    true_answer = await answer() if fault.apply else None
    await _wait(request, fault.delay)
    if fault.drop:
        return Drop()
    response = _false_answer(fault, fault.status) if fault.status else true_answer or await answer()
    return _cut_in_half(response) if fault.truncate else response


async def _wait(request: Request, seconds: float) -> None:
    """Let real seconds pass. When the client hangs up there is nobody left to wait for."""
    if seconds:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await _hung_up(request.receive)


async def _hung_up(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _false_answer(fault: Fault, status: int) -> Response:
    if isinstance(fault.body, str):
        content, media_type = fault.body, "text/html"
    else:
        content, media_type = json.dumps(fault.body) if fault.has_body else "", "application/json"
    if status >= 400 and not fault.has_body:
        error = HexError(status, responses.get(status, "Fault"), "This is a fault that was asked for.")
        content = bytes(error.response().body).decode()
    return Response(content, status, fault.headers, fault.content_type or media_type)


def _cut_in_half(response: Response) -> Response:
    half = bytes(response.body)[: len(response.body) // 2]
    headers = {name: value for name, value in response.headers.items() if name != "content-length"}
    return Response(half, response.status_code, headers)


class Drop(Response):
    """No answer: the connection is closed."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["extensions"][ABORT]()
        await _hung_up(receive)
