"""What differs between the two generations of Hex's API."""

from abc import ABC, abstractmethod
from datetime import datetime
from typing import Any, ClassVar

from fastapi.responses import JSONResponse

from hex_emulator.clock import timestamp
from hex_emulator.errors import ApiError
from hex_emulator.notifications import recipients
from hex_emulator.run_request import RunProjectRequest
from hex_emulator.runs import Run
from hex_emulator.workspace import Scope, Token, Workspace


class Generation(ABC):
    """How one generation reads requests, and what its responses look like."""

    run_request: ClassVar[type[RunProjectRequest]]
    """The body of RunProject."""

    no_image_status: ClassVar[int]
    """The status of GetChartImageFromRun for a run that has not completed, or a cell that is no chart."""

    scopes: ClassVar[dict[Scope, str]]
    """What a response calls a scope."""

    def error(self, error: ApiError, trace_id: str) -> JSONResponse:
        """Return an error response.

        :param error: the error.
        :param trace_id: the trace id of the request.
        :returns: the response.
        """
        return JSONResponse(self.error_body(error, trace_id), error.status, error.headers)

    @abstractmethod
    def error_body(self, error: ApiError, trace_id: str) -> dict[str, Any]:
        """Return the body of an error response."""

    @abstractmethod
    def required_scope(self, token: Token, scope: Scope) -> Scope | None:
        """Return the scope that a token needs.

        :param token: the token.
        :param scope: what the call is for.
        :returns: the scope; None if this token needs none.
        """

    @abstractmethod
    def check_id(self, value: str) -> None:
        """Reject a malformed id.

        :param value: the id.
        :raises ApiError: if this generation does not take it.
        """

    @abstractmethod
    def me(self, token: Token, workspace: Workspace, now: datetime) -> dict[str, Any]:
        """Return the body of Me."""

    @abstractmethod
    def run(self, run: Run, now: datetime, expanded: bool) -> dict[str, Any]:
        """Return what the bodies of GetRunStatus and GetProjectRuns have on a run, without its URL and a trace id.

        :param run: the run.
        :param now: the emulated time.
        :param expanded: whether the request asked for expanded statistics.
        :returns: the fields.
        """


def run_body(run: Run, now: datetime) -> dict[str, Any]:
    """Return what both generations have on a run."""
    start, end, elapsed = run.start_time(now), run.end_time(now), run.elapsed(now)
    return {
        "projectId": run.project.id,
        "projectVersion": run.project.version,
        "runId": run.id,
        "status": run.status(now),
        "runTrigger": run.trigger,
        "startTime": timestamp(start) if start else None,
        "endTime": timestamp(end) if end else None,
        "elapsedTime": round(elapsed.total_seconds() * 1000) if elapsed is not None else None,
        "notifications": recipients(run.notifications),
    }


def expanded_stats(run: Run, now: datetime) -> dict[str, Any]:
    """Return what Hex calls expanded statistics of a run."""
    events = [{"type": "STATUS", "value": status, "timestamp": timestamp(at)} for status, at in run.history(now)]
    return {"flagConfigOverride": "", "stateEvents": events}


def user_body(token: Token, workspace: Workspace) -> dict[str, Any]:
    """Return what both generations have on the owner of a token."""
    return {
        "id": token.owner_id,
        "name": token.name,
        "email": token.owner,
        "role": "EDITOR",
        "org": {"id": workspace.id},
    }
