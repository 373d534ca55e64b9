"""The part of the client that requests calls to send a request: timeouts, TLS, and aborting from another thread."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any, TypeAlias

import requests
import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

from airflow_provider_hex.api.config import HexConfig
from airflow_provider_hex.api.tls import ssl_context

Watch: TypeAlias = Callable[[socket.socket], None]


class Aborted(BaseException):
    """The client was aborted by another thread. Not an ``Exception``, so that nothing retries or reports it."""


class Adapter(requests.adapters.HTTPAdapter):
    """Gives every request of a session timeouts and the shared TLS context, and can abort it.

    :param config: the timeouts, and whom to trust.
    :raises HexInvalidInput: a CA bundle cannot be used.
    """

    def __init__(self, config: HexConfig) -> None:
        self.aborted = threading.Event()
        self._lock = threading.Lock()
        self._in_use: list[socket.socket] = []
        self._timeout = (config.connect_timeout, config.read_timeout)
        self._verify = config.verify
        self._context = ssl_context(config)
        super().__init__()

    def abort(self) -> None:
        """End the request that another thread is sending, and let it send no other."""
        with self._lock:
            self.aborted.set()
            for handle in self._in_use:
                with suppress(OSError):  # it is not connected
                    handle.shutdown(socket.SHUT_RDWR)

    def check(self) -> None:
        """Check that the client was not aborted.

        :raises Aborted: it was.
        """
        if self.aborted.is_set():
            raise Aborted

    def sleep(self, seconds: float) -> None:
        """Wait until the time has passed, or the client is aborted."""
        self.aborted.wait(seconds)

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        """Send a request and receive the whole response.

        :raises Aborted: the client was aborted.
        """
        if kwargs.get("timeout") is None:
            kwargs["timeout"] = self._timeout
        kwargs["verify"] = self._verify  # as in the shared context, or urllib3 would change that
        try:
            response = super().send(request, *args, **kwargs)
            if not kwargs.get("stream"):
                response.content  # noqa: B018  # reads it, while it can be aborted
            return response
        finally:
            with self._lock:
                for handle in self._in_use:
                    handle.close()
                self._in_use.clear()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Use the shared TLS context for direct connections."""
        super().init_poolmanager(*args, ssl_context=self._context, **kwargs)

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        """Use the shared TLS context for connections through a proxy, and to the proxy."""
        if not proxy.lower().startswith("socks"):
            kwargs["proxy_ssl_context"] = self._context
        return super().proxy_manager_for(proxy, ssl_context=self._context, **kwargs)

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        """Leave certificates to the shared context: requests would load the file for every connection.

        :param conn: the pool of connections that is going to send the request.
        """
        conn.cert_reqs = "CERT_REQUIRED" if self._verify else "CERT_NONE"
        if conn.ConnectionCls in _ABORTABLE:  # connections through a SOCKS proxy cannot be aborted
            conn.ConnectionCls = partial(_ABORTABLE[conn.ConnectionCls], self._watch)

    def _watch(self, sock: socket.socket) -> None:
        """Register a duplicate of a socket for :meth:`abort`, because TLS replaces the socket by another."""
        with self._lock:
            self.check()
            self._in_use.append(socket.socket(fileno=os.dup(sock.fileno())))


class _Abortable(HTTPConnection):
    """A connection that registers its socket before it connects, and before each request."""

    def __init__(self, watch: Watch, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._watch = watch

    def _new_conn(self) -> socket.socket:
        try:
            return self._connected()
        except TimeoutError as error:
            raise ConnectTimeoutError(self, f"Connection to {self.host} timed out.") from error
        except OSError as error:
            raise NewConnectionError(self, f"Failed to establish a new connection: {error}") from error

    def _connected(self) -> socket.socket:
        """Connect to the first address that works. ``urllib3`` has no hook before a socket is connected."""
        failure = OSError("The name has no address.")
        family = urllib3.util.connection.allowed_gai_family()
        for *kind, _, address in socket.getaddrinfo(self._dns_host, self.port, family, socket.SOCK_STREAM):
            try:
                sock = socket.socket(*kind)
            except OSError as error:  # this machine lacks the kind of address
                failure = error
                continue
            try:
                self._connect(sock, address)
            except OSError as error:
                failure = error
                sock.close()
            else:
                return sock
        raise failure

    def _connect(self, sock: socket.socket, address: Any) -> None:
        for option in self.socket_options or ():
            sock.setsockopt(*option)
        sock.settimeout(self.timeout)
        self._watch(sock)
        sock.connect(address)

    def request(self, *args: Any, **kwargs: Any) -> None:
        """Send a request, also over a connection that was kept alive."""
        if self.sock is not None:
            self._watch(self.sock)
        super().request(*args, **kwargs)


class _AbortableTLS(_Abortable, HTTPSConnection):
    """The same, with TLS."""


_ABORTABLE: dict[Any, type[_Abortable]] = {
    urllib3.HTTPConnectionPool.ConnectionCls: _Abortable,
    urllib3.HTTPSConnectionPool.ConnectionCls: _AbortableTLS,
}
