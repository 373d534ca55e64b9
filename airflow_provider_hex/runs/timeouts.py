"""Which errors are timeouts, and which of them a task can still avert. Pure."""

from __future__ import annotations

from datetime import timedelta

from airflow_provider_hex.airflow_compat import AirflowTaskTimeout
from airflow_provider_hex.api.errors import HexRunTimeout, add_sentence
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
    add_sentence(error, f"The task's {name} is {in_seconds(limit or 0.0)}{counted}.")
    if kind is None:
        return error
    known = kind(str(error))
    setattr(known, _MARK, True)
    return known


_MARK = "ended_hex_wait"
