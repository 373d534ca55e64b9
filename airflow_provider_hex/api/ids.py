"""Ids of projects, runs and cells."""

from __future__ import annotations

import re
from typing import Any

from airflow_provider_hex.api.errors import HexInvalidInput
from airflow_provider_hex.api.validation import is_template, short


def check_id(value: Any, name: str) -> str:
    """Return an id of Hex's, which is a UUID.

    :param name: ``project_id``, ``run_id`` or ``static_id``.
    :raises HexInvalidInput: for anything else; if the id is in there, in a pasted URL say, the message shows it.
    """
    text = value if isinstance(value, str) else ""
    if re.fullmatch(_ID, text):
        return text
    found = re.search(_IN_URL[name], text) or re.fullmatch(rf"\W*({_ID})\W*", text)
    hint = f"Use the id in it alone: {found.group(1)}." if found else _WHERE[name]
    raise HexInvalidInput(f"{name} is {short(value)}, which is no id of Hex's. {hint}")


_ID = "(?i:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})"
_IN_URL = {
    "project_id": rf"/(?:hex|app|projects?)/({_ID})",
    "run_id": rf"(?:runId=|/runs?/)({_ID})",
    "static_id": rf"/cells/({_ID})",
}
_EXAMPLE = "like 5a8591dd-4039-49df-9202-96385ba3eff8"
_WHERE = {
    "project_id": f"Use the one in the project's URL, after /hex/ or /app/, {_EXAMPLE}.",
    "run_id": f"Use the one that RunProject returned, or the one in the run's URL, after runId=, {_EXAMPLE}.",
    "static_id": f"Use the static id of the chart's cell, {_EXAMPLE}.",
}


def check_unrendered_id(value: Any, name: str) -> None:
    """Refuse an id that is none, unless a template has still to make it.

    :raises HexInvalidInput: as :func:`check_id`.
    """
    if not is_template(value):
        check_id(value, name)
