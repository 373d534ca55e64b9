"""The sensor: waits for a run that something else started."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import (
    AirflowException,
    AirflowSensorTimeout,
    AirflowSkipException,
    AirflowTaskTimeout,
    BaseSensorOperator,
    PokeReturnValue,
)

from airflow_provider_hex.airflow_errors import airflow_errors
from airflow_provider_hex.api import protocol
from airflow_provider_hex.api.error_messages import describe
from airflow_provider_hex.api.errors import HexError, HexRunFailed, HexRunTimeout, add_sentence
from airflow_provider_hex.api.ids import check_unrendered_id
from airflow_provider_hex.api.models import RunStatus
from airflow_provider_hex.api.run_watch import require_completed
from airflow_provider_hex.hooks.hex import HexHook
from airflow_provider_hex.runs.deferral import defer_wait, shorter_timeout
from airflow_provider_hex.runs.disposition import AttemptStatus, Cause, Disposition, decide
from airflow_provider_hex.runs.release import release_run
from airflow_provider_hex.triggers import events
from airflow_provider_hex.triggers.run_xcom import push_run
from airflow_provider_hex.version_compat import context_of_deferred_timeout

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_hex.api.models import Run


_CAUSES = {Cause.KILLED: "was killed", Cause.TIMED_OUT: "timed out"}


class HexRunSensor(BaseSensorOperator):
    """Waits until a run of a Hex project has completed, and returns it as Hex describes it.

    A run that ends in another way fails the task without retries, because no retry can change how it ended. The sensor
    cancels no run unless ``cancel_on_kill`` is set. All arguments of Airflow's sensors mean what they mean there, in
    every mode. See https://learn.hex.tech/docs/api/api-reference#operation/GetRunStatus.

    :param project_id: the project. (templated)
    :param run_id: the run, such as the ``runId`` or the XCom ``run_id`` of a ``HexRunProjectOperator``. (templated)
    :param hex_conn_id: the connection. Default: ``hex_default``. (templated)
    :param deferrable: wait in the triggerer, without a worker slot. Default: yes, unless a ``mode`` is given.
    :param cancel_on_kill: cancel the run when the sensor is killed while it waits, or times out. (In
        ``mode="reschedule"``, no process is there to do so between two pokes.) Default: no, because the sensor did not
        start the run.
    :raises HexInvalidInput: an id is not a Hex id; if it is not templated, when the DAG is parsed.
    :raises HexRunFailed: the run ended, but not as ``COMPLETED``.
    :raises HexError: the run cannot be polled.
    :raises AirflowSensorTimeout: the run had not ended after ``timeout``.
    """

    template_fields: Sequence[str] = ("project_id", "run_id", "hex_conn_id")
    ui_color = "#f5c0c0"

    def __init__(
        self,
        *,
        project_id: str,
        run_id: str,
        hex_conn_id: str = HexHook.default_conn_name,
        deferrable: bool | None = None,
        cancel_on_kill: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        with airflow_errors():  # a mapped task is built in the worker
            check_unrendered_id(project_id, "project_id")
            check_unrendered_id(run_id, "run_id")
        self.deferrable = "mode" not in kwargs if deferrable is None else deferrable
        self.project_id = project_id
        self.run_id = run_id
        self.hex_conn_id = hex_conn_id
        self.cancel_on_kill = cancel_on_kill
        self._is_waiting = False
        self._polled: Run | None = None

    @cached_property
    def hook(self) -> HexHook:
        """The hook. It reads the connection once."""
        return HexHook(self.hex_conn_id)

    @airflow_errors()
    def execute(self, context: Context) -> Any:
        """Wait in the sensor's mode: Airflow calls ``poke`` once, or until the run has completed."""
        with self._waiting():
            return super().execute(context)

    @airflow_errors()
    def resume_execution(self, next_method: str, next_kwargs: dict[str, Any] | None, context: Context) -> Any:
        """Resume after a deferral, whether the trigger succeeded or not."""
        with self._waiting():
            return super().resume_execution(next_method, next_kwargs, context)

    @airflow_errors()
    def poke(self, context: Context) -> bool | PokeReturnValue:
        """Poll the run once. A deferrable sensor then defers, unless the run has completed."""
        run = self._completed_run()
        if run is None and self.deferrable:
            if self.cancel_on_kill:
                push_run(context["ti"], {"runId": self.run_id})  # the trigger recognises the task by it
            defer_wait(
                self,
                hex_conn_id=self.hex_conn_id,
                project_id=self.project_id,
                run_id=self.run_id,
                poll_interval=self.poke_interval,
                timeout=shorter_timeout(self.timeout, self.execution_timeout),
                cancel_on_kill=self.cancel_on_kill,
            )
        return PokeReturnValue(run is not None, run)

    @airflow_errors()
    def execute_complete(self, context: Context, event: Any) -> Run:
        """Return the completed run that the trigger's event reports, or fail."""
        try:
            return events.completed_run(event, self.run_id)
        except HexRunTimeout as error:
            if shorter_timeout(self.timeout, self.execution_timeout) == self.timeout:
                raise AirflowSensorTimeout(str(error)) from error
            raise AirflowTaskTimeout(str(error)) from error
        except HexRunFailed as error:
            error.retry_helps = False
            raise

    def on_kill(self) -> None:
        """Cancel the run, if ``cancel_on_kill`` is set."""
        if self._is_waiting or context_of_deferred_timeout():
            self._release(Cause.KILLED)

    def _completed_run(self) -> Run | None:
        """Poll once. Return None if the run has not ended, or on a transient error."""
        call = protocol.get_run(self.project_id, self.run_id)
        client = self.hook.client
        if client.pause(call):
            self.log.info("Not polling Hex run %s this time: the requests of this minute are used up.", self.run_id)
            return None
        try:
            self._polled = run = client.send(call)
        except HexError as error:
            if not error.transient:
                raise
            self.log.warning("%s The run will be polled again.", error)
            return None
        self.log.info("Hex run %s: %s", run["status"], describe(run))
        try:
            return require_completed(run) if RunStatus.of(run).is_terminal else None
        except HexRunFailed as error:
            error.retry_helps = False
            raise

    @contextmanager
    def _waiting(self) -> Iterator[None]:
        """Release the run on a timeout, and add the run to errors that do not name it."""
        self._is_waiting = True
        try:
            yield
        except (AirflowException, AirflowTaskTimeout, HexError) as error:
            if isinstance(error, (AirflowSensorTimeout, AirflowTaskTimeout, AirflowSkipException)):
                add_sentence(error, self._release(Cause.TIMED_OUT))
            # An exception without a message is how Airflow reschedules the task.
            if str(error) and str(self.run_id) not in str(error):
                run = self._polled or {"projectId": self.project_id, "runId": self.run_id}
                add_sentence(error, f"The sensor waited for {describe(run)}.")
            raise
        finally:
            self._is_waiting = False

    def _release(self, cause: Cause) -> str:
        """Decide what happens to the run, do it, and return a sentence that says so, empty if nothing was done."""
        self._is_waiting = False
        cancel_on: set[Cause] = {Cause.KILLED, Cause.TIMED_OUT} if self.cancel_on_kill else set()
        disposition = decide(cause, AttemptStatus.ENDED_BY_USER, retry_finds_run=False, cancel_on=cancel_on)
        if disposition is not Disposition.CANCEL:
            return ""
        release = release_run(disposition, self.hook, {"projectId": self.project_id, "runId": self.run_id})
        self.log.warning("The sensor %s. %s", _CAUSES[cause], release.sentence)
        return release.sentence
