"""How a fault spoils an answer."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from http.client import responses

from fastapi import Request, Response
from starlette.types import Receive, Scope, Send

from hex_emulator.errors import HexError
from hex_emulator.faults import Fault

ABORT = "hex_emulator.abort"  # the ASGI extension with which `hex_emulator.server` closes a connection
PIECES = 20  # of a body that trickles


async def spoilt(fault: Fault, request: Request, answer: Callable[[], Awaitable[Response]]) -> Response:
    true_answer = await answer() if fault.apply else None
    await _wait(request.receive, fault.delay)
    if fault.drop:
        return Drop()
    response = _false_answer(fault, fault.status) if fault.status else true_answer or await answer()
    response.headers.update(fault.stated_headers)
    if fault.truncate:
        response = _cut_in_half(response)
    return Trickle(response, fault.slow) if fault.slow else response


async def _wait(receive: Receive, seconds: float) -> None:
    """Let real seconds pass. When the client hangs up there is nobody left to wait for."""
    if seconds:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await _hung_up(receive)


async def _hung_up(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _false_answer(fault: Fault, status: int) -> Response:
    if isinstance(fault.body, str):
        return Response(fault.body, status, media_type="text/html")
    if status >= 400 and not fault.has_body:
        return HexError(status, responses.get(status, "Fault"), "This is a fault that was asked for.").response()
    return Response(json.dumps(fault.body) if fault.has_body else "", status, media_type="application/json")


def _cut_in_half(response: Response) -> Response:
    half = bytes(response.body)[: len(response.body) // 2]
    headers = {name: value for name, value in response.headers.items() if name != "content-length"}
    return Response(half, response.status_code, headers)


class Drop(Response):
    """No answer: the connection is closed."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["extensions"][ABORT]()
        await _hung_up(receive)


class Trickle(Response):
    """That answer, its headers at once and its body in pieces over so many real seconds."""

    def __init__(self, answer: Response, seconds: float) -> None:
        super().__init__(answer.body, answer.status_code, dict(answer.headers))
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        size = max(1, -(-len(self.body) // PIECES))
        starts = range(0, len(self.body), size)
        for start in starts:
            await _wait(receive, self._seconds / len(starts))
            await send({"type": "http.response.body", "body": self.body[start : start + size], "more_body": True})
        await send({"type": "http.response.body", "body": b""})
