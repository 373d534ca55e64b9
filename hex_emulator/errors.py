"""Errors as Hex words them: JSON with a reason, details and a trace id."""

from collections.abc import Iterable, Mapping
from typing import Any

from fastapi.responses import JSONResponse

from hex_emulator.runs import new_trace_id


class HexError(Exception):
    """An answer other than the one that was hoped for. `more` are further fields of its body."""

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
        body = {"reason": self.reason, "details": self.details, "traceId": new_trace_id(), **self.more}
        return JSONResponse(body, self.status, self.headers)


def malformed(errors: Iterable[Mapping[str, Any]]) -> HexError:
    """A 400 that names each field that pydantic refused, and why."""
    found = [f"{'.'.join(str(part) for part in error['loc']) or 'body'}: {error['msg']}" for error in errors]
    return HexError(400, "Malformed request", "; ".join(found))


def not_found(details: str) -> HexError:
    return HexError(404, "Not found", details)
