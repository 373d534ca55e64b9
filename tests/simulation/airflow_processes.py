"""The process of a task in a worker, and all that may happen to it. Its triggerers are in ``airflow_triggerer``."""

from __future__ import annotations

import copy
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from airflow.sdk.bases.operator import ExecutorSafeguard
from airflow.sdk.exceptions import AirflowRescheduleException, AirflowTaskTerminated

from airflow_provider_hex.airflow_compat import (
    AirflowFailException,
    AirflowSensorTimeout,
    AirflowSkipException,
    AirflowTaskTimeout,
    TaskDeferred,
)
from airflow_provider_hex.runs.kill_switch import KillSwitch
from tests.simulation import machine
from tests.simulation.airflow_context import Store, Supervisor, TaskInstance
from tests.simulation.airflow_rules import DEAD_AFTER, LONG_SLEEP, NOTICED_AFTER, SHORT_SLEEP, USER, Attempt
from tests.simulation.hex_model import Hook
from tests.simulation.world import LATENCY, Killed, Process

if TYPE_CHECKING:
    from tests.simulation.airflow_model import Airflow

T = TypeVar("T")


class Simulated:
    """A process of Airflow's, and what may happen to it at each of its I/O operations.

    :param airflow: Airflow.
    :param attempt: the attempt that it works for.
    """

    incidents: tuple[str, ...] = ()

    def __init__(self, airflow: Airflow, attempt: Attempt) -> None:
        self.airflow = airflow
        self.attempt = attempt
        self.world = airflow.world

    def io(self, name: str, effect: Callable[[], T], seconds: float = LATENCY) -> T:
        """Do an I/O operation: it reaches its other side, has its effect, and the result comes back."""
        process = machine.this_thread().process
        process.check()
        thread = machine.this_thread()
        incident = self._choose(name)
        before = incident.endswith(" before")
        if before:
            self.happens(incident.removesuffix(" before"), process)
        thread.wait(LATENCY / 2)
        result = effect()
        if incident and not before:
            self.happens(incident.removesuffix(" after"), process)
        thread.wait(seconds - LATENCY / 2)
        return result

    def _choose(self, name: str) -> str:
        options = [f"{incident} {when}" for incident in self.possible() for when in ("before", "after")]
        return self.world.choose(f"attempt {self.attempt.number}: {name}", ["", *options])

    def possible(self) -> list[str]:
        raise NotImplementedError

    def happens(self, incident: str, process: Process) -> None:
        raise NotImplementedError


class Worker(Simulated):
    """The process of an attempt in a worker (``task_runner.run``).

    :param airflow: Airflow.
    :param attempt: the attempt.
    :param work: calls a method of the task.
    :param next_method: the method that Airflow stored when the task was deferred, None at its start.
    """

    def __init__(
        self,
        airflow: Airflow,
        attempt: Attempt,
        work: Callable[[Any, Any], Any],
        next_method: str | None = None,
    ) -> None:
        super().__init__(airflow, attempt)
        self._work = work
        self._next_method = next_method
        self.task = copy.copy(airflow.template)  # rendered anew in each process
        if not airflow.setup.is_sensor:
            self.task._kill_switch, self.task._task_run = KillSwitch(), None
        hook = Hook(airflow.hex, attempt.number, self.io)
        self.task.__dict__["hook"] = hook
        self.process = Process(
            airflow.world, f"the process of attempt {attempt.number}", self._run, lambda: airflow.exited(attempt)
        )
        self.process.hook = hook
        self.process.supervisor = Supervisor(airflow, attempt, self.io)
        self.process.ask_to_end = self._ask_to_end
        self._executing = False

    def possible(self) -> list[str]:
        """A process is killed, frozen, or asked to end at most once, and a user acts at most once, in one attempt."""
        if self.attempt is not self.airflow.current or self.airflow.state != "running" or self.attempt.ends:
            return []
        return ["killed", "terminated by a deploy", "frozen shortly", "frozen for long", *USER]

    def happens(self, incident: str, process: Process) -> None:
        if incident not in USER:
            self.attempt.ends.append(incident)
        if incident == "killed":
            process.kill()
        elif incident == "terminated by a deploy":
            self.airflow.terminate(self.attempt, process)
        elif incident.startswith("frozen"):
            self._freeze(process, SHORT_SLEEP if incident.endswith("shortly") else LONG_SLEEP)
        else:
            self.airflow.user_acts(incident)

    def _freeze(self, process: Process, seconds: float) -> None:
        self.attempt.frozen_at = self.world.now
        process.freeze(seconds)
        self.world.after(DEAD_AFTER, lambda: self._thought_dead(process))
        self.world.after(seconds + NOTICED_AFTER, lambda: self.end_if_superseded(process))

    def _thought_dead(self, process: Process) -> None:
        if self.attempt.process is process and self.airflow.state == "running":
            self.attempt.thought_dead = True
            self.airflow.failed(self.attempt)

    def end_if_superseded(self, process: Process) -> None:
        """End a process whose heartbeat Airflow rejects, because the task is no longer running in it."""
        if self.attempt is not self.airflow.current or self.airflow.state != "running":
            self.airflow.terminate(self.attempt, process)

    def _ask_to_end(self) -> None:
        """Run ``on_kill`` in the process. Airflow 2 then raises an error in the task (``signal_handler``)."""
        self.task.on_kill()
        if self.airflow.setup.airflow < (3, 0) and self._executing:
            raise AirflowTaskTerminated("Task received SIGTERM signal")

    def time_out(self) -> None:
        """Reach the ``execution_timeout``: an exception in the task, then ``on_kill`` (``_run_execute_callable``)."""

        def raise_timeout() -> None:
            if self._executing:
                raise AirflowTaskTimeout("Timeout")

        self.process.signal(raise_timeout)

    def _run(self) -> None:
        ti = TaskInstance(self.airflow, self.attempt, self.io)
        ti.next_method = self._next_method
        context: dict[str, Any] = {"ti": ti}
        if self.airflow.setup.airflow >= (3, 3):
            context["task_state_store"] = Store(self.airflow, self.attempt, self.io)
        ExecutorSafeguard.tracker.set(self.task)  # as _run_execute_callable does
        self.process.contexts.append(context)
        self._execute_and_report(context)

    def _execute_and_report(self, context: dict[str, Any]) -> None:
        try:
            result = self._execute(context)
            self.attempt.returned = True
            self.io("push the result", lambda: setattr(self.attempt, "result", result))
        except TaskDeferred as raised:
            deferral = raised
            self.attempt.returned = True
            self.io("report the deferral", lambda: self.airflow.deferred(self.attempt, deferral))
        except AirflowRescheduleException as raised:
            date: datetime = raised.reschedule_date
            self.io("report the reschedule", lambda: self.airflow.rescheduled(self.attempt, date.timestamp()))
        except Killed:
            raise
        except BaseException as error:  # AirflowTaskTimeout is not an Exception
            self._report(error)
        else:
            self.io("report the success", lambda: self.airflow.succeeded(self.attempt))

    def _execute(self, context: Any) -> Any:
        self._executing = True
        try:
            return self._in_time(context)
        except AirflowTaskTimeout:
            self._executing = False
            self.task.on_kill()
            raise
        finally:
            self._executing = False

    def _in_time(self, context: Any) -> Any:
        limit = self.airflow.setup.execution_timeout
        if limit is not None:
            # Airflow 3 counts anew from each resume, Airflow 2 from the start of the attempt (both: ``_execute_task``).
            if self.airflow.setup.airflow < (3, 0) and self._next_method:
                limit -= self.world.now - self.attempt.began
            if limit <= 0:
                self.attempt.timed_out_by_airflow = True
                raise AirflowTaskTimeout
            self.world.after(limit, self.time_out)
        return self._work(self.task, context)

    def _report(self, error: BaseException) -> None:
        """Report an error, as ``_run_task_and_map_outcome`` maps it to a state."""
        self.attempt.error, self.attempt.error_at = error, self.world.now
        self.airflow.seen.append(f"{error} {getattr(error, '__notes__', '')}")
        self.world.say(f"attempt {self.attempt.number} raises {type(error).__name__}: {error}")
        if isinstance(error, AirflowSkipException):
            self.io("report the skip", lambda: self.airflow.skipped(self.attempt))
            return
        may_retry = not isinstance(error, (AirflowFailException, AirflowSensorTimeout))
        self.io("report the failure", lambda: self.airflow.failed(self.attempt, may_retry=may_retry))
