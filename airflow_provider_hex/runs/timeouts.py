"""Which errors are timeouts, and which of them a task can still avert. Pure."""

from __future__ import annotations

from airflow_provider_hex.airflow_compat import AirflowTaskTimeout
from airflow_provider_hex.api.errors import HexRunTimeout
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
    was_polled = isinstance(error, HexRunTimeout) or isinstance(error.__cause__, HexRunTimeout)
    return was_polled or is_deferral_timeout(error)
