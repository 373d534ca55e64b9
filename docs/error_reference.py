"""Write ``docs/errors.md``, the reference of all errors: ``python -m docs.error_reference``.

The messages are made by the provider's own code, from responses as Hex sends them, so the page shows what a user sees.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from airflow_provider_hex.api import charts, error_messages, errors, protocol, responses
from airflow_provider_hex.api.address import base_url
from airflow_provider_hex.api.call import Call, Page, Response
from airflow_provider_hex.api.config import HexConfig, clean_token, options
from airflow_provider_hex.api.connection_name import with_name
from airflow_provider_hex.api.errors import HexError
from airflow_provider_hex.api.run_watch import RunWatch, require_completed
from airflow_provider_hex.api.tls import ssl_context
from airflow_provider_hex.compat_0_1.hooks import endpoint_url
from airflow_provider_hex.compat_0_1.operators import check_only_one
from airflow_provider_hex.triggers import events

PAGE = Path(__file__).with_name("errors.md")

_IDS = {
    "5a8591dd-4039-49df-9202-96385ba3eff8": "PROJECT_ID",
    "78c33d18-170c-44d3-a227-b3194f134f73": "RUN_ID",
    "b7f5c3a9-6e0d-4b52-8f1c-2d9a4e7c6b10": "CELL_ID",
}
_PROJECT, _RUN, _CELL = _IDS
_URL = "https://app.hex.tech/acme/app/PROJECT_ID/latest?runId=RUN_ID"

_INTRODUCTION = """# Troubleshooting by message

Search this page for a few words of the message in your task's log. Each message says what happened, to which request or
run, and what to do.

## The most common failures

| the log has | what happened |
| --- | --- |
| ``The conn_id `hex_default` isn't defined`` | Airflow has no such connection. \
[Add one](connection.md), or fix `hex_conn_id` |
| `has no token` | [The connection has no token](#the-connection-has-no-token) |
| `with 401` | [The token is wrong or has expired](#the-token-is-wrong-or-has-expired) |
| `lacks a permission` | [The token may not start runs](#the-token-may-not-start-runs) |
| `Publish the project` | [The project was never published](#the-project-was-never-published) |
| `Fix the task's input_params` | [An input is wrong (newer form)](#an-input-is-wrong-newer-form) |
| `Hex's rate limit is reached` | \
[Too many requests in a minute or an hour](#too-many-requests-in-a-minute-or-an-hour). The task waits: \
it fails only at its `timeout` |
| `All of Hex's kernels are in use` | [No kernel is free](#no-kernel-is-free). The same |
| `Hex run ERRORED` | [A cell failed](#a-cell-failed) |
| `Hex run KILLED` | [The run was cancelled](#the-run-was-cancelled) |
| `Timed out after` | [The run takes too long](#the-run-takes-too-long) |
| `No response from` | [The connection was lost](#the-connection-was-lost) |
| `Trigger timeout`, in Airflow 2 `Trigger/execution timeout` | No triggerer ran the task's trigger, or it was too \
busy. See whether `airflow triggerer` runs. Until the timeout, such a task is *deferred*, and its log gets no new \
lines |
| `The task was killed` | A user marked or cleared the task, or Airflow ended its process, as in a deploy. See below |
| `not refreshed:` | dbt failed in a model that the project reads, or left no results. If it built none, the task is \
skipped. See [what counts](dbt.md#what-counts-and-what-is-not-promised) |

## What happened to the run

If the task ended before its run, the message also has one of these sentences, and ends with the run's URL:

| sentence | then |
| --- | --- |
| `The run was cancelled.` or `No run was started.` | a retry starts another run. If the task has none left, clear it |
| `The run had already ended` … or `so it counts as cancelled.` | the same |
| `The run had already COMPLETED.` | the project is up to date in Hex: mark the task success |
| `The run continues, and the task's next attempt re-attaches to it.` | wait for the retry. If you \
clear the task before it, the run is cancelled and another one started |
| `The task's next attempt polls the run again, and starts another if it is still gone.` | wait for the retry |
| `The run continues, because` … | the sentence names who waits for the run, or which argument leaves it running |
| `The run could not be cancelled and may still be running:` or `The run was not cancelled, because` … | \
open the URL, and cancel the run in Hex unless you want its results |

## Words

`PROJECT_ID`, `RUN_ID`, `CELL_ID` and `TRACE_ID` stand for ids, and `hex_default` for the id of your connection. Hex
support asks for the trace id, and so do we if you report a fault. The words in quotes after a status are Hex's own, so
yours may differ. Where Hex sends two forms of a message, the newer one is shown.

- **Transient** errors are retried within the task: for `retry_for` seconds (180, set in the connection), a poll for as
  long as the task waits, a rate limit for as long as the task may take. After that, the task's own retries count.
- **Permanent** errors fail the task at once, because a retry cannot help. But if the task leaves its run to a retry, or
  the run is gone, its retries count, see [What happens to the run](reliability.md#what-happens-to-the-run).

The headings below are classes of `airflow_provider_hex.api.errors`. Each error has the attributes `status`, `reason`,
`details`, `trace_id`, `method`, `path` and `retry_after`, None where Hex gave no such value.
"""


@dataclass(frozen=True)
class Case:
    """One way in which an error comes about.

    :param cause: what happened, as a heading.
    :param fail: raises or returns the error.
    :param remedy: what to do, beyond what the message says.
    """

    cause: str
    fail: Callable[[], object]
    remedy: str = ""

    @property
    def error(self) -> HexError:
        """The error.

        :raises AssertionError: there is none.
        """
        try:
            error = self.fail()
        except HexError as raised:
            error = raised
        assert isinstance(error, HexError), self.cause
        return error


def moved(code: str, message: str, *issues: str) -> str:
    """Return the body of an error in the newer form."""
    return json.dumps({"code": code, "message": message, "issues": [{"message": issue} for issue in issues]})


def older(reason: str, details: str) -> str:
    """Return the body of an error in the older form."""
    return json.dumps({"reason": reason, "details": details, "traceId": "TRACE_ID"})


def answered(call: Call[Any], status: int, body: str) -> Callable[[], object]:
    """Return what decodes a response to a call."""
    headers = {} if status == 401 else {"x-trace-id": "TRACE_ID"}
    return lambda: responses.decode(call, Response(status, headers, body.encode(), 0.0, 0.0))


def unanswered(cause: str, *, never_sent: bool = False, untrusted: bool = False) -> Callable[[], object]:
    """Return what makes the error for a poll without a response."""
    return lambda: error_messages.no_response(
        _POLL, "https://app.hex.tech/api/v1", cause, never_sent=never_sent, untrusted=untrusted, sent_at=0.0
    )


def run(status: str, **more: Any) -> dict[str, Any]:
    """Return a run as Hex reports it."""
    return {"projectId": _PROJECT, "runId": _RUN, "runUrl": _URL, "status": status, "traceId": "TRACE_ID", **more}


def labelled(*cells: Mapping[str, Any]) -> Callable[[], object]:
    """Return what requests the image of the chart "Trend" of a draft with these cells. The run has none of them."""

    def request() -> None:
        procedure = charts.chart_image(_PROJECT, _RUN, label="Trend")
        next(procedure)
        procedure.send(Page(list(cells), None, None))
        try:
            answered(_CHART, 404, moved("NOT_FOUND", "Cell not found"))()
        except HexError as error:
            procedure.throw(error)

    return request


def ambiguous(found: list[Mapping[str, Any]], doubt: str, kind: type[errors.HexAmbiguousStart]) -> HexError:
    """Return the error for a start that got no response."""
    lost = error_messages.no_response(
        _START, "https://app.hex.tech/api/v1", "no data for 60 s (read_timeout)",
        never_sent=False, untrusted=False, sent_at=0.0,
    )  # fmt: skip
    return error_messages.ambiguous_start(lost, found, doubt, kind)


_START = protocol.run_project(_PROJECT, input_params={"as_of": "yesterday"})
_POLL = protocol.get_run(_PROJECT, _RUN)
_LIST = protocol.get_project_runs(_PROJECT)
_PROJECT_CALL = protocol.get_project(_PROJECT)
_TABLES = protocol.get_queried_tables(_PROJECT)
_CANCEL = protocol.cancel_run(_PROJECT, _RUN)
_CHART = protocol.get_chart_image(_PROJECT, _RUN, _CELL)
_HTML = "<html><body><h1>502 Bad Gateway</h1></body></html>"
_GONE = moved("NOT_FOUND", "Run not found")

CASES: dict[type[HexError], list[Case]] = {
    errors.HexError: [
        Case("A deferred task got an event that is not from its trigger", lambda: events.completed_run(None, _RUN)),
        Case("A task in the start queue got an event that is not from its trigger", lambda: events.began_of(None)),
    ],
    errors.HexInvalidInput: [
        Case("The connection has no token", lambda: clean_token("")),
        Case("The token was pasted wrongly", lambda: clean_token("hxtw_ab cd")),
        Case("The Base URL is no URL", lambda: base_url("app hex tech")),
        Case("The Base URL contains a token", lambda: base_url("https://hxtw_abc@app.hex.tech")),
        Case("The Base URL is not encrypted", lambda: base_url("http://hex.example.com")),
        Case("An option of the connection has a wrong value", lambda: options({"read_timeout": "soon"})),
        Case("The proxy is no URL", lambda: options({"proxy": "proxy example"})),
        Case("The additional headers are no JSON", lambda: options({"headers": "X-Team: data"})),
        Case(
            "The CA bundle does not exist on this machine",
            lambda: ssl_context(HexConfig("", "", ca_bundle="/etc/ca.missing.pem")),
        ),
        Case("An id is no id", lambda: protocol.get_project("Daily revenue")),
        Case(
            "An argument is given by its name of version 0.1, too",
            lambda: check_only_one({"input_params": {}, "input_parameters": {}}),
        ),
        Case(
            "The hook's run of version 0.1 is to send a request to another server",
            lambda: endpoint_url("https://app.hex.tech/api/v1", "https://example.com/api/v1/projects"),
        ),
        Case("The inputs are not a dict", lambda: protocol.run_project(_PROJECT, input_params='["a"]')),
        Case("The inputs cannot be sent as JSON", lambda: protocol.run_project(_PROJECT, input_params={"a": {1}})),
        Case(
            "Inputs and a saved view are combined",
            lambda: protocol.run_project(_PROJECT, input_params={"a": 1}, view_id="weekly"),
        ),
        Case(
            "Inputs and an update of the published results are combined",
            lambda: protocol.run_project(_PROJECT, input_params={"a": 1}, update_published_results=True),
        ),
        Case(
            "A notification lacks a field",
            lambda: protocol.run_project(_PROJECT, notifications='[{"type": "ALL"}]'),
        ),
        Case(
            "A screenshot's format is none of Hex's",
            lambda: protocol.run_project(
                _PROJECT,
                notifications=[{"type": "ALL", "includeSuccessScreenshot": True, "screenshotFormat": "csv"}],  # type: ignore[typeddict-item]
            ),
        ),
        Case(
            "An image has a width, but no height",
            lambda: protocol.get_chart_image(_PROJECT, _RUN, _CELL, width=640),
        ),
        Case(
            "Several cells have the label of a chart",
            labelled(
                {"staticId": _CELL, "label": "Trend", "cellType": "CHART"},
                {"staticId": _CELL, "label": "Trend", "cellType": "SQL"},
            ),
        ),
        Case(
            "The cell with the label is not a chart",
            labelled({"staticId": _CELL, "label": "Trend", "cellType": "MARKDOWN"}),
        ),
    ],
    errors.HexUnreachable: [
        Case("The connection was lost", unanswered("Remote end closed connection without response")),
        Case("The response took too long", unanswered("no data for 60 s (read_timeout)")),
    ],
    errors.HexNotConnected: [
        Case("No connection was made", unanswered("[Errno 111] Connection refused", never_sent=True)),
        Case(
            "No connection was made in time", unanswered("no connection within 10 s (connect_timeout)", never_sent=True)
        ),
    ],
    errors.HexUntrustedCertificate: [
        Case(
            "The server's certificate is not trusted",
            unanswered("certificate verify failed: self-signed certificate in certificate chain", untrusted=True),
            "ask the operators of your proxy for the PEM file. Often it is a proxy that decrypts the traffic.",
        ),
    ],
    errors.HexInvalidResponse: [
        Case("A proxy's page came in place of Hex's response", answered(_POLL, 200, "<html>Log in</html>")),
        Case("Half a response came", answered(_POLL, 200, '{"runId": "78c3')),
        Case("A field is missing", answered(_POLL, 200, '{"projectId": "x", "status": "RUNNING"}')),
    ],
    errors.HexServerError: [
        Case("Hex failed", answered(_POLL, 500, moved("INTERNAL_SERVER_ERROR", "Something went wrong"))),
        Case("A proxy or Hex's load balancer failed", answered(_POLL, 502, _HTML)),
        Case("The request did not arrive in time", answered(_POLL, 408, "Request Timeout")),
        Case("The request came too early", answered(_POLL, 425, "Too Early")),
    ],
    errors.HexRateLimited: [
        Case(
            "Too many requests in a minute or an hour",
            answered(_POLL, 429, "Too Many Requests"),
            "nothing, unless it takes too long. Other programs with a token of the same owner count too. "
            "Choose a lower *Requests per minute* in the connection, or use tokens of different owners.",
        ),
        Case("Too many starts in a minute or an hour", answered(_START, 429, "Too Many Requests")),
        Case(
            "No kernel is free",
            answered(_START, 503, moved("SERVICE_UNAVAILABLE", "No kernel is available")),
            "nothing, unless it takes too long. The token's owner has 25 kernels, for runs and Hex's UI together. "
            "`max_active_tis_per_dag` or a pool limits the runs at the same time.",
        ),
    ],
    errors.HexRequestRejected: [
        Case("The Base URL redirects", answered(_POLL, 302, "")),
        Case("The request is malformed", answered(_POLL, 400, moved("BAD_REQUEST", "Invalid projectId"))),
        Case(
            "An input is wrong (newer form)",
            answered(_START, 422, moved("UNPROCESSABLE_CONTENT", "Invalid input parameters", "as_of: expected a date")),
        ),
        Case(
            "An input is wrong (older form)",
            answered(
                _START,
                422,
                '{"invalid": [{"paramName": "as_of", "paramValue": "yesterday", "dataType": "DATE", "inputCellType": '
                '"DATE_INPUT"}], "notFound": ["regoin"]}',
            ),
        ),
        Case(
            "The project was never published",
            answered(_START, 422, moved("UNPROCESSABLE_CONTENT", "Project has no published version")),
        ),
        Case("A run that is gone was polled", answered(_POLL, 422, moved("UNPROCESSABLE_CONTENT", "Cannot get run"))),
        Case("A run that has ended was cancelled", answered(_CANCEL, 422, older("Not active", "The run has ended"))),
        Case("There is no such chart", answered(_CHART, 422, moved("UNPROCESSABLE_CONTENT", "Cell is not a chart"))),
        Case(
            "Something else is wrong",
            answered(_PROJECT_CALL, 422, moved("UNPROCESSABLE_CONTENT", "Cannot get project")),
        ),
    ],
    errors.HexUnauthorized: [
        Case(
            "The token is wrong or has expired",
            answered(_POLL, 401, "Unauthorized"),
            "make a new token in Hex if it has expired: personal tokens do, after 7 to 120 days. Set the Base URL if "
            "your workspace is not at `app.hex.tech` but, for example, at `eu.hex.tech`.",
        ),
    ],
    errors.HexForbidden: [
        Case("The token may not start runs", answered(_START, 403, moved("FORBIDDEN", "Insufficient permissions"))),
        Case("The token may not read a run", answered(_POLL, 403, moved("FORBIDDEN", "Insufficient permissions"))),
        Case("The token may not cancel a run", answered(_CANCEL, 403, older("Forbidden", "Insufficient permissions"))),
        Case("The token may not read a project", answered(_LIST, 403, moved("FORBIDDEN", "Insufficient permissions"))),
        Case(
            "The token may not list projects",
            answered(protocol.list_projects(), 403, older("Forbidden", "Insufficient permissions")),
        ),
        Case(
            "The token may not read the queried tables",
            answered(_TABLES, 403, older("Forbidden", "Insufficient permissions")),
        ),
        Case(
            "The token may not list cells",
            answered(protocol.list_cells(_PROJECT), 403, moved("FORBIDDEN", "Insufficient permissions")),
        ),
        Case(
            "The token may not read users",
            answered(protocol.me(), 403, moved("FORBIDDEN", "Insufficient permissions")),
            "nothing, if only *Test* shows this. A token without this scope can still run projects.",
        ),
    ],
    errors.HexNotFound: [
        Case("There is no such project", answered(_START, 404, moved("NOT_FOUND", "Project not found"))),
        Case("There is no such run", answered(_POLL, 404, _GONE)),
        Case("There is no such chart", answered(_CHART, 404, moved("NOT_FOUND", "Cell not found"))),
        Case("No cell has the label of a chart", labelled()),
        Case(
            "The run's version has no cell with the label of a chart",
            labelled({"staticId": _CELL, "label": "Trend", "cellType": "CHART"}),
        ),
        Case("The address is not Hex's", answered(protocol.me(), 404, "404 page not found")),
    ],
    errors.HexRunGone: [
        Case(
            "The run is gone, or it is another project's",
            lambda: error_messages.run_gone(Case("", answered(_POLL, 404, _GONE)).error, _PROJECT, _RUN),
        ),
    ],
    errors.HexAmbiguousStart: [
        Case(
            "A start got no response, and a run with unknown inputs began",
            lambda: ambiguous(
                [run("RUNNING")],
                "one run of the project was started by API since then, perhaps with other inputs or options.",
                errors.HexAmbiguousStart,
            ),
            'if only this task starts the project by API, set `on_ambiguous_start="adopt"` to re-attach to such a run.',
        ),
    ],
    errors.HexUnreconciledStart: [
        Case(
            "A start got no response, and the runs could not be listed",
            lambda: ambiguous([], "the project's runs cannot be listed.", errors.HexUnreconciledStart),
        ),
    ],
    errors.HexRunFailed: [
        Case(
            "A cell failed",
            lambda: require_completed(run("ERRORED", elapsedTime=63500)),  # type: ignore[arg-type]
            "fix the project in Hex, and publish it. Then clear the task of the operator, which starts another run.",
        ),
        Case(
            "The run was cancelled",
            lambda: require_completed(run("KILLED")),  # type: ignore[arg-type]
            "unless it was cancelled on purpose, clear the task of the operator, which starts another run.",
        ),
        Case("No kernel", lambda: require_completed(run("UNABLE_TO_ALLOCATE_KERNEL"))),  # type: ignore[arg-type]
    ],
    errors.HexRunTimeout: [
        Case(
            "The run takes too long",
            lambda: error_messages.run_timeout(_PROJECT, _RUN, run("RUNNING"), 3600),
            "choose a longer `timeout`, or see in Hex what is slow.",
        ),
        Case(
            "The rate limit allowed no poll",
            lambda: RunWatch(_PROJECT, _RUN, started_at=0.0, timeout=3600).timed_out(),
            "see in Hex how the run ended. Other programs with a token of the same owner may use up the limit.",
        ),
    ],
}


def page() -> str:
    """Return the whole page."""
    return "\n".join([_INTRODUCTION, *(_section(cls) for cls in errors.all_classes())])


def _section(cls: type[HexError]) -> str:
    base = cls.__mro__[1]
    kind = f" A `{base.__name__}`." if issubclass(base, HexError) and base is not HexError else ""
    parts = [f"## {cls.__name__}\n\n{inspect.getdoc(cls).splitlines()[0]}{kind}\n\n{_retries(cls)}\n"]  # type: ignore[union-attr]
    for case in CASES.get(cls, []):
        message = str(case.error)
        for value, name in _IDS.items():
            message = message.replace(value, name)
        quote = "  \n> ".join(with_name(message, "hex_default").split("\n"))
        parts.append(f"### {case.cause}\n\n> {quote}\n" + (f"\nWhat to do: {case.remedy}\n" if case.remedy else ""))
    return "\n".join(parts)


_RETRIES = {
    errors.HexUnreconciledStart: "If the task has a record of its run, a retry reconciles the start. Otherwise "
    "permanent.",
    errors.HexRunFailed: "A retry of the operator starts another run. A sensor fails at once, without its retries.",
}


def _retries(cls: type[HexError]) -> str:
    if cls in _RETRIES:
        return _RETRIES[cls]
    if not cls.retry_helps:
        return "Permanent."
    if cls.transient:
        return "Transient. " + ("Hex did nothing." if cls.no_effect else "Hex may have carried out the request.")
    return "The task's retries may help."


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
