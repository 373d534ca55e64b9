"""The API as it was until 2026, and as the calls are that have not moved yet."""

from datetime import datetime
from typing import Any, ClassVar

from hex_emulator.errors import ApiError, InputsRejected
from hex_emulator.generations.generation import Generation, expanded_stats, run_body, user_body
from hex_emulator.run_request import OlderRunProjectRequest
from hex_emulator.runs import Run
from hex_emulator.workspace import UUID, Scope, Token, Workspace


class Older(Generation):
    """Errors have a reason, details and a trace id; all GETs have one scope; ids are UUIDs."""

    run_request = OlderRunProjectRequest
    no_image_status = 422
    scopes: ClassVar[dict[Scope, str]] = {"read": "Read projects", "run": "Run projects"}

    def error_body(self, error: ApiError, trace_id: str) -> dict[str, Any]:
        """Return the older body; that of rejected inputs has no reason."""
        if isinstance(error, InputsRejected):
            return {"traceId": trace_id, "invalid": error.invalid, "notFound": error.not_found}
        return {"reason": error.reason, "details": error.details, "traceId": trace_id}

    def required_scope(self, token: Token, scope: Scope) -> Scope:
        """Return ``read`` or ``run``."""
        return "run" if scope == "run" else "read"

    def check_id(self, value: str) -> None:
        """Reject what is no UUID with a 400."""
        if not UUID.fullmatch(value):
            raise ApiError(400, "Malformed request", f"{value} is no UUID.")

    def me(self, token: Token, workspace: Workspace, now: datetime) -> dict[str, Any]:
        """Return the token's owner, for every kind of token."""
        return user_body(token, workspace)

    def run(self, run: Run, now: datetime, expanded: bool) -> dict[str, Any]:
        """Return the run, always with its events."""
        return {**run_body(run, now), **expanded_stats(run, now)}
