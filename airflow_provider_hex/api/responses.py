"""What Hex's responses mean: a value, or an error. No I/O.

Each ``read_…`` reads ``data``, a response's JSON, and raises ``HexInvalidResponse`` if that is not what the API
documents.
"""

from __future__ import annotations

import base64
import json
from typing import Any, TypeVar, cast

from airflow_provider_hex.api import error_messages, limit_headers
from airflow_provider_hex.api.call import Call, Page, Response
from airflow_provider_hex.api.errors import HexInvalidResponse
from airflow_provider_hex.api.models import Run, StartedRun

T = TypeVar("T")


def decode(call: Call[T], response: Response) -> T:
    """Return the value of a response.

    :return: the value that ``call.read`` returns.
    :raises HexRequestRejected: 3xx and 4xx, or a subclass: 401, 403, 404.
    :raises HexRateLimited: 429, and 503 of RunProject.
    :raises HexServerError: 408, 425 and any other 5xx.
    :raises HexInvalidResponse: a success that the API does not document.
    """
    data = _json(response.body)
    if not 200 <= response.status < 300:
        retry_after = limit_headers.retry_after(response.headers, response.received_at, response.status)
        raise error_messages.error_response(call, response, data, retry_after)
    try:
        return call.read(data, response)
    except HexInvalidResponse as error:
        raise error_messages.invalid_response(call, response, data, str(error)) from None


def read_object(data: Any, **required: str | None) -> dict[str, Any]:
    """Return a JSON object.

    :param required: the text fields that it must have. Each must equal the given text in any letter case; None
        stands for any text.
    """
    if not isinstance(data, dict):
        raise HexInvalidResponse("is not a JSON object")
    for name, value in required.items():
        if not isinstance(data.get(name), str) or not data[name]:
            raise HexInvalidResponse(f"has no {name}")
        if value is not None and data[name].lower() != value.lower():
            raise HexInvalidResponse(f"has {name} {data[name]!r} instead of {value!r}")
    return data


def read_list(data: Any, name: str) -> list[Any]:
    """Return the list in a field of a JSON object."""
    found = read_object(data).get(name)
    if not isinstance(found, list):
        raise HexInvalidResponse(f"has no list of {name}")
    return found


def read_run(data: Any, run_id: str | None = None) -> Run:
    """Return a run.

    :param run_id: the id that it must have. Default: any.
    """
    return cast("Run", _with_version_as_text(read_object(data, runId=run_id, status=None)))


def read_started_run(data: Any) -> StartedRun:
    """Return a run that was just started."""
    return cast("StartedRun", _with_version_as_text(read_object(data, runId=None)))


def _with_version_as_text(run: dict[str, Any]) -> dict[str, Any]:
    """Hex sends the project's version as text or as a number, depending on the call and on the time."""
    version = run.get("projectVersion")
    return {**run, "projectVersion": str(version)} if isinstance(version, int) else run


def read_cursor(data: Any, current: str | None) -> str | None:
    """Return the cursor of the next page.

    :param current: the cursor of this page. A page that names itself as the next would be requested for ever.
    :return: the cursor, None on the last page.
    """
    cursor = read_object(data.get("pagination") or {}).get("after")
    if cursor is not None and not isinstance(cursor, str):
        raise HexInvalidResponse("has a cursor that is not text")
    if cursor and cursor == current:
        raise HexInvalidResponse("has the same cursor again")
    return cursor or None


def read_nothing(data: Any, response: Response) -> None:
    """Accept an empty body or a JSON object. Anything else, such as a proxy's login page, is not from Hex."""
    if response.body:
        read_object(data)


def read_image(data: Any) -> bytes:
    """Return the image in a JSON object."""
    try:
        return base64.b64decode(read_object(data, imageBase64=None)["imageBase64"], validate=True)
    except ValueError:
        raise HexInvalidResponse("has an image that is not base64") from None


def to_page(items: list[T], next_call: Call[Page[T]] | None, response: Response) -> Page[T]:
    """Return a page of a list.

    :param next_call: the call for the next page, None for the last page.
    :param response: the response, whose headers show Hex's clock.
    """
    ahead = limit_headers.clock_ahead(response.headers, response.received_at, response.sent_at)
    return Page(items, next_call, ahead)


def _json(body: bytes) -> Any:
    """Return the body's JSON, None for anything else: an empty body, HTML, half a document."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None
