"""Error responses in Hex's form: JSON with a reason, details and a trace id."""

from collections.abc import Iterable, Mapping
from typing import Any

from fastapi.responses import JSONResponse

from hex_emulator.runs import new_trace_id


class ApiError(Exception):
    """An error response.

    :param status: the HTTP status.
    :param reason: the field ``reason`` of the body: the kind of error.
    :param details: the field ``details`` of the body.
    :param headers: further headers.
    :param more: further fields of the body.
    """

    def __init__(
        self, status: int, reason: str, details: str, headers: Mapping[str, str] | None = None, **more: Any
    ) -> None:
        super().__init__(f"{reason}: {details}")
        self.status = status
        self.reason = reason
        self.details = details
        self.headers = headers
        self.more = more

    def response(self) -> JSONResponse:
        """Return the response, with a new trace id."""
        body = {"reason": self.reason, "details": self.details, "traceId": new_trace_id(), **self.more}
        return JSONResponse(body, self.status, self.headers)


def malformed(errors: Iterable[Mapping[str, Any]]) -> ApiError:
    """Return a 400 that names each field that is wrong, and why.

    :param errors: the errors as pydantic lists them.
    :returns: the error.
    """
    found = [f"{'.'.join(str(part) for part in error['loc']) or 'body'}: {error['msg']}" for error in errors]
    return ApiError(400, "Malformed request", "; ".join(found))


def not_found(details: str) -> ApiError:
    """Return a 404.

    :param details: what does not exist.
    :returns: the error.
    """
    return ApiError(404, "Not found", details)
