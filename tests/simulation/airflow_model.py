"""Airflow 3.3 as a model: one task, its attempts, its records and XComs, and its users.

Each rule was observed on real processes by ``tests/chaos``, or is read in Airflow 3.3's source, which is named.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from airflow.providers.common.compat.sdk import TaskDeferred

from airflow_provider_hex.operators.hex import HexRunProjectOperator
from tests.simulation.airflow_processes import Trigger, Worker
from tests.simulation.airflow_rules import CLEARED, GRACE, MARKS, NOTICED_AFTER, RETRY_DELAY, USER, Attempt, Setup
from tests.simulation.hex_model import PROJECT, Hex
from tests.simulation.world import Process, World


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
