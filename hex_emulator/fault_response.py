"""The response to a call that a fault hits."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from http.client import responses

from fastapi import Request, Response
from starlette.types import Receive, Scope, Send

from hex_emulator.errors import ApiError
from hex_emulator.exchange import Exchange
from hex_emulator.faults import Fault

ABORT = "hex_emulator.abort"  # the ASGI extension with which hex_emulator.server closes a connection
PIECES = 20  # of a slow body
FIRST_ERROR_STATUS = 400


async def fault_response(
    fault: Fault, request: Request, exchange: Exchange, real_response: Callable[[], Awaitable[Response]]
) -> Response:
    """Return the response to a call that a fault hits.

    :param fault: the fault.
    :param request: the request of the call.
    :param exchange: the same, and how its responses look.
    :param real_response: applies the call, and returns its response.
    :returns: the real response, changed or late; a false one; or a :class:`DroppedResponse`.
    """
    applied = await real_response() if fault.apply else None
    await _wait(request.receive, fault.delay)
    if fault.drop:
        return DroppedResponse()
    response = _false_response(fault, fault.status, exchange) if fault.status else applied or await real_response()
    response.headers.update(fault.new_headers)
    if fault.truncate:
        response = _cut_in_half(response)
    return SlowResponse(response, fault.slow) if fault.slow else response


async def _wait(receive: Receive, seconds: float) -> None:
    """Wait for real seconds, or until the client disconnects."""
    if seconds:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await _disconnected(receive)


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _false_response(fault: Fault, status: int, exchange: Exchange) -> Response:
    if isinstance(fault.body, str):
        return Response(fault.body, status, media_type="text/html")
    if fault.has_body or status < FIRST_ERROR_STATUS:
        return Response(json.dumps(fault.body) if fault.has_body else "", status, media_type="application/json")
    if status == 401:
        return exchange.unauthorized(token_sent=True)
    return exchange.error(ApiError(status, responses.get(status, "Fault"), "A test added a fault with this status."))


def _cut_in_half(response: Response) -> Response:
    half = bytes(response.body)[: len(response.body) // 2]
    headers = {name: value for name, value in response.headers.items() if name != "content-length"}
    return Response(half, response.status_code, headers)


class DroppedResponse(Response):
    """No response: the connection is closed."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Close the connection."""
        scope["extensions"][ABORT]()
        await _disconnected(receive)


class SlowResponse(Response):
    """Another response, with its headers sent at once and its body in pieces.

    :param response: the other response.
    :param seconds: the real seconds from the headers to the last piece.
    """

    def __init__(self, response: Response, seconds: float) -> None:
        super().__init__(response.body, response.status_code, dict(response.headers))
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the headers, and then the body piece by piece."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        size = max(1, -(-len(self.body) // PIECES))
        starts = range(0, len(self.body), size)
        for start in starts:
            await _wait(receive, self._seconds / len(starts))
            await send({"type": "http.response.body", "body": self.body[start : start + size], "more_body": True})
        await send({"type": "http.response.body", "body": b""})
