"""Waiting for a run, with its progress on a terminal. The run goes on whatever ends the wait."""

from __future__ import annotations

import time

from airflow_provider_hex.api.errors import HexError, HexRunFailed, HexRunGone, HexRunTimeout, replace_message
from airflow_provider_hex.api.ids import to_id
from airflow_provider_hex.api.models import Run, RunStatus
from airflow_provider_hex.api.run_watch import NEW_FOR
from airflow_provider_hex.api.waiting import wait_for_run
from airflow_provider_hex.cli import exit_codes
from airflow_provider_hex.cli.interruption import exit_code
from airflow_provider_hex.cli.session import Session


def wait(session: Session, project_id: str, run_id: str, timeout: float | None) -> int:
    """Wait for a run, print it as it is then, and return the exit code.

    :param timeout: seconds to wait, None for no timeout.
    :raises HexError: the run cannot be polled.
    """
    polled: list[Run] = []

    def show(run: Run) -> None:
        polled[:] = [run]
        session.progress.show(f"The run is {run['status']} (Ctrl-C ends the wait, not the run)")

    cancel = session.command_line("runs", "cancel", to_id(project_id, "project_id"), run_id)
    try:
        session.progress.show("Waiting for the run")
        wait_for_run(
            session.client,
            project_id,
            run_id,
            timeout=timeout,
            new_until=time.time() + NEW_FOR,
            on_poll=show,
        )
        message, code = "", exit_codes.SUCCESS
    except HexRunFailed as error:
        message, code = f"Error: {error}", exit_codes.of_status(RunStatus.of(polled[0]))
    except HexRunTimeout as error:
        limit = f"--timeout {session.args.timeout:g} s counts from the start of the command."
        goes_on = f"The run {'goes' if polled else 'may go'} on.\nTo cancel it: {cancel}"
        message, code = f"Error: {error} {limit} {goes_on}", exit_codes.TIMED_OUT
    except HexRunGone:
        raise
    except HexError as error:
        session.source.explain(error)
        how = f"The run may go on.\nTo cancel it: {cancel}"
        replace_message(error, f"{error}\n{how}", how)
        raise
    except KeyboardInterrupt as interruption:
        url = polled[0].get("runUrl", run_id) if polled else run_id
        session.progress.show("")
        session.say(f"Interrupted. The run goes on: {url}\nTo cancel it: {cancel}")
        return exit_code(interruption)
    session.progress.show("")
    if polled:
        session.print(polled[0])
    if message:
        session.say(message)
    return code
