"""The emulated Hex workspace: projects with their input parameters, and tokens.

It is read from a TOML file (``workspace.toml`` beside this one is the default), or from ``GET /_emulator/workspace``.
"""

import json
import re
import tomllib
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, Self
from uuid import NAMESPACE_URL, uuid5

from pydantic import AwareDatetime, BaseModel, ConfigDict, StringConstraints, model_validator

from hex_emulator.inputs import Input
from hex_emulator.run_plan import RunPlan

Scope = Literal["read", "run", "cells", "users"]
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
Uuid = Annotated[str, StringConstraints(pattern=f"(?i)^{UUID.pattern}$", to_lower=True)]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class RejectedInputs(NamedTuple):
    """Inputs that a project does not accept: invalid values, as Hex's response has them, and unknown names."""

    invalid: list[dict[str, Any]]
    unknown: list[str]


class QueriedTable(_Table):
    """A table of a warehouse that a project queries. ``name`` is its full name."""

    name: str
    connection: str = "Warehouse"
    connection_id: Uuid = "00000000-0000-4000-8000-0000000000c0"


class Cell(_Table):
    """A cell of a project's draft. ``type`` is CHART, SQL, CODE, MARKDOWN or another; ``label`` need not be unique."""

    static_id: Uuid
    type: str
    label: str | None = None
    source: str = ""


class Project(_Table):
    """A project. Only ``id`` and ``title`` are required.

    - ``version`` is the latest published one; None if the project was never published.
    - ``run_plan`` is how its runs go, unless a test says otherwise.
    - ``owner`` and ``creator`` (default: the owner) are email addresses.
    - ``edited_at`` is ``created_at`` by default, and ``published_at`` is ``edited_at``.
    - ``charts`` are the static ids of the chart cells in the published version, ``cells`` the cells of the draft.
    - ``collections`` are ids.
    - ``schedules`` and ``sharing`` are as in Hex's responses.
    """

    id: Uuid
    title: str
    version: int | None = None
    inputs: tuple[Input, ...] = ()
    run_plan: RunPlan = RunPlan()
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
    cells: tuple[Cell, ...] = ()

    @property
    def created_by(self) -> str:
        """The email address of the creator."""
        return self.creator or self.owner

    @property
    def last_edited_at(self) -> datetime:
        """When it was last edited."""
        return self.edited_at or self.created_at

    @property
    def last_published_at(self) -> datetime | None:
        """When it was last published; None if never."""
        return None if self.version is None else self.published_at or self.last_edited_at

    def rejected_inputs(self, values: dict[str, Any]) -> RejectedInputs:
        """Check the inputs of a run.

        :param values: the inputs by name.
        :returns: those that the project does not accept.
        """
        inputs = {param.name: param for param in self.inputs}
        invalid = [
            {
                "paramName": name,
                "paramValue": json.dumps(value, ensure_ascii=False),
                "dataType": inputs[name].data_type,
                "inputCellType": inputs[name].cell,
            }
            for name, value in values.items()
            if name in inputs and not inputs[name].accepts(value)
        ]
        return RejectedInputs(invalid, [name for name in values if name not in inputs])


class Token(_Table):
    """An API token. The limits are for all tokens of one ``owner`` together.

    - A personal token starts with ``hxtp_``, a workspace token with ``hxtw_``.
    - ``scopes`` are ``read``, ``run``, and since 2026 ``cells`` (ListCells) and ``users`` (Me with a workspace token).
    """

    name: str
    token: str
    owner: str
    scopes: tuple[Scope, ...]
    expires_at: AwareDatetime | None = None

    @property
    def is_workspace_token(self) -> bool:
        """Whether it is a workspace token."""
        return self.token.startswith("hxtw_")

    @property
    def owner_id(self) -> str:
        """The id of its owner."""
        return str(uuid5(NAMESPACE_URL, self.owner))


class Workspace(_Table):
    """Projects and tokens. Only the ENTERPRISE plan has GetQueriedTables."""

    id: Uuid = "4d1c7a55-90e2-4b6f-8d3a-c2e7f0519b84"
    plan: Literal["COMMUNITY", "PROFESSIONAL", "TEAM", "ENTERPRISE"] = "TEAM"
    projects: tuple[Project, ...]
    tokens: tuple[Token, ...]

    def project(self, title: str) -> Project:
        """Return the first project with a title.

        :param title: the title.
        :returns: the project.
        :raises StopIteration: if there is none.
        """
        return next(project for project in self.projects if project.title == title)

    def token(self, name: str) -> str:
        """Return the secret of the first token with a name.

        :param name: the name.
        :returns: the secret.
        :raises StopIteration: if there is none.
        """
        return next(token.token for token in self.tokens if token.name == name)

    def find_project(self, project_id: str) -> Project | None:
        """Return the project with an id.

        :param project_id: the id, in any case.
        :returns: the project; None if there is none.
        """
        return next((project for project in self.projects if project.id == project_id.lower()), None)

    def find_token(self, value: str) -> Token | None:
        """Return the token with a secret.

        :param value: the secret.
        :returns: the token; None if there is none.
        """
        return next((token for token in self.tokens if token.token == value), None)

    @model_validator(mode="after")
    def _has_no_duplicates(self) -> Self:
        for what, values in (
            ("project ids", [project.id for project in self.projects]),
            ("tokens", [token.token for token in self.tokens]),
        ):
            if len(set(values)) < len(values):
                raise ValueError(f"the {what} must differ from each other")
        return self


def load_workspace(path: Path | str) -> Workspace:
    """Read a workspace from a file.

    :param path: the TOML file.
    :returns: the workspace.
    :raises OSError: if the file cannot be read.
    :raises ValueError: if it is not a workspace.
    """
    return Workspace.model_validate(tomllib.loads(Path(path).read_text(encoding="utf-8")))


@cache
def default_workspace() -> Workspace:
    """Return the workspace of ``workspace.toml``."""
    return load_workspace(Path(__file__).with_name("workspace.toml"))
