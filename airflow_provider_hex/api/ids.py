"""Ids of projects, runs and cells: UUIDs in any letter case. The URL of a project stands for its id."""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID

from airflow_provider_hex.api.errors import HexInvalidInput
from airflow_provider_hex.api.project_url import ID, ProjectId, project_in_url
from airflow_provider_hex.api.validation import is_template, short

_IN_TEXT = {
    "project_id": rf"/(?:hex|app|projects?)/({ID})",
    "run_id": rf"(?:runId=|/runs?/)({ID})",
    "static_id": rf"/cells/({ID})",
}
_EXAMPLE = "for example 5a8591dd-4039-49df-9202-96385ba3eff8"
_WHERE = {
    "project_id": f"Use the project's URL, or the id in it, after /hex/ or /app/, {_EXAMPLE}.",
    "run_id": f"Use the id that RunProject returned, or the one in the run's URL, after runId=, {_EXAMPLE}.",
    "static_id": f"Use the static id of the chart's cell, {_EXAMPLE}.",
}


def to_project(value: Any) -> ProjectId:
    """Return a project's id.

    :param value: the id, or the URL of one of the project's pages.
    :raises HexInvalidInput: it is neither.
    """
    return project_in_url(value) or ProjectId(_to_uuid(value, "project_id"))


def to_id(value: Any, name: str) -> str:
    """Return an id.

    :param value: the id, or the URL of one of the project's pages for a ``project_id``.
    :param name: ``project_id``, ``run_id`` or ``static_id``.
    :return: the id as text, in the letter case of the value.
    :raises HexInvalidInput: it is not a UUID. If it contains one, the message shows that.
    """
    return to_project(value).id if name == "project_id" else _to_uuid(value, name)


def known_project_id(value: Any) -> str:
    """Return a project's id for a record, a message or a comparison.

    :param value: the id, or the URL of one of the project's pages. Anything else is returned as text, since the call
        that uses it reports that.
    """
    project = project_in_url(value)
    return project.id if project else str(value)


def check_unrendered_id(value: Any, name: str) -> None:
    """Check an id before templates are rendered, so that an error shows when the DAG is parsed.

    :param value: the value. A template is checked when it is rendered, and an empty value when the task runs: where a
        DAG file is only parsed, the variable or setting that has the id may be missing.
    :param name: ``project_id`` or ``run_id``.
    :raises HexInvalidInput: as :func:`to_id`.
    """
    if value and not is_template(value):
        to_id(value, name)


def _to_uuid(value: Any, name: str) -> str:
    text = str(value) if isinstance(value, (str, UUID)) else ""
    if re.fullmatch(ID, text):
        return text
    found = re.search(_IN_TEXT[name], text) or re.fullmatch(rf"\W*({ID})\W*", text)
    hint = f"Use only the id in it: {found.group(1)}." if found else _WHERE[name]
    raise HexInvalidInput(f"{name} is {short(value)}, which is not an id. {hint}")
