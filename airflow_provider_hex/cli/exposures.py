"""The commands about dbt exposures that are Hex projects."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from airflow_provider_hex.api import protocol
from airflow_provider_hex.api.errors import HexInvalidInput, HexRequestRejected, HexUnauthorized
from airflow_provider_hex.api.ids import known_project_id
from airflow_provider_hex.api.models import Project
from airflow_provider_hex.cli import exit_codes, output
from airflow_provider_hex.cli.session import Session, UsageError
from airflow_provider_hex.dbt import proposals
from airflow_provider_hex.dbt.exposures import ExposureReading, HexExposure, read_exposures
from airflow_provider_hex.dbt.graph import short_name
from airflow_provider_hex.dbt.manifest import read_manifest
from airflow_provider_hex.dbt.trim import trim

_COLUMNS: output.Columns = {
    "exposure": lambda row: row["exposure"],
    "label": lambda row: row["label"],
    "models": lambda row: ", ".join(map(short_name, row["models"])),
    "project": lambda row: row["project"],
}
_CHECKED_COLUMNS: output.Columns = {
    "exposure": lambda row: row["exposure"],
    "project": lambda row: row["project_id"],
    "title": lambda row: row["title"],
    "problem": lambda row: row["problem"],
}


def exposures_show(session: Session) -> int:
    """Show which projects depend on which models."""
    reading = _read(session, _manifest(session))
    if session.args.mermaid:
        print(_mermaid(reading.exposures))
    else:
        rows = [
            {
                "exposure": exposure.name,
                "label": exposure.label,
                "models": list(exposure.models),
                "project": exposure.project,
                "project_id": exposure.project_id,
            }
            for exposure in reading.exposures
        ]
        output.print_list(rows, _COLUMNS, session.args.output)
    return exit_codes.SUCCESS


def exposures_check(session: Session) -> int:
    """Check that each exposure can be read, and that its project can be run."""
    from airflow_provider_hex.dbt.task_group import argument_problem

    reading = read_exposures(_manifest(session))
    rows = [_row(problem.unique_id, None, None, problem.message) for problem in reading.problems]
    for exposure in reading.exposures:
        title, problem = _checked(session, exposure.project)
        problem = argument_problem(exposure) or problem
        rows.append(_row(exposure.name, exposure.project_id, title, problem))
    output.print_list(rows, _CHECKED_COLUMNS, session.args.output)
    return exit_codes.CHECK_FAILED if any(row["problem"] for row in rows) else exit_codes.SUCCESS


def exposures_trim(session: Session) -> int:
    """Write a manifest with only what ``HexExposures`` reads."""
    manifest = _manifest(session)
    _read(session, manifest)
    _write(session, json.dumps(trim(manifest), indent=1) + "\n")
    return exit_codes.SUCCESS


def exposures_propose(session: Session) -> int:
    """Write exposures for projects that query tables of dbt."""
    import yaml

    manifest = _manifest(session)
    relations = proposals.Relations(manifest)
    taken = {str(exposure["name"]) for exposure in manifest["exposures"].values()}
    found = []
    for project in _projects(session, read_exposures(manifest)):
        upstream = relations.upstream(_tables(session, project["id"]))
        _say_what_is_missing(session, project["title"], upstream)
        if upstream.refs:
            found.append(proposals.exposure(project, upstream.refs, taken))
    _write(session, yaml.safe_dump({"exposures": found}, sort_keys=False, allow_unicode=True))
    return exit_codes.SUCCESS


def _manifest(session: Session) -> dict[str, Any]:
    try:
        return read_manifest(session.args.manifest)
    except OSError as error:
        raise UsageError(f"{session.args.manifest} cannot be read: {error.strerror}.") from None


def _read(session: Session, manifest: Mapping[str, Any]) -> ExposureReading:
    """Return the exposures of Hex. Those that cannot be used are shown on stderr."""
    reading = read_exposures(manifest)
    for problem in reading.problems:
        session.say(f"Warning: {problem.unique_id}: {problem.message}")
    return reading


def _mermaid(exposures: Sequence[HexExposure]) -> str:
    """Return a diagram with an arrow from each model to each project that depends on it."""
    models = list(dict.fromkeys(model for exposure in exposures for model in exposure.models))
    lines = [f'    m{number}["{_text(short_name(model))}"]' for number, model in enumerate(models)]
    for number, exposure in enumerate(exposures):
        lines.append(f'    p{number}(["{_text(exposure.label)}"])')
        lines += [f"    m{models.index(model)} --> p{number}" for model in exposure.models]
    return "\n".join(["flowchart LR", *lines])


def _text(text: str) -> str:
    """Return a text that Mermaid shows as it is."""
    return output.printable(text).replace("#", "#35;").replace('"', "#quot;")


def _row(exposure: str, project_id: str | None, title: str | None, problem: str | None) -> dict[str, str | None]:
    return {"exposure": exposure, "project_id": project_id, "title": title, "problem": problem}


def _checked(session: Session, project_id: str) -> tuple[str | None, str | None]:
    """Return a project's title, and why it cannot be run, None if it can.

    :raises HexError: it is unknown whether it can be run.
    """
    try:
        project = session.client.request(protocol.get_project(project_id))
    except HexUnauthorized:
        raise
    except (HexRequestRejected, HexInvalidInput) as error:
        return None, str(error)
    if project.get("trashedAt"):
        return project["title"], "It is in the trash."
    if project.get("archivedAt"):
        return project["title"], "It is archived."
    if not project.get("lastPublishedAt"):
        return project["title"], "It was never published. Publish it in Hex."
    return project["title"], None


def _projects(session: Session, reading: ExposureReading) -> Iterator[Project]:
    """Yield the projects that are named, or else those that are published and no exposure yet."""
    for project_id in session.args.projects:
        yield session.client.request(protocol.get_project(project_id))
    if not session.args.projects:
        known = {exposure.project_id for exposure in reading.exposures}
        for project in session.client.iterate(protocol.list_projects()):
            if project.get("lastPublishedAt") and known_project_id(project["id"]) not in known:
                yield project


def _tables(session: Session, project_id: str) -> list[str]:
    call = protocol.get_queried_tables(project_id)
    return [table["tableName"] for table in session.client.iterate(call) if table.get("tableName")]


def _say_what_is_missing(session: Session, title: str, upstream: proposals.Upstream) -> None:
    if not upstream.refs:
        session.say(f"{title}: no exposure, because it queries no table of this dbt project.")
    if upstream.unknown:
        session.say(f"{title}: not of this dbt project: {', '.join(upstream.unknown)}")
    if upstream.ambiguous:
        session.say(
            f"{title}: the names of several tables of dbt, so none is in depends_on: {', '.join(upstream.ambiguous)}"
        )


def _write(session: Session, text: str) -> None:
    """Write a file, or to stdout. A DAG file may read the file meanwhile, so it is replaced as a whole.

    :raises UsageError: the file cannot be written.
    """
    if session.args.to is None:
        session.progress.show("")
        print(text, end="")
        return
    file = Path(session.args.to).resolve()
    new = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        if file.exists() and not file.is_file():  # a device, or a folder
            file.write_text(text, encoding="utf-8")
        else:
            new.write_text(text, encoding="utf-8")
            new.replace(file)
    except OSError as error:
        new.unlink(missing_ok=True)
        raise UsageError(f"{session.args.to} cannot be written: {error.strerror}.") from None
