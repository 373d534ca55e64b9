"""Which calls are sent again, when and for how long: one policy, by tenacity.

There are two policies, one inside the other. The inner one retries after transient errors (the network, 5xx, an
incomplete response), where sending again is safe. The outer one waits for Hex's rate limits, and lets the inner one
start anew each time.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import tenacity

from airflow_provider_hex.api.call import Call
from airflow_provider_hex.api.errors import HexError, HexRateLimited

log = logging.getLogger(__name__)

# Full jitter, so that many clients that failed at the same time do not retry at the same time.
_backoff = tenacity.wait_random_exponential(multiplier=1, max=30)


def may_send_again(call: Call[Any], error: HexError) -> bool:
    """Return whether a call may be sent again after an error, without doing anything twice.

    :param call: the call.
    :param error: how it failed.
    """
    return error.transient and (call.repeatable or error.no_effect)


def after_transient_errors(call: Call[Any], seconds: float) -> dict[str, Any]:
    """Return tenacity's arguments for sending a call again after transient errors.

    :param seconds: for how long.
    """
    return _policy(lambda e: may_send_again(call, e) and not isinstance(e, HexRateLimited), seconds)


def after_rate_limits(seconds: float) -> dict[str, Any]:
    """Return tenacity's arguments for sending a call again when it was rate-limited.

    :param seconds: for how long.
    """
    return _policy(lambda e: isinstance(e, HexRateLimited), seconds)


def _policy(retries: Callable[[HexError], bool], seconds: float) -> dict[str, Any]:
    return {
        "retry": tenacity.retry_if_exception(lambda error: isinstance(error, HexError) and retries(error)),
        "wait": _wait,
        "stop": lambda state: max(state.seconds_since_start, state.idle_for) + state.upcoming_sleep >= seconds,
        "before_sleep": _log_retry,
        "reraise": True,
    }


def _wait(state: tenacity.RetryCallState) -> float:
    """Return the seconds that Hex asks to wait, plus a random time."""
    return (getattr(_error(state), "retry_after", None) or 0.0) + _backoff(state)


def _log_retry(state: tenacity.RetryCallState) -> None:
    log.warning("%s It will be sent again in %.0f s.", _error(state), state.upcoming_sleep)


def _error(state: tenacity.RetryCallState) -> BaseException | None:
    return state.outcome.exception() if state.outcome else None
