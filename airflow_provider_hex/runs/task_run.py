"""One task attempt's run, from start to end.

Read :class:`TaskRun` from top to bottom: it obtains a run, publishes it, and waits for it, in the worker or deferred.
If anything fails in between, :class:`~airflow_provider_hex.runs.owned_run.OwnedRun` releases the run. Airflow may end
the attempt at any time with a kill.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast

from airflow_provider_hex.api.errors import (
    HexError,
    HexRateLimited,
    HexRunTimeout,
    add_sentence,
)
from airflow_provider_hex.api.models import Run, RunStatus, StartedRun
from airflow_provider_hex.api.waiting import wait_for_run
from airflow_provider_hex.runs import timeouts
from airflow_provider_hex.runs.deferral import defer_start, defer_wait, shorter_timeout
from airflow_provider_hex.runs.disposition import AttemptStatus
from airflow_provider_hex.runs.kill_switch import KillSwitch
from airflow_provider_hex.runs.owned_run import OwnedRun
from airflow_provider_hex.runs.recovery import RunRecovery
from airflow_provider_hex.runs.run_store import RunStore
from airflow_provider_hex.triggers import events
from airflow_provider_hex.triggers.run_xcom import pull_run, push_run

if TYPE_CHECKING:
    from airflow_provider_hex.airflow_compat import Context
    from airflow_provider_hex.api.client import HexClient
    from airflow_provider_hex.operators.hex import HexRunProjectOperator

log = logging.getLogger(__name__)

T = TypeVar("T")


class TaskRun(OwnedRun):
    """The run of one task attempt, from its start to its end. :class:`OwnedRun` releases it if anything fails."""

    @classmethod
    def resumed(cls, task: HexRunProjectOperator, context: Context, kill_switch: KillSwitch) -> Self:
        """Return the run of an attempt that was deferred while it waited.

        The record is this attempt's own. The XComs are too, unless an earlier attempt was thought dead and woke up.
        """
        record = RunStore(context, durable=task.durable).load()
        run = record.run if record is not None else None
        return cls(task, context, kill_switch, run or pull_run(context["ti"], task.project_id))

    def execute(self, began: float, *, requeued: bool = False) -> StartedRun | Run:
        """Obtain a run, publish it and wait for it.

        :param began: when the task began, in epoch seconds.
        :param requeued: whether the task has been deferred before, because it was rate-limited.
        :return: the completed run, or Hex's response to RunProject if the task does not wait.
        """

        def obtain_and_wait() -> StartedRun | Run:
            run = self._obtain(began, requeued)
            self._publish(run)
            return self._wait(run, began)

        return self.released_on_failure(obtain_and_wait)

    # Obtain: recover the previous attempt's run, or start one. RecordedStart records each request before it is sent.

    def _obtain(self, began: float, requeued: bool) -> Mapping[str, Any]:
        run = None if requeued else self._recover()
        if run is None:
            run = self._run = self._start_run(began, requeued)
            self._started_at = time.time()
        self._stop_if_killed()  # before the run is recorded: a run that is cancelled now needs no record
        return run

    def _recover(self) -> Mapping[str, Any] | None:
        record = self._store.load()
        if record is None:
            return None
        self._run, self._started_at = record.run, record.started_at
        recovery = RunRecovery(
            self._client,
            record,
            project_id=self._task.project_id,
            on_ambiguous_start=self._task.on_ambiguous_start,
            wait_for_completion=self._task.wait_for_completion,
            is_new=self._is_new,
        )
        self._run = previous = recovery.previous_run()
        recovered = recovery.resolve(previous) if previous else None
        self._stop_if_killed()
        self._run = recovered
        return recovered

    def _start_run(self, began: float, requeued: bool) -> StartedRun:
        if not requeued:
            self._task._before_start()
        max_wait = 0.0 if self._deferrable else _seconds_left(self._task.timeout, began)
        try:
            return self._start.run(self._client, max_wait)
        except HexRateLimited as error:
            if not self._deferrable:
                add_sentence(error, "No run was started before the task's timeout.")
                raise
            defer_start(
                self._task,
                self._ti,
                hex_conn_id=self._task.hex_conn_id,
                error=error,
                began=began,
                timeout=self._shorter_timeout,
                requeued=requeued,
            )

    # Publish: the record is for the next attempt, the XComs are for users and the trigger.

    def _publish(self, run: Mapping[str, Any]) -> None:
        self._store.record_run(run, self._started_at)
        push_run(self._ti, run)

    # Wait: in the worker, or deferred. A task that Airflow no longer wants must not defer, or leave its run running.

    def _wait(self, run: Mapping[str, Any], began: float) -> StartedRun | Run:
        if RunStatus.of(run).is_success:  # the previous attempt's run has completed
            return cast("Run", run)
        self._stop_if_killed()
        if self._task.wait_for_completion and not self._deferrable:
            return self._wait_in_worker(run["runId"], began)
        if self._attempt.status() in (AttemptStatus.ENDED_BY_USER, AttemptStatus.SUPERSEDED):
            self._kill_switch.is_set = True
        self._stop_if_killed()
        if not self._task.wait_for_completion:
            return cast("StartedRun", run)
        defer_wait(
            self._task,
            self._ti,
            hex_conn_id=self._task.hex_conn_id,
            project_id=self._task.project_id,
            run_id=run["runId"],
            poll_interval=self._task.poll_interval,
            timeout=_seconds_left(self._shorter_timeout, began),
            cancel_on_kill=True,
            new_until=self._new_until,
        )

    def _wait_in_worker(self, run_id: str, began: float) -> Run:
        try:
            return wait_for_run(
                self._client,
                self._task.project_id,
                run_id,
                poll_interval=self._task.poll_interval,
                timeout=_seconds_left(self._task.timeout, began),
                new_until=self._new_until,
            )
        except HexRunTimeout as error:
            raise self._for_task(error, None) from None

    def finish(self, event: Any) -> Run:
        """Return the completed run that the trigger reports.

        :param event: the payload of the trigger's event.
        :raises AirflowTaskTimeout: the ``execution_timeout`` was reached.
        :raises HexError: the run did not complete.
        """
        run_id = self._run["runId"] if self._run else "that the task started"
        try:
            return events.completed_run(event, run_id)
        except HexRunTimeout as error:
            raise self._for_task(error, self._task.execution_timeout) from None

    # What the steps above share.

    def _for_task(self, error: HexRunTimeout, execution_timeout: timedelta | None) -> BaseException:
        counted = ", counted from the start of the attempt"
        return timeouts.for_task(error, self._task.timeout, execution_timeout, counted=counted)

    @property
    def _shorter_timeout(self) -> float | None:
        return shorter_timeout(self._task.timeout, self._task.execution_timeout)

    @cached_property
    def _client(self) -> HexClient:
        return self._task.hook.new_client(sleep=self._sleep)

    def _sleep(self, seconds: float) -> None:
        self._kill_switch.sleep(seconds)
        if self._kill_switch.is_set and self._run is not None:
            raise HexError("The task was killed while it waited for the run.")

    def _stop_if_killed(self) -> None:
        if self._kill_switch.is_set:
            raise HexError("The task was killed while it started the run.")


def _seconds_left(limit: float | None, began: float) -> float | None:
    """Return the seconds until a timeout that is counted from ``began`` (epoch seconds), None for no timeout."""
    return None if limit is None else max(began + limit - time.time(), 0.0)
