"""What each command does. A function is named for its group and its name, and returns the exit code."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import Any

from airflow_provider_hex.api import protocol, steps
from airflow_provider_hex.api.errors import HexRunGone
from airflow_provider_hex.api.ids import to_id
from airflow_provider_hex.api.models import duration
from airflow_provider_hex.api.project_url import run_in_url
from airflow_provider_hex.api.run_lines import link_to
from airflow_provider_hex.cli import exit_codes, output
from airflow_provider_hex.cli.exposures import exposures_check, exposures_propose, exposures_show, exposures_trim
from airflow_provider_hex.cli.session import Session, UsageError
from airflow_provider_hex.cli.starting import runs_start
from airflow_provider_hex.cli.waiting import wait
from airflow_provider_hex.hooks import connection_check

__all__ = ["exposures_check", "exposures_propose", "exposures_show", "exposures_trim", "runs_start"]

_PROJECT_COLUMNS: output.Columns = {
    "id": lambda project: project["id"],
    "title": lambda project: project.get("title"),
    "status": lambda project: _in(project, "status", "name"),
    "owner": lambda project: _in(project, "owner", "email"),
    "last_published": lambda project: project.get("lastPublishedAt"),
}
_RUN_COLUMNS: output.Columns = {
    "id": lambda run: run["runId"],
    "status": lambda run: run["status"],
    "trigger": lambda run: run.get("runTrigger"),
    "version": lambda run: run.get("projectVersion"),
    "started": lambda run: run.get("startTime"),
    "seconds": duration,
}


def connection_test(session: Session) -> int:
    """Check the token."""
    works, message = connection_check.check(session.client.send, session.config)
    if session.args.output in ("json", "yaml"):
        session.print({"works": works, "message": message})
    else:
        print(output.printable(message))
    return exit_codes.SUCCESS if works else exit_codes.ERROR


def projects_list(session: Session) -> int:
    """List projects."""
    args = session.args
    call = protocol.list_projects(
        include_archived=args.include_archived,
        include_trashed=args.include_trashed,
        page_size=min(args.limit or protocol.LARGEST_PAGE, protocol.LARGEST_PAGE),
    )
    found = list(islice(session.client.iterate(call), args.limit))
    output.print_list(found, _PROJECT_COLUMNS, args.output)
    return exit_codes.SUCCESS


def projects_show(session: Session) -> int:
    """Show a project."""
    project = session.client.request(protocol.get_project(session.args.project))
    session.print(project)
    return exit_codes.SUCCESS


def runs_list(session: Session) -> int:
    """List runs."""
    args = session.args
    call = protocol.get_project_runs(
        args.project, status=args.status, trigger=args.trigger, page_size=min(args.limit, protocol.LARGEST_PAGE)
    )
    found = list(islice(session.client.iterate(call), args.limit))
    output.print_list(found, _RUN_COLUMNS, args.output)
    return exit_codes.SUCCESS


def runs_show(session: Session) -> int:
    """Show a run."""
    session.print(session.client.carry_out(steps.poll(session.args.project, _run(session))))
    return exit_codes.SUCCESS


def runs_cancel(session: Session) -> int:
    """Cancel a run. One that has ended stays as it is."""
    project_id, run_id = session.args.project, _run(session)
    ended = session.client.carry_out(steps.cancel(project_id, run_id))
    if isinstance(ended, HexRunGone):  # perhaps the id is wrong
        raise ended
    known: Mapping[str, Any] = ended or {"projectId": to_id(project_id, "project_id"), "runId": run_id}
    session.say(f"Hex run {'has already ended ' + known['status'] if ended else 'cancelled'}: {link_to(known)}")
    session.print({"cancelled": ended is None, **known})
    return exit_codes.SUCCESS


def runs_wait(session: Session) -> int:
    """Wait for a run."""
    return wait(session, session.args.project, _run(session), session.args.timeout)


def _run(session: Session) -> str:
    """Return the id of the run that the arguments name."""
    run_id: str | None = session.args.run or run_in_url(session.args.project)
    if run_id is None:
        raise UsageError("Which run? Pass its id after PROJECT, or its URL instead of PROJECT.")
    return run_id


def _in(item: Mapping[str, Any], name: str, key: str) -> Any:
    found = item.get(name)
    return found.get(key) if isinstance(found, Mapping) else None
