"""What names a run: its id with its project, its URL, or an object of Hex's that describes it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow_provider_hex.api.errors import HexInvalidInput
from airflow_provider_hex.api.ids import check_unrendered_id, to_id
from airflow_provider_hex.api.project_url import run_in_url
from airflow_provider_hex.api.validation import is_template


def to_run(project_id: Any, run: Any) -> tuple[str, str]:
    """Return the project and the id of a run.

    :param project_id: the project, as its id or URL. It does not count if the run names its project.
    :param run: the run's id, its URL, or the object that RunProject or GetRunStatus returns.
    :return: the project, as its id or URL, and the run's id.
    :raises HexInvalidInput: something is missing or invalid.
    """
    if isinstance(run, Mapping):
        project_id, run = run.get("projectId", project_id), run.get("runId")
    elif isinstance(run, str) and (run_id := run_in_url(run)):
        project_id, run = run, run_id
    if project_id is None:
        to_id(run, "run_id")  # if that is invalid, the message should say so first
        raise HexInvalidInput("project_id is missing. It is needed with a run_id that is only an id, and not a URL.")
    to_id(project_id, "project_id")
    return project_id, to_id(run, "run_id")


def url_of_run(run: Any) -> str | None:
    """Return the URL of a run's page, None if it is not known.

    :param run: as for :func:`to_run`, or None.
    """
    url = run.get("runUrl") if isinstance(run, Mapping) else run
    return url if isinstance(url, str) and url.startswith(("https://", "http://")) else None


def check_unrendered_run(project_id: Any, run: Any) -> None:
    """Check what names a run before templates are rendered, so that an error shows when the DAG is parsed.

    :param project_id: as for :func:`to_run`.
    :param run: as for :func:`to_run`. A template is checked later, when it is rendered.
    :raises HexInvalidInput: as :func:`to_run`.
    """
    if isinstance(run, Mapping):
        project_id, run = run.get("projectId", project_id), run.get("runId")
    if is_template(run):
        if project_id is not None:
            check_unrendered_id(project_id, "project_id")
    elif is_template(project_id):
        if not run_in_url(str(run)):
            check_unrendered_id(run, "run_id")
    elif "" not in (project_id, run):  # what is empty is checked when the task runs
        to_run(project_id, run)
