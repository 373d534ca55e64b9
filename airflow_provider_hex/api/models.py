"""What Hex's API answers with, as it says it: JSON objects, with types.

Hex may add fields and statuses at any time, so these are open dicts: what is not named here is kept.
The names are those of the API reference (https://learn.hex.tech/docs/api/api-reference).
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Literal, NotRequired, TypedDict


class RunStatus(StrEnum):
    """The state of a run. ``UNKNOWN`` is any that this version does not know: neither an end nor a success."""

    PENDING = "PENDING"
    RUNNING = "RUNNING"
    COMPLETED = "COMPLETED"
    ERRORED = "ERRORED"
    KILLED = "KILLED"
    UNABLE_TO_ALLOCATE_KERNEL = "UNABLE_TO_ALLOCATE_KERNEL"
    UNKNOWN = "UNKNOWN"

    @classmethod
    def _missing_(cls, value: object) -> RunStatus:
        return cls.UNKNOWN

    @classmethod
    def of(cls, run: Mapping[str, Any]) -> RunStatus:
        """Return the status of a run as Hex described it."""
        return cls(str(run.get("status")))

    @property
    def is_terminal(self) -> bool:
        """Whether a run in this state will never change again."""
        return self not in _NOT_OVER

    @property
    def is_success(self) -> bool:
        """Whether the run did what it was asked to: ``COMPLETED`` alone."""
        return self is RunStatus.COMPLETED


RunTriggerFilter = Literal["API", "SCHEDULED", "APP_REFRESH", "ALL"]
SortBy = Literal["CREATED_AT", "LAST_EDITED_AT", "LAST_PUBLISHED_AT"]
SortDirection = Literal["DESC", "ASC"]
NotificationType = Literal["SUCCESS", "FAILURE", "ALL"]
ScreenshotFormat = Literal["png", "pdf", "csv", "xlsx"]

_NOT_OVER = frozenset({RunStatus.PENDING, RunStatus.RUNNING, RunStatus.UNKNOWN})


class StartedRun(TypedDict):
    """Hex's answer to RunProject. It has no status: the run has only been accepted."""

    projectId: str
    runId: str
    runUrl: NotRequired[str]
    runStatusUrl: NotRequired[str]
    traceId: NotRequired[str]
    projectVersion: NotRequired[int]
    notifications: NotRequired[list[dict[str, Any]]]


class Run(TypedDict):
    """A run, as GetRunStatus and GetProjectRuns describe it. ``elapsedTime`` is in milliseconds."""

    projectId: str
    runId: str
    status: str
    runUrl: NotRequired[str]
    traceId: NotRequired[str]
    projectVersion: NotRequired[int]
    runTrigger: NotRequired[str]
    startTime: NotRequired[str | None]
    endTime: NotRequired[str | None]
    elapsedTime: NotRequired[float | None]
    notifications: NotRequired[list[dict[str, Any]]]
    stateEvents: NotRequired[list[dict[str, Any]]]


class Project(TypedDict):
    """A project or component. ``lastPublishedAt`` is null for one that was never published: it cannot be run."""

    id: str
    title: str
    type: NotRequired[str]
    description: NotRequired[str | None]
    creator: NotRequired[dict[str, Any]]
    owner: NotRequired[dict[str, Any]]
    status: NotRequired[dict[str, Any] | None]
    categories: NotRequired[list[dict[str, Any]]]
    reviews: NotRequired[dict[str, Any]]
    analytics: NotRequired[dict[str, Any]]
    schedules: NotRequired[list[dict[str, Any]]]
    sharing: NotRequired[dict[str, Any]]
    createdAt: NotRequired[str]
    lastEditedAt: NotRequired[str | None]
    lastPublishedAt: NotRequired[str | None]
    archivedAt: NotRequired[str | None]
    trashedAt: NotRequired[str | None]


class QueriedTable(TypedDict, total=False):
    """A table of a warehouse that a project queries."""

    dataConnectionId: str
    dataConnectionName: str
    tableName: str


class User(TypedDict, total=False):
    """Whose token it is. The reference leaves the fields open; these are the ones looked for."""

    id: str
    name: str
    email: str


class Notification(TypedDict):
    """Whom Hex tells about a run's end (RunProject's ``notifications``)."""

    type: NotificationType
    includeSuccessScreenshot: bool
    screenshotFormat: NotRequired[list[ScreenshotFormat]]
    slackChannelIds: NotRequired[list[str]]
    userIds: NotRequired[list[str]]
    groupIds: NotRequired[list[str]]
    subject: NotRequired[str]
    body: NotRequired[str]
