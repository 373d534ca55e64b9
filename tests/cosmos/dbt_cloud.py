"""A stand-in for dbt Cloud: a job whose run has ended, and the files that dbt wrote in each of its steps."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

TOKEN = "dbtc_0001"
ACCOUNT, RUN = 17, 70471
SUCCESS, ERROR = 10, 20
_ARTIFACT = re.compile(rf"/api/v2/accounts/{ACCOUNT}/runs/{RUN}/artifacts/run_results.json")
_STATUS = re.compile(rf"/api/v2/accounts/{ACCOUNT}/runs/{RUN}/")
_START = re.compile(rf"/api/v2/accounts/{ACCOUNT}/jobs/\d+/run/")


@dataclass
class DbtCloud:
    """The account.

    :param status: how the job's run has ended.
    :param steps: the ``run_results.json`` of each step. dbt Cloud returns the last one unless a step is named.
    :param url: where it listens.
    """

    status: int = SUCCESS
    steps: list[dict[str, Any]] = field(default_factory=list)
    url: str = ""

    def response(self, path: str, query: dict[str, list[str]]) -> Any:
        """Return the body of a response, None if there is no such thing."""
        if _ARTIFACT.fullmatch(path):
            step = int(query["step"][0]) if "step" in query else len(self.steps)
            return self.steps[step - 1] if 0 < step <= len(self.steps) else None
        if _STATUS.fullmatch(path) or _START.fullmatch(path):
            return {"data": {"id": RUN, "status": self.status, "href": f"https://cloud.getdbt.com/runs/{RUN}"}}
        return None


@contextmanager
def dbt_cloud() -> Iterator[DbtCloud]:
    """Serve an account over http."""
    account = DbtCloud()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, account))
    account.url = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield account
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    def __init__(self, account: DbtCloud, *args: Any) -> None:
        self.account = account
        super().__init__(*args)

    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        url = urlsplit(self.path)
        body = self.account.response(url.path, parse_qs(url.query))
        allowed = self.headers["Authorization"] == f"Token {TOKEN}"
        data = json.dumps(body).encode()
        self.send_response((200 if body else 404) if allowed else 401)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_POST(self) -> None:
        self.do_GET()

    def log_message(self, format: str, *args: Any) -> None:
        pass
