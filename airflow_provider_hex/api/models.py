"""Types of the JSON objects that Hex's API sends and receives.

Hex may add fields and statuses at any time, so further fields are kept.
The names are those of https://learn.hex.tech/docs/api/api-reference.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Literal, NotRequired, TypedDict


class RunStatus(StrEnum):
    """The status of a run. ``UNKNOWN`` stands for any other: the run has neither ended nor succeeded."""

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
        """Return the status of a run.

        :param run: the run, as Hex returned it.
        """
        return cls(str(run.get("status")))

    @property
    def is_terminal(self) -> bool:
        """Whether a run with this status has ended."""
        return self not in _IN_FLIGHT

    @property
    def is_success(self) -> bool:
        """Whether a run with this status has succeeded: only ``COMPLETED``."""
        return self is RunStatus.COMPLETED


RunTriggerFilter = Literal["API", "SCHEDULED", "APP_REFRESH", "ALL"]
SortBy = Literal["CREATED_AT", "LAST_EDITED_AT", "LAST_PUBLISHED_AT"]
SortDirection = Literal["DESC", "ASC"]
NotificationType = Literal["SUCCESS", "FAILURE", "ALL"]
ScreenshotFormat = Literal["png", "pdf", "csv", "xlsx"]

_IN_FLIGHT = frozenset({RunStatus.PENDING, RunStatus.RUNNING, RunStatus.UNKNOWN})


class StartedRun(TypedDict):
    """The response to RunProject. It has no status. ``projectVersion`` is text, also where Hex sends a number."""

    projectId: str
    runId: str
    runUrl: NotRequired[str]
    runStatusUrl: NotRequired[str]
    traceId: NotRequired[str]
    projectVersion: NotRequired[str]
    notifications: NotRequired[list[dict[str, Any]]]


class Run(TypedDict):
    """A run, as GetRunStatus and GetProjectRuns return it.

    ``elapsedTime`` is in milliseconds. ``projectVersion`` is text, also where Hex sends a number: ``"7"``, or
    ``"draft"`` for a run of the notebook. Only GetRunStatus has ``stateEvents``, if it is requested.
    """

    projectId: str
    runId: str
    status: str
    runUrl: NotRequired[str]
    traceId: NotRequired[str]
    projectVersion: NotRequired[str]
    runTrigger: NotRequired[str]
    startTime: NotRequired[str | None]
    endTime: NotRequired[str | None]
    elapsedTime: NotRequired[float | None]
    notifications: NotRequired[list[dict[str, Any]]]
    stateEvents: NotRequired[list[dict[str, Any]]]


class Project(TypedDict):
    """A project or component. ``lastPublishedAt`` is None if it was never published, so that it cannot be run."""

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
    """A warehouse table that a project queries."""

    dataConnectionId: str
    dataConnectionName: str
    tableName: str


class User(TypedDict, total=False):
    """The token's owner. Hex's reference does not name the fields; these are known from experience."""

    id: str
    name: str
    email: str


class Notification(TypedDict):
    """A message that Hex sends when a run ends (an item of RunProject's ``notifications``)."""

    type: NotificationType
    includeSuccessScreenshot: bool
    screenshotFormat: NotRequired[list[ScreenshotFormat]]
    slackChannelIds: NotRequired[list[str]]
    userIds: NotRequired[list[str]]
    groupIds: NotRequired[list[str]]
    subject: NotRequired[str]
    body: NotRequired[str]
