"""The trigger: waits for a run in Airflow's triggerer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from airflow_provider_hex.api import steps
from airflow_provider_hex.api.errors import HexError
from airflow_provider_hex.api.models import Run
from airflow_provider_hex.api.run_watch import RunWatch
from airflow_provider_hex.hooks.hex import HexHook
from airflow_provider_hex.triggers import handover, poller
from airflow_provider_hex.version_compat import ask_airflow, call_on_kill, state_of, xcom_of


class HexRunTrigger(BaseTrigger):
    """Fires one event when a run has ended, or when waiting for it cannot go on.

    The triggers of a connection share one poller, and one budget of requests. Errors that pass (no network, 429,
    5xx, an answer that makes no sense) are logged and outlived; a 401, 403 or 404 is an event, and so is the end of
    the time. :func:`handover.completed_run` reads it.

    :param hex_conn_id: the connection. Only its id is serialized, never its token.
    :param project_id: the project.
    :param run_id: the run.
    :param poll_interval: seconds between two looks. Default: as :func:`poll_schedule.next_poll_delay` says.
    :param timeout: seconds to wait at the most. Default: no end.
    :param cancel_on_kill: cancel the run when a user fails, clears or marks the deferred task. Default: no.
    :param started_at: when the waiting began, in epoch seconds. Default: now. It is serialized, so that a
        restart of the triggerer does not start the time anew.
    """

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
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Airflow has no types here
        self.hex_conn_id = hex_conn_id
        self.project_id = project_id
        self.run_id = run_id
        self.poll_interval = poll_interval
        self.timeout = timeout
        self.cancel_on_kill = cancel_on_kill
        self.started_at = time.time() if started_at is None else started_at

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return what another triggerer needs to go on waiting."""
        return f"{type(self).__module__}.{type(self).__qualname__}", {
            "hex_conn_id": self.hex_conn_id,
            "project_id": self.project_id,
            "run_id": self.run_id,
            "poll_interval": self.poll_interval,
            "timeout": self.timeout,
            "cancel_on_kill": self.cancel_on_kill,
            "started_at": self.started_at,
        }

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Wait, and yield one event. What is not foreseen propagates, with its traceback."""
        try:
            event = await self._event()
            await handover.let_worker_end(self.started_at)
        except asyncio.CancelledError:
            await call_on_kill(self)
            raise
        yield TriggerEvent(event)  # type: ignore[no-untyped-call]

    async def on_kill(self) -> None:
        """Cancel the run, if it is the task's own. This is called when a user kills the task.

        It is also called on a triggerer that was frozen while another one took over its triggers. Then the task
        still waits for this very run, and nothing is done.
        """
        if not self.cancel_on_kill:
            return
        if await ask_airflow(self._task_still_waits):
            self.log.info("The task still waits for its Hex run %s, so the run goes on.", self.run_id)
            return
        async with await HexHook(self.hex_conn_id).get_async_client() as client:
            await client.carry_out(steps.cancel(self.project_id, self.run_id))
        self.log.info("The task was killed, and its Hex run %s cancelled.", self.run_id)

    def _task_still_waits(self) -> bool:
        ti = self.task_instance
        return state_of(ti) == "deferred" and xcom_of(ti, "run_id") == self.run_id

    async def _event(self) -> dict[str, Any]:
        try:
            return handover.ended(await self._ended_run())
        except HexError as error:
            return handover.failed(error)

    async def _ended_run(self) -> Run:
        watch = RunWatch(
            self.project_id,
            self.run_id,
            started_at=self.started_at,
            poll_interval=self.poll_interval,
            timeout=self.timeout,
        )
        return await poller.ended_run(await HexHook(self.hex_conn_id).get_async_config(), watch)
