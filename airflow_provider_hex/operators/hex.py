"""The operator: starts a run of a project and, unless told not to, waits for it."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, get_args

from airflow.providers.common.compat.sdk import AirflowTaskTimeout, BaseOperator, TaskDeferred, conf

from airflow_provider_hex.api import explain
from airflow_provider_hex.api.errors import (
    HexError,
    HexLimited,
    HexNotFound,
    HexRunFailed,
    HexRunTimeout,
    add_sentence,
)
from airflow_provider_hex.api.inputs import check_unrendered
from airflow_provider_hex.api.start import IfStartUnclear
from airflow_provider_hex.api.values import check_choice, to_seconds
from airflow_provider_hex.hooks.hex import HexHook
from airflow_provider_hex.triggers import handover
from airflow_provider_hex.version_compat import context_of_deferred_timeout

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_hex.api.models import Notification, Run, StartedRun


class HexRunProjectOperator(BaseOperator):
    """Runs the latest published version of a Hex project.

    The task succeeds when Hex says that this very run has ``COMPLETED``, and only then. It returns the run as
    Hex describes it; as soon as the run exists, the XComs ``run_id`` and ``run_url`` tell of it. A task that
    fails, times out or is killed while its run goes on cancels the run (killed while deferred: from Airflow 3.3
    on, where Airflow tells the trigger).

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
    :param if_start_unclear: what to do when no clear answer came to the start, so that a run may exist or not. The
        project's API-triggered runs since then are looked at, after the connection's ``start_grace``. ``settle``
        (default): if there is none, start again; if there is exactly one, and this task asks for nothing that
        would tell its run from others (inputs, a view, options), take it; else fail, without retries, and list
        them. ``adopt``: take exactly one in any case, as nothing else starts this project by API. ``fail``:
        never start again, nor take a run.
    :param hex_conn_id: the connection. (templated)
    :raises HexInvalidInput: Hex would refuse or ignore what is asked; nothing was sent.
    :raises HexStartUnknown: whether a run was started could not be settled.
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
        if_start_unclear: IfStartUnclear = "settle",
        hex_conn_id: str = HexHook.default_conn_name,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        check_unrendered(project_id, input_params, view_id, notifications, update_published_results)
        check_choice(if_start_unclear, get_args(IfStartUnclear), "if_start_unclear")
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
        self.if_start_unclear = if_start_unclear
        self.hex_conn_id = hex_conn_id
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

    def start_again(self, context: Context, event: Any) -> StartedRun | Run:
        """Ask for a run again, after the wait for room in the triggerer."""
        return self._start_and_wait(context, handover.turn_to_start(event), came_back=True)

    def resume_execution(self, next_method: str, next_kwargs: dict[str, Any] | None, context: Context) -> Any:
        """Go on after a wait in the triggerer; if there is a run, it is ours whether the wait succeeded or not."""
        told = None if next_method == "start_again" else self._told_run(context)
        with nullcontext() if told is None else self._owning(told):
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
        """Cancel the run that this task is waiting for."""
        self._killed = True
        if not self._owned_one and self.cancel_on_timeout and (context := context_of_deferred_timeout()):
            self._run = self._told_run(context)
        if self._run is None:
            return
        # This may interrupt the task in the middle of a request, so it takes a session of its own.
        interrupted, self.hook = self.hook, HexHook(self.hex_conn_id)
        self.hook.config = interrupted.config
        self.log.warning("The task was killed. %s %s", explain.describe(self._run), self._cancel())

    def _start_and_wait(self, context: Context, began: float, *, came_back: bool) -> StartedRun | Run:
        limit = handover.first_limit(self.timeout, self.execution_timeout)
        try:
            run = self._start(0.0 if self.deferrable else _left(self.timeout, began))
        except HexLimited as refusal:
            if not self.deferrable:
                raise
            handover.defer_start(
                self, hex_conn_id=self.hex_conn_id, refusal=refusal, began=began, timeout=limit, came_back=came_back
            )
        with self._owning(run):
            self.log.info("Started %s.", explain.describe(run))
            context["ti"].xcom_push(key="run_id", value=run["runId"])
            context["ti"].xcom_push(key="run_url", value=run.get("runUrl"))
            if not self.wait_for_completion:
                return run
            if self.deferrable:
                handover.defer(
                    self,
                    hex_conn_id=self.hex_conn_id,
                    project_id=self.project_id,
                    run_id=run["runId"],
                    poll_interval=self.poll_interval,
                    timeout=_left(limit, began),
                    cancel_on_kill=True,
                )
            return self.hook.wait_for_run(
                self.project_id,
                run["runId"],
                poll_interval=self.poll_interval,
                timeout=_left(self.timeout, began),
            )

    def _start(self, patience: float | None) -> StartedRun:
        """Ask Hex for a run with what was rendered.

        :param patience: seconds for which a limit of Hex is waited for.
        """
        return self.hook.run_project(
            self.project_id,
            self.input_params,
            view_id=self.view_id,
            notifications=self.notifications,
            update_published_results=self.update_published_results,
            use_cached_sql_results=self.use_cached_sql_results,
            if_start_unclear=self.if_start_unclear,
            patience=math.inf if patience is None else patience,
        )

    @contextmanager
    def _owning(self, run: Mapping[str, Any]) -> Iterator[None]:
        """See to it that the run does not outlive a task that fails in here, and that the error tells of it."""
        self._run, self._owned_one = run, True
        try:
            if self._killed:
                raise HexError("The task was killed while it started the run.")
            yield
        except (TaskDeferred, HexRunFailed, HexNotFound):
            raise  # the trigger has it now, or there is nothing left to cancel
        except BaseException as error:
            timed_out = isinstance(error, (HexRunTimeout, AirflowTaskTimeout))
            if self._run is None:
                raise
            if timed_out and not self.cancel_on_timeout:
                outcome = "The run goes on, as cancel_on_timeout is off."
            else:
                outcome = self._cancel()
            which = "" if str(run["runId"]) in str(error) else f"{explain.describe(run)}: "
            add_sentence(error, f"{which}{outcome}")
            raise
        finally:
            self._run = None

    def _cancel(self) -> str:
        """Cancel the run, and say how that went: no error here may hide the one that led here."""
        run, self._run = self._run, None
        if run is None:
            return ""
        try:
            self.hook.cancel_run(self.project_id, run["runId"])
        except Exception as error:
            return f"The run could not be cancelled and may still be going. {error}"
        return "The run was cancelled."

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
