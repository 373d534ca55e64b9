"""One task attempt's run, from start to end.

Read :class:`TaskRun` from top to bottom: it obtains a run, publishes it, and waits for it, in the worker or deferred.
If anything fails in between, it releases the run. Airflow may end the attempt at any time with a kill.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast

from airflow.providers.common.compat.sdk import AirflowFailException, AirflowTaskTimeout, TaskDeferred

from airflow_provider_hex.api import run_watch
from airflow_provider_hex.api.error_messages import describe
from airflow_provider_hex.api.errors import (
    HexAmbiguousStart,
    HexError,
    HexRateLimited,
    HexRequestRejected,
    HexRunFailed,
    HexRunGone,
    HexRunTimeout,
    HexUnreconciledStart,
    add_sentence,
)
from airflow_provider_hex.api.models import Run, RunStatus, StartedRun
from airflow_provider_hex.api.run_watch import require_completed
from airflow_provider_hex.api.waiting import wait_for_run
from airflow_provider_hex.runs.attempt import Attempt
from airflow_provider_hex.runs.deferral import defer_start, defer_wait, shorter_timeout
from airflow_provider_hex.runs.disposition import AttemptStatus, Cause, Disposition, decide
from airflow_provider_hex.runs.kill_switch import KillSwitch
from airflow_provider_hex.runs.recorded_start import RecordedStart
from airflow_provider_hex.runs.recovery import RunRecovery
from airflow_provider_hex.runs.release import GONE_TO_RETRY, Release, release_run
from airflow_provider_hex.runs.run_store import RunStore
from airflow_provider_hex.runs.timeouts import is_timeout, may_still_succeed
from airflow_provider_hex.triggers import events
from airflow_provider_hex.triggers.run_xcom import pull_run, push_run

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_hex.api.client import HexClient
    from airflow_provider_hex.operators.hex import HexRunProjectOperator

log = logging.getLogger(__name__)

T = TypeVar("T")


class TaskRun:
    """The run of one task attempt.

    :param task: the operator, with its arguments rendered.
    :param context: the attempt's context.
    :param kill_switch: is set when Airflow ends the attempt's process.
    :param run: the run that the attempt published before it was deferred. Default: none.
    """

    def __init__(
        self,
        task: HexRunProjectOperator,
        context: Context,
        kill_switch: KillSwitch,
        run: Mapping[str, Any] | None = None,
    ) -> None:
        self._task = task
        self._ti: Any = context["ti"]
        self._store = RunStore(context, durable=task.durable, has_run=run is not None)
        self._attempt = Attempt(self._ti, self._store)
        self._run = run
        self._started_at = 0.0  # unknown
        self._release: Release | None = None
        self._kill_switch = kill_switch
        self._start = RecordedStart(task, self._store, kill_switch)

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
        max_wait = 0.0 if self._task.deferrable else _seconds_left(self._task.timeout, began)
        try:
            return self._start.run(self._client, max_wait)
        except HexRateLimited as error:
            if not self._task.deferrable:
                raise
            defer_start(
                self._task,
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
        if self._task.wait_for_completion and not self._task.deferrable:
            return wait_for_run(
                self._client,
                self._task.project_id,
                run["runId"],
                poll_interval=self._task.poll_interval,
                timeout=_seconds_left(self._task.timeout, began),
                new_until=self._new_until,
            )
        if self._attempt.status() in (AttemptStatus.ENDED_BY_USER, AttemptStatus.SUPERSEDED):
            self._kill_switch.is_set = True
        self._stop_if_killed()
        if not self._task.wait_for_completion:
            return cast("StartedRun", run)
        defer_wait(
            self._task,
            hex_conn_id=self._task.hex_conn_id,
            project_id=self._task.project_id,
            run_id=run["runId"],
            poll_interval=self._task.poll_interval,
            timeout=_seconds_left(self._shorter_timeout, began),
            cancel_on_kill=True,
            new_until=self._new_until,
        )

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
            if self._shorter_timeout == self._task.timeout:
                raise
            raise AirflowTaskTimeout(str(error)) from error

    # Release: decide what happens to the run, do it, record it, and say so in the error.

    def released_on_failure(self, work: Callable[[], T]) -> T | Run:
        """Do some work for the run. Release the run if that fails, and delete its record if it succeeds.

        :param work: the work.
        :return: what it returns, or the run if the work timed out, but the run had completed.
        """
        try:
            result = self._released(work)
        except TaskDeferred:
            raise
        except HexRunFailed as error:
            if self._release and self._release.is_settled:  # by a kill
                add_sentence(error, self._release.sentence)
            self._store.record_failure(str(error))
            raise
        else:
            self._store.delete()
            return result
        finally:
            self._run = None

    def _released(self, work: Callable[[], T]) -> T | Run:
        try:
            return work()
        except (TaskDeferred, HexRunFailed):
            raise
        except BaseException as error:
            if self._run is None:
                self._fail_without_run(error)
            elif (run := self._fail(error)) is not None:
                self._release = None
                return require_completed(run)
            raise

    def _fail(self, error: BaseException) -> Run | None:
        """Release the run, and say so in the error. Return the run if it had ended before the task timed out.

        :raises AirflowTaskTimeout: the ``execution_timeout`` was reached meanwhile. The run was released after it.
        """
        killed = self._release is not None  # then the kill has released the run
        if not killed:
            try:
                is_retried = isinstance(error, HexError) or not isinstance(error, AirflowFailException)
                self._carry_out(self._decide(self._cause(error), self._status(), is_retried))
            except AirflowTaskTimeout as late:  # Airflow raises it once
                self._fail(late)
                raise late from error
        release = cast("Release", self._release)
        if release.ended and not killed and may_still_succeed(error):
            return release.ended
        left_to_retry = release.disposition is Disposition.LEAVE_TO_RETRY
        if isinstance(error, HexRunGone) and left_to_retry:
            release = self._release = replace(release, sentence=GONE_TO_RETRY)
        add_sentence(error, release.sentence if self._is_named_in(error) else self._named_release())
        if release.is_settled and not killed:
            self._store.record_failure(str(error))
        if isinstance(error, HexRunGone) or (isinstance(error, HexError) and left_to_retry):
            error.retry_helps = True  # it starts another run, or the token or the connection may be fixed by then
        return None

    def _fail_without_run(self, error: BaseException) -> None:
        was_interrupted = self._start.request and not isinstance(error, Exception)  # by a timeout, or Airflow 2's kill
        if was_interrupted and (self._kill_switch.is_set or self._task.cancel_on_timeout):
            add_sentence(error, self._cancel_interrupted_start())
        elif isinstance(error, HexUnreconciledStart) or (isinstance(error, HexRequestRejected) and self._store.has_run):
            error.retry_helps = self._attempt.retry_finds_record  # the retry reconciles the start
        elif isinstance(error, HexAmbiguousStart):
            self._store.delete()  # no retry can reconcile it, and the error lists the runs

    def _cancel_interrupted_start(self) -> str:
        try:
            self._run = self._start.interrupted_run()
        except HexError as error:
            return str(error)
        if self._run is None:
            return "No run was started."
        self._carry_out(Disposition.CANCEL)
        return self._named_release()

    def _cause(self, error: BaseException) -> Cause:
        if is_timeout(error):
            return Cause.TIMED_OUT
        return Cause.KILLED if self._kill_switch.is_set else Cause.FAILED

    def _status(self) -> AttemptStatus:
        """Ask Airflow about the attempt. Without a record no other attempt knows the run, so it need not be asked."""
        return self._attempt.status_in_time() if self._store.has_run else AttemptStatus.CURRENT

    def _decide(self, cause: Cause, status: AttemptStatus, is_retried: bool = True) -> Disposition:
        return decide(
            cause,
            status,
            retry_finds_run=is_retried and self._store.has_run and self._attempt.retry_finds_record,
            cancel_on=set(Cause) if self._task.cancel_on_timeout else {Cause.KILLED, Cause.FAILED},
        )

    def _carry_out(self, disposition: Disposition) -> None:
        run = {"projectId": self._task.project_id, **(self._run or {})}
        self._release = release_run(disposition, self._task.hook, run, is_new=self._is_new)

    def _is_named_in(self, error: BaseException) -> bool:
        return self._run is not None and str(self._run.get("runUrl") or self._run["runId"]) in str(error)

    def _named_release(self) -> str:
        return f"{describe(self._run or {})}: {self._release.sentence if self._release else ''}"

    # Kill: Airflow calls these in a signal handler, so they may interrupt any line above. (While a task is deferred,
    # Airflow calls HexRunTrigger.on_kill instead.)

    def kill(self) -> None:
        """Stop soon, and release the run, because Airflow ends the process."""
        self._kill_switch.is_set = True
        if self._run is None or self._release is not None:
            return
        status = self._status()
        if status is not AttemptStatus.UNKNOWN:  # otherwise the interrupted code raises soon, and _fail releases it
            self._carry_out(self._decide(Cause.KILLED, status))
            log.warning("The task was killed. %s", self._named_release())

    def time_out(self) -> None:
        """Release the run of a deferred task that Airflow 2 ends at its ``execution_timeout`` without resuming it."""
        if self._run is not None:
            self._carry_out(self._decide(Cause.TIMED_OUT, AttemptStatus.CURRENT))
            log.warning("The task timed out. %s", self._named_release())

    # What the steps above share.

    @property
    def _shorter_timeout(self) -> float | None:
        return shorter_timeout(self._task.timeout, self._task.execution_timeout)

    @property
    def _new_until(self) -> float:
        return self._started_at + run_watch.NEW_FOR

    @property
    def _is_new(self) -> bool:
        return time.time() < self._new_until

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
