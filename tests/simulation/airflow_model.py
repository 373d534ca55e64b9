"""Airflow 3.3 as a model: one task, its attempts, its records and XComs, and all that may happen to its processes.

Each rule was observed on real processes by ``tests/chaos``, or is read in Airflow 3.3's source, which is named.
"""

from __future__ import annotations

import asyncio
import copy
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

from airflow.providers.common.compat.sdk import AirflowFailException, AirflowTaskTimeout, TaskDeferred

from airflow_provider_hex.operators.hex import HexRunProjectOperator
from airflow_provider_hex.runs.kill_switch import KillSwitch
from tests.simulation import machine
from tests.simulation.hex_model import PROJECT, RUN_TAKES, Hex, Hook
from tests.simulation.world import LATENCY, Killed, Process, World

T = TypeVar("T")

GRACE = 5.0
"""Seconds from SIGTERM to SIGKILL (``supervisor.kill``)."""
NOTICED_AFTER = 2.0
"""Seconds until a process, or the triggerer, notices that a user ended its task (observed: 2 to 4 s)."""
RETRY_DELAY = 5.0
DEAD_AFTER = 40.0
"""Seconds without a heartbeat after which the scheduler fails the attempt. (300 by default; 40 makes stories short.)"""
SHORT_SLEEP, LONG_SLEEP = 55.0, 300.0
"""How long a frozen process sleeps: until the next attempt has begun, and until it has ended."""
ADOPTED_AFTER = 31.0
"""Seconds after which another triggerer adopts the triggers of a dead one (observed)."""
EXECUTION_TIMEOUT = "execution timeout"
DONE = ("success", "failed")
MARKS = {"a user marks the task failed": "failed", "a user marks the task success": "success"}
CLEARED = "a user clears the task"
USER = [*MARKS, CLEARED]


@dataclass
class Attempt:
    """One attempt of the task.

    :param number: Airflow's try number.
    :param max_tries: as Airflow passes it to the task.
    :param why: how it came about: ``first``, ``retry`` or ``clear``.
    """

    number: int
    max_tries: int
    why: str
    began: float
    process: Process | None = None
    error: BaseException | None = None
    error_at: float = 0.0
    result: Any = None
    ends: list[str] = field(default_factory=list)
    """What ended it, or was tried to: ``killed``, ``terminated``, ``execution timeout``, ``frozen``, ..."""
    deleted_record: bool = False
    recorded_run: str | None = None
    """The run that it recorded last."""
    recorded_at: float = 0.0
    gave_up: str | None = None
    """The run whose failure, or timeout, it recorded."""
    terminated_at: float = 0.0
    wait_failed_at: float | None = None
    """When its trigger fired an event about a failed wait."""
    returned: bool = False
    """Whether its code returned, or deferred."""
    asked_at: float = 0.0
    """When it last asked Airflow for its state, and Airflow responded."""
    asks_since: float = 0.0
    """When it last began to ask."""
    frozen_at: float = 0.0
    thought_dead: bool = False
    """Whether Airflow failed it, because its process was frozen."""
    report_rejected: bool = False
    """Whether Airflow rejected its report, because the task was no longer running."""

    @property
    def has_retry(self) -> bool:
        return self.number <= self.max_tries


@dataclass(frozen=True)
class Setup:
    """The task.

    :param retries: how many it has.
    :param options: the operator's arguments.
    :param execution_timeout: the task's, in seconds.
    :param run_takes: seconds that a run takes in Hex.
    """

    name: str
    retries: int = 1
    options: dict[str, Any] = field(default_factory=dict)
    execution_timeout: float | None = None
    run_takes: float = RUN_TAKES


class Airflow:
    """What Airflow knows about the task, and does about it.

    :param world: the clock and the choices.
    :param hex: Hex.
    :param setup: the task.
    """

    def __init__(self, world: World, hex: Hex, setup: Setup) -> None:
        self.world = world
        self.hex = hex
        self.setup = setup
        self.state = "scheduled"
        self.max_tries = setup.retries
        self.attempts: list[Attempt] = []
        self.xcoms: dict[str, Any] = {}
        self.records: dict[str, str] = {}
        self.trigger: Trigger | None = None
        self.marked = False
        self.over_at = 0.0
        """When the task ended, the last time."""
        self.clears: list[tuple[str, float]] = []
        """The state that the task had when it was cleared, and when."""
        self.marks: list[tuple[str, float]] = []
        """The same for marks."""
        self.seen: list[str] = []
        """The texts that Airflow logs or stores, for secrets."""
        self.template = HexRunProjectOperator(
            **{"task_id": "run", "project_id": PROJECT, "poll_interval": 20, "timeout": 150, **setup.options}
        )

    @property
    def current(self) -> Attempt:
        return self.attempts[-1]

    def waits_for(self, run_id: str) -> tuple[int | None, bool]:
        """Return the attempt that waits for a run, None if none does, and whether it is deferred."""
        waits = self.state in ("running", "deferred") and self.current.recorded_run == run_id
        return self.current.number if waits else None, self.state == "deferred"

    # The scheduler

    def begin(self, why: str = "first") -> None:
        """Start an attempt. Its XComs are new (``task_runner.run``)."""
        attempt = Attempt(len(self.attempts) + 1, self.max_tries, why, self.world.now)
        self.attempts.append(attempt)
        self.state = "running"
        self.xcoms.clear()
        self.trigger = None
        self.world.say(f"attempt {attempt.number} begins ({why})")
        self._run(attempt, _execute)

    def resume(self, attempt: Attempt, event: Any, method: str) -> None:
        """Resume an attempt after its deferral, in a new process."""
        if attempt is not self.current or self.state != "deferred":
            return
        self.state, self.trigger = "running", None
        self.world.say(f"attempt {attempt.number} resumes")
        self._run(attempt, lambda task, context: task.resume_execution(method, {"event": event}, context))

    def _run(self, attempt: Attempt, work: Callable[[Any, Any], Any]) -> None:
        worker = Worker(self, attempt, work)
        attempt.process = worker.process
        if self.setup.execution_timeout is not None:
            self.world.after(self.setup.execution_timeout, worker.time_out)

    def failed(self, attempt: Attempt, *, may_retry: bool = True) -> None:
        """Fail an attempt, or have it retried."""
        if attempt is not self.current or self.state not in ("running", "deferred"):
            return
        if not (may_retry and attempt.has_retry):
            self._over("failed")
            return
        self.state = "up_for_retry"
        self._next_attempt("retry", RETRY_DELAY)

    def _next_attempt(self, why: str, delay: float) -> None:
        previous = self.current
        self.world.after(
            delay, lambda: self.begin(why) if self.current is previous and self.state == "up_for_retry" else None
        )
        if why == "retry":
            self._user_may_act("waits for its retry")

    def _over(self, state: str) -> None:
        self.state, self.over_at = state, self.world.now
        self.world.say(f"the task is {state}")
        if len(self.clears) < 1:
            self.world.after(1.0, lambda: self._user_may_act(f"is {state}", [CLEARED]))

    def exited(self, attempt: Attempt) -> None:
        """React to the end of an attempt's process. One without a report has failed."""
        if attempt is not self.current:
            return
        if self.state == "running":
            self.world.after(1.0, lambda: self.failed(attempt) if attempt.process and attempt.process.dead else None)
        elif self.state == "restarting":  # it may always be retried: TaskInstance.is_eligible_to_retry
            self.state = "up_for_retry"
            self._next_attempt("clear", 1.0)

    def succeeded(self, attempt: Attempt) -> None:
        if attempt is self.current and self.state == "running":
            self._over("success")

    def deferred(self, attempt: Attempt, deferral: TaskDeferred) -> None:
        if attempt is self.current and self.state == "running":
            self.state = "deferred"
            path, arguments = deferral.trigger.serialize()
            self.seen.append(str(arguments))
            assert path == f"{type(deferral.trigger).__module__}.{type(deferral.trigger).__qualname__}"
            self.trigger = Trigger(self, attempt, type(deferral.trigger), arguments, deferral.method_name)
        else:
            attempt.report_rejected = True

    # The user

    def _user_may_act(self, when: str, options: list[str] = USER) -> None:
        choice = self.world.choose(f"the task {when}", ["nothing happens", *options])
        if choice in USER:
            self.user_acts(choice)

    def user_acts(self, action: str) -> None:
        """Mark or clear the task."""
        before, attempt = self.state, self.current
        if action in MARKS:
            self.state, self.over_at = MARKS[action], self.world.now
            self.marks.append((before, self.world.now))
            self.marked = True
        else:
            self.clears.append((before, self.world.now))
            self.marked = False
            if before == "running":
                self.state = "restarting"  # max_tries stays as it is (taskinstance.clear_task_instances)
            else:
                self.max_tries = attempt.number + self.setup.retries
                self.state = "up_for_retry"
                self._next_attempt("clear", 1.0 if before != "deferred" else self._scheduler_delay())
        self._end_processes(attempt)

    def _scheduler_delay(self) -> float:
        """Seconds until a cleared deferred task begins: before or after its trigger is killed (observed: both)."""
        slow = self.world.choose("the cleared task", ["begins after its trigger's end", "begins before that"])
        return NOTICED_AFTER / 2 if slow.startswith("begins before") else 2 * NOTICED_AFTER

    def _end_processes(self, attempt: Attempt) -> None:
        process, trigger = attempt.process, self.trigger
        if process is not None and not process.has_ended:
            self.world.after(NOTICED_AFTER, lambda: self.terminate(attempt, process))
        if trigger is not None:
            self.world.after(NOTICED_AFTER, trigger.kill_on_purpose)

    def terminate(self, attempt: Attempt, process: Process) -> None:
        """Send SIGTERM, and SIGKILL 5 s later."""
        if process.has_ended or process.dead:
            return
        attempt.ends.append("terminated")
        attempt.terminated_at = self.world.now
        self.world.say(f"{process.name} is asked to end")
        process.signal(lambda: process.hook.task.on_kill())
        self.world.after(GRACE, process.kill)


def _execute(task: Any, context: Any) -> Any:
    return type(task).execute.__wrapped__(task, context)  # without the check that a task runner calls it


class TaskInstance:
    """The task instance, as one process sees it."""

    task_id, map_index, dag_id, run_id = "run", -1, "dag", "manual"

    def __init__(self, airflow: Airflow, attempt: Attempt, io: Callable[..., Any]) -> None:
        self._airflow = airflow
        self._attempt = attempt
        self._io = io
        self.try_number, self.max_tries = attempt.number, attempt.max_tries

    def xcom_push(self, key: str, value: Any) -> None:
        self._airflow.seen.append(str(value))
        self._io(f"push XCom {key}", lambda: self._airflow.xcoms.__setitem__(key, value))

    def xcom_pull(self, task_ids: str, key: str, map_indexes: int) -> Any:
        return self.xcom_of(key)

    def xcom_of(self, key: str) -> Any:
        return self._io(f"get XCom {key}", lambda: self._airflow.xcoms.get(key))

    def state_of(self) -> str | None:
        """A task that is cleared and waits to be scheduled has no state or ``up_for_retry``."""
        self._attempt.asks_since = self._airflow.world.now
        return str(self._io("get the task's state", self._state))

    def _state(self) -> str:
        self._attempt.asked_at = self._airflow.world.now
        return self._airflow.state


class Store:
    """The task state store. It shows the record to the latest attempt only, and rejects writes of others (observed)."""

    def __init__(self, airflow: Airflow, attempt: Attempt, io: Callable[..., Any]) -> None:
        self._airflow = airflow
        self._attempt = attempt
        self._io = io

    def get(self, key: str, default: Any = None) -> Any:
        text = self._io("get the record", lambda: self._airflow.records.get(key) if self._is_latest else None)
        return default if text is None else json.loads(text)

    def set(self, key: str, value: Any) -> None:
        text = json.dumps(value, allow_nan=False)
        self._airflow.seen.append(text)
        what = next(name for name in ("failure", "run", "request") if name in value)
        self._io(f"record the {what}", lambda: self._set(key, text))

    def delete(self, key: str) -> None:
        self._io("delete the record", lambda: self._set(key, None))

    @property
    def _is_latest(self) -> bool:
        return self._airflow.current is self._attempt

    def _set(self, key: str, text: str | None) -> None:
        if not self._is_latest:
            raise RuntimeError("This attempt is not the latest one.")
        if text is None:
            self._airflow.records.pop(key, None)
            self._attempt.deleted_record = True
        else:
            self._airflow.records[key] = text
            self._attempt.recorded_at = self._airflow.world.now
            if "failure" in json.loads(text):
                self._attempt.gave_up = self._attempt.recorded_run
            self._attempt.recorded_run = (json.loads(text).get("run") or {}).get("runId") or self._attempt.recorded_run


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
