"""The query parameters of the calls.

Stricter than Hex may be: unknown names, values that are not exact (``limit=1.0``) and repeated names are rejected.
"""

from typing import Annotated, Any, Literal, Self

from fastapi import Request
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

from hex_emulator.errors import ApiError

LISTS = {"statuses", "categories"}


def _flag(value: Any) -> Any:
    return {"true": True, "false": False}.get(value, "neither true nor false") if isinstance(value, str) else value


def _whole(value: Any) -> Any:
    plain = not isinstance(value, str) or (value.isascii() and value.removeprefix("-").isdecimal())
    return value if plain else "not a whole number"


Flag = Annotated[bool, BeforeValidator(_flag)]
Limit = Annotated[int, BeforeValidator(_whole), Field(ge=1, le=100)]
Offset = Annotated[int, BeforeValidator(_whole), Field(ge=0)]


class _Query(BaseModel):
    # FastAPI before 0.121 passes the values by the fields' names.
    model_config = ConfigDict(alias_generator=to_camel, extra="forbid", populate_by_name=True)


class RunsQuery(_Query):
    """The query of GetProjectRuns."""

    limit: Limit = 25
    offset: Offset = 0
    status_filter: (
        Literal["PENDING", "RUNNING", "ERRORED", "COMPLETED", "KILLED", "UNABLE_TO_ALLOCATE_KERNEL"] | None
    ) = None
    run_trigger_filter: Literal["API", "SCHEDULED", "APP_REFRESH", "ALL"] = "ALL"


class CursorQuery(_Query):
    """The query of GetQueriedTables, which is also a part of those of ListProjects and ListCells."""

    limit: Limit = 25
    after: str | None = None
    before: str | None = None


class CellsQuery(CursorQuery):
    """The query of ListCells."""

    project_id: str


Pixels = Annotated[int, BeforeValidator(_whole), Field(ge=100, le=2000)]


class ImageQuery(_Query):
    """The query of GetChartImageFromRun. Hex says that width and height apply only together."""

    width: Pixels | None = None
    height: Pixels | None = None
    include_title: Flag = False

    @model_validator(mode="after")
    def _both_or_none(self) -> Self:
        if (self.width is None) != (self.height is None):
            raise ValueError("width and height apply only together")
        return self


class ProjectQuery(_Query):
    """The query of GetProject."""

    include_sharing: Flag = False


class ProjectsQuery(CursorQuery):
    """The query of ListProjects."""

    include_archived: Flag = False
    include_components: Flag = False
    include_trashed: Flag = False
    include_sharing: Flag = False
    statuses: list[str] = []
    categories: list[str] = []
    creator_email: str | None = None
    owner_email: str | None = None
    collection_id: str | None = None
    sort_by: Literal["CREATED_AT", "LAST_EDITED_AT", "LAST_PUBLISHED_AT"] = "CREATED_AT"
    sort_direction: Literal["DESC", "ASC"] = "DESC"


async def no_repeated_names(request: Request) -> None:
    """Reject a request that repeats a name which takes one value. A FastAPI dependency.

    :param request: the request.
    :raises ApiError: 400, with the repeated names.
    """
    names = [name for name, _ in request.query_params.multi_items() if name not in LISTS]
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        raise ApiError(400, "Malformed request", f"query: {', '.join(repeated)} may be sent only once.")
