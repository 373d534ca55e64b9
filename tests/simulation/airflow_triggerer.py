"""The triggers of a task, in one triggerer after the other, and all that may happen to them."""

from __future__ import annotations

import asyncio
import json
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from tests.simulation import machine
from tests.simulation.airflow_context import Supervisor, TaskInstance
from tests.simulation.airflow_processes import Simulated
from tests.simulation.airflow_rules import ADOPTED_AFTER, CRASHED, NO_TRIGGERER, SHORT_SLEEP, USER, Attempt
from tests.simulation.hex_model import Hook
from tests.simulation.world import Process

if TYPE_CHECKING:
    from tests.simulation.airflow_model import Airflow

OTHER_TRIGGERS_RUN = 40.0
"""Seconds for which the triggerer runs on, for other triggers, after this one has ended."""


class Trigger(Simulated):
    """A trigger, in one triggerer after the other (``triggerer_job_runner.run_trigger``).

    :param airflow: Airflow.
    :param attempt: the deferred attempt.
    :param trigger: the trigger, as the task made it.
    :param method: the task's method that resumes it.
    """

    def __init__(self, airflow: Airflow, attempt: Attempt, trigger: Any, method: str) -> None:
        super().__init__(airflow, attempt)
        path, self._arguments = trigger.serialize()
        self._kind = type(trigger)
        assert path == f"{self._kind.__module__}.{self._kind.__qualname__}"
        airflow.seen.append(str(self._arguments))
        self._method = method
        self.timeout: datetime | None = None
        self.fired = False
        self._moves = 0
        self._main: asyncio.Task[None] | None = None
        self.process: Process | None = None

    def assign(self) -> None:
        """Let a triggerer run the trigger, if there is one, and if it can."""
        fate = self.world.choose(
            "the trigger",
            ["begins", "begins late", "crashes at once", "crashes later", "never begins, as no triggerer runs"],
        )
        if fate == "begins":
            self._begin()
        elif fate == "begins late":
            self._wait_for_triggerer(5.0)
        elif fate.startswith("crashes"):
            self.world.after(10.0 if fate == "crashes later" else 0.5, self._crash)
        else:
            self._wait_for_triggerer()

    def _wait_for_triggerer(self, seconds: float | None = None) -> None:
        """Wait for another triggerer, for ever by default. Meanwhile none runs the trigger."""
        self.attempt.had_no_triggerer = True
        self.world.after(1.0, self._user_may_act)
        if seconds is not None:
            self.world.after(seconds, self._begin)

    def _user_may_act(self) -> None:
        if self._is_wanted and self.airflow.user_may_act("waits for a triggerer"):
            self.attempt.ends.append(NO_TRIGGERER)

    @property
    def _is_wanted(self) -> bool:
        return self.airflow.trigger is self and self.airflow.state == "deferred" and not self.fired

    def _crash(self) -> None:
        """Airflow resumes the task to fail it (``Trigger.submit_failure``)."""
        if self._is_wanted:
            self.attempt.wait_failed_at = self.world.now
            self.fired = True
            self.world.after(1.0, lambda: self.airflow.resume(self.attempt, "__fail__", CRASHED))

    def _begin(self) -> None:
        if not self._is_wanted:
            return
        self.process = Process(self.world, f"the triggerer of attempt {self.attempt.number}", self._loop, lambda: None)
        self.process.hook = Hook(self.airflow.hex, self.attempt.number, self.io)
        self.process.supervisor = Supervisor(self.airflow, self.attempt, self.io)

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
            self._wait_for_triggerer(ADOPTED_AFTER)
        elif incident == "triggerer restarted":
            main = self._main
            assert main is not None
            main.get_loop().call_soon_threadsafe(self._stop.set)
            self.world.after(1.0, self._begin)
        else:  # when it wakes, another one has its triggers, so it cancels them: it cannot tell that from a user
            process.freeze(SHORT_SLEEP)
            main = self._main
            self.world.after(ADOPTED_AFTER, self._begin)
            self.world.after(SHORT_SLEEP + 1.0, lambda: self._cancel(on_kill=True, main=main, process=process))

    def cancel(self, *, on_kill: bool) -> None:
        """Cancel the trigger, because its task is no longer deferred.

        :param on_kill: whether a user ended the task, and Airflow calls ``on_kill``, which it does from 3.3 on.
        """
        if on_kill and self.process is None:
            self.attempt.ends.append(NO_TRIGGERER)
        self._cancel(on_kill=on_kill, main=self._main, process=self.process)

    def _cancel(self, *, on_kill: bool, main: Any, process: Process | None) -> None:
        if process is None or process.has_ended or process.dead or main is None or main.done():
            return
        main.kills = on_kill and self.airflow.setup.airflow >= (3, 3)
        main.get_loop().call_soon_threadsafe(main.cancel)
        self._cancel_again(main, process, 30)

    def _cancel_again(self, main: Any, process: Process, times: int) -> None:
        """Airflow cancels a trigger every second until it has ended (observed; ``update_triggers``)."""

        def again() -> None:
            if times and not main.done() and not process.has_ended and not process.frozen:
                main.get_loop().call_soon_threadsafe(main.cancel)
                self._cancel_again(main, process, times - 1)

        self.world.after(1.0, again)

    def _loop(self) -> None:
        machine.Loop().run(self._main_of())

    async def _main_of(self) -> None:
        """Run the trigger, and go on for others. When the triggerer stops, all tasks of the loop are cancelled."""
        self._stop = asyncio.Event()
        trigger = self._kind(**self._arguments)
        trigger.task_instance = TaskInstance(self.airflow, self.attempt, self.io)
        trigger.task_instance.trigger_timeout = self.timeout
        self._main = _KillableTask(self._run_trigger(trigger), loop=asyncio.get_running_loop())
        stopped = asyncio.ensure_future(self._stop.wait())
        await asyncio.wait([self._main, stopped], return_when=asyncio.FIRST_COMPLETED)
        await asyncio.wait([stopped], timeout=OTHER_TRIGGERS_RUN)

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
            self._crash()

    def _report_event(self, payload: Any) -> None:
        self.io("fire the event", lambda: self._fire(payload))

    def _fire(self, payload: Any) -> None:
        if "error" in payload:
            self.attempt.wait_failed_at = self.world.now
        if self._is_wanted:
            self.fired = True
            self.world.after(1.0, lambda: self.airflow.resume(self.attempt, self._method, {"event": payload}))


class _KillableTask(asyncio.Task[None]):
    kills = False
