"""The client: sends calls with requests."""

from __future__ import annotations

import math
import ssl
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any, TypeVar, cast

import requests
import tenacity
import urllib3

from airflow_provider_hex.api import error_messages, responses, retry, steps
from airflow_provider_hex.api.adapter import Adapter
from airflow_provider_hex.api.call import Call, Page, Response
from airflow_provider_hex.api.config import HexConfig
from airflow_provider_hex.api.connection_name import name_connection, naming_connection
from airflow_provider_hex.api.errors import HexError, HexUnreachable
from airflow_provider_hex.api.limit_headers import LONGEST_LIMIT
from airflow_provider_hex.api.proxies import proxy_for
from airflow_provider_hex.api.rate_limit import RateLimiter
from airflow_provider_hex.api.steps import Pause, Steps

T = TypeVar("T")


class HexClient:
    """Sends calls to Hex: it keeps connections, gives every request timeouts, and follows no redirects.

    The environment's proxies and CA bundles apply, unless the connection sets others. They are read once, when the
    client is created.

    :param config: Hex's address, and the token.
    :param sleep: how to wait. Default: until the time has passed, or the client is aborted.
    :param clock: returns the time in epoch seconds.
    :param limiter: the rate limiter to share with other clients. Default: one for this client.
    :raises HexInvalidInput: a proxy or CA bundle cannot be used.
    """

    def __init__(
        self,
        config: HexConfig,
        *,
        sleep: Callable[[float], None] | None = None,
        clock: Callable[[], float] = time.time,
        limiter: RateLimiter | None = None,
    ) -> None:
        self.config = config
        self.clock = clock
        self._limiter = limiter or RateLimiter(config.requests_per_minute)
        with naming_connection(config.name):
            self._adapter = Adapter(config)
            self.session = _session(config, self._adapter)
        self.sleep = sleep or self._adapter.sleep

    def close(self) -> None:
        """Close the connections."""
        self.session.close()

    def abort(self) -> None:
        """Abort what another thread does with this client, and let it send no other request."""
        self._adapter.abort()

    def pause(self, call: Call[Any]) -> float:
        """Return the seconds for which the rate limits do not allow the call."""
        return self._limiter.pause(call.name, self.clock())

    def poll_pause(self, call: Call[Any], demand: int = 1) -> float:
        """Return the seconds until a poll by this call should be sent, see :meth:`RateLimiter.poll_pause`."""
        return self._limiter.poll_pause(call.name, self.clock(), demand)

    def send(self, call: Call[T]) -> T:
        """Send a call once, without waiting for a rate limit.

        :return: what Hex's response holds.
        :raises HexError: the call failed.
        """
        now, content = self.clock(), call.content  # an error of the content is no lost response
        if call.journal is not None:
            call.journal.sending(now)
        try:
            return self._send(call, content, now)
        except HexError as error:
            if call.journal is not None and not error.may_have_acted:
                call.journal.had_no_effect()
            name_connection(error, self.config.name)
            raise

    def request(self, call: Call[T], max_wait: float = LONGEST_LIMIT) -> T:
        """Send a call when the rate limits allow it, and again after transient errors where that is safe.

        :param max_wait: seconds for which to wait for a rate limit of Hex.
        :return: what Hex's response holds.
        :raises HexError: the last error.
        """
        transient = tenacity.Retrying(sleep=self.sleep, **retry.after_transient_errors(call, self.config.retry_for))
        limits = tenacity.Retrying(sleep=self.sleep, **retry.after_rate_limits(max_wait))
        return cast(T, limits(transient, self._send_when_free, call, max_wait))

    def iterate(self, call: Call[Page[T]]) -> Iterator[T]:
        """Yield the items of a list. A page is requested when its first item is needed."""
        following: Call[Page[T]] | None = call
        while following is not None:
            page = self.request(following)
            yield from page.items
            following = page.next

    def carry_out(self, procedure: Steps[T], max_wait: float = LONGEST_LIMIT, *, once: bool = False) -> T:
        """Carry out a procedure.

        :param procedure: the procedure.
        :param max_wait: seconds for which RunProject waits for a rate limit of Hex.
        :param once: send no call again after a transient error. Default: as :meth:`request` does.
        :return: what the procedure returns.
        :raises HexError: what the procedure raises.
        """
        with naming_connection(self.config.name):
            return steps.carry_out(procedure, lambda step: self._take(step, max_wait, once))

    def _take(self, step: Call[Any] | Pause, max_wait: float, once: bool) -> Any:
        if isinstance(step, Pause):
            return self.sleep(step.seconds)
        if once:
            return self._send_when_free(step)
        return self.request(step) if step.repeatable else self.request(step, max_wait)

    def _send_when_free(self, call: Call[T], max_wait: float = math.inf) -> T:
        if pause := min(self.pause(call), max_wait):
            self.sleep(pause)
        return self.send(call)

    def _send(self, call: Call[T], content: bytes | None, now: float) -> T:
        self._limiter.sent(call.name, now)
        handled = sys.exc_info()[1]
        try:
            response = self.session.request(
                call.method,
                self.config.base_url + call.path,
                params=call.query,
                data=content,
                headers=call.headers,
                allow_redirects=False,
            )
        except (OSError, ValueError, urllib3.exceptions.HTTPError) as error:  # requests lets some of urllib3's through
            self._adapter.check()
            self._limiter.failed(call.name)
            raise self._no_response(call, error, _causes(error, handled), now) from None
        self._adapter.check()  # an abort may seem to be the end of a response
        received_at = self.clock()
        self._limiter.learned(call.name, response.headers, received_at, response.status_code, now)
        headers = {name: value.replace(self.config.token, "***") for name, value in response.headers.items()}
        body = self.config.without_token(response.content)
        return responses.decode(call, Response(response.status_code, headers, body, now, received_at))

    def _no_response(
        self, call: Call[Any], error: Exception, causes: list[BaseException], sent_at: float
    ) -> HexUnreachable:
        """Return the error for a request to which no response came."""
        never_sent = _failed_to_connect(error)
        reason = next((text for cause in reversed(causes) if (text := str(cause))), type(error).__name__)
        if any(isinstance(cause, TimeoutError) for cause in causes):
            reason = (
                f"no connection within {self.config.connect_timeout:g} s (connect_timeout)"
                if never_sent
                else f"no data for {self.config.read_timeout:g} s (read_timeout)"
            )
        return error_messages.no_response(
            call,
            self.config.base_url,
            self.config.without_token(reason.encode(errors="replace")).decode(),
            never_sent=never_sent,
            untrusted=any(isinstance(cause, ssl.SSLCertVerificationError) for cause in causes),
            sent_at=sent_at,
        )


def _session(config: HexConfig, adapter: Adapter) -> requests.Session:
    session = requests.Session()
    # The environment's proxies and CA bundles are handled by proxy_for and ssl_context. requests would prefer them to
    # the connection's, does not support IPv6 networks in NO_PROXY, and would send a password from .netrc as the token.
    session.trust_env = False
    proxy = proxy_for(config)
    session.proxies = {"all": proxy} if proxy else {}
    session.verify = config.verify
    session.headers.update(config.request_headers)
    for scheme in ("https://", "http://"):
        session.mount(scheme, adapter)
    return session


_NEVER_SENT = (
    requests.exceptions.ProxyError,
    requests.exceptions.InvalidURL,
    urllib3.exceptions.LocationParseError,
)


def _failed_to_connect(error: Exception) -> bool:
    """Whether no connection to Hex was made, by the reason that requests wrapped, a proxy's refusal, or a bad URL."""
    reason = getattr(error.args[0], "reason", None) if error.args else None
    never_sent = (urllib3.exceptions.NewConnectionError, urllib3.exceptions.ConnectTimeoutError)
    return isinstance(reason, never_sent) or isinstance(error, _NEVER_SENT)


def _causes(error: BaseException | None, handled: BaseException | None) -> list[BaseException]:
    """Return an exception and those that it was raised from or wraps, the innermost last.

    :param error: the exception.
    :param handled: the exception that was being handled before, such as a task's timeout. It is no cause.
    """
    found: list[BaseException] = []
    while error is not None and error is not handled:
        found.append(error)
        wrapped = next((argument for argument in error.args if isinstance(argument, BaseException)), None)
        error = error.__cause__ or error.__context__ or wrapped
    return found
