"""What a call may have in its query. Stricter than Hex may be: a name that the reference does not know is refused,
and so are a value that is only nearly one (`limit=1.0`) and a second value where there is room for one."""

from typing import Annotated, Any, Literal

from fastapi import Request
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.alias_generators import to_camel

from hex_emulator.errors import HexError

LISTS = {"statuses", "categories"}


def _flag(value: Any) -> Any:
    return {"true": True, "false": False}.get(value, "neither true nor false") if isinstance(value, str) else value


def _whole(value: Any) -> Any:
    plain = not isinstance(value, str) or (value.isascii() and value.removeprefix("-").isdecimal())
    return value if plain else "no whole number"


Flag = Annotated[bool, BeforeValidator(_flag)]
Limit = Annotated[int, BeforeValidator(_whole), Field(ge=1, le=100)]
Offset = Annotated[int, BeforeValidator(_whole), Field(ge=0)]


class _Query(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, extra="forbid")


class RunsQuery(_Query):
    """GetProjectRuns"""

    limit: Limit = 25
    offset: Offset = 0
    status_filter: (
        Literal["PENDING", "RUNNING", "ERRORED", "COMPLETED", "KILLED", "UNABLE_TO_ALLOCATE_KERNEL"] | None
    ) = None
    run_trigger_filter: Literal["API", "SCHEDULED", "APP_REFRESH", "ALL"] = "ALL"


class CursorQuery(_Query):
    """GetQueriedTables, and what ListProjects has in common with it."""

    limit: Limit = 25
    after: str | None = None
    before: str | None = None


class ProjectQuery(_Query):
    """GetProject"""

    include_sharing: Flag = False


class ProjectsQuery(CursorQuery):
    """ListProjects"""

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


async def each_sent_once(request: Request) -> None:
    """For a call to depend on."""
    names = [name for name, _ in request.query_params.multi_items() if name not in LISTS]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise HexError(400, "Malformed request", f"query: {', '.join(twice)} may be sent once only.")
