"""The run that a task attempt owns, and how it is released: when the attempt fails, times out or is killed."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar, cast

from airflow_provider_hex.airflow_compat import AirflowFailException, AirflowTaskTimeout, TaskDeferred
from airflow_provider_hex.api import run_watch
from airflow_provider_hex.api.errors import (
    HexAmbiguousStart,
    HexError,
    HexRequestRejected,
    HexRunFailed,
    HexRunGone,
    HexUnreconciledStart,
    add_sentence,
)
from airflow_provider_hex.api.models import Run
from airflow_provider_hex.api.run_lines import is_named_in, link_to, name_run
from airflow_provider_hex.api.run_watch import require_completed
from airflow_provider_hex.runs.attempt import Attempt
from airflow_provider_hex.runs.bare_context import NoTaskInstance
from airflow_provider_hex.runs.disposition import AttemptStatus, Cause, Disposition, decide
from airflow_provider_hex.runs.kill_switch import KillSwitch
from airflow_provider_hex.runs.recorded_start import RecordedStart
from airflow_provider_hex.runs.release import GONE_TO_RETRY, Release, release_run
from airflow_provider_hex.runs.run_store import RunStore
from airflow_provider_hex.runs.timeouts import explain, is_timeout, may_still_succeed

if TYPE_CHECKING:
    from airflow_provider_hex.airflow_compat import Context
    from airflow_provider_hex.operators.hex import HexRunProjectOperator

log = logging.getLogger(__name__)

T = TypeVar("T")


class OwnedRun:
    """The run of one task attempt, if it has one.

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

    @property
    def _deferrable(self) -> bool:
        return self._task.deferrable and not isinstance(self._ti, NoTaskInstance)

    @property
    def _new_until(self) -> float:
        return self._started_at + run_watch.NEW_FOR

    @property
    def _is_new(self) -> bool:
        return time.time() < self._new_until

    # Release: decide what happens to the run, do it, record it, and say so in the error.

    def released_on_failure(self, work: Callable[[], T]) -> T | Run:
        """Do some work for the run. Release the run if that fails, and record its success if not.

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
            run, self._run = self._run, None  # a kill no longer releases it
            if run is not None:
                self._store.record_success(run, self._started_at)
            return result
        finally:
            self._run = None

    def _released(self, work: Callable[[], T]) -> T | Run:
        try:
            return work()
        except (TaskDeferred, HexRunFailed):
            raise
        except BaseException as error:
            explain(error, self._task.timeout, self._task.execution_timeout)
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
                explain(late, self._task.timeout, self._task.execution_timeout)
                self._fail(late)
                raise late from error
        release = cast("Release", self._release)
        if release.ended and not killed and may_still_succeed(error):
            return release.ended
        self._report(error, release)
        if release.is_settled and not killed:
            self._store.record_failure(str(error))
        return None

    def _report(self, error: BaseException, release: Release) -> None:
        """Say in the error what happened to the run, and whether a retry helps."""
        left_to_retry = release.disposition is Disposition.LEAVE_TO_RETRY
        if isinstance(error, HexRunGone) and left_to_retry:
            self._release = release = replace(release, sentence=GONE_TO_RETRY)
        add_sentence(error, release.sentence)
        self._name_run_in(error)
        if isinstance(error, HexRunGone) or (isinstance(error, HexError) and left_to_retry):
            error.retry_helps = True  # it starts another run, or the token or the connection may be fixed by then

    def _fail_without_run(self, error: BaseException) -> None:
        was_interrupted = self._start.request and not isinstance(error, Exception)  # by a timeout, or Airflow 2's kill
        if was_interrupted and (self._kill_switch.is_set or self._task.cancel_on_timeout):
            add_sentence(error, self._cancel_interrupted_start())
            self._name_run_in(error)
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
        return self._carry_out(self._decide(Cause.KILLED, self._status())).sentence

    def _cause(self, error: BaseException) -> Cause:
        if is_timeout(error):
            return Cause.TIMED_OUT
        return Cause.KILLED if self._kill_switch.is_set else Cause.FAILED

    def _status(self) -> AttemptStatus:
        """Ask Airflow about the attempt."""
        if self._store.has_run:
            return self._attempt.status_in_time()
        return self._attempt.status_without_record((self._run or {}).get("runId"))

    def _decide(self, cause: Cause, status: AttemptStatus, is_retried: bool = True) -> Disposition:
        return decide(
            cause,
            status,
            retry_finds_run=is_retried and self._store.has_run and self._attempt.retry_finds_record,
            cancel_on=set(Cause) if self._task.cancel_on_timeout else {Cause.KILLED, Cause.FAILED},
        )

    def _carry_out(self, disposition: Disposition) -> Release:
        release = release_run(disposition, self._task.hook, self._named_run, is_new=self._is_new)
        self._release = release
        return release

    def failed_for_good(self) -> None:
        """Release a run that was left to a retry, because Airflow has failed the task without one."""
        if self._release is None or self._release.disposition is not Disposition.LEAVE_TO_RETRY:
            return
        record = self._store.load()
        if record is not None and record.run is not None:
            self._run = record.run
            release = self._carry_out(self._decide(Cause.FAILED, self._status(), is_retried=False))
            self._log_release("The task failed without a retry.", release)

    @property
    def _named_run(self) -> dict[str, Any]:
        return {"projectId": self._task.project_id, **(self._run or {})}

    def _name_run_in(self, error: BaseException) -> None:
        if self._run is not None and not is_named_in(str(error), self._run):
            name_run(error, self._named_run)

    def _log_release(self, what: str, release: Release) -> None:
        log.warning("%s %s Run: %s", what, release.sentence, link_to(self._named_run))

    # Kill: Airflow calls these in a signal handler, so they may interrupt any line of this class and of TaskRun. (While
    # a task is deferred, Airflow calls HexRunTrigger.on_kill instead.)

    def kill(self) -> None:
        """Stop soon, and release the run, because Airflow ends the process."""
        self._kill_switch.is_set = True
        if self._run is None or self._release is not None:
            return
        status = self._status()
        if status is not AttemptStatus.UNKNOWN:  # otherwise the interrupted code raises soon, and _fail releases it
            self._log_release("The task was killed.", self._carry_out(self._decide(Cause.KILLED, status)))

    def time_out(self) -> None:
        """Release the run of a deferred task that Airflow 2 ends at its ``execution_timeout`` without resuming it."""
        if self._run is not None:
            release = self._carry_out(self._decide(Cause.TIMED_OUT, AttemptStatus.CURRENT))
            self._log_release("The task's execution_timeout is reached.", release)
