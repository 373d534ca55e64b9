"""The blocking transport: calls go out with requests, again where that is safe, by tenacity."""

from __future__ import annotations

import logging
import ssl
from collections.abc import Callable
from typing import Any, TypeVar, cast

import requests
import tenacity
import urllib3

from airflow_provider_hex.api import explain, protocol
from airflow_provider_hex.api.config import CONNECT_TIMEOUT, READ_TIMEOUT, HexConfig
from airflow_provider_hex.api.errors import (
    HexBadAnswer,
    HexError,
    HexLimited,
    HexRefused,
    HexServerError,
    HexUnreachable,
)
from airflow_provider_hex.api.models import RunStatus
from airflow_provider_hex.api.protocol import Answer, Call

log = logging.getLogger(__name__)

T = TypeVar("T")

_NEVER_SENT = (
    urllib3.exceptions.NewConnectionError,
    urllib3.exceptions.ConnectTimeoutError,
    ssl.SSLCertVerificationError,
)
"""What happens before a connection is made, so that it is certain that no request went out."""

PATIENCE = 180.0
"""Seconds for which a call that is safe to send again is sent again: longer than a limit of Hex lasts."""


class _Patient(requests.adapters.HTTPAdapter):
    """Gives every request of a session timeouts, also those that others send with it."""

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        if kwargs.get("timeout") is None:
            kwargs["timeout"] = (CONNECT_TIMEOUT, READ_TIMEOUT)
        return super().send(request, *args, **kwargs)


class HexClient:
    """One session with Hex: connections are kept, every request has timeouts, redirects are not followed."""

    def __init__(self, config: HexConfig) -> None:
        self.config = config
        self.session = requests.Session()
        for scheme in ("https://", "http://"):
            self.session.mount(scheme, _Patient())
        self.session.headers["Authorization"] = f"Bearer {config.token}"
        # Without an auth of its own, requests would put a .netrc's password in the token's place.
        self.session.auth = lambda request: request

    def close(self) -> None:
        """Close the connections."""
        self.session.close()

    def send(self, call: Call[T]) -> T:
        """Send a call once.

        :raises HexError: what went wrong.
        """
        try:
            response = self.session.request(
                call.method,
                self.config.base_url + call.path,
                params=dict(call.query),
                json=call.body,
                allow_redirects=False,
            )
        except requests.RequestException as error:
            cause = _innermost(error)
            said = str(cause) or type(cause).__name__
            never_sent = isinstance(cause, _NEVER_SENT)
            raise explain.no_answer(call, self.config.base_url, said, never_sent=never_sent) from None
        body = self.config.without_token(response.content)
        return protocol.decode(call, Answer(response.status_code, response.headers, body))

    def request(self, call: Call[T], patience: float = PATIENCE) -> T:
        """Send a call, and again for as long as that is safe and may help.

        :param patience: seconds after which a limit of Hex is not waited for any longer.
        :raises HexError: the last error.
        :raises HexStartUnknown: RunProject was sent, and whether it started a run is not known.
        """
        blips = _retrying(
            lambda error: protocol.may_send_again(call, error) and not isinstance(error, HexLimited), PATIENCE
        )
        limits = _retrying(lambda error: isinstance(error, HexLimited), patience)
        try:
            return cast(T, limits(blips, self.send, call))
        except (HexUnreachable, HexServerError, HexBadAnswer) as error:
            if call.repeatable or error.no_effect:
                raise
            raise protocol.start_unknown(call, error) from error

    def cancel(self, project_id: str, run_id: str) -> None:
        """Cancel a run. One that has ended already, or is gone, counts as cancelled.

        :raises HexError: it could not be cancelled, or whether it was is not known.
        """
        try:
            self.request(protocol.cancel_run(project_id, run_id))
        except HexRefused:
            # What Hex answers for a run that has ended is not documented, so ask whether it has.
            if not self._is_over(project_id, run_id):
                raise

    def _is_over(self, project_id: str, run_id: str) -> bool:
        try:
            run = self.request(protocol.get_run(project_id, run_id))
            return RunStatus.of(run).is_terminal
        except HexRefused as error:
            return error.status == 404


def _retrying(worth_it: Callable[[HexError], bool], patience: float) -> tenacity.Retrying:
    return tenacity.Retrying(
        retry=tenacity.retry_if_exception(lambda error: isinstance(error, HexError) and worth_it(error)),
        wait=_wait,
        stop=tenacity.stop_before_delay(patience),
        before_sleep=_say_so,
        reraise=True,
    )


_backoff = tenacity.wait_random_exponential(multiplier=1, max=30)


def _wait(state: tenacity.RetryCallState) -> float:
    asked = getattr(_error(state), "retry_after", None) or 0.0
    return float(asked + _backoff(state))


def _say_so(state: tenacity.RetryCallState) -> None:
    log.warning("%s It will be sent again in %.0f s.", _error(state), state.upcoming_sleep)


def _error(state: tenacity.RetryCallState) -> BaseException | None:
    return state.outcome.exception() if state.outcome else None


def _innermost(error: BaseException) -> Any:
    """Return the first error that is not a wrapper of requests or urllib3."""
    while isinstance(error, (requests.RequestException, urllib3.exceptions.MaxRetryError, urllib3.exceptions.SSLError)):
        inner = getattr(error, "reason", None) or next((a for a in error.args if isinstance(a, BaseException)), None)
        if inner is None:
            break
        error = inner
    return error
