"""The sensor: waits for a run that something else started."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

from airflow_provider_hex.airflow_compat import (
    AirflowException,
    AirflowSensorTimeout,
    AirflowSkipException,
    AirflowTaskTimeout,
    BaseSensorOperator,
    PokeReturnValue,
    conf,
)
from airflow_provider_hex.airflow_errors import airflow_errors, argument_errors
from airflow_provider_hex.api import protocol, run_watch, steps
from airflow_provider_hex.api.error_messages import how_it_ended
from airflow_provider_hex.api.errors import HexError, HexRunFailed, HexRunTimeout, add_sentence
from airflow_provider_hex.api.models import RunStatus
from airflow_provider_hex.api.run_lines import is_named_in, name_run
from airflow_provider_hex.api.run_reference import check_unrendered_run, to_run, url_of_run
from airflow_provider_hex.api.run_watch import require_completed
from airflow_provider_hex.api.waiting import last_poll
from airflow_provider_hex.hooks.hex import HexHook
from airflow_provider_hex.links.hex import HexRunLink
from airflow_provider_hex.runs import timeouts
from airflow_provider_hex.runs.bare_context import own_context
from airflow_provider_hex.runs.deferral import defer_wait, shorter_timeout
from airflow_provider_hex.runs.disposition import AttemptStatus, Cause, Disposition, decide
from airflow_provider_hex.runs.release import Release, release_run
from airflow_provider_hex.sensors.poke_log import PokeLog
from airflow_provider_hex.sensors.skips import cause_of, is_timeout, skip_or_failure, skipped_on_failure
from airflow_provider_hex.triggers import events
from airflow_provider_hex.triggers.run_xcom import push_link, push_run
from airflow_provider_hex.version_compat import context_of_deferred_timeout, first_poke, is_of_previous_attempt

if TYPE_CHECKING:
    from airflow_provider_hex.airflow_compat import Context
    from airflow_provider_hex.api.models import Run


_CAUSES = {Cause.KILLED: "was killed", Cause.TIMED_OUT: "timed out"}


class HexRunSensor(BaseSensorOperator):
    """Waits until a run of a Hex project has completed, and returns it as Hex describes it.

    A run that ends in another way fails the task without retries, because no retry can change how it ended. The sensor
    cancels no run unless ``cancel_on_kill`` is set. Once it knows the run's URL, it pushes the XCom ``run_url``, and
    Airflow's UI shows the link *Hex run*.

    The run may have been started just now: for a minute after the first poke, Hex may respond with 403, 404 or 422
    without ending the wait. See https://learn.hex.tech/docs/api/api-reference#operation/GetRunStatus.

    The arguments of Airflow's sensors mean what they mean there, in every mode, with these details:

    * ``timeout``: the run is polled a last time: if it has completed, the task succeeds. A deferred sensor does so when
      the timeout is reached, whatever ``poke_interval`` is; in the other modes, Airflow first sleeps until the next
      poke. The rate limit may delay the last poll by up to 30 seconds.
    * ``soft_fail``: the task is skipped if the wait times out, also by ``execution_timeout``, or if the run ended in
      another way than completed. Any other error fails the task, such as a wrong token, a run that does not exist, or
      an invalid connection.
    * ``never_fail``: the task is skipped on every error of a poll, whatever it is, and by ``execution_timeout``.

    :param project_id: the project, as its id or URL. Not needed if ``run_id`` names it, too. (templated)
    :param run_id: the run: its id, such as the XCom ``run_id`` of a ``HexRunProjectOperator``, its URL, or the
        operator's whole result, as in ``.expand(run_id=starts.output)``. (templated)
    :param hex_conn_id: the connection. Default: ``hex_default``. (templated)
    :param deferrable: wait in the triggerer, without a worker slot. Default: Airflow's setting
        ``[operators] default_deferrable``; no if a ``mode`` is given, also in ``default_args``.
    :param cancel_on_kill: cancel the run when the sensor is killed while it waits, or times out. (In
        ``mode="reschedule"``, no process is there to do so between two pokes.) Default: no, because the sensor did not
        start the run.
    :raises HexInvalidInput: an id is not a Hex id; if it is not templated, when the DAG is parsed.
    :raises HexRunFailed: the run ended, but not as ``COMPLETED``.
    :raises HexError: the run cannot be polled.
    :raises AirflowSensorTimeout: the run had not ended after ``timeout``.
    """

    template_fields: Sequence[str] = ("project_id", "run_id", "hex_conn_id")
    operator_extra_links = (HexRunLink(),)
    ui_color = "#f5c0c0"

    def __init__(
        self,
        *,
        project_id: str | None = None,
        run_id: str | Mapping[str, Any],
        hex_conn_id: str = HexHook.default_conn_name,
        deferrable: bool | None = None,
        cancel_on_kill: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        with argument_errors(self.task_id):
            check_unrendered_run(project_id, run_id)
        self.deferrable = _is_deferrable_by_default(kwargs) if deferrable is None else deferrable
        self.project_id = cast("str", project_id)  # _name_run sets it, if it is not given
        self.run_id = cast("str", run_id)
        self.hex_conn_id = hex_conn_id
        self.cancel_on_kill = cancel_on_kill
        self._is_waiting = False
        self._poke_log = PokeLog()
        self._polled: Run | None = None
        self._published: str | None = None
        self._is_known = False  # whether the last poke found out the run's status

    @cached_property
    def hook(self) -> HexHook:
        """The hook. It reads the connection once."""
        return HexHook(self.hex_conn_id)

    @airflow_errors()
    def execute(self, context: Context) -> Any:
        """Wait in the sensor's mode: Airflow calls ``poke`` once, or until the run has completed."""
        url = url_of_run(self.run_id)
        self._name_run()
        self._publish(context, url)
        execute = super().execute
        first = first_poke(context) if self.reschedule and not self.deferrable else None
        self._poke_log = PokeLog(first.timestamp() if first else time.time(), is_first=first is None)
        return self._released(lambda: execute(context))

    @airflow_errors()
    def resume_execution(self, next_method: str, next_kwargs: dict[str, Any] | None, context: Context) -> Any:
        """Resume after a deferral, whether the trigger succeeded or not."""
        if is_of_previous_attempt(own_context(self, context)["ti"]):
            return self.execute(context)
        self._name_run()
        resume = super().resume_execution
        self._is_known = False  # the trigger may have been too busy to poll the run when the timeout was reached
        wait = skipped_on_failure(resume) if self.never_fail else resume
        return self._released(lambda: wait(next_method, next_kwargs, context))

    @airflow_errors()
    def poke(self, context: Context) -> bool | PokeReturnValue:
        """Poll the run once. A deferrable sensor then defers, unless the run has completed."""
        try:
            run = self._completed_run()
        finally:
            self._publish(context, url_of_run(self._polled))
        if run is None and self.deferrable:
            if self.cancel_on_kill:
                push_run(context["ti"], {"runId": self.run_id})  # the trigger recognises the task by it
            defer_wait(
                self,
                own_context(self, context)["ti"],
                hex_conn_id=self.hex_conn_id,
                project_id=self.project_id,
                run_id=self.run_id,
                poll_interval=self.poke_interval,
                timeout=shorter_timeout(self.timeout, self.execution_timeout),
                cancel_on_kill=self.cancel_on_kill,
                new_until=self._poke_log.new_until,
            )
        return PokeReturnValue(run is not None, run)

    @airflow_errors()
    def execute_complete(self, context: Context, event: Any) -> Run:
        """Return the completed run that the trigger's event reports, or fail."""
        if isinstance(event, Mapping):  # the first poke may have been too early for the rate limit, and found no URL
            self._publish(context, url_of_run(event.get("run")))
        try:
            return events.completed_run(event, self.run_id)
        except HexRunTimeout as error:
            raise timeouts.for_task(error, self.timeout, self.execution_timeout, kind=AirflowSensorTimeout) from None
        except HexRunFailed as error:
            error.retry_helps = False
            raise

    def on_kill(self) -> None:
        """Cancel the run, if ``cancel_on_kill`` is set."""
        if self._is_waiting or context_of_deferred_timeout():
            self._name_run()
            self._release(Cause.KILLED)

    def _name_run(self) -> None:
        """Replace a run's URL or description by its ids, after templates are rendered."""
        self.project_id, self.run_id = to_run(self.project_id, self.run_id)

    def _publish(self, context: Context, url: str | None) -> None:
        """Push the run's URL, unless it is not known or has been pushed. The wait goes on if that fails."""
        if url and url != self._published:
            self._published = url
            push_link(own_context(self, context)["ti"], url)

    def _completed_run(self) -> Run | None:
        """Poll once. Return None if the run has not ended, or on a transient error."""
        self._is_known = False
        client = self.hook.client
        if client.pause(protocol.get_run(self.project_id, self.run_id)):
            self.log.info("The run was not polled: the rate limit allows no request now.")
            return None
        try:
            run = client.carry_out(steps.poll(self.project_id, self.run_id, is_new=self._is_new), once=True)
        except HexError as error:
            if not error.transient:
                raise
            run_watch.log_transient_error(error)
            return None
        self._is_known = True
        self._poke_log.polled(run)
        self._polled = run
        return self._required(run) if RunStatus.of(run).is_terminal else None

    @property
    def _is_new(self) -> bool:
        return time.time() < self._poke_log.new_until

    def _required(self, run: Run) -> Run:
        try:
            return require_completed(run)
        except HexRunFailed as error:
            error.retry_helps = False
            raise

    def _released(self, wait: Callable[[], Any]) -> Any:
        """Wait. Release the run on a timeout, and add the run to errors that do not name it.

        :param wait: waits in one of the modes.
        :return: what it returns, or the run if it timed out, but the run had completed.
        """
        self._is_waiting = True
        try:
            return wait()
        except (AirflowException, AirflowTaskTimeout, HexError) as raised:
            timeouts.explain(raised, self.timeout, self.execution_timeout, self._polled if self._is_known else None)
            error = skip_or_failure(raised, soft_fail=self.soft_fail, never_fail=self.never_fail)
            if is_timeout(error) and (run := self._completed_after(error)):
                return run
            named = {"projectId": self.project_id, "runId": self.run_id, "runUrl": self._published}
            known: Mapping[str, Any] = self._polled or named
            # An exception without a message is how Airflow reschedules the task.
            if str(error) and not is_named_in(str(error), known):
                name_run(error, known)
            if is_timeout(error):
                error = error.with_traceback(None)  # Airflow's and this class's own frames say nothing
            raise error from error.__cause__
        finally:
            self._is_waiting = False

    def _completed_after(self, timeout: BaseException) -> Run | None:
        """Return the run if it has completed after all. Otherwise do what Airflow does about a failed poke."""
        try:
            run = self._ended_after(timeout)
            return None if run is None else self._required(run)
        except HexError as error:
            if self.never_fail or (self.soft_fail and isinstance(error, HexRunFailed)):
                raise AirflowSkipException(str(error)) from error
            raise

    def _ended_after(self, timeout: BaseException) -> Run | None:
        """Poll a last time if this process did not, and release the run.

        :param timeout: the error. What was found is added to it.
        :return: the run, if it had ended, and the task may still succeed.
        :raises HexError: a permanent error of the last poll, which is worse than a timeout.
        """
        cause = cause_of(timeout)
        process_ends = isinstance(cause, AirflowTaskTimeout) and not timeouts.ended_wait(cause)
        run, error = None, timeout
        if process_ends or not self._is_known:
            run, error = self._last_poll(timeout, process_ends)
        if run is not None:
            add_sentence(error, how_it_ended(run))
        elif (release := self._release(Cause.TIMED_OUT)) is not None:
            add_sentence(error, release.sentence)
            run = release.ended
        if run is None and error is not timeout:
            raise error
        return None if process_ends else run

    def _last_poll(self, timeout: BaseException, process_ends: bool) -> tuple[Run | None, BaseException]:
        """Poll the run.

        :param timeout: the error. If the run cannot be polled, this is added to it.
        :param process_ends: whether Airflow has interrupted the process, and with it perhaps the client.
        :return: the run if it has ended, and the error for the task if not: a permanent error, or the timeout.
        """
        try:
            client = self.hook.new_client() if process_ends else self.hook.client
            self._polled = run = last_poll(client, self.project_id, self.run_id)
        except AirflowTaskTimeout:  # the execution_timeout is reached now
            add_sentence(timeout, "A last poll was not possible: the execution_timeout was reached.")
            return None, timeout
        except Exception as error:
            if isinstance(error, HexError) and not isinstance(error, HexRunTimeout) and not process_ends:
                return None, error
            if str(error) not in str(timeout):  # the trigger may have reported the same
                add_sentence(timeout, str(error))
            return None, timeout
        return run if RunStatus.of(run).is_terminal else None, timeout

    def _release(self, cause: Cause) -> Release | None:
        """Decide what happens to the run, and do it. Return None if nothing was done."""
        self._is_waiting = False
        cancel_on: set[Cause] = {Cause.KILLED, Cause.TIMED_OUT} if self.cancel_on_kill else set()
        disposition = decide(cause, AttemptStatus.ENDED_BY_USER, retry_finds_run=False, cancel_on=cancel_on)
        if disposition is not Disposition.CANCEL:
            return None
        release = release_run(
            disposition, self.hook, {"projectId": self.project_id, "runId": self.run_id}, is_new=self._is_new
        )
        self.log.warning("The sensor %s. %s", _CAUSES[cause], release.sentence)
        return release


def _is_deferrable_by_default(kwargs: dict[str, Any]) -> bool:
    """Whether a sensor defers that was given these arguments, and no ``deferrable``."""
    has_mode = "mode" in kwargs or "mode" in (kwargs.get("default_args") or {})
    return not has_mode and conf.getboolean("operators", "default_deferrable", fallback=False)
