"""The API as the calls are that Hex has moved to its new server since mid 2026."""

from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any, ClassVar

from hex_emulator.clock import timestamp
from hex_emulator.errors import ApiError
from hex_emulator.generations.generation import Generation, expanded_stats, run_body, user_body
from hex_emulator.run_request import MovedRunProjectRequest
from hex_emulator.runs import Run
from hex_emulator.workspace import Scope, Token, Workspace

CODES = {405: "METHOD_NOT_SUPPORTED", 422: "UNPROCESSABLE_CONTENT"}  # where it is not the name of the status


class Moved(Generation):
    """Errors have a code, a message and issues; scopes are finer; any text is an id."""

    run_request = MovedRunProjectRequest
    no_image_status = 400
    scopes: ClassVar[dict[Scope, str]] = {
        "read": "Projects → Read access",
        "run": "Run projects",
        "cells": "Cells → Read",
        "users": "Users → Read",
    }

    def error_body(self, error: ApiError, trace_id: str) -> dict[str, Any]:
        """Return the newer body, which has no trace id."""
        body: dict[str, Any] = {"code": _code(error.status), "message": error.details}
        if error.issues:
            body["issues"] = [{"message": issue} for issue in error.issues]
        return body

    def required_scope(self, token: Token, scope: Scope) -> Scope | None:
        """Return the scope; a personal token needs none to read its own user."""
        return None if scope == "users" and not token.is_workspace_token else scope

    def check_id(self, value: str) -> None:
        """Take any text."""

    def me(self, token: Token, workspace: Workspace, now: datetime) -> dict[str, Any]:
        """Return the workspace, and the user if the token is a personal one."""
        expiry = {"token": {"exp": token.expires_at.timestamp()}} if token.expires_at else {}
        if token.is_workspace_token:
            return {"org": {"id": workspace.id}, **expiry}
        last_login = timestamp(now - timedelta(hours=1))
        return {**user_body(token, workspace), "lastLoginDate": last_login, **expiry}

    def run(self, run: Run, now: datetime, expanded: bool) -> dict[str, Any]:
        """Return the run with its version as text, and with its events only on request."""
        body = {**run_body(run, now), "projectVersion": str(run.project.version)}
        return {**body, **expanded_stats(run, now)} if expanded else body


def _code(status: int) -> str:
    try:
        return CODES.get(status) or HTTPStatus(status).name
    except ValueError:
        return "UNKNOWN"
