"""Starting a task's run, with a record of each request."""

from __future__ import annotations

import logging
import math
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

from airflow_provider_hex.api import protocol
from airflow_provider_hex.api.errors import HexError
from airflow_provider_hex.api.ids import known_project_id
from airflow_provider_hex.api.run_lines import link_to
from airflow_provider_hex.api.start import StartRequest, start
from airflow_provider_hex.runs.recovery import reconcile

if TYPE_CHECKING:
    from airflow_provider_hex.api.client import HexClient
    from airflow_provider_hex.api.models import Run, StartedRun
    from airflow_provider_hex.operators.hex import HexRunProjectOperator
    from airflow_provider_hex.runs.kill_switch import KillSwitch
    from airflow_provider_hex.runs.run_store import RunStore

log = logging.getLogger(__name__)


class RecordedStart:
    """Starts a task's run. It is the journal of the RunProject call: it records each request before it is sent.

    :param task: the operator, with its arguments rendered.
    :param store: the record.
    :param kill_switch: stops the start when the task is killed.
    """

    def __init__(self, task: HexRunProjectOperator, store: RunStore, kill_switch: KillSwitch) -> None:
        self._task = task
        self._store = store
        self._kill_switch = kill_switch
        self._default_options = False
        self.request: StartRequest | None = None
        """The request that was sent last, unless it certainly started no run."""

    def run(self, client: HexClient, max_wait: float | None) -> StartedRun:
        """Start a run.

        :param client: the client that sends RunProject.
        :param max_wait: seconds to wait for Hex's rate and kernel limits, None for no limit.
        :raises HexRateLimited: a limit was still reached after ``max_wait``.
        :raises HexAmbiguousStart: it is unknown which run was started, if any.
        :raises HexError: no run was started.
        """
        task = self._task
        call = protocol.run_project(
            task.project_id,
            input_params=task.input_params,
            view_id=task.view_id,
            notifications=task.notifications,
            update_published_results=task.update_published_results,
            use_cached_sql_results=task.use_cached_sql_results,
        )
        self._default_options = not call.body
        procedure = start(
            replace(call, journal=self),
            task.project_id,
            on_ambiguous_start=task.on_ambiguous_start,
            grace=client.config.start_grace,
            is_candidate=self._is_candidate,
        )
        run = client.carry_out(procedure, math.inf if max_wait is None else max_wait)
        log.info("Hex run started: %s", link_to(run))
        return run

    def sending(self, at: float) -> None:
        """Record a request before it is sent, or stop it if the task was killed."""
        if self._kill_switch.is_set:
            raise HexError("The task was killed while it started the run.")
        request = StartRequest(at, self._default_options)
        self._store.record_request(known_project_id(self._task.project_id), request)
        self.request = request

    def had_no_effect(self) -> None:
        """Delete the record of a request that certainly started no run."""
        self.request = None
        self._store.delete()

    def interrupted_run(self) -> StartedRun | None:
        """Return the run of a request that was interrupted before its response, None if it started none.

        :raises HexError: it is unknown which run that is.
        """
        if self.request is None:
            return None
        with closing(self._task.hook.new_client()) as client:
            run = reconcile(
                client, self._task.project_id, self.request, self._task.on_ambiguous_start, self._is_candidate
            )
        if run is None:
            self.had_no_effect()
        return run

    def _is_candidate(self, run: Run) -> bool:
        return run["runId"] != self._store.earlier_run_id
