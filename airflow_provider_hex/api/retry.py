"""Which calls are sent again, when and for how long: one policy, by tenacity, for both transports.

Two policies lie one in the other: the inner one outlives blips (the network, 5xx, half an answer), where sending
again does no harm; the outer one waits for Hex's limits, each time with fresh patience for blips.
"""

from __future__ import annotations

import logging
from typing import Any

import tenacity

from airflow_provider_hex.api import protocol
from airflow_provider_hex.api.call import Call
from airflow_provider_hex.api.errors import HexError, HexRateLimited

log = logging.getLogger(__name__)

# Full jitter: anything from nothing to twice what it was before, so that many who failed together do not return so.
_backoff = tenacity.wait_random_exponential(multiplier=1, max=30)


def after_blips(call: Call[Any], seconds: float) -> dict[str, Any]:
    """Return tenacity's arguments for sending a call again after errors that pass.

    :param seconds: for how long.
    """
    return _policy(lambda e: protocol.may_send_again(call, e) and not isinstance(e, HexRateLimited), seconds)


def after_limits(seconds: float) -> dict[str, Any]:
    """Return tenacity's arguments for sending a call again when a limit of Hex was reached.

    :param seconds: for how long.
    """
    return _policy(lambda e: isinstance(e, HexRateLimited), seconds)


def _policy(worth_it: Any, seconds: float) -> dict[str, Any]:
    return {
        "retry": tenacity.retry_if_exception(lambda error: isinstance(error, HexError) and worth_it(error)),
        "wait": _wait,
        "stop": lambda state: max(state.seconds_since_start, state.idle_for) + state.upcoming_sleep >= seconds,
        "before_sleep": _say_so,
        "reraise": True,
    }


def _wait(state: tenacity.RetryCallState) -> float:
    """Wait as long as Hex asks, and a random time besides."""
    return (getattr(_error(state), "retry_after", None) or 0.0) + _backoff(state)


def _say_so(state: tenacity.RetryCallState) -> None:
    log.warning("%s It will be sent again in %.0f s.", _error(state), state.upcoming_sleep)


def _error(state: tenacity.RetryCallState) -> BaseException | None:
    return state.outcome.exception() if state.outcome else None
