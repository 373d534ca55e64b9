"""Airflow as a model: one task, its attempts, its records and XComs, and its users.

Each rule was observed on real processes by ``tests/chaos``, or is read in Airflow's source, which is named.

The model is of Airflow 3.3, of 3.0 to 3.2, and of 2.11. Before 3.3, there is no task state store, and Airflow calls no
trigger's ``on_kill``. In 2.11, moreover, a kill raises an error in the task, and ``execution_timeout`` ends a deferral.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any

from airflow_provider_hex.airflow_compat import TaskDeferred
from tests.simulation.airflow_processes import Worker
from tests.simulation.airflow_rules import (
    CLEARED,
    EXIT_SEEN_LATE,
    GRACE,
    GRACE_2,
    MARKS,
    NOTICED_AFTER,
    RETRY_DELAY,
    TIMED_OUT,
    TIMED_OUT_2,
    TIMEOUT_SEEN_AFTER,
    USER,
    Attempt,
    Setup,
)
from tests.simulation.airflow_triggerer import Trigger
from tests.simulation.hex_model import Hex
from tests.simulation.world import EXIT_SEEN_AFTER, Process, World


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
        self._awaited = hex.start(0) if setup.is_sensor else None
        self.template = setup.task(self._awaited.id if self._awaited else "")

    @property
    def current(self) -> Attempt:
        return self.attempts[-1]

    @property
    def grace(self) -> float:
        """Seconds from SIGTERM to SIGKILL."""
        return GRACE if self.setup.airflow >= (3, 0) else GRACE_2

    def waits_for(self, run_id: str) -> tuple[int | None, bool]:
        """Return the attempt that waits for a run, None if none does, and whether it is deferred."""
        waits = self.state in ("running", "deferred") and self.current.recorded_run == run_id
        return self.current.number if waits else None, self.state == "deferred"

    # The scheduler

    def begin(self, why: str = "first") -> None:
        """Start an attempt. Its XComs are new (``task_runner.run``)."""
        attempt = Attempt(len(self.attempts) + 1, self.max_tries, why, self.world.now)
        attempt.recorded_run = self._awaited.id if self._awaited else None
        self.attempts.append(attempt)
        self.world.say(f"attempt {attempt.number} begins ({why})")
        self._execute(attempt)

    def _execute(self, attempt: Attempt) -> None:
        self.state, self.trigger = "running", None
        self.xcoms.clear()
        attempt.process = Worker(self, attempt, lambda task, context: task.execute(context)).process

    def resume(self, attempt: Attempt, method: str, arguments: dict[str, Any]) -> None:
        """Resume an attempt after its deferral, in a new process."""
        if attempt is not self.current or self.state != "deferred":
            return
        seen = "its deferring process' exit has been seen"
        if self.setup.airflow >= (3, 0):
            late = [f"that exit is seen when it {when}" for when in ("is queued", "runs")]
            seen = self.world.choose(f"attempt {attempt.number} resumes", [seen, *late])
        is_early = self.setup.airflow >= (3, 0) and self.world.now < attempt.deferred_at + EXIT_SEEN_AFTER
        attempt.resumed_early = attempt.resumed_early or (is_early and method != "__fail__")
        if is_early or seen.endswith("is queued"):
            self._exit_seen_late(attempt)
            return
        self.state, self.trigger = "running", None
        self.world.say(f"attempt {attempt.number} resumes")
        worker = Worker(self, attempt, lambda task, context: task.resume_execution(method, arguments, context), method)
        attempt.process = worker.process
        if seen.endswith("runs"):
            self.world.after(0.3, lambda: self._exit_seen_late(attempt))
            self.world.after(NOTICED_AFTER, lambda: worker.end_if_superseded(worker.process))

    def _exit_seen_late(self, attempt: Attempt) -> None:
        """Airflow 3 takes the exit of the deferring process for that of the resumed one (observed).

        It fails the task that is queued or running (``SchedulerJobRunner.process_executor_events``).
        """
        if attempt is self.current and self.state in ("running", "deferred"):
            attempt.ends.append(EXIT_SEEN_LATE)
            self.world.say(f"Airflow fails attempt {attempt.number}, as it sees the exit of its first process only now")
            self.failed(attempt)

    def rescheduled(self, attempt: Attempt, date: float) -> None:
        """Free the worker until the next poke (``RescheduleTask``)."""
        if attempt is not self.current or self.state != "running":
            attempt.report_rejected = True
            return
        attempt.rescheduled_at = attempt.rescheduled_at or self.world.now
        self.state = "up_for_reschedule"
        self.user_may_act("waits for its next poke")
        self.world.after(max(date - self.world.now, 0.0), lambda: self._poke_again(attempt))

    def _poke_again(self, attempt: Attempt) -> None:
        if attempt is self.current and self.state == "up_for_reschedule":
            self._execute(attempt)

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
            self.user_may_act("waits for its retry")

    def _over(self, state: str) -> None:
        self.state, self.over_at = state, self.world.now
        self.world.say(f"the task is {state}")
        if len(self.clears) < 1:
            self.world.after(1.0, lambda: self.user_may_act(f"is {state}", [CLEARED]))

    def exited(self, attempt: Attempt) -> None:
        """React to the end of an attempt's process. One without a report has failed."""
        if attempt is not self.current:
            return
        if self.state == "running":
            self.world.after(1.0, lambda: self.failed(attempt) if attempt.process and attempt.process.dead else None)
        elif self.state == "restarting":  # it may always be retried: TaskInstance.is_eligible_to_retry
            self.state = "up_for_retry"
            self._next_attempt("clear", 1.0)

    def skipped(self, attempt: Attempt) -> None:
        if attempt is self.current and self.state == "running":
            self._over("skipped")

    def succeeded(self, attempt: Attempt) -> None:
        if attempt is self.current and self.state == "running":
            self._over("success")

    def deferred(self, attempt: Attempt, deferral: TaskDeferred) -> None:
        if attempt is not self.current or self.state != "running":
            attempt.report_rejected = True
            return
        self.state, attempt.deferred_at = "deferred", self.world.now
        self.trigger = trigger = Trigger(self, attempt, deferral.trigger, deferral.method_name)
        limit = None if deferral.timeout is None else self.world.now + deferral.timeout.total_seconds()
        if self.setup.airflow < (3, 0):  # Airflow 3 does not enforce execution_timeout on a deferred task (observed)
            if self.setup.execution_timeout is not None:
                limit = min(limit or math.inf, attempt.began + self.setup.execution_timeout)
            trigger.timeout = None if limit is None else datetime.fromtimestamp(limit, UTC)
        if limit is not None:
            self.world.after(
                limit + TIMEOUT_SEEN_AFTER - self.world.now, lambda: self._deferral_timed_out(attempt, trigger)
            )
        trigger.assign()

    def _deferral_timed_out(self, attempt: Attempt, trigger: Trigger) -> None:
        """Resume a task that was deferred for too long (``check_trigger_timeouts``). Its trigger is cancelled."""
        if self.trigger is trigger and self.state == "deferred" and not trigger.fired:
            self.world.say("the deferral times out")
            self.world.after(NOTICED_AFTER, lambda: trigger.cancel(on_kill=False))
            self.resume(attempt, "__fail__", TIMED_OUT if self.setup.airflow >= (3, 0) else TIMED_OUT_2)

    # The user

    def user_may_act(self, when: str, options: list[str] = USER) -> bool:
        """Let a user mark or clear the task, or not. Return whether the user did."""
        choice = self.world.choose(f"the task {when}", ["nothing happens", *options])
        if choice in USER:
            self.user_acts(choice)
        return choice in USER

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
            self.world.after(NOTICED_AFTER, lambda: trigger.cancel(on_kill=True))

    def terminate(self, attempt: Attempt, process: Process) -> None:
        """Send SIGTERM, and SIGKILL a little later."""
        if process.has_ended or process.dead:
            return
        attempt.ends.append("terminated")
        attempt.terminated_at = self.world.now
        self.world.say(f"{process.name} is asked to end")
        process.signal(process.ask_to_end)
        self.world.after(self.grace, process.kill)
