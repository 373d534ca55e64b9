"""The record of all requests to the Hex API, see ``GET /_emulator/requests``."""

import json
from typing import Any

from fastapi import Request

from hex_emulator.clock import timestamp
from hex_emulator.emulator import Emulator
from hex_emulator.workspace import Token

SECRET_HEADERS = {"authorization", "cookie"}


async def record(call: str, request: Request, emulator: Emulator, trace_id: str) -> dict[str, Any]:
    """Record a request.

    :param call: the name of the call.
    :param request: the request.
    :param emulator: where it is recorded.
    :param trace_id: its trace id.
    :returns: the record; its ``status`` is None until it is set.
    """
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
        "path": (request.scope.get("raw_path") or request.url.path.encode()).decode(),
        "query": _query(request),
        "headers": {name: value for name, value in request.headers.items() if name not in SECRET_HEADERS},
        "body": body,
        "token": token.name if token else None,
        "traceId": trace_id,
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
