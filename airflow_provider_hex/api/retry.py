"""Which calls are sent again, when and for how long: one policy, by tenacity.

There are two policies, one inside the other. The inner one retries after transient errors (the network, 5xx, an
incomplete response), where sending again is safe. The outer one waits for Hex's rate limits, and lets the inner one
start anew each time.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import tenacity

from airflow_provider_hex.api.call import Call
from airflow_provider_hex.api.errors import HexError, HexRateLimited

log = logging.getLogger(__name__)

# Full jitter, so that many clients that failed at the same time do not retry at the same time.
_backoff = tenacity.wait_random_exponential(multiplier=1, max=30)

_SHORTEST_WAIT = 10.0
"""Seconds until a call that was rate-limited is sent again, if Hex does not say when its limit ends."""
_LONGEST_WAIT = 300.0
"""The maximum of them. A limit of an hour may end at any time."""
_LONGEST_FOR_KERNELS = 60.0
"""The same while all kernels are in use. Other programs may free them at any time."""
_LAST_TRY = 1.0
"""Seconds before the end of the time at which such a call is sent a last time."""


def may_send_again(call: Call[Any], error: HexError) -> bool:
    """Return whether a call may be sent again after an error, without doing anything twice."""
    return error.transient and (call.repeatable or error.no_effect)


def after_transient_errors(call: Call[Any], seconds: float) -> dict[str, Any]:
    """Return tenacity's arguments for sending a call again after transient errors.

    :param seconds: for how long.
    """
    return _policy(lambda e: may_send_again(call, e) and not isinstance(e, HexRateLimited), seconds)


def after_rate_limits(seconds: float) -> dict[str, Any]:
    """Return tenacity's arguments for sending a call again when it was rate-limited.

    If Hex does not say when its limit ends, it is taken for one of a minute first, then for one of an hour: the pauses
    are about a quarter of the time for which the call has waited. It is sent a last time just before ``seconds``.

    :param seconds: for how long.
    """

    def wait(state: tenacity.RetryCallState) -> float:
        error = _error(state)
        if getattr(error, "retry_after", None) is not None:
            return _wait(state)
        kernels_in_use = getattr(error, "status", None) == HTTPStatus.SERVICE_UNAVAILABLE
        longest = _LONGEST_FOR_KERNELS if kernels_in_use else _LONGEST_WAIT
        pause = min(max(_waited(state) / 4, _SHORTEST_WAIT), longest) * random.uniform(1.0, 1.5)
        left = seconds - _waited(state) - _LAST_TRY
        return left if _LAST_TRY < left < pause else pause

    return _policy(lambda e: isinstance(e, HexRateLimited), seconds, wait)


def _wait(state: tenacity.RetryCallState) -> float:
    """Return the seconds that Hex asks to wait, plus a random time."""
    return (getattr(_error(state), "retry_after", None) or 0.0) + _backoff(state)


def _policy(
    retries: Callable[[HexError], bool],
    seconds: float,
    wait: Callable[[tenacity.RetryCallState], float] = _wait,
) -> dict[str, Any]:
    return {
        "retry": tenacity.retry_if_exception(lambda error: isinstance(error, HexError) and retries(error)),
        "wait": wait,
        "stop": lambda state: _waited(state) + state.upcoming_sleep >= seconds,
        "before_sleep": _log_retry,
        "reraise": True,
    }


def _waited(state: tenacity.RetryCallState) -> float:
    """Return the seconds since the first attempt. Time that was slept may not show in the clock."""
    return max(state.seconds_since_start or 0.0, state.idle_for)


def _log_retry(state: tenacity.RetryCallState) -> None:
    log.warning("Retrying in %.0f s. %s", state.upcoming_sleep, _error(state))


def _error(state: tenacity.RetryCallState) -> BaseException | None:
    return state.outcome.exception() if state.outcome else None
