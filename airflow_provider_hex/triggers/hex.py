"""The triggers: a task waits in Airflow's triggerer for a run, or for a slot to start one."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable
from http import HTTPStatus
from typing import Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from airflow_provider_hex.api import steps
from airflow_provider_hex.api.connection_name import name_connection
from airflow_provider_hex.api.error_messages import outcome_of_cancel
from airflow_provider_hex.api.errors import HexError, HexRateLimited
from airflow_provider_hex.api.run_lines import link_to
from airflow_provider_hex.api.run_watch import HEARTBEAT, RunWatch
from airflow_provider_hex.hooks.hex import HexHook
from airflow_provider_hex.runs.attempt import is_ended_by_user
from airflow_provider_hex.runs.disposition import AttemptStatus, Cause, Disposition, decide
from airflow_provider_hex.triggers import events, poller
from airflow_provider_hex.triggers.run_xcom import task_waits_for
from airflow_provider_hex.triggers.start_queue import start_queue_of
from airflow_provider_hex.version_compat import ask_airflow, call_on_kill, min_deferral, uninterrupted


class _SerializableTrigger(BaseTrigger):
    """A trigger whose arguments are attributes of the same names."""

    ARGUMENTS: tuple[str, ...]

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Airflow has no types here

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the trigger's class and arguments, for a triggerer to build it again."""
        arguments = {name: getattr(self, name) for name in self.ARGUMENTS}
        return f"{type(self).__module__}.{type(self).__qualname__}", arguments


class HexRunTrigger(_SerializableTrigger):
    """Fires one event when a run has ended, or when the wait for it failed.

    The triggers of a connection share one poller and one rate limit. Transient errors (no network, 429,
    5xx, an invalid response) are logged, then retried. A permanent error (401, 403, 404, 422) is reported as an event,
    and so is the timeout. The run is polled a last time when the timeout is reached.
    :func:`~airflow_provider_hex.triggers.events.completed_run` reads the event.

    :param hex_conn_id: the connection. Only its id is serialized, never its token.
    :param project_id: the project.
    :param run_id: the run.
    :param poll_interval: seconds between two polls. Default:
        :func:`~airflow_provider_hex.api.poll_schedule.next_poll_delay` decides.
    :param timeout: seconds to wait. Default: no timeout.
    :param cancel_on_kill: cancel the run when a user fails, clears or marks the deferred task. Default: no.
    :param started_at: when the wait began, in epoch seconds. It is serialized, so a restarted triggerer keeps to the
        timeout. Default: now.
    :param new_until: until when Hex may not show the run yet, in epoch seconds: until then, 403, 404 and 422 are
        transient. Default: it shows the run.
    """

    ARGUMENTS = (
        "hex_conn_id",
        "project_id",
        "run_id",
        "poll_interval",
        "timeout",
        "cancel_on_kill",
        "started_at",
        "new_until",
    )

    def __init__(
        self,
        *,
        hex_conn_id: str,
        project_id: str,
        run_id: str,
        poll_interval: float | None = None,
        timeout: float | None = None,
        cancel_on_kill: bool = False,
        started_at: float | None = None,
        new_until: float = 0.0,
    ) -> None:
        super().__init__()
        self.hex_conn_id = hex_conn_id
        self.project_id = project_id
        self.run_id = run_id
        self.poll_interval = poll_interval
        self.timeout = timeout
        self.cancel_on_kill = cancel_on_kill
        self.started_at = time.time() if started_at is None else started_at
        self.new_until = new_until
        self._watch = RunWatch(
            project_id,
            run_id,
            started_at=self.started_at,
            poll_interval=poll_interval,
            timeout=timeout,
            new_until=new_until,
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Wait for the run, and yield one event. An unexpected error is raised with its traceback."""
        try:
            event = await _after_worker_exit(self.started_at, self._wait())
            if "error" in event and self.cancel_on_kill:
                await self._cancel_if_ended()
        except asyncio.CancelledError:
            await call_on_kill(self)
            raise
        yield TriggerEvent(event)  # type: ignore[no-untyped-call]

    async def _wait(self) -> dict[str, Any]:
        try:
            config = await HexHook(self.hex_conn_id).get_async_config()
            return events.run_ended(await poller.ended_run(config, self._watch))
        except HexError as error:
            name_connection(error, self.hex_conn_id)  # the poller may be that of another connection with the same token
            return events.failed(error)

    async def _cancel_if_ended(self) -> None:
        """Cancel the run if a user has just ended the task: Airflow ignores the event then, and resumes no task."""
        try:
            if await ask_airflow(lambda: is_ended_by_user(self.task_instance)):
                await self._cancel()
        except Exception as error:
            self.log.warning("The run continues, unless a user has just ended the task, which is unknown: %r", error)

    async def on_kill(self) -> None:
        """Cancel the run when a user kills the task, if ``cancel_on_kill`` is set.

        Airflow also calls this in a triggerer that was frozen while another one took over its triggers. The task
        still waits for this run then.
        """
        if self.cancel_on_kill:
            await uninterrupted(self._release())

    async def _release(self) -> None:
        waits = await ask_airflow(lambda: task_waits_for(self.task_instance, self.run_id))
        status = AttemptStatus.SUPERSEDED if waits else AttemptStatus.ENDED_BY_USER
        if decide(Cause.KILLED, status, retry_finds_run=False, cancel_on={Cause.KILLED}) is not Disposition.CANCEL:
            self.log.info("The run continues, because the task still waits for it.")
            return
        await self._cancel()

    async def _cancel(self) -> None:
        async with await HexHook(self.hex_conn_id).get_async_client() as client:
            is_new = time.time() < self.new_until
            found = await client.carry_out(steps.cancel(self.project_id, self.run_id, is_new=is_new))
        self.log.info("The task was killed. %s Run: %s", outcome_of_cancel(found), link_to(self._watch.known_run))


class HexStartTrigger(_SerializableTrigger):
    """Fires one event when a rate-limited task may send RunProject again, or when the task has timed out.

    :param hex_conn_id: the connection. Only its id is serialized, never its token.
    :param began: when the task began, in epoch seconds.
    :param error: the rate limit's error, from :meth:`HexError.to_dict`.
    :param not_before: when the rate limit ends, in epoch seconds, as far as Hex reported it.
    :param until: when the task times out, in epoch seconds; None for no timeout.
    :param requeued: whether the task has acquired a slot before, and was rate-limited again.
    :param deferred_at: when the task was deferred, in epoch seconds. Default: now.
    """

    ARGUMENTS = ("hex_conn_id", "began", "error", "not_before", "until", "requeued", "deferred_at")

    def __init__(
        self,
        *,
        hex_conn_id: str,
        began: float,
        error: dict[str, Any],
        not_before: float,
        until: float | None,
        requeued: bool,
        deferred_at: float | None = None,
    ) -> None:
        super().__init__()
        self.hex_conn_id = hex_conn_id
        self.began = began
        self.error = error
        self.not_before = not_before
        self.until = until
        self.requeued = requeued
        self.deferred_at = time.time() if deferred_at is None else deferred_at

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Wait for a slot, and yield one event."""
        yield TriggerEvent(await _after_worker_exit(self.deferred_at, self._wait()))  # type: ignore[no-untyped-call]

    async def _wait(self) -> dict[str, Any]:
        heartbeats = asyncio.create_task(self._log_heartbeats())
        try:
            config = await HexHook(self.hex_conn_id).get_async_config()
            async with asyncio.timeout(None if self.until is None else self.until - time.time()):
                await start_queue_of(config).acquire(
                    self.not_before,
                    self.requeued,
                    began=self.began,
                    kernels_in_use=self._kernels_in_use,
                )
            return events.slot_acquired(self.began)
        except TimeoutError:
            error = HexError.from_dict(self.error)
            message = f"No run was started before the task's timeout. {error}"
            return events.failed(HexRateLimited(message, **error.facts))
        except HexError as error:
            return events.failed(error)
        finally:
            heartbeats.cancel()

    @property
    def _kernels_in_use(self) -> bool:
        return self.error.get("status") == HTTPStatus.SERVICE_UNAVAILABLE

    async def _log_heartbeats(self) -> None:
        why = "no kernel is free yet" if self._kernels_in_use else "the rate limit does not allow it yet"
        while True:
            await asyncio.sleep(HEARTBEAT)
            waited = time.time() - self.deferred_at
            self.log.info("Still waiting to start a run, after %.0f s: %s.", waited, why)


async def _after_worker_exit(deferred_at: float, event: Awaitable[dict[str, Any]]) -> dict[str, Any]:
    """Return an event, or raise an error, once Airflow has certainly seen the exit of the worker.

    :param deferred_at: when the worker deferred the task, in epoch seconds.
    :param event: makes the event.
    """

    async def worker_exit() -> None:
        await asyncio.sleep(max(deferred_at + min_deferral() - time.time(), 0.0))

    try:
        made = await event
    except Exception:
        await worker_exit()
        raise
    await worker_exit()
    return made
