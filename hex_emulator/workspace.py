"""What the emulated Hex workspace holds: projects with their input parameters, and tokens.

Read from a TOML file (`workspace.toml` beside this one is the default), or from `GET /_emulator/workspace`.
"""

import tomllib
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, StringConstraints, model_validator

from hex_emulator.course import Course
from hex_emulator.inputs import Input

Scope = Literal["read", "run"]
Uuid = Annotated[str, StringConstraints(pattern=r"(?i)^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$", to_lower=True)]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Rejected(NamedTuple):
    """Inputs that a project does not take: wrong values, and names that it does not have."""

    invalid: list[dict[str, Any]]
    not_found: list[str]


class QueriedTable(_Table):
    """A table of the warehouse that a project queries, by its full name."""

    name: str
    connection: str = "Warehouse"
    connection_id: Uuid = "00000000-0000-4000-8000-0000000000c0"


class Project(_Table):
    """`version` is the latest published one, None when the project was never published; then `published_at`
    means nothing. What has no time of its own was edited when created, and published when last edited.

    `owner` and `creator` (the owner, if not given) are email addresses, `charts` the static ids of chart cells,
    `collections` ids. `schedules` and `sharing` are told as they stand here."""

    id: Uuid
    title: str
    version: int | None = None
    inputs: tuple[Input, ...] = ()
    course: Course = Course()
    description: str | None = None
    type: Literal["PROJECT", "COMPONENT"] = "PROJECT"
    owner: str = "ada@example.com"
    creator: str | None = None
    status: str | None = None
    categories: tuple[str, ...] = ()
    collections: tuple[str, ...] = ()
    created_at: AwareDatetime = datetime(2026, 1, 1, tzinfo=UTC)
    edited_at: AwareDatetime | None = None
    published_at: AwareDatetime | None = None
    archived_at: AwareDatetime | None = None
    trashed_at: AwareDatetime | None = None
    schedules: tuple[dict[str, Any], ...] = ()
    sharing: dict[str, Any] = {}
    queried_tables: tuple[QueriedTable, ...] = ()
    charts: tuple[Uuid, ...] = ()

    @property
    def created_by(self) -> str:
        return self.creator or self.owner

    @property
    def last_edited_at(self) -> datetime:
        return self.edited_at or self.created_at

    @property
    def last_published_at(self) -> datetime | None:
        return None if self.version is None else self.published_at or self.last_edited_at

    def rejected(self, values: dict[str, Any]) -> Rejected:
        inputs = {param.name: param for param in self.inputs}
        invalid = [
            {
                "paramName": name,
                "paramValue": value,
                "dataType": inputs[name].data_type,
                "inputCellType": inputs[name].cell,
            }
            for name, value in values.items()
            if name in inputs and not inputs[name].accepts(value)
        ]
        return Rejected(invalid, [name for name in values if name not in inputs])


class Token(_Table):
    name: str
    token: str
    owner: str
    scopes: tuple[Scope, ...]


class Workspace(_Table):
    plan: Literal["COMMUNITY", "PROFESSIONAL", "TEAM", "ENTERPRISE"] = "TEAM"
    projects: tuple[Project, ...]
    tokens: tuple[Token, ...]

    def project(self, title: str) -> Project:
        return next(project for project in self.projects if project.title == title)

    def token(self, name: str) -> str:
        return next(token.token for token in self.tokens if token.name == name)

    def find_project(self, project_id: str) -> Project | None:
        return next((project for project in self.projects if project.id == project_id.lower()), None)

    def find_token(self, value: str) -> Token | None:
        return next((token for token in self.tokens if token.token == value), None)

    @model_validator(mode="after")
    def _has_no_twins(self) -> Self:
        for what, values in (
            ("project ids", [project.id for project in self.projects]),
            ("tokens", [token.token for token in self.tokens]),
        ):
            if len(set(values)) < len(values):
                raise ValueError(f"the {what} must differ from each other")
        return self


def load_workspace(path: Path | str) -> Workspace:
    """Raises OSError for a file that cannot be read, ValueError for one that is no workspace."""
    return Workspace.model_validate(tomllib.loads(Path(path).read_text(encoding="utf-8")))


@cache
def default_workspace() -> Workspace:
    return load_workspace(Path(__file__).with_name("workspace.toml"))
