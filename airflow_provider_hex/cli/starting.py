"""Starting a run, by the rules of the operator: never twice, and rate limits are waited for."""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from airflow_provider_hex.api import protocol
from airflow_provider_hex.api.errors import HexAmbiguousStart, HexError, HexInvalidInput, HexRateLimited, add_sentence
from airflow_provider_hex.api.models import StartedRun
from airflow_provider_hex.api.start import start
from airflow_provider_hex.api.validation import parse_json
from airflow_provider_hex.cli import exit_codes
from airflow_provider_hex.cli.interruption import exit_code
from airflow_provider_hex.cli.session import Session, UsageError
from airflow_provider_hex.cli.waiting import wait


class _Journal:
    """Knows whether a RunProject may have started a run whose id is unknown."""

    def __init__(self) -> None:
        self.is_sent = False

    def sending(self, at: float) -> None:
        self.is_sent = True

    def had_no_effect(self) -> None:
        self.is_sent = False


def runs_start(session: Session) -> int:
    """Start a run, wait for it if that is asked for, and return the exit code.

    :raises UsageError: options do not fit together.
    :raises HexError: no run was started, or it is unknown which one.
    """
    args, began, journal = session.args, time.monotonic(), _Journal()
    run: StartedRun | None = None
    try:
        run = _start(session, journal)
        session.say(f"Hex run started: {run.get('runUrl') or run['runId']}")
    except HexRateLimited as error:
        add_sentence(error, "No run was started.")
        session.progress.show("")
        session.say(f"Error: {error}")
        return exit_codes.TIMED_OUT
    except KeyboardInterrupt as interruption:
        session.progress.show("")
        session.say(_interrupted(session, journal, run))
        return exit_code(interruption)
    if not args.wait:
        session.print(run)
        return exit_codes.SUCCESS
    left = None if args.timeout is None else max(began + args.timeout - time.monotonic(), 0.0)
    return wait(session, args.project, run["runId"], left)


def _start(session: Session, journal: _Journal) -> StartedRun:
    args = session.args
    call = protocol.run_project(
        args.project,
        input_params=_inputs(args),
        view_id=args.view,
        update_published_results=args.update_published_results,
        use_cached_sql_results=not args.no_sql_cache,
    )
    procedure = start(
        replace(call, journal=journal),
        args.project,
        on_ambiguous_start="reconcile",
        grace=session.config.start_grace,
    )
    session.progress.show("Starting the run")
    try:
        return session.client.carry_out(procedure, math.inf if args.timeout is None else args.timeout)
    except HexAmbiguousStart as error:
        add_sentence(error, f"This command does not try again. Before you repeat it, see the runs: {_runs_of(session)}")
        raise
    except HexError as error:
        if error.status == 422 and args.inputs:
            add_sentence(error, "An --input NAME=VALUE is a text. For any other type, write NAME:=VALUE.")
        raise
    finally:
        session.progress.show("")


def _inputs(args: Any) -> dict[str, Any]:
    """Return the inputs of all options.

    :raises UsageError: they do not fit together, or to other options.
    """
    if args.view is not None and not args.view.strip():
        raise UsageError("--view is empty.")
    given = {**_of_file(args.inputs_json), **dict(args.inputs)}
    if len(dict(args.inputs)) < len(args.inputs):
        raise UsageError("An input is given twice.")
    if given and args.view:
        raise UsageError("Pass either inputs or --view: a saved view already has inputs.")
    if given and args.update_published_results:
        raise UsageError(
            "Pass either inputs or --update-published-results: Hex runs with the published defaults to update the "
            "published results."
        )
    return given


def _of_file(name: str | None) -> Mapping[str, Any]:
    """Return the inputs in a JSON file, none if there is no file."""
    if name is None:
        return {}
    try:
        text = sys.stdin.read() if name == "-" else Path(name).read_text("utf-8")
        found = parse_json(text, "--inputs-json")
    except (OSError, UnicodeError, HexInvalidInput, json.JSONDecodeError) as error:
        raise UsageError(f"--inputs-json {name} cannot be read: {error}") from None
    if not isinstance(found, Mapping):
        raise UsageError(f"--inputs-json {name} is not a JSON object.")
    return found


def _interrupted(session: Session, journal: _Journal, run: StartedRun | None) -> str:
    if run is not None:
        cancel = session.command_line("runs", "cancel", run["projectId"], run["runId"])
        return f"Interrupted. The run goes on: {run.get('runUrl') or run['runId']}\nTo cancel it: {cancel}"
    if not journal.is_sent:
        return "Interrupted. No run was started."
    return (
        "Interrupted. It is unknown whether a run was started, because RunProject had been sent, and Hex had not "
        f"responded. To see the project's runs: {_runs_of(session)}"
    )


def _runs_of(session: Session) -> str:
    return session.command_line("runs", "list", session.args.project, "--trigger", "API")
