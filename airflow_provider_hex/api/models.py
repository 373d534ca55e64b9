"""Types of the JSON objects that Hex's API sends and receives.

Hex may add fields and statuses at any time, so further fields are kept.
The names are those of https://learn.hex.tech/docs/api/api-reference.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Literal, NotRequired

if sys.version_info >= (3, 12):
    from typing import TypedDict
else:
    from typing_extensions import TypedDict  # pydantic accepts no other before Python 3.12


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
ScreenshotFormat = Literal["png", "pdf"]

_IN_FLIGHT = frozenset({RunStatus.PENDING, RunStatus.RUNNING, RunStatus.UNKNOWN})


class StartedRun(TypedDict):
    """The response to RunProject. It has no status. ``projectVersion`` is text, also where Hex sends a number."""

    projectId: str
    runId: str
    runUrl: NotRequired[str]
    runStatusUrl: NotRequired[str]
    traceId: NotRequired[str]
    projectVersion: NotRequired[str]
    notifications: NotRequired[list[NotificationRecipient]]


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
    notifications: NotRequired[list[NotificationRecipient]]
    stateEvents: NotRequired[list[dict[str, Any]]]


def duration(run: Mapping[str, Any]) -> float | None:
    """Return the seconds that a run took, None if it has not ended or Hex does not say."""
    elapsed = run.get("elapsedTime")
    if not isinstance(elapsed, (int, float)) or isinstance(elapsed, bool) or not RunStatus.of(run).is_terminal:
        return None
    return elapsed / 1000


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


class Cell(TypedDict):
    """A cell of a project's draft. ``staticId`` is the same in all versions of the project, ``id`` is not.

    ``cellType`` is ``CHART`` for a chart. ``label`` is None if the cell has none; several cells may have the same.
    ``contents`` has the source code.
    """

    id: NotRequired[str]
    staticId: str
    cellType: NotRequired[str]
    label: NotRequired[str | None]
    dataConnectionId: NotRequired[str | None]
    contents: NotRequired[dict[str, Any]]
    projectId: NotRequired[str]


class Org(TypedDict, total=False):
    """A workspace of Hex."""

    id: str


class TokenInfo(TypedDict, total=False):
    """What Hex says about a token. ``exp`` is when it expires; Hex does not document the unit."""

    exp: float | None


class Me(TypedDict, total=False):
    """Whose the token is. A workspace token has no user, so ``org`` and perhaps ``token`` are all there is."""

    id: str
    name: str | None
    email: str
    role: str
    lastLoginDate: str | None
    org: Org
    token: TokenInfo | None


class Notification(TypedDict):
    """A message that Hex sends when a run ends (an item of RunProject's ``notifications``)."""

    type: NotificationType
    includeSuccessScreenshot: bool
    screenshotFormat: NotRequired[ScreenshotFormat]
    slackChannelIds: NotRequired[list[str]]
    userIds: NotRequired[list[str]]
    groupIds: NotRequired[list[str]]
    subject: NotRequired[str]
    body: NotRequired[str]


class Recipient(TypedDict):
    """Whom Hex notifies: a user, a group or a Slack channel."""

    id: str
    name: NotRequired[str]
    isPrivate: NotRequired[bool]


class NotificationRecipient(TypedDict):
    """One recipient of a run's notifications, as Hex returns it. ``screenshotFormat`` is a list here."""

    type: NotificationType
    recipientType: Literal["USER", "GROUP", "SLACK_CHANNEL"]
    includeSuccessScreenshot: bool
    recipient: Recipient
    screenshotFormat: NotRequired[list[ScreenshotFormat]]
    subject: NotRequired[str]
    body: NotRequired[str]
