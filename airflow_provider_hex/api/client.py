"""The blocking transport: calls go out with requests."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, TypeAlias, TypeVar, cast

import requests
import tenacity
import urllib3

from airflow_provider_hex.api import retry
from airflow_provider_hex.api.call import Call, Page
from airflow_provider_hex.api.config import HexConfig
from airflow_provider_hex.api.errors import HexError
from airflow_provider_hex.api.rate_limit import LONGEST_LIMIT
from airflow_provider_hex.api.session import Session
from airflow_provider_hex.api.start import StartRequest
from airflow_provider_hex.api.steps import Pause, Steps
from airflow_provider_hex.api.tls import ssl_context

T = TypeVar("T")
Asks: TypeAlias = Callable[[StartRequest | None], None]

_NEVER_SENT = (urllib3.exceptions.NewConnectionError, urllib3.exceptions.ConnectTimeoutError)


class _Patient(requests.adapters.HTTPAdapter):
    """Gives every request of a session timeouts, also those that others send with it."""

    def __init__(self, config: HexConfig) -> None:
        super().__init__()
        self._timeout = (config.connect_timeout, config.read_timeout)

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        if kwargs.get("timeout") is None:
            kwargs["timeout"] = self._timeout
        return super().send(request, *args, **kwargs)


class HexClient(Session):
    """One session with Hex: connections are kept, every request has timeouts, redirects are not followed.

    :param sleep: how to wait; a parameter for tests that own the time.
    """

    def __init__(self, config: HexConfig, sleep: Callable[[float], None] = time.sleep) -> None:
        super().__init__(config)
        ssl_context(config)  # requests reads the file late, and has no clear word for one that is no good
        self.sleep = sleep
        self.session = requests.Session()
        for scheme in ("https://", "http://"):
            self.session.mount(scheme, _Patient(config))
        self.session.headers.update(config.request_headers)
        self.session.verify = (config.ca_bundle or True) if config.verify else False
        self.session.proxies = {"http": config.proxy, "https": config.proxy} if config.proxy else {}
        # Without an auth of its own, requests would put a .netrc's password in the token's place.
        self.session.auth = lambda request: request

    def close(self) -> None:
        """Close the connections."""
        self.session.close()

    def send(self, call: Call[T]) -> T:
        """Send a call once, at once.

        :raises HexError: what went wrong.
        """
        sent_at = self._sending()
        try:
            response = self.session.request(
                call.method,
                self.config.base_url + call.path,
                params=call.query,
                data=call.content,
                headers=call.headers,
                allow_redirects=False,
                # Named again, as requests prefers what the environment says to what the session does.
                proxies=self.session.proxies,
                verify=self.session.verify,
            )
        except requests.RequestException as error:
            raise self._failed(
                call,
                error,
                never_sent=_never_sent(error),
                sent_at=sent_at,
            ) from None
        return self._answered(call, response.status_code, response.headers, response.content, sent_at)

    def request(self, call: Call[T], max_wait: float = LONGEST_LIMIT, asks: Asks | None = None) -> T:
        """Send a call when the pace allows, and again for as long as that is safe and may help.

        :param max_wait: seconds after which a limit of Hex is not waited for any longer.
        :param asks: is told each time before the call goes out, and when it is certain that it had no effect.
        :raises HexError: the last error.
        """

        def attempt() -> T:
            if pause := min(self.pause(call), max_wait):
                self.sleep(pause)
            if asks is None:
                return self.send(call)
            asks(StartRequest(time.time(), default_options=not call.body))
            try:
                return self.send(call)
            except HexError as error:
                if not error.may_have_acted:
                    asks(None)
                raise

        blips = tenacity.Retrying(sleep=self.sleep, **retry.after_blips(call, self.config.retry_for))
        limits = tenacity.Retrying(sleep=self.sleep, **retry.after_limits(max_wait))
        return cast(T, limits(blips, attempt))

    def iterate(self, call: Call[Page[T]]) -> Iterator[T]:
        """Yield the items of a list, whose pages are asked for as they are needed."""
        following: Call[Page[T]] | None = call
        while following is not None:
            page = self.request(following)
            yield from page.items
            following = page.next

    def carry_out(self, steps: Steps[T], max_wait: float = LONGEST_LIMIT, asks: Asks | None = None) -> T:
        """Take the steps of a procedure, one after the other, and return what it returns.

        :param max_wait: seconds for which RunProject waits for a limit of Hex at the most.
        :param asks: is told each time before a RunProject goes out, and when it is certain that it started no run.
        """
        go_on = partial(steps.send, None)
        while True:
            try:
                step = go_on()
            except StopIteration as end:
                return cast(T, end.value)
            try:
                go_on = partial(steps.send, self._take(step, max_wait, asks))
            except HexError as error:
                go_on = partial(steps.throw, error)

    def _take(self, step: Call[Any] | Pause, max_wait: float, asks: Asks | None) -> Any:
        if isinstance(step, Pause):
            return self.sleep(step.seconds)
        return self.request(step) if step.repeatable else self.request(step, max_wait, asks)


def _never_sent(error: Exception) -> bool:
    """Whether no connection to Hex was made: by the reason that requests wrapped, or as its proxy refused."""
    reason = getattr(error.args[0], "reason", None) if error.args else None
    return isinstance(reason, _NEVER_SENT) or isinstance(error, requests.exceptions.ProxyError)
