"""The calls about projects. See https://learn.hex.tech/docs/api/api-reference."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query

from hex_emulator.clock import timestamp
from hex_emulator.dependencies import READ, PathProject, PublishedProject
from hex_emulator.emulator import CurrentEmulator
from hex_emulator.errors import ApiError
from hex_emulator.exchange import CurrentExchange
from hex_emulator.hex_route import HexRoute
from hex_emulator.paging import page
from hex_emulator.query import CursorQuery, ProjectQuery, ProjectsQuery
from hex_emulator.workspace import Project

projects = APIRouter(prefix="/api/v1", route_class=HexRoute)


@projects.get("/projects", name="ListProjects", dependencies=READ)
async def list_projects(emulator: CurrentEmulator, query: Annotated[ProjectsQuery, Query()]) -> dict[str, Any]:
    """See https://learn.hex.tech/docs/api/api-reference#operation/ListProjects."""
    found = [project for project in emulator.workspace.projects if _matches(project, query)]
    listed = page("ListProjects", _sorted(found, query), query)
    return {**listed, "values": [_body(project, query.include_sharing) for project in listed["values"]]}


@projects.get("/projects/{project_id}", name="GetProject", dependencies=READ)
async def get_project(project: PathProject, query: Annotated[ProjectQuery, Query()]) -> dict[str, Any]:
    """See https://learn.hex.tech/docs/api/api-reference#operation/GetProject."""
    return _body(project, query.include_sharing)


async def _enterprise(emulator: CurrentEmulator) -> None:
    if emulator.workspace.plan != "ENTERPRISE":
        raise ApiError(403, "Forbidden", "Queried tables need the Enterprise plan.")


@projects.get(
    "/projects/{project_id}/queriedTables", name="GetQueriedTables", dependencies=[*READ, Depends(_enterprise)]
)
async def get_queried_tables(
    project: PublishedProject, query: Annotated[CursorQuery, Query()], exchange: CurrentExchange
) -> dict[str, Any]:
    """See https://learn.hex.tech/docs/api/api-reference#operation/GetQueriedTables."""
    listed = page("GetQueriedTables", project.queried_tables, query)
    tables = [
        {"dataConnectionId": table.connection_id, "dataConnectionName": table.connection, "tableName": table.name}
        for table in listed["values"]
    ]
    return {**listed, "values": tables, "traceId": exchange.trace_id}


def _matches(project: Project, query: ProjectsQuery) -> bool:
    return (
        (query.include_archived or project.archived_at is None)
        and (query.include_trashed or project.trashed_at is None)
        and (query.include_components or project.type != "COMPONENT")
        and (not query.statuses or project.status in query.statuses)
        and (not query.categories or not set(query.categories).isdisjoint(project.categories))
        and query.creator_email in (None, project.created_by)
        and query.owner_email in (None, project.owner)
        and (query.collection_id is None or query.collection_id in project.collections)
    )


def _sorted(found: list[Project], query: ProjectsQuery) -> list[Project]:
    """Sort as the query says; when sorted by publication, projects that were never published come last."""

    def moment(project: Project) -> datetime | None:
        return {
            "CREATED_AT": project.created_at,
            "LAST_EDITED_AT": project.last_edited_at,
            "LAST_PUBLISHED_AT": project.last_published_at,
        }[query.sort_by]

    dated = [(at, project) for project in found if (at := moment(project))]
    dated.sort(key=lambda pair: pair[0], reverse=query.sort_direction == "DESC")
    return [project for _, project in dated] + [project for project in found if not moment(project)]


def _body(project: Project, include_sharing: bool) -> dict[str, Any]:
    body: dict[str, Any] = {
        "id": project.id,
        "title": project.title,
        "description": project.description,
        "type": project.type,
        "creator": {"email": project.created_by},
        "owner": {"email": project.owner},
        "status": {"name": project.status} if project.status else None,
        "categories": [{"name": name, "description": None} for name in project.categories],
        "reviews": {"required": False},
        "analytics": ANALYTICS,
        "lastEditedAt": timestamp(project.last_edited_at),
        "lastPublishedAt": _timestamp(project.last_published_at),
        "createdAt": timestamp(project.created_at),
        "archivedAt": _timestamp(project.archived_at),
        "trashedAt": _timestamp(project.trashed_at),
        "schedules": [{**NO_CADENCE, **schedule} for schedule in project.schedules],
    }
    return {**body, "sharing": _sharing(project)} if include_sharing else body


NO_CADENCE = dict.fromkeys(("hourly", "daily", "weekly", "monthly", "custom"))
ANALYTICS = {
    "appViews": {"allTime": 0, "lastSevenDays": 0, "lastFourteenDays": 0, "lastThirtyDays": 0},
    "lastViewedAt": None,
    "publishedResultsUpdatedAt": None,
}


def _timestamp(moment: datetime | None) -> str | None:
    return timestamp(moment) if moment else None


def _sharing(project: Project) -> dict[str, Any]:
    return {
        "users": [{"user": {"email": project.owner}, "access": "FULL_ACCESS"}],
        "groups": [],
        "collections": [{"collection": {"name": name}, "access": "CAN_VIEW"} for name in project.collections],
        "workspace": {"access": "NONE"},
        "publicWeb": {"access": "NONE"},
        "support": {"access": "NONE"},
        **project.sharing,
    }
