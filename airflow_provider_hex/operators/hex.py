"""The operator: starts a run of a project, and waits for it. :mod:`~airflow_provider_hex.runs.task_run` does both."""

from __future__ import annotations

import time
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, get_args

from airflow_provider_hex.airflow_compat import BaseOperator, conf
from airflow_provider_hex.airflow_errors import airflow_errors, argument_errors
from airflow_provider_hex.api.inputs import check_unrendered
from airflow_provider_hex.api.start import OnAmbiguousStart
from airflow_provider_hex.api.validation import is_template, to_choice, to_seconds
from airflow_provider_hex.compat_0_1.operators import OldOperatorNames, accepts_old_names
from airflow_provider_hex.hooks.hex import HexHook
from airflow_provider_hex.links.hex import HexRunLink
from airflow_provider_hex.runs.bare_context import own_context
from airflow_provider_hex.runs.failure_callback import cancel_run_left_running
from airflow_provider_hex.runs.kill_switch import KillSwitch
from airflow_provider_hex.runs.task_run import TaskRun
from airflow_provider_hex.triggers import events
from airflow_provider_hex.version_compat import (
    REPORTS_LOST_WORKERS,
    context_of_deferred_timeout,
    is_of_previous_attempt,
)

if TYPE_CHECKING:
    from airflow_provider_hex.airflow_compat import Context
    from airflow_provider_hex.api.models import Notification, Run, StartedRun


class HexRunProjectOperator(OldOperatorNames, BaseOperator):
    """Runs the latest published version of a Hex project.

    The task succeeds only when Hex reports its run as ``COMPLETED``. It returns the run as Hex describes it. The
    XComs ``run_id`` and ``run_url`` are pushed as soon as the run exists, and Airflow's UI shows the link *Hex run*
    from then on. The run is cancelled when the task times out, when a user ends the task, and when it fails in its last
    attempt.

    For a minute after its start, Hex may not show a run yet, so it may respond with 403, 404 or 422 without ending the
    wait. After that, these mean that the run is gone, or that the token's owner has no access to it.

    A retry recovers the run of the previous attempt: it re-attaches to a run that has not ended, takes the result of
    one that completed, and otherwise starts another. (This needs Airflow 3.3 or later, which has a task state store.
    On older versions a retry starts another run.) Clearing the task always starts another run.

    Hex's rate and kernel limits make the task wait, up to its ``timeout``: in the worker, or in the triggerer if it is
    ``deferrable``. See https://learn.hex.tech/docs/api/api-reference#operation/RunProject, and ``docs/reliability.md``.

    :param project_id: the project: its URL, or its id, which is under *Variables* in its sidebar. (templated)
    :param input_params: values for the project's inputs, by name; dates become ISO strings. (templated)
    :param view_id: a saved view to run, with its inputs, instead of ``input_params``. (templated)
    :param notifications: whom Hex notifies when the run ends. (templated)
    :param update_published_results: show the results to viewers of the published app. Hex does not combine
        this with ``input_params``. Default: no. (templated)
    :param use_cached_sql_results: take SQL results from Hex's cache where it has them. Default: yes. (templated)
    :param wait_for_completion: wait until the run ends. If not, the task succeeds once the run exists and
        returns Hex's response to RunProject; a ``HexRunSensor`` can wait for the run. Default: yes.
    :param deferrable: wait in the triggerer, without a worker slot. Default: Airflow's setting
        ``[operators] default_deferrable``.
    :param poll_interval: minimum seconds between two polls of the run, or a timedelta. Default: 2 to 4 seconds, and
        more if the rate limit is used for other runs, too (``docs/rate-limits.md``).
    :param timeout: seconds from the start of the attempt until the run must have ended, or a timedelta; None for no
        timeout. The run is polled a last time then, whatever ``poll_interval`` is: if it has completed, the task
        succeeds. The rate limit may delay the last poll by up to 30 seconds. Default: an hour.
    :param cancel_on_timeout: cancel the run when ``timeout`` or ``execution_timeout`` is reached. Default: yes.
    :param on_ambiguous_start: what to do when RunProject got no clear response, so that a run may exist or not.
        ``reconcile``: list the project's API-triggered runs since the request, ``start_grace`` seconds after it. If
        there is none, start again. If there is exactly one, and the task passes no inputs, view or options, re-attach
        to it. Otherwise fail without retries, and list the runs. ``adopt``: the same, but re-attach to exactly one run
        even if the task passes inputs, a view or options, because nothing else starts this project by API. ``fail``:
        never start again, and re-attach to no run. The task cancels a run that it re-attached to as if it had started
        it. Default: ``reconcile``.
    :param durable: record the run in Airflow's task state store, for a retry to find. Default: yes.
    :param hex_conn_id: the connection. Default: ``hex_default``. (templated)
    :raises HexInvalidInput: Hex would reject or ignore the arguments; nothing was sent.
    :raises HexAmbiguousStart: it is unknown which run was started, if any.
    :raises HexRunFailed: the run ended, but not as ``COMPLETED``.
    :raises HexRunGone: the run is gone, or the token's owner has no access to it.
    :raises HexRunTimeout: the run had not ended after ``timeout``.
    """

    template_fields: list[str] = [  # noqa: RUF012  # Airflow declares it so, and subclasses add a list to it
        "project_id",
        "input_params",
        "view_id",
        "notifications",
        "update_published_results",
        "use_cached_sql_results",
        "hex_conn_id",
    ]
    template_fields_renderers: ClassVar[dict[str, str]] = {"input_params": "json", "notifications": "json"}
    operator_extra_links = (HexRunLink(),)
    ui_color = "#F5C0C0"

    @accepts_old_names
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
        with argument_errors(self.task_id):
            if not self._has_old_names:
                check_unrendered(project_id, input_params, view_id, notifications, update_published_results)
            to_choice(on_ambiguous_start, "on_ambiguous_start", get_args(OnAmbiguousStart))
            self.poll_interval = None if poll_interval is None else to_seconds(poll_interval, "poll_interval")
            is_old = self._has_old_names and not isinstance(timeout, timedelta)  # it is checked when the task runs
            unchecked = timeout is None or is_template(timeout) or is_old
            self.timeout = timeout if unchecked else to_seconds(timeout, "timeout")
        self.project_id = project_id
        self.input_params = input_params
        self.view_id = view_id
        self.notifications = [] if notifications is None else notifications
        self.update_published_results = update_published_results
        self.use_cached_sql_results = use_cached_sql_results
        self.wait_for_completion = wait_for_completion
        self.deferrable = deferrable
        self.cancel_on_timeout = cancel_on_timeout
        self.on_ambiguous_start = on_ambiguous_start
        self.durable = durable
        self.hex_conn_id = hex_conn_id
        self._task_run: TaskRun | None = None
        self._own_ti: Any = None
        self._kill_switch = KillSwitch()
        if REPORTS_LOST_WORKERS:
            self.on_failure_callback = [*self.on_failure_callback, cancel_run_left_running]

    @cached_property
    def hook(self) -> HexHook:
        """The hook. It reads the connection once."""
        return HexHook(self.hex_conn_id)

    @airflow_errors()
    def execute(self, context: Context) -> StartedRun | Run:
        """Obtain a run, publish it and wait for it."""
        return self._execute(context, time.time(), requeued=False)

    @airflow_errors()
    def retry_start(self, context: Context, event: Any) -> StartedRun | Run:
        """Start a run after the wait for a slot in the triggerer."""
        return self._execute(context, events.began_of(event), requeued=True)

    @airflow_errors()
    def resume_execution(self, next_method: str, next_kwargs: dict[str, Any] | None, context: Context) -> Any:
        """Resume after a deferral, whether the trigger succeeded or not."""
        if is_of_previous_attempt(context["ti"]):
            return self.execute(context)
        if next_method == "retry_start":
            return super().resume_execution(next_method, next_kwargs, context)
        self._task_run = TaskRun.resumed(self, context, self._kill_switch)
        resume = super().resume_execution
        return self._task_run.released_on_failure(lambda: resume(next_method, next_kwargs, context))

    @airflow_errors()
    def execute_complete(self, context: Context, event: Any) -> Run:
        """Return the completed run that the trigger's event reports, or fail."""
        return (self._task_run or TaskRun.resumed(self, context, self._kill_switch)).finish(event)

    def on_kill(self) -> None:
        """Stop, and release the run."""
        self._kill_switch.is_set = True
        if self._task_run is not None:
            self._task_run.kill()
        elif context := context_of_deferred_timeout():
            TaskRun.resumed(self, context, self._kill_switch).time_out()

    def _before_start(self) -> None:
        """Check whether a run is to be started. A subclass may raise an error, or skip the task."""

    def _execute(self, context: Context, began: float, *, requeued: bool) -> StartedRun | Run:
        self._adopt_old_values()
        used = own_context(self, context, None if requeued else self._own_ti)
        if used is context:
            self._own_ti = context["ti"]
        self._task_run = TaskRun(self, used, self._kill_switch)
        return self._task_run.execute(began, requeued=requeued)
