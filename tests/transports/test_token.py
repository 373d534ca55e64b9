"""The token is never shown: every call fails in every way, with servers that repeat what they received."""

from __future__ import annotations

import json
import logging
import socket
import threading
import traceback
from typing import Any

import pytest

from airflow_provider_hex.api import errors, protocol
from hex_emulator.client import Control
from tests.conftest import PROJECT, TOKENS
from tests.transports.conftest import Transports
from tests.transports.kinds import KINDS
from tests.transports.test_table import FAULTS

TOKEN = TOKENS["full"]
ECHO = {"reason": f"Bad header: Authorization: Bearer {TOKEN}", "details": TOKEN, "traceId": TOKEN}
ECHOES: dict[str, dict[str, Any]] = {
    "rejected": {"status": 403, "body": ECHO},
    "rejected, with a trace id": {"status": 403, "body": "", "headers": {"X-Trace-Id": f"t-{TOKEN}"}},
    "failed": {"status": 500, "body": ECHO},
    "rate-limited": {"status": 429, "body": ECHO, "headers": {"Retry-After": TOKEN, "X-RateLimit-Reset": TOKEN}},
    "a page of a proxy": {"status": 200, "body": f"<html>{TOKEN}</html>"},
    "a response of another type": {"status": 200, "body": [TOKEN]},
    "a response about another run": {"status": 200, "body": {"runId": TOKEN, "id": TOKEN, "status": TOKEN}},
    "a redirect": {"status": 302, "headers": {"Location": f"https://elsewhere/{TOKEN}"}},
}
WAYS = {name: fault.does for name, fault in FAULTS.items()} | ECHOES


def everything_about(error: BaseException) -> str:
    """Everything that the error and its causes show."""
    shown = [*traceback.format_exception(error), repr(error), repr(vars(error))]
    if isinstance(error, errors.HexError):
        shown.append(json.dumps(error.to_dict()))
    return "\n".join(shown)


@pytest.mark.parametrize("call", KINDS)
@pytest.mark.parametrize("way", WAYS)
def test_no_log_line_exception_or_repr_holds_the_token(
    call: str, way: str, transports: Transports, emulator: Control, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    transport = transports()
    run_id = emulator.start_run(PROJECT)["runId"]
    emulator.fault(call, **{"times": None, **WAYS[way]})
    shown = [repr(transport.client), repr(transport.config)]
    try:
        shown.append(repr(KINDS[call].make(transport, run_id)))
    except errors.HexError as error:
        shown.append(everything_about(error))
    shown.append(caplog.text)
    assert {request["token"] for request in emulator.requests()} == {"full"}
    assert TOKEN not in "\n".join(shown)


def test_a_response_that_is_not_http_is_quoted_without_the_token(transports: Transports) -> None:
    """The HTTP library quotes such a response in its exception."""

    def respond() -> None:
        connection, _ = server.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(f"Authorization: Bearer {TOKEN}\r\n\r\n".encode())

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=respond)
        thread.start()
        with pytest.raises(errors.HexUnreachable, match=r"Bearer \*\*\*") as raised:
            transports(base_url=f"http://127.0.0.1:{server.getsockname()[1]}").send(protocol.me())
        thread.join()
    assert TOKEN not in everything_about(raised.value)
