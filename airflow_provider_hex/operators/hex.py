"""The operator: starts a run of a project and, unless told not to, waits for it."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, cast, get_args

from airflow.providers.common.compat.sdk import (
    AirflowFailException,
    AirflowTaskTimeout,
    BaseOperator,
    TaskDeferred,
    conf,
)

from airflow_provider_hex.api import error_messages
from airflow_provider_hex.api.errors import (
    HexAmbiguousStart,
    HexError,
    HexInvalidInput,
    HexNotFound,
    HexRateLimited,
    HexRequestRejected,
    HexRunFailed,
    HexRunTimeout,
    HexUnreconciledStart,
    add_sentence,
)
from airflow_provider_hex.api.inputs import check_unrendered
from airflow_provider_hex.api.models import RunStatus
from airflow_provider_hex.api.start import OnAmbiguousStart, StartRequest
from airflow_provider_hex.api.validation import check_choice, to_seconds
from airflow_provider_hex.hooks.hex import HexHook
from airflow_provider_hex.runs.recovery import RunRecovery, settled
from airflow_provider_hex.runs.run_store import RunStore
from airflow_provider_hex.triggers import handover
from airflow_provider_hex.version_compat import context_of_deferred_timeout, is_deferral_timeout

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_hex.api.models import Notification, Run, StartedRun

_SLICE = 0.5
"""Seconds in which a task that waits notices that it was killed: 5 s later, Airflow ends its process."""
_LEFT = "The run goes on, and the task's next attempt looks for it."
_KILLED_STARTING = "The task was killed while it started the run."


class HexRunProjectOperator(BaseOperator):
    """Runs the latest published version of a Hex project.

    The task succeeds when Hex says that this very run has ``COMPLETED``, and only then. It returns the run as
    Hex describes it; as soon as the run exists, the XComs ``run_id`` and ``run_url`` tell of it. A task that
    times out or is killed while its run goes on cancels the run, and so does one that fails in its last attempt.

    A retry finds the run of the attempt before, whatever became of that: it watches one that is going, takes the
    result of one that completed, and else starts another. (From Airflow 3.3 on, which has a task state store; before,
    a retry starts another.) Clearing the task starts another in any case.

    Hex's limits (requests, runs, kernels) make the task wait, up to its ``timeout``: in the worker, or in the
    triggerer if it is ``deferrable``.
    See https://learn.hex.tech/docs/api/api-reference#operation/RunProject.

    :param project_id: the project: the id in its URL, or under *Variables* in its sidebar. (templated)
    :param input_params: values for the project's inputs, by name; dates become ISO strings. (templated)
    :param view_id: a saved view to run, with its inputs, instead of ``input_params``. (templated)
    :param notifications: whom Hex tells about the run's end. (templated)
    :param update_published_results: show the results to viewers of the published app. Hex does not combine
        this with ``input_params``. Default: no. (templated)
    :param use_cached_sql_results: take SQL results from Hex's cache where it has them. Default: yes. (templated)
    :param wait_for_completion: wait for the run's end. If not, the task succeeds once the run exists and
        returns Hex's answer to RunProject; a ``HexRunSensor`` can wait for it. Default: yes.
    :param deferrable: wait in the triggerer, without a worker slot. Default: Airflow's setting
        ``[operators] default_deferrable``.
    :param poll_interval: seconds between two looks at the run, or a timedelta. Default: a tenth of the time
        waited, from 2 to 120 seconds, and more often around the time at which earlier runs of the project ended.
    :param timeout: seconds from the task's start until the run must have ended, or a timedelta; None for no
        end. Default: an hour.
    :param cancel_on_timeout: cancel the run when ``timeout`` or ``execution_timeout`` is up. Default: yes.
    :param on_ambiguous_start: what to do when no clear answer came to the start, so that a run may exist or not. The
        project's API-triggered runs since then are looked at, after the connection's ``start_grace``. ``reconcile``
        (default): if there is none, start again; if there is exactly one, and this task asks for nothing that
        would tell its run from others (inputs, a view, options), take it; else fail, without retries, and list
        them. ``adopt``: take exactly one in any case, as nothing else starts this project by API. ``fail``:
        never start again, nor take a run. A run that is taken is the task's own from then on: killing the task
        cancels it.
    :param durable: note the run in Airflow's task state store, so that a retry finds it. Default: yes.
    :param hex_conn_id: the connection. (templated)
    :raises HexInvalidInput: Hex would refuse or ignore what is asked; nothing was sent.
    :raises HexAmbiguousStart: whether a run was started could not be settled.
    :raises HexRunFailed: the run ended, and not as ``COMPLETED``.
    :raises HexRunTimeout: the run had not ended after ``timeout``.
    """

    template_fields: Sequence[str] = (
        "project_id",
        "input_params",
        "view_id",
        "notifications",
        "update_published_results",
        "use_cached_sql_results",
        "hex_conn_id",
    )
    template_fields_renderers: ClassVar[dict[str, str]] = {"input_params": "json", "notifications": "json"}
    ui_color = "#f5c0c0"

    def __init__(
        self,
        *,
        project_id: str,
        input_params: dict[str, Any] | None = None,
        view_id: str | None = None,
        notifications: list[Notification] | None = None,
        update_published_results: bool | str = False,
        use_cached_sql_results: bool | str = True,
        wait_for_completion: bool = True,
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        poll_interval: float | timedelta | None = None,
        timeout: float | timedelta | None = 3600,
        cancel_on_timeout: bool = True,
        on_ambiguous_start: OnAmbiguousStart = "reconcile",
        durable: bool = True,
        hex_conn_id: str = HexHook.default_conn_name,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        check_unrendered(project_id, input_params, view_id, notifications, update_published_results)
        check_choice(on_ambiguous_start, get_args(OnAmbiguousStart), "on_ambiguous_start")
        self.project_id = project_id
        self.input_params = input_params
        self.view_id = view_id
        self.notifications = notifications
        self.update_published_results = update_published_results
        self.use_cached_sql_results = use_cached_sql_results
        self.wait_for_completion = wait_for_completion
        self.deferrable = deferrable
        self.poll_interval = to_seconds(poll_interval, "poll_interval")
        self.timeout = to_seconds(timeout, "timeout")
        self.cancel_on_timeout = cancel_on_timeout
        self.on_ambiguous_start = on_ambiguous_start
        self.durable = durable
        self.hex_conn_id = hex_conn_id
        self._claim: RunStore | None = None
        self._asked: StartRequest | None = None
        self._run: Mapping[str, Any] | None = None
        self._owned_one = False
        self._killed = False

    @cached_property
    def hook(self) -> HexHook:
        """The hook, which keeps one session."""
        return HexHook(self.hex_conn_id)

    def execute(self, context: Context) -> StartedRun | Run:
        """Start the run, tell of it, and wait for it as the task is set."""
        return self._start_and_wait(context, time.time(), came_back=False)

    def retry_start(self, context: Context, event: Any) -> StartedRun | Run:
        """Ask for a run again, after the wait for room in the triggerer."""
        return self._start_and_wait(context, handover.turn_to_start(event), came_back=True)

    def resume_execution(self, next_method: str, next_kwargs: dict[str, Any] | None, context: Context) -> Any:
        """Go on after a wait in the triggerer; if there is a run, it is ours whether the wait succeeded or not."""
        told = None if next_method == "retry_start" else self._told_run(context)
        claim = RunStore(context, self.durable, has_run=True)
        with nullcontext() if told is None else self._owning(told, claim):
            return super().resume_execution(next_method, next_kwargs, context)

    def execute_complete(self, context: Context, event: Any) -> Run:
        """Return the completed run, or fail as the trigger's event says."""
        run = self._run or self._told_run(context) or {"runId": "that it started"}
        try:
            return handover.completed_run(event, run["runId"])
        except HexRunTimeout as error:
            if handover.first_limit(self.timeout, self.execution_timeout) == self.timeout:
                raise
            raise AirflowTaskTimeout(str(error)) from error

    def on_kill(self) -> None:
        """Cancel the run that this task is waiting for, unless another attempt of the task waits for it now."""
        self._killed = True  # which ends a start and a wait soon, but this may have interrupted a request
        if not self._owned_one and self.cancel_on_timeout and (context := context_of_deferred_timeout()):
            self._run = self._told_run(context)
        if (run := self._run) is None:
            return
        with suppress(TimeoutError):  # then the wait, which ends now, sees to the run
            self.log.warning("The task was killed. %s %s", error_messages.describe(run), self._cancel(at_once=True)[1])

    def _start_and_wait(self, context: Context, began: float, *, came_back: bool) -> StartedRun | Run:
        limit = handover.first_limit(self.timeout, self.execution_timeout)
        claim = self._claim = RunStore(context, self.durable)
        self._asked, self._owned_one = None, False
        self._open_session(claim)
        run: Mapping[str, Any] | None = None if came_back else self._run_of_earlier_attempt(claim)
        try:
            run = run or self._start(claim, 0.0 if self.deferrable else _left(self.timeout, began))
        except HexRateLimited as refusal:
            if not self.deferrable:
                raise
            handover.defer_start(
                self, hex_conn_id=self.hex_conn_id, refusal=refusal, began=began, timeout=limit, came_back=came_back
            )
        with self._owning(run, claim):
            claim.took(run)
            context["ti"].xcom_push(key="run_id", value=run["runId"])
            context["ti"].xcom_push(key="run_url", value=run.get("runUrl"))
            if RunStatus.of(run).is_success:
                return cast("Run", run)
            if not self.deferrable and self.wait_for_completion:
                return self.hook.wait_for_run(
                    self.project_id,
                    run["runId"],
                    poll_interval=self.poll_interval,
                    timeout=_left(self.timeout, began),
                )
            self._killed = self._killed or not claim.is_wanted()
            if self._killed:
                raise HexError(_KILLED_STARTING)
            if not self.wait_for_completion:
                return cast("StartedRun", run)
            handover.defer(
                self,
                hex_conn_id=self.hex_conn_id,
                project_id=self.project_id,
                run_id=run["runId"],
                poll_interval=self.poll_interval,
                timeout=_left(limit, began),
                cancel_on_kill=True,
            )

    def _open_session(self, claim: RunStore) -> None:
        try:
            self.hook.client.sleep = self._sleep
        except HexInvalidInput as error:  # the connection was broken meanwhile
            if (left := claim.left()) is None or left.run is None:
                raise
            add_sentence(
                error, f"{error_messages.describe(left.run)} of the attempt before this one may still be going."
            )
            if claim.has_next_attempt:
                raise error from error
            raise

    def _run_of_earlier_attempt(self, claim: RunStore) -> Mapping[str, Any] | None:
        """Return the run of the attempt before, if this one is to have it."""
        if self.durable and not claim.is_kept:
            self.log.debug("Airflow has no task state store before 3.3, so a retry will not find this attempt's run.")
        earlier = RunRecovery(
            self.hook,
            claim,
            project_id=self.project_id,
            on_ambiguous_start=self.on_ambiguous_start,
            waits=self.wait_for_completion,
        )
        try:
            return earlier.run()
        except AirflowTaskTimeout as error:
            if earlier.left_run and self.cancel_on_timeout and not claim.has_next_attempt:
                add_sentence(error, self._cancel_late(earlier.left_run))
            raise

    def _start(self, claim: RunStore, max_wait: float | None) -> StartedRun:
        """Ask Hex for a run with what was rendered.

        :param max_wait: seconds for which a limit of Hex is waited for.
        """

        def asks(asked: StartRequest | None) -> None:
            if asked and self._killed:
                raise HexError(_KILLED_STARTING)
            claim.asks(self.project_id, asked)
            self._asked = asked

        try:
            run = self.hook.run_project(
                self.project_id,
                self.input_params,
                view_id=self.view_id,
                notifications=self.notifications,
                update_published_results=self.update_published_results,
                use_cached_sql_results=self.use_cached_sql_results,
                on_ambiguous_start=self.on_ambiguous_start,
                max_wait=math.inf if max_wait is None else max_wait,
                asks=asks,
            )
        except HexUnreconciledStart as error:
            if claim.has_next_attempt:
                raise error from error  # which looks again
            raise
        except HexAmbiguousStart:
            claim.drop()  # now that somebody is told
            raise
        except Exception:
            raise
        except BaseException as error:  # the time is up, or Airflow 2 ends the task
            if self._asked and (self._killed or self.cancel_on_timeout):
                add_sentence(error, self._abandon(claim, self._asked))
            raise
        self.log.info("Started %s.", error_messages.describe(run))
        return run

    def _abandon(self, claim: RunStore, asked: StartRequest) -> str:
        """Cancel the run that a RunProject may have started whose answer is not waited for; say how that went."""
        try:
            run = settled(self._another_hook(), self.project_id, asked, self.on_ambiguous_start)
        except HexError as error:
            return str(error)
        if run is None:
            claim.drop()
            return "No run was started."
        return self._cancel_late(run)

    def _cancel_late(self, run: Mapping[str, Any]) -> str:
        self._run = run
        return f"{error_messages.describe(run)}: {self._cancel(timed_out=True)[1]}"

    def _sleep(self, seconds: float) -> None:
        """Let seconds pass, or less if the task is killed.

        :raises HexError: it was killed, and has a run.
        """
        until = time.monotonic() + seconds
        time.sleep(min(seconds, _SLICE))
        while not self._killed and (left := until - time.monotonic()) > 0:
            time.sleep(min(left, _SLICE))
        if self._killed and self._owned_one:
            raise HexError("The task was killed while it waited for the run.")

    @contextmanager
    def _owning(self, run: Mapping[str, Any], claim: RunStore) -> Iterator[None]:
        """See to it that the run does not outlive a task that fails in here, and that the error tells of it."""
        self._run, self._claim, self._owned_one = run, claim, True
        try:
            if self._killed:
                raise HexError(_KILLED_STARTING)
            yield
        except TaskDeferred:
            raise  # the trigger has it now
        except HexRunFailed as error:
            claim.ended(str(error))
            raise
        except HexNotFound as error:
            raise error from error  # a retry looks again, and starts another if it is gone
        except BaseException as error:
            if self._run is None:
                raise  # on_kill has seen to it
            if self._let_go(error, run, claim) and isinstance(error, (HexRequestRejected, HexInvalidInput)):
                raise error from error
            raise
        else:
            claim.drop()
        finally:
            self._run = None

    def _let_go(self, error: BaseException, run: Mapping[str, Any], claim: RunStore) -> bool:
        """See to the run of a task that fails, say in its error what becomes of it, and whether a retry has it."""
        timed_out = isinstance(error, (HexRunTimeout, AirflowTaskTimeout)) or is_deferral_timeout(error)
        is_retried = isinstance(error, HexError) or not isinstance(error, AirflowFailException)
        is_over = False
        if timed_out and not self.cancel_on_timeout:
            outcome = "The run goes on, as cancel_on_timeout is off."
        elif claim.will_be_found and is_retried and not (timed_out or self._killed):
            outcome = _LEFT
        else:
            is_over, outcome = self._cancel(timed_out=timed_out)
        which = "" if str(run.get("runUrl") or run["runId"]) in str(error) else f"{error_messages.describe(run)}: "
        add_sentence(error, f"{which}{outcome}")
        if is_over:
            claim.ended(str(error))
        return outcome is _LEFT

    def _cancel(self, *, timed_out: bool = False, at_once: bool = False) -> tuple[bool, str]:
        """Cancel the run, and say whether it is over, and how that went: no error may hide the one that led here.

        :param timed_out: whether that is why, so that no next attempt of the task is to have the run.
        :param at_once: whether to raise if Airflow is slow, instead of guessing.
        :raises TimeoutError: whether another attempt has the run cannot be known just now.
        """
        if (run := self._run) is None:
            return False, ""
        if self._claim and self._claim.is_another_attempts(timed_out=timed_out, at_once=at_once):
            self._run = None
            return False, _LEFT
        self._run = None
        try:
            self._another_hook().cancel_run(run.get("projectId") or self.project_id, run["runId"])
        except Exception as error:
            return False, f"The run could not be cancelled and may still be going. {error}"
        return True, "The run was cancelled."

    def _another_hook(self) -> HexHook:
        """Return a hook with a session of its own, as the task may be interrupted in the middle of a request."""
        hook = HexHook(self.hex_conn_id)
        hook.config = self.hook.config
        return hook

    def _told_run(self, context: Context) -> dict[str, Any] | None:
        """Return the run that this task told of before it was deferred, None if it has none yet."""
        ti = context["ti"]
        run_id, run_url = (
            ti.xcom_pull(task_ids=ti.task_id, key=key, map_indexes=ti.map_index) for key in ("run_id", "run_url")
        )
        return None if run_id is None else {"projectId": self.project_id, "runId": run_id, "runUrl": run_url}


def _left(limit: float | None, began: float) -> float | None:
    """Return what is left of a time limit that runs since ``began``, in epoch seconds."""
    return None if limit is None else max(began + limit - time.time(), 0.0)
