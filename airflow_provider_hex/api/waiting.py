"""Waiting for a run in a worker."""

from __future__ import annotations

import logging
import random
from typing import TYPE_CHECKING

from airflow_provider_hex.api import protocol
from airflow_provider_hex.api.errors import HexError
from airflow_provider_hex.api.models import Run
from airflow_provider_hex.api.run_watch import RunWatch, duration, require_completed

if TYPE_CHECKING:
    from airflow_provider_hex.api.client import HexClient

log = logging.getLogger(__name__)

_MAX_STRETCH = 1.2
"""The maximum factor by which a pause between two polls is lengthened."""


def wait_for_run(
    client: HexClient, project_id: str, run_id: str, *, poll_interval: float | None = None, timeout: float | None = None
) -> Run:
    """Wait until a run has completed, and return it.

    Transient errors (no network, 429, 5xx, an invalid response) are logged, then retried.

    :param client: the client that polls.
    :param project_id: the project.
    :param run_id: the run.
    :param poll_interval: seconds between two polls. Default:
        :func:`~airflow_provider_hex.api.poll_schedule.next_poll_delay` decides.
    :param timeout: seconds to wait. Default: no timeout.
    :raises HexRunFailed: the run ended, but not as ``COMPLETED``.
    :raises HexRunTimeout: the run had not ended after ``timeout``. It continues.
    :raises HexError: the run cannot be polled.
    """
    watch = RunWatch(project_id, run_id, started_at=client.clock(), poll_interval=poll_interval, timeout=timeout)
    call = protocol.get_run(project_id, run_id)
    runs = _recent_runs(client, project_id)
    past = [seconds for run in runs if (seconds := duration(run)) is not None]
    known = next((run for run in runs if run["runId"].lower() == run_id.lower()), None)
    while True:
        try:
            run = known or client.send(call)
        except HexError as error:
            watch.poll_failed(error)
        else:
            if watch.polled(run):
                return require_completed(run)
        # Many processes may have begun at the same moment. They should not all poll at the same moment.
        stretch = random.uniform(1.0, _MAX_STRETCH)
        client.sleep(watch.pause(client.clock(), client.pause(call), past, stretch))
        known = None


def _recent_runs(client: HexClient, project_id: str) -> list[Run]:
    """Return a page of the project's runs, which shows how long they take; none if Hex does not respond."""
    try:
        return client.send(protocol.get_project_runs(project_id)).items
    except HexError as error:
        log.info("The durations of earlier runs are unknown: %s", error)
        return []
