"""Services that are frozen, as when their machine sleeps, and those that take their work over."""

from collections.abc import Iterator
from contextlib import contextmanager

import psutil

from demo.local_airflow import AIRFLOW, LocalAirflow
from demo.ports import Ports


@contextmanager
def another_triggerer(airflow: LocalAirflow) -> Iterator[None]:
    log_port = f"AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT={Ports.free().trigger_logs}"
    airflow.processes.start("triggerer-2", ("env", log_port, *AIRFLOW, "triggerer"))
    try:
        yield
    finally:
        airflow.processes.stop("triggerer-2")


@contextmanager
def frozen(*services: psutil.Process) -> Iterator[None]:
    """Suspend processes and all their children."""
    processes = [process for service in services for process in (service, *service.children(recursive=True))]
    for process in processes:
        process.suspend()
    try:
        yield
    finally:
        for process in processes:
            process.resume()
