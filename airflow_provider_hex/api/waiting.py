"""Waiting for a run in a worker."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable
from typing import TYPE_CHECKING

from airflow_provider_hex.api import protocol
from airflow_provider_hex.api.errors import HexError, HexRunTimeout
from airflow_provider_hex.api.models import Run, duration
from airflow_provider_hex.api.poll_schedule import UNKNOWN, EndForecast
from airflow_provider_hex.api.run_watch import RunWatch, require_completed

if TYPE_CHECKING:
    from airflow_provider_hex.api.client import HexClient

log = logging.getLogger(__name__)

_MAX_STRETCH = 1.2
"""The maximum factor by which a pause between two polls is lengthened."""
_SHORT_PAUSE = 1.0
"""Seconds for which a poll that is due waits for the rate limit."""


def wait_for_run(
    client: HexClient,
    project_id: str,
    run_id: str,
    *,
    poll_interval: float | None = None,
    timeout: float | None = None,
    new_until: float = 0.0,
    on_poll: Callable[[Run], object] = lambda run: None,
) -> Run:
    """Wait until a run has completed, and return it.

    Transient errors (no network, 429, 5xx, an invalid response) are logged, then retried. The run is polled a last
    time when the timeout is reached, even if that is before ``poll_interval``.

    :param poll_interval: seconds between two polls. Default:
        :func:`~airflow_provider_hex.api.poll_schedule.next_poll_delay` decides.
    :param timeout: seconds to wait. Default: no timeout.
    :param new_until: until when Hex may not show the run yet, in epoch seconds. Default: it shows the run.
    :param on_poll: is called with the run after each poll.
    :raises HexRunFailed: the run ended, but not as ``COMPLETED``.
    :raises HexRunTimeout: the run had not ended after ``timeout``. It continues.
    :raises HexError: the run cannot be polled.
    """
    now = client.clock()
    watch = RunWatch(
        project_id, run_id, started_at=now, poll_interval=poll_interval, timeout=timeout, new_until=new_until
    )
    runs = _recent_runs(client, project_id)
    forecast = EndForecast([seconds for run in runs if (seconds := duration(run)) is not None])
    run = next((run for run in runs if run["runId"].lower() == run_id.lower()), None)
    if run is None:
        run = _poll(client, watch)
    else:
        watch.polling(now)
    while run is None or not _has_ended(run, watch, on_poll):
        # Many processes may have begun at the same moment. They should not all poll at the same moment.
        _sleep(client, watch, forecast, stretch=random.uniform(1.0, _MAX_STRETCH))
        run = _poll(client, watch)
    return require_completed(run)


def last_poll(client: HexClient, project_id: str, run_id: str) -> Run:
    """Poll a run because a timeout is reached, and return it, whether it has ended or not.

    A rate limit and transient errors are waited for, but not for long.

    :raises HexRunTimeout: the run could not be polled soon. The message says only why.
    :raises HexError: the run cannot be polled.
    """
    watch = RunWatch(project_id, run_id, started_at=client.clock(), timeout=0.0)
    try:
        while (run := _poll(client, watch)) is None:
            _sleep(client, watch)
    except HexRunTimeout:
        raise HexRunTimeout(f"A last poll was not possible: {watch.why_not_polled()}") from None
    watch.polled(run)
    return run


def _has_ended(run: Run, watch: RunWatch, on_poll: Callable[[Run], object]) -> bool:
    on_poll(run)
    return watch.polled(run)


def _poll(client: HexClient, watch: RunWatch) -> Run | None:
    """Poll a run. Return None on a transient error, and if the rate limit does not allow the poll soon."""
    if client.pause(protocol.get_run(watch.project_id, watch.run_id)) > _SHORT_PAUSE:
        return None
    try:
        return client.carry_out(watch.poll(client.clock()), once=True)
    except HexError as error:
        watch.poll_failed(error)
        return None


def _sleep(client: HexClient, watch: RunWatch, forecast: EndForecast = UNKNOWN, stretch: float = 1.0) -> None:
    """Sleep until the next poll."""
    call = protocol.get_run(watch.project_id, watch.run_id)
    at_least, spaced = client.pause(call), client.poll_pause(call)
    now = client.clock()
    pause = watch.pause(now, at_least=at_least, spaced=spaced, forecast=forecast, stretch=stretch)
    while (until_heartbeat := watch.until_heartbeat(now)) < pause:
        client.sleep(until_heartbeat)
        now, pause = now + until_heartbeat, pause - until_heartbeat
        watch.heartbeat(now)
    client.sleep(pause)


def _recent_runs(client: HexClient, project_id: str) -> list[Run]:
    """Return a page of the project's runs, which shows how long they take; none if Hex does not respond."""
    try:
        return client.send(protocol.get_project_runs(project_id)).items
    except HexError as error:
        log.info("How long earlier runs took is unknown. %s", error)
        return []
