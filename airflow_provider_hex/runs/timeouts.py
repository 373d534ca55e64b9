"""Which errors are timeouts, and after which of them a task may still succeed. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from airflow_provider_hex.airflow_compat import AirflowSkipException, AirflowTaskTimeout
from airflow_provider_hex.api.errors import HexRunTimeout, add_sentence, replace_message
from airflow_provider_hex.api.run_lines import in_seconds
from airflow_provider_hex.runs.deferral import shorter_timeout
from airflow_provider_hex.version_compat import is_deferral_timeout


def is_timeout(error: BaseException) -> bool:
    """Whether the ``timeout`` or the ``execution_timeout`` of an operator was reached.

    :param error: the error that ends the attempt.
    """
    return isinstance(error, AirflowTaskTimeout) or may_still_succeed(error)


def may_still_succeed(error: BaseException) -> bool:
    """Whether the timeout ended the wait, but not the task's process, so that the task succeeds if the run completed.

    :param error: the error that ends the attempt.
    """
    return isinstance(error, HexRunTimeout) or ended_wait(error) or is_deferral_timeout(error)


def ended_wait(error: BaseException) -> bool:
    """Whether a timeout of Airflow's kind only ended the wait: :func:`for_task` made it."""
    return hasattr(error, _MARK)


def for_task(
    error: HexRunTimeout,
    timeout: float | None,
    execution_timeout: timedelta | None,
    *,
    kind: type[BaseException] | None = None,
    counted: str = "",
) -> BaseException:
    """Return the timeout of a wait as an error that says which of the task's timeouts was reached.

    An error of Airflow's is not chained to the original, so that a log shows the message once.

    :param error: the timeout of the wait. It has the seconds of the wait, which may have begun after the task.
    :param timeout: the task's ``timeout`` in seconds.
    :param execution_timeout: the task's ``execution_timeout``, None if Airflow itself applies it.
    :param kind: Airflow's class of error for the ``timeout``. Default: the error itself.
    :param counted: from when the timeouts count, as in ``, counted from …``. Default: from the start of the wait.
    """
    limit, name = shorter_timeout(timeout, execution_timeout), "timeout"
    if limit != timeout:
        name, kind = "execution_timeout", AirflowTaskTimeout
    add_sentence(error, _limit(name, limit or 0.0, counted))
    if kind is None:
        return error
    known = kind(str(error))
    setattr(known, _MARK, True)
    return known


def explain(
    error: BaseException,
    timeout: float | None,
    execution_timeout: timedelta | None,
    run: Mapping[str, Any] | None = None,
) -> None:
    """Say in a timeout of Airflow's which of the task's timeouts was reached. Any other error stays as it is.

    :param error: the error that ends the attempt, or the skip that Airflow made of it.
    :param timeout: the task's ``timeout`` in seconds.
    :param execution_timeout: the task's ``execution_timeout``.
    :param run: the run as the last poke of a sensor found it. Default: that is not known.
    """
    cause = error.__cause__ if isinstance(error, AirflowSkipException) and error.__cause__ else error
    if isinstance(cause, AirflowTaskTimeout):
        if execution_timeout and not ended_wait(cause):
            add_sentence(cause, _limit("execution_timeout", execution_timeout.total_seconds()))
    elif found := _SENSOR_TIMEOUT.match(str(error)):
        status = f": the run is still {run['status']}" if run else ""
        limit = _limit("timeout", timeout or 0.0)
        replace_message(error, f"Timed out after {in_seconds(float(found[1]))} of waiting{status}. {limit}", limit)


_SENSOR_TIMEOUT = re.compile(r"Sensor has timed out; run duration of (\d+(?:\.\d+)?) seconds exceeds")


def _limit(name: str, seconds: float, counted: str = "") -> str:
    return f"The task's {name} is {in_seconds(seconds)}{counted}."


_MARK = "ended_hex_wait"
