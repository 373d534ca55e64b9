"""Ids of projects, runs and cells: UUIDs in any letter case."""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID

from airflow_provider_hex.api.errors import HexInvalidInput
from airflow_provider_hex.api.validation import is_template, short

_ID = "(?i:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})"
_IN_URL = {
    "project_id": rf"/(?:hex|app|projects?)/({_ID})",
    "run_id": rf"(?:runId=|/runs?/)({_ID})",
    "static_id": rf"/cells/({_ID})",
}
_EXAMPLE = "for example 5a8591dd-4039-49df-9202-96385ba3eff8"
_WHERE = {
    "project_id": f"Use the id in the project's URL, after /hex/ or /app/, {_EXAMPLE}.",
    "run_id": f"Use the id that RunProject returned, or the one in the run's URL, after runId=, {_EXAMPLE}.",
    "static_id": f"Use the static id of the chart's cell, {_EXAMPLE}.",
}


def to_id(value: Any, name: str) -> str:
    """Return an id.

    :param value: the value.
    :param name: ``project_id``, ``run_id`` or ``static_id``.
    :return: the id, as text.
    :raises HexInvalidInput: it is not a UUID. If it contains one, as a URL does, the message shows that.
    """
    text = str(value) if isinstance(value, (str, UUID)) else ""
    if re.fullmatch(_ID, text):
        return text
    found = re.search(_IN_URL[name], text) or re.fullmatch(rf"\W*({_ID})\W*", text)
    hint = f"Use only the id in it: {found.group(1)}." if found else _WHERE[name]
    raise HexInvalidInput(f"{name} is {short(value)}, which is not an id. {hint}")


def check_unrendered_id(value: Any, name: str) -> None:
    """Check an id before templates are rendered, so that an error shows when the DAG is parsed.

    :param value: the value. A template is checked when it is rendered, and an empty value when the task runs: where a
        DAG file is only parsed, the variable or setting that has the id may be missing.
    :param name: ``project_id`` or ``run_id``.
    :raises HexInvalidInput: as :func:`to_id`.
    """
    if value and not is_template(value):
        to_id(value, name)
