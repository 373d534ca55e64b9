"""Whether the error that ends a sensor skips its task or fails it."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from airflow_provider_hex.airflow_compat import (
    AirflowException,
    AirflowSensorTimeout,
    AirflowSkipException,
    AirflowTaskTimeout,
)
from airflow_provider_hex.api.errors import HexRunFailed
from airflow_provider_hex.version_compat import is_deferral_timeout


def skip_or_failure(error: BaseException, *, soft_fail: bool, never_fail: bool) -> BaseException:
    """Return the error that ends the task. It is skipped on a timeout, but not for what ``soft_fail`` is not for.

    Airflow itself does not skip it if the ``execution_timeout`` is reached between two pokes, or while deferred,
    and Airflow 3.0 does not if it ended the deferral itself. If it is reached within a poke, Airflow's skip does not
    say so.

    :param error: what Airflow's sensor raised.
    :param soft_fail: as of the sensor.
    :param never_fail: as of the sensor.
    """
    cause = cause_of(error)
    if isinstance(cause, (AirflowTaskTimeout, AirflowSensorTimeout)) and (soft_fail or never_fail):
        skip = AirflowSkipException(str(cause))
        skip.__cause__ = cause
        return skip
    is_skip = soft_fail and isinstance(error, AirflowSkipException)
    return cause if is_skip and not (isinstance(cause, HexRunFailed) or is_timeout(error)) else error


def skipped_on_failure(resume: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that skips the task if Airflow's fails: Airflow 2 ignores ``never_fail`` after a deferral.

    :param resume: resumes the task.
    """

    @wraps(resume)
    def resumed(*args: Any) -> Any:
        try:
            return resume(*args)
        except AirflowException as error:
            if isinstance(error, AirflowSkipException):
                raise
            raise AirflowSkipException(str(error)) from error

    return resumed


def cause_of(error: BaseException) -> BaseException:
    """Return the error for which Airflow skips the task, and any other error itself."""
    return error.__cause__ if isinstance(error, AirflowSkipException) and error.__cause__ else error


def is_timeout(error: BaseException) -> bool:
    """Whether the wait timed out. If it did in a worker, Airflow's skip has no cause."""
    cause = cause_of(error)
    return isinstance(cause, (AirflowSensorTimeout, AirflowTaskTimeout, AirflowSkipException)) or (
        is_deferral_timeout(cause)
    )
