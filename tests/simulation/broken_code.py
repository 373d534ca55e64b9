"""Deliberate breaks of the product's code, each of which the simulation must find (``breaks.py``)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any
from unittest.mock import patch

from airflow_provider_hex import version_compat
from airflow_provider_hex.api import error_messages, protocol, retry, run_lines, start, steps
from airflow_provider_hex.api.errors import HexAmbiguousStart
from airflow_provider_hex.api.models import RunStatus
from airflow_provider_hex.runs import attempt, disposition, owned_run, recovery, release, run_store, task_run
from airflow_provider_hex.runs.disposition import AttemptStatus, Cause, Disposition
from airflow_provider_hex.runs.kill_switch import KillSwitch
from airflow_provider_hex.sensors import hex as sensors
from airflow_provider_hex.sensors.hex import HexRunSensor
from airflow_provider_hex.triggers import events
from airflow_provider_hex.triggers import hex as triggers
from tests.simulation import machine
from tests.simulation.airflow_context import TaskInstance
from tests.simulation.airflow_rules import Setup
from tests.simulation.hex_model import TOKEN
from tests.simulation.setups import (
    DEFERRED,
    DEFERRED_3_2,
    DEFERRED_EXECUTION_TIMEOUT,
    DEFERRED_TIMEOUT,
    EXECUTION_TIMEOUT_2,
    INPUTS,
    LAST,
    LONG_DEFERRED,
    NO_RECORD,
    POKE,
    POKE_CANCELLING,
    QUICK_DEFERRED,
    RESCHEDULE_SOFT,
    RETRIED_TIMEOUT,
    SENSOR_CANCELLING,
    SENSOR_SOFT,
    SENSOR_TIMEOUT,
    START_ONLY,
    TIMEOUT,
    WORKER,
)


@dataclass(frozen=True)
class Break:
    """One break.

    :param name: what the broken code does.
    :param setup: the task in whose stories it is looked for.
    :param patches: make the break.
    """

    name: str
    setup: Setup
    patches: Callable[[], Iterable[AbstractContextManager[Any]]]


def _attribute(owner: Any, name: str, value: Any) -> Callable[[], list[AbstractContextManager[Any]]]:
    return lambda: [patch.object(owner, name, value)]


_decide = disposition.decide


def _decide_but(when: Callable[[Cause, AttemptStatus], bool], disposition: Disposition) -> Any:
    def decide(cause: Cause, status: AttemptStatus, **more: Any) -> Disposition:
        return disposition if when(cause, status) else _decide(cause, status, **more)

    return decide


def _load_with(**changes: Any) -> Any:
    load = run_store.RunStore.load

    def changed(self: run_store.RunStore) -> Any:
        record = load(self)
        return record and replace(record, **changes)

    return changed


def _not_superseded(self: attempt.Attempt) -> AttemptStatus:
    ended = str(version_compat.state_of(self._ti)) in attempt._ENDED_BY_USER
    return AttemptStatus.ENDED_BY_USER if ended else AttemptStatus.CURRENT


def _record_request_late(self: run_store.RunStore, project_id: str, request: Any) -> None:
    self._has_run = False


def _all_runs(project_id: str, *_: Any) -> Any:
    page = yield protocol.get_project_runs(project_id, trigger="API")
    return page.items


def _without_grace(steps_of: Any) -> Any:
    def reconcile(*arguments: Any, **more: Any) -> Any:
        return steps_of(*arguments, **{**more, "grace": 0.0})

    return reconcile


def _claims_to_cancel(disposition: Disposition, hook: Any, run: Any, **_: Any) -> release.Release:
    return release.Release(disposition, "The run was cancelled.", is_settled=True)


async def _release_without_a_check(self: triggers.HexRunTrigger) -> None:
    async with await machine.this_thread().process.hook.get_async_client() as client:
        await client.carry_out(steps.cancel(self.project_id, self.run_id))


async def _run_that_cancels_on_restart(self: triggers.HexRunTrigger) -> Any:
    try:
        async for event in _trigger_run(self):
            yield event
    except asyncio.CancelledError:
        await _release_without_a_check(self)
        raise


_trigger_run = triggers.HexRunTrigger.run


def _link_with_token(run: Any) -> str:
    return f"{_link_to(run)} {TOKEN}"


_link_to = run_lines.link_to


def _sleep_to_the_end(self: Any, seconds: float) -> None:
    time.sleep(seconds)


def _no_policy(seconds: float) -> dict[str, Any]:
    return retry._policy(lambda error: False, seconds)


async def _nothing(self: Any) -> None:
    pass


async def _interruptible(work: Any) -> None:
    await work


BREAKS = [
    Break(
        "no record before the request",
        WORKER,
        _attribute(run_store.RunStore, "record_request", _record_request_late),
    ),
    Break("no reconciliation by the retry", WORKER, _attribute(recovery.RunRecovery, "_reconciled", lambda self: None)),
    Break("RunProject is sent again blindly", WORKER, _attribute(retry, "may_send_again", lambda call, e: e.transient)),
    Break("the list is read at once", WORKER, _attribute(start, "reconcile", _without_grace(start.reconcile))),
    Break("a run is adopted whenever it began", WORKER, _attribute(start, "_runs_between", _all_runs)),
    Break(
        "superseded attempts are not noticed", RETRIED_TIMEOUT, _attribute(attempt.Attempt, "status", _not_superseded)
    ),
    Break(
        "a clear is taken for a retry",
        WORKER,
        lambda: [patch.object(run_store.RunStore, "load", _load_with(is_retry=True))],
    ),
    Break(
        "a retry is taken for a clear",
        WORKER,
        lambda: [patch.object(run_store.RunStore, "load", _load_with(is_retry=False))],
    ),
    Break(
        "a clear of a running task is not seen", WORKER, _attribute(attempt, "_ENDED_BY_USER", {"failed", "success"})
    ),
    Break("any end is a success", WORKER, _attribute(RunStatus, "is_success", property(lambda self: self.is_terminal))),
    Break(
        "a kill leaves the run",
        WORKER,
        _attribute(
            owned_run, "decide", _decide_but(lambda cause, _: cause is Cause.KILLED, Disposition.LEAVE_TO_RETRY)
        ),
    ),
    Break(
        "a kill always cancels the run",
        WORKER,
        _attribute(owned_run, "decide", _decide_but(lambda cause, _: cause is Cause.KILLED, Disposition.CANCEL)),
    ),
    Break(
        "a timeout leaves the run",
        TIMEOUT,
        _attribute(
            owned_run, "decide", _decide_but(lambda cause, _: cause is Cause.TIMED_OUT, Disposition.LEAVE_RUNNING)
        ),
    ),
    Break("the cancel is only claimed", LAST, _attribute(owned_run, "release_run", _claims_to_cancel)),
    Break(
        "the error does not name the run",
        WORKER,
        _attribute(run_lines, "link_to", lambda run: ""),
    ),
    Break(
        "the error shows the token",
        WORKER,
        lambda: [
            patch.object(run_lines, "link_to", _link_with_token),
            patch.object(owned_run, "link_to", _link_with_token),
        ],
    ),
    Break("a rate limit fails the task", WORKER, _attribute(retry, "after_rate_limits", _no_policy)),
    Break("a killed task sleeps on", LAST, _attribute(KillSwitch, "sleep", _sleep_to_the_end)),
    Break(
        "a kill during the start is ignored",
        START_ONLY,
        _attribute(task_run.TaskRun, "_stop_if_killed", lambda self: None),
    ),
    Break(
        "the state is not asked for before a deferral",
        DEFERRED,
        _attribute(attempt.Attempt, "status", lambda self: AttemptStatus.CURRENT),
    ),
    Break(
        "the trigger cancels when its triggerer restarts",
        DEFERRED,
        _attribute(triggers.HexRunTrigger, "run", _run_that_cancels_on_restart),
    ),
    Break(
        "the trigger's on_kill does not ask Airflow",
        LONG_DEFERRED,
        _attribute(triggers.HexRunTrigger, "_release", _release_without_a_check),
    ),
    Break("the trigger never cancels", DEFERRED, _attribute(triggers, "task_waits_for", lambda ti, run_id: True)),
    Break("the event's run need not be completed", DEFERRED, _attribute(events, "require_completed", lambda run: run)),
    Break(
        "an ambiguous start is not named",
        INPUTS,
        lambda: [
            patch.object(
                error_messages,
                "ambiguous_start",
                lambda error, found, doubt, kind=HexAmbiguousStart: kind("No."),
            )
        ],
    ),
    Break(
        "the record is deleted when the wait begins",
        WORKER,
        _attribute(task_run.TaskRun, "_publish", lambda self, run: self._store.delete()),
    ),
]


BREAKS += [
    Break(
        "RunProject is sent again blindly, without a record",
        NO_RECORD,
        _attribute(retry, "may_send_again", lambda call, e: e.transient),
    ),
    Break(
        "a kill leaves a run that no retry can find",
        NO_RECORD,
        _attribute(
            owned_run, "decide", _decide_but(lambda cause, _: cause is Cause.KILLED, Disposition.LEAVE_TO_RETRY)
        ),
    ),
    Break(
        "before Airflow 3.3, a trigger's kill is not noticed",
        DEFERRED_3_2,
        _attribute(triggers, "call_on_kill", _nothing),
    ),
    Break("on_kill can be interrupted", SENSOR_CANCELLING, _attribute(triggers, "uninterrupted", _interruptible)),
    Break(
        "a trigger fires before the worker's exit is seen",
        QUICK_DEFERRED,
        _attribute(triggers, "min_deferral", lambda: 0.0),
    ),
    Break(
        "execution_timeout does not end a deferral",
        DEFERRED_EXECUTION_TIMEOUT,
        _attribute(task_run, "shorter_timeout", lambda timeout, execution_timeout: timeout),
    ),
    Break(
        "Airflow's end of a deferral is no timeout",
        DEFERRED_TIMEOUT,
        _attribute(task_run.TaskRun, "released_on_failure", lambda self, work: work()),
    ),
    Break(
        "Airflow 2's end of a deferral releases nothing",
        EXECUTION_TIMEOUT_2,
        _attribute(task_run.TaskRun, "time_out", lambda self: None),
    ),
    Break("a sensor succeeds without COMPLETED", POKE, _attribute(sensors, "require_completed", lambda run: run)),
    Break(
        "soft_fail hides a rejected token",
        SENSOR_SOFT,
        _attribute(sensors, "skip_or_failure", lambda error, **_: error),
    ),
    Break("a sensor always cancels its run", POKE, _attribute(sensors, "decide", lambda *_, **__: Disposition.CANCEL)),
    Break(
        "a killed sensor never cancels its run",
        POKE_CANCELLING,
        _attribute(sensors, "decide", lambda *_, **__: Disposition.LEAVE_RUNNING),
    ),
    Break(
        "a sensor's trigger never cancels its run",
        SENSOR_CANCELLING,
        _attribute(triggers.HexRunTrigger, "on_kill", _nothing),
    ),
    Break(
        "a sensor that times out does not poll a last time, and cancels nothing",
        SENSOR_TIMEOUT,
        _attribute(HexRunSensor, "_completed_after", lambda self, timeout: None),
    ),
    Break(
        "a rescheduled sensor forgets when it began",
        RESCHEDULE_SOFT,
        _attribute(TaskInstance, "get_first_reschedule_date", lambda self, context: None),
    ),
]
