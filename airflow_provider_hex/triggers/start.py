"""The trigger of a task that a limit of Hex has refused a run: waits until it may ask again."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from airflow_provider_hex.api.errors import HexError, HexRateLimited
from airflow_provider_hex.hooks.hex import HexHook
from airflow_provider_hex.triggers import handover
from airflow_provider_hex.triggers.start_queue import start_queue_of


class HexStartTrigger(BaseTrigger):
    """Fires one event when it is this task's turn to ask Hex for a run again, or when its time is up.

    :param hex_conn_id: the connection. Only its id is serialized, never its token.
    :param began: when the task began, in epoch seconds.
    :param refusal: the refusal, as :meth:`HexError.to_dict` describes it.
    :param not_before: when Hex's limit ends, in epoch seconds, as far as it said so.
    :param until: when the task's time is up, in epoch seconds; None for no end.
    :param came_back: whether the task has had its turn before, and was refused again.
    :param deferred_at: when the task was deferred, in epoch seconds. Default: now.
    """

    def __init__(
        self,
        *,
        hex_conn_id: str,
        began: float,
        refusal: dict[str, Any],
        not_before: float,
        until: float | None,
        came_back: bool,
        deferred_at: float | None = None,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Airflow has no types here
        self.hex_conn_id = hex_conn_id
        self.began = began
        self.refusal = refusal
        self.not_before = not_before
        self.until = until
        self.came_back = came_back
        self.deferred_at = time.time() if deferred_at is None else deferred_at

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return what another triggerer needs to go on waiting."""
        return f"{type(self).__module__}.{type(self).__qualname__}", {
            "hex_conn_id": self.hex_conn_id,
            "began": self.began,
            "refusal": self.refusal,
            "not_before": self.not_before,
            "until": self.until,
            "came_back": self.came_back,
            "deferred_at": self.deferred_at,
        }

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Wait, and yield one event."""
        try:
            config = await HexHook(self.hex_conn_id).get_async_config()
            left = None if self.until is None else self.until - time.time()
            async with asyncio.timeout(left):
                await start_queue_of(config).turn(self.not_before, self.came_back)
            event = handover.may_start(self.began)
        except TimeoutError:
            refusal = HexError.from_dict(self.refusal)
            event = handover.failed(HexRateLimited(f"There was no room to start a run in time. {refusal}"))
        except HexError as error:
            event = handover.failed(error)
        await handover.let_worker_end(self.deferred_at)
        yield TriggerEvent(event)  # type: ignore[no-untyped-call]
