"""What the emulated Hex workspace holds: projects with their input parameters, and tokens.

Read from a TOML file (`workspace.toml` beside this one is the default), or from `GET /_emulator/workspace`.
"""

import tomllib
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, StringConstraints, model_validator

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


class Project(_Table):
    """`version` is the latest published one, None when the project was never published."""

    id: Uuid
    title: str
    version: int | None = None
    inputs: tuple[Input, ...] = ()
    course: Course = Course()

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
