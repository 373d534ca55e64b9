"""The processes of a task in Airflow 3.3, and all that may happen to them: workers and triggerers."""

from __future__ import annotations

import asyncio
import copy
import json
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from airflow.providers.common.compat.sdk import AirflowFailException, AirflowTaskTimeout, TaskDeferred

from airflow_provider_hex.runs.kill_switch import KillSwitch
from tests.simulation import machine
from tests.simulation.airflow_context import Store, TaskInstance
from tests.simulation.airflow_rules import (
    ADOPTED_AFTER,
    DEAD_AFTER,
    LONG_SLEEP,
    NOTICED_AFTER,
    SHORT_SLEEP,
    USER,
    Attempt,
)
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
    """The process of an attempt in a worker (``task_runner.run``)."""

    def __init__(self, airflow: Airflow, attempt: Attempt, work: Callable[[Any, Any], Any]) -> None:
        super().__init__(airflow, attempt)
        self._work = work
        self.task = copy.copy(airflow.template)  # rendered anew in each process
        self.task._kill_switch, self.task._task_run = KillSwitch(), None
        hook = Hook(airflow.hex, attempt.number, self.io)
        self.task.__dict__["hook"] = hook
        self.process = Process(
            airflow.world, f"the process of attempt {attempt.number}", self._run, lambda: airflow.exited(attempt)
        )
        self.process.hook = hook
        hook.task = self.task  # type: ignore[attr-defined]
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
            self.attempt.frozen_at = self.world.now
            process.freeze(SHORT_SLEEP if incident.endswith("shortly") else LONG_SLEEP)
            self.world.after(DEAD_AFTER, lambda: self._thought_dead(process))
            self.world.after(
                (SHORT_SLEEP if incident.endswith("shortly") else LONG_SLEEP) + NOTICED_AFTER,
                lambda: self.airflow.terminate(self.attempt, process) if self._is_superseded() else None,
            )
        else:
            self.airflow.user_acts(incident)

    def _thought_dead(self, process: Process) -> None:
        if self.attempt.process is process and self.airflow.state == "running":
            self.attempt.thought_dead = True
            self.airflow.failed(self.attempt)

    def _is_superseded(self) -> bool:
        return self.attempt is not self.airflow.current or self.airflow.state != "running"

    def time_out(self) -> None:
        """Reach the ``execution_timeout``: an exception in the task, then ``on_kill`` (``_run_execute_callable``)."""

        def raise_timeout() -> None:
            if self._executing:
                raise AirflowTaskTimeout("Timeout")

        self.process.signal(raise_timeout)

    def _run(self) -> None:
        ti = TaskInstance(self.airflow, self.attempt, self.io)
        context = {"ti": ti, "task_state_store": Store(self.airflow, self.attempt, self.io)}
        try:
            result = self._execute(context)
            self.attempt.returned = True
            self.io("push the result", lambda: setattr(self.attempt, "result", result))
        except TaskDeferred as raised:
            deferral = raised
            self.attempt.returned = True
            self.io("report the deferral", lambda: self.airflow.deferred(self.attempt, deferral))
        except Killed:
            raise
        except BaseException as error:  # AirflowTaskTimeout is not an Exception
            self._report(error)
        else:
            self.io("report the success", lambda: self.airflow.succeeded(self.attempt))

    def _execute(self, context: Any) -> Any:
        self._executing = True
        try:
            return self._work(self.task, context)
        except AirflowTaskTimeout:
            self._executing = False
            self.task.on_kill()
            raise
        finally:
            self._executing = False

    def _report(self, error: BaseException) -> None:
        self.attempt.error, self.attempt.error_at = error, self.world.now
        self.airflow.seen.append(f"{error} {getattr(error, '__notes__', '')}")
        self.world.say(f"attempt {self.attempt.number} raises {type(error).__name__}: {error}")
        may_retry = not isinstance(error, AirflowFailException)
        self.io("report the failure", lambda: self.airflow.failed(self.attempt, may_retry=may_retry))


class Trigger(Simulated):
    """A trigger, in one triggerer after the other (``triggerer_job_runner.run_trigger``)."""

    def __init__(self, airflow: Airflow, attempt: Attempt, kind: Any, arguments: dict[str, Any], method: str) -> None:
        super().__init__(airflow, attempt)
        self._kind = kind
        self._arguments = arguments
        self._method = method
        self._fired = False
        self._moves = 0
        self._main: asyncio.Task[None] | None = None
        self._killed_on_purpose = False
        self._begin()

    def _begin(self) -> None:
        if self.airflow.trigger not in (None, self) or self.airflow.state != "deferred" or self._fired:
            return
        self.process = Process(self.world, f"the triggerer of attempt {self.attempt.number}", self._loop, lambda: None)
        self.process.hook = Hook(self.airflow.hex, self.attempt.number, self.io)

    def possible(self) -> list[str]:
        if self.airflow.trigger is not self or self.airflow.state != "deferred" or self._moves:
            return []
        return ["triggerer killed", "triggerer restarted", "triggerer frozen", *USER]

    def happens(self, incident: str, process: Process) -> None:
        if incident in USER:
            self.airflow.user_acts(incident)
            return
        self._moves += 1
        self.attempt.ends.append(incident)
        if incident == "triggerer killed":
            process.kill()
            self.world.after(ADOPTED_AFTER, self._begin)
        elif incident == "triggerer restarted":
            self._cancel(on_kill=False)
            self.world.after(1.0, self._begin)
        else:  # when it wakes, another one has its triggers, so it kills them: it cannot tell that from a user
            process.freeze(SHORT_SLEEP)
            main = self._main
            self.world.after(ADOPTED_AFTER, self._begin)
            self.world.after(SHORT_SLEEP + 1.0, lambda: self._cancel(on_kill=True, main=main, process=process))

    def kill_on_purpose(self) -> None:
        """Call the trigger's ``on_kill``: a user has ended its task."""
        self._cancel(on_kill=True)

    def _cancel(self, *, on_kill: bool, main: Any = None, process: Process | None = None) -> None:
        main, process = main or self._main, process or self.process
        if process.has_ended or process.dead or main is None or main.done():
            return
        main.kills = on_kill
        loop = main.get_loop()
        loop.call_soon_threadsafe(main.cancel)
        if on_kill:
            self._cancel_again(main, process, 30)

    def _cancel_again(self, main: Any, process: Process, times: int) -> None:
        """Airflow cancels a killed trigger every second until it has ended (observed)."""

        def again() -> None:
            if times and not main.done() and not process.has_ended and not process.frozen:
                main.get_loop().call_soon_threadsafe(main.cancel)
                self._cancel_again(main, process, times - 1)

        self.world.after(1.0, again)

    def _loop(self) -> None:
        machine.Loop().run(self._main_of())

    async def _main_of(self) -> None:
        trigger = self._kind(**self._arguments)
        trigger.task_instance = TaskInstance(self.airflow, self.attempt, self.io)
        task = _KillableTask(self._run_trigger(trigger), loop=asyncio.get_running_loop())
        self._main = task
        await asyncio.wait([task])
        await self._let_threads_end()

    async def _run_trigger(self, trigger: Any) -> None:
        try:
            async for event in trigger.run():
                payload = json.loads(json.dumps(event.payload))
                self.airflow.seen.append(str(payload))
                await asyncio.wrap_future(machine.in_thread(partial(self._report_event, payload)))
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if isinstance(task, _KillableTask) and task.kills:
                try:
                    await asyncio.wait_for(trigger.on_kill(), 30)
                except (asyncio.CancelledError, Exception) as error:
                    self.world.say(f"on_kill: {error!r}")
            raise
        except Exception as error:
            self.world.say(f"the trigger fails: {error!r}")
            raise

    async def _let_threads_end(self) -> None:
        """The triggerer continues to run when one trigger has ended."""
        await asyncio.sleep(40)

    def _report_event(self, payload: Any) -> None:
        self.io("fire the event", lambda: self._fire(payload))

    def _fire(self, payload: Any) -> None:
        if "error" in payload:
            self.attempt.wait_failed_at = self.world.now
        if self.airflow.trigger is self and self.airflow.state == "deferred":
            self._fired = True
            self.world.after(1.0, lambda: self.airflow.resume(self.attempt, payload, self._method))


class _KillableTask(asyncio.Task[None]):
    kills = False
