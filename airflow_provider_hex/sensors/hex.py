"""The sensor: waits for a run that something else started."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import (
    AirflowException,
    AirflowFailException,
    AirflowSensorTimeout,
    AirflowSkipException,
    AirflowTaskTimeout,
    BaseSensorOperator,
    PokeReturnValue,
)

from airflow_provider_hex.api import error_messages, protocol
from airflow_provider_hex.api.errors import HexError, HexRunFailed, HexRunTimeout, add_sentence
from airflow_provider_hex.api.ids import check_unrendered_id
from airflow_provider_hex.api.models import RunStatus
from airflow_provider_hex.api.run_watch import require_completed
from airflow_provider_hex.hooks.hex import HexHook
from airflow_provider_hex.triggers import handover
from airflow_provider_hex.version_compat import context_of_deferred_timeout

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_hex.api.models import Run


class HexRunSensor(BaseSensorOperator):
    """Waits until a run of a Hex project has completed, and returns it as Hex describes it.

    A run that ends in another way fails the task at once: no retry can change how a run ended. The sensor
    cancels no run unless told to. All arguments of Airflow's sensors mean what they mean there, in every mode.

    :param project_id: the project. (templated)
    :param run_id: the run, such as the ``runId`` or the XCom ``run_id`` of a ``HexRunProjectOperator``. (templated)
    :param hex_conn_id: the connection. (templated)
    :param deferrable: wait in the triggerer, without a worker slot. Default: yes, unless a ``mode`` is given.
    :param cancel_on_kill: cancel the run when the sensor is killed while it waits, or its time is up. (Between two
        looks of ``mode="reschedule"`` there is nobody who could.) Default: no, as it is not the sensor's run.
    :raises HexInvalidInput: an id is none of Hex's; where it is not templated, when the DAG is parsed.
    :raises AirflowFailException: the run did not complete, or cannot be looked at (401, 403, 404).
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
        check_unrendered_id(project_id, "project_id")
        check_unrendered_id(run_id, "run_id")
        self.deferrable = "mode" not in kwargs if deferrable is None else deferrable
        self.project_id = project_id
        self.run_id = run_id
        self.hex_conn_id = hex_conn_id
        self.cancel_on_kill = cancel_on_kill
        self._waits = False
        self._seen: Run | None = None

    @cached_property
    def hook(self) -> HexHook:
        """The hook, which keeps one session."""
        return HexHook(self.hex_conn_id)

    def execute(self, context: Context) -> Any:
        """Wait as the sensor is set: Airflow calls ``poke`` once, or until the run has completed."""
        with self._naming_the_run():
            return super().execute(context)

    def resume_execution(self, next_method: str, next_kwargs: dict[str, Any] | None, context: Context) -> Any:
        """Go on after the wait in the triggerer, whether it came to its end or not."""
        with self._naming_the_run():
            return super().resume_execution(next_method, next_kwargs, context)

    def poke(self, context: Context) -> bool | PokeReturnValue:
        """Look at the run once. When deferrable, this is the one look before the triggerer takes over."""
        run = self._completed_run()
        if run is None and self.deferrable:
            if self.cancel_on_kill:
                context["ti"].xcom_push(key="run_id", value=self.run_id)  # the trigger looks there whose run it is
            handover.defer(
                self,
                hex_conn_id=self.hex_conn_id,
                project_id=self.project_id,
                run_id=self.run_id,
                poll_interval=self.poke_interval,
                timeout=handover.first_limit(self.timeout, self.execution_timeout),
                cancel_on_kill=self.cancel_on_kill,
            )
        return PokeReturnValue(run is not None, run)

    def execute_complete(self, context: Context, event: Any) -> Run:
        """Return the completed run, or fail as the trigger's event says."""
        try:
            return handover.completed_run(event, self.run_id)
        except HexRunTimeout as error:
            if handover.first_limit(self.timeout, self.execution_timeout) == self.timeout:
                raise AirflowSensorTimeout(str(error)) from error
            raise AirflowTaskTimeout(str(error)) from error
        except HexRunFailed as error:
            raise AirflowFailException(str(error)) from error

    def on_kill(self) -> None:
        """Cancel the run, if told to."""
        if self.cancel_on_kill and (self._waits or context_of_deferred_timeout()):
            self.log.warning("The sensor was killed. %s", self._cancel())

    def _cancel(self) -> str:
        """Cancel the run, and say how that went: no error here may hide the one that led here."""
        self._waits = False
        try:
            # This may have interrupted the sensor in the middle of a request, so it takes a session of its own.
            hook = HexHook(self.hex_conn_id)
            hook.config = self.hook.config
            hook.cancel_run(self.project_id, self.run_id)
        except Exception as error:
            return f"The run could not be cancelled and may still be going. {error}"
        return "The run was cancelled."

    def _completed_run(self) -> Run | None:
        """Look once. Return None if the run has not ended, or could not be looked at this time."""
        try:
            call = protocol.get_run(self.project_id, self.run_id)
            if self.hook.client.pause(call):
                self.log.info(
                    "Hex run %s is not looked at this time, to keep within the limit of requests.", self.run_id
                )
                return None
            self._seen = run = self.hook.client.send(call)
            self.log.info("%s is %s.", error_messages.describe(run), run["status"])
            return require_completed(run) if RunStatus.of(run).is_terminal else None
        except HexRunFailed as error:
            raise AirflowFailException(str(error)) from error
        except HexError as error:
            if not error.transient:
                raise
            self.log.warning("%s The run will be looked at again.", error)
            return None

    @contextmanager
    def _naming_the_run(self) -> Iterator[None]:
        """Add the run to errors that do not name it, such as Airflow's own of a timeout."""
        self._waits = True
        try:
            yield
        except (AirflowException, AirflowTaskTimeout) as error:
            if self.cancel_on_kill and isinstance(
                error, (AirflowSensorTimeout, AirflowTaskTimeout, AirflowSkipException)
            ):
                add_sentence(error, self._cancel())
            # An exception without a message is Airflow's way to reschedule the task.
            if str(error) and str(self.run_id) not in str(error):
                run = self._seen or {"projectId": self.project_id, "runId": self.run_id}
                add_sentence(error, f"It waited for {error_messages.describe(run)}.")
            raise
        finally:
            self._waits = False
