"""Airflow's delays, what a user may do, and what is known of the task and its attempts."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from airflow_provider_hex.operators.hex import HexRunProjectOperator
from airflow_provider_hex.sensors.hex import HexRunSensor
from tests.simulation.hex_model import PROJECT, RUN_TAKES
from tests.simulation.world import Process

GRACE = 5.0
"""Seconds from SIGTERM to SIGKILL (``supervisor.kill``)."""
GRACE_2 = 60.0
"""The same in Airflow 2 (``[core] killed_task_cleanup_time``)."""
NOTICED_AFTER = 2.0
"""Seconds until a process, or the triggerer, notices that a user ended its task (observed: 2 to 4 s)."""
RETRY_DELAY = 5.0
DEAD_AFTER = 40.0
"""Seconds without a heartbeat after which the scheduler fails the attempt. (300 by default; 40 makes stories short.)"""
SHORT_SLEEP, LONG_SLEEP = 55.0, 300.0
"""How long a frozen process sleeps: until the next attempt has begun, and until it has ended."""
ADOPTED_AFTER = 31.0
"""Seconds after which another triggerer adopts the triggers of a dead one (observed)."""
TIMEOUT_SEEN_AFTER = 15.0
"""Seconds until the scheduler sees that a deferral has timed out (``[scheduler] trigger_timeout_check_interval``)."""
TIMED_OUT, CRASHED = {"error": "Trigger timeout"}, {"error": "Trigger failure"}
"""What ``resume_execution`` gets with ``__fail__`` (``TriggerFailureReason``)."""
TIMED_OUT_2 = {"error": "Trigger/execution timeout"}
"""The first of them in Airflow 2 (``check_trigger_timeouts``)."""
EXIT_SEEN_LATE = "exit seen too late"
NO_TRIGGERER = "ended by a user while no triggerer ran"
EXECUTION_TIMEOUT = "execution timeout"
DONE = ("success", "failed", "skipped")
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
    recorded_run: str | None = None
    """The run that it recorded last, or published where there is no record. A sensor has its run from the start."""
    recorded_at: float = 0.0
    deferred_at: float = 0.0
    resumed_early: bool = False
    """Whether its trigger fired before Airflow had seen the exit of the process that deferred it."""
    had_no_triggerer: bool = False
    timed_out_by_airflow: bool = False
    """Whether Airflow 2 ended it at its ``execution_timeout``, without running the task's code but for ``on_kill``."""
    rescheduled_at: float | None = None
    """When a sensor was first rescheduled."""
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
    deleted_record: bool = False
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
    :param options: the operator's or sensor's arguments.
    :param execution_timeout: the task's, in seconds.
    :param run_takes: seconds that a run takes in Hex.
    :param kind: the operator or the sensor.
    :param airflow: Airflow's version.
    """

    name: str
    retries: int = 1
    options: dict[str, Any] = field(default_factory=dict)
    execution_timeout: float | None = None
    run_takes: float = RUN_TAKES
    kind: type[HexRunProjectOperator | HexRunSensor] = HexRunProjectOperator
    airflow: tuple[int, int] = (3, 3)

    @property
    def is_sensor(self) -> bool:
        return self.kind is HexRunSensor

    @property
    def cancels_on_kill(self) -> bool:
        """Whether a sensor does."""
        return bool(self.options.get("cancel_on_kill"))

    @property
    def keeps_record(self) -> bool:
        """Whether a retry finds the record of the run."""
        return self.airflow >= (3, 3) and not self.is_sensor and bool(self.options.get("durable", True))

    def task(self, run_id: str) -> Any:
        """Return the task. It has a timeout of 150 s, and polls every 20 s, unless the options have others.

        :param run_id: the run that a sensor waits for.
        """
        limit = None if self.execution_timeout is None else timedelta(seconds=self.execution_timeout)
        own = {"run_id": run_id} if self.is_sensor else {}
        common = {"task_id": "run", "project_id": PROJECT, "execution_timeout": limit}
        return self.kind(**{**common, **own, **self.arguments})

    @property
    def arguments(self) -> dict[str, Any]:
        """The task's arguments, with those that all tasks have."""
        return {"poke_interval" if self.is_sensor else "poll_interval": 20, "timeout": 150, **self.options}

    @property
    def has_short_timeout(self) -> bool:
        """Whether it times out although its run completes."""
        return "timeout" in self.options or self.execution_timeout is not None
