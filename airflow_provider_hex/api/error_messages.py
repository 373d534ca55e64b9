"""What went wrong, in words: what happened, to which run, what to do."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airflow_provider_hex.api import errors
from airflow_provider_hex.api.errors import HexError
from airflow_provider_hex.api.models import RunStatus

if TYPE_CHECKING:
    from airflow_provider_hex.api.call import Call, Response

_LONGEST_QUOTE = 500
_LONGEST_LIST = 20

_HINTS = {
    400: "The request is malformed: check the ids and the options.",
    401: "The token is wrong, has expired, or belongs to another Hex host: put a valid one into the connection's "
    "password field, and check its host.",
    408: "It passes.",
    429: "Hex's request limit is reached; it passes.",
}

_RUN_HINTS = {
    RunStatus.ERRORED: "Open it to see which cell failed.",
    RunStatus.KILLED: "Somebody or something cancelled it.",
    RunStatus.UNABLE_TO_ALLOCATE_KERNEL: "Hex had no kernel for it: try again later, or run fewer projects at once.",
}


def refusal(call: Call[Any], answer: Response, data: Any, retry_after: float | None) -> HexError:
    """Return the error that an answer means which is not a success.

    :param data: the answer's JSON, or None if it is none.
    :param retry_after: seconds that the answer asks to wait.
    """
    fields: Mapping[str, Any] = data if isinstance(data, Mapping) else {}
    reason, details, trace_id = (_text(fields, name) for name in ("reason", "details", "traceId"))
    said = " ".join(quoted(text) for text in (reason, details) if text) or quoted(answer.body)
    sentences = [
        f"Hex answered {call} with {answer.status}: {said}.",
        _rejected_inputs(fields),
        _hint(call, answer.status, fields),
        f"Trace id: {trace_id}." if trace_id else "",
    ]
    return _class_of(answer.status, call.name)(
        " ".join(sentence for sentence in sentences if sentence),
        status=answer.status,
        reason=reason,
        details=details,
        trace_id=trace_id,
        method=call.method,
        path=call.path,
        retry_after=retry_after,
        sent_at=answer.sent_at,
    )


def bad_answer(call: Call[Any], answer: Response, what: str) -> errors.HexInvalidResponse:
    """Return the error for a success that is not what the API promises.

    :param what: what is wrong with it.
    """
    return errors.HexInvalidResponse(
        f"Hex answered {call} with {answer.status}, but {what} It said: {quoted(answer.body)}. If that is not Hex's "
        "API, check the connection's host and proxy.",
        status=answer.status,
        method=call.method,
        path=call.path,
        sent_at=answer.sent_at,
    )


def no_response(
    call: Call[Any], base_url: str, cause: str, *, never_sent: bool, untrusted: bool, sent_at: float
) -> errors.HexUnreachable:
    """Return the error for a request that got no response.

    :param call: the request.
    :param base_url: the API's base URL.
    :param cause: the reason, in the words of the HTTP library.
    :param never_sent: whether the request was certainly not sent.
    :param untrusted: whether the reason is the server's certificate.
    :param sent_at: when the request was sent, in epoch seconds.
    """
    kind = errors.HexNotConnected if never_sent else errors.HexUnreachable
    hint = "Check the connection's host and proxy, and the network."
    if untrusted:
        kind = errors.HexUntrustedCertificate
        hint = (
            "The server's certificate is not trusted. If your proxy or your Hex host has a certificate of a private "
            "authority, set the connection's CA bundle to the authority's PEM file."
        )
    return kind(
        f"No response from {base_url} to {call}: {cause}. {hint}", method=call.method, path=call.path, sent_at=sent_at
    )


def ambiguous_start(
    error: HexError,
    found: Sequence[Mapping[str, Any]],
    doubt: str,
    kind: type[errors.HexAmbiguousStart] = errors.HexAmbiguousStart,
) -> errors.HexAmbiguousStart:
    """Return the error for a RunProject whose outcome is not known.

    :param error: what came instead of an answer.
    :param found: the runs that it may have started.
    :param doubt: why none of them is taken for it.
    :param kind: the error's class.
    """
    runs = "".join(f" {describe(run)} is {run.get('status')}." for run in found[:_LONGEST_LIST])
    more = f" And {len(found) - _LONGEST_LIST} more." if len(found) > _LONGEST_LIST else ""
    what_next = (
        "So that the project does not run twice, it is not started again: cancel in Hex the run that this task may "
        "have left, then clear the task."
        if kind is errors.HexAmbiguousStart
        else "The task's next attempt looks again; if it has none left, look in Hex before you clear the task."
    )
    return kind(
        f"{error} Whether that started a run is not known: {doubt}{runs}{more} {what_next}",
        **error.facts,
    )


def run_failed(run: Mapping[str, Any]) -> errors.HexRunFailed:
    """Return the error for a run that has ended, and not well."""
    status = RunStatus.of(run)
    after = f" after {elapsed / 1000:g} s" if isinstance(elapsed := run.get("elapsedTime"), (int, float)) else ""
    return errors.HexRunFailed(
        f"{describe(run)} ended {run.get('status')}{after}. {_RUN_HINTS.get(status, '')}".strip(),
        trace_id=run.get("traceId"),
    )


def run_timeout(project_id: str, run_id: str, run: Mapping[str, Any] | None, timeout: float) -> errors.HexRunTimeout:
    """Return the error for a run that did not end in time.

    :param run: the run as last seen, if it was.
    :param timeout: the seconds it was given.
    """
    seen = run or {"projectId": project_id, "runId": run_id}
    state = f"was still {run.get('status')}" if run else "could not be looked at"
    return errors.HexRunTimeout(
        f"{describe(seen)} {state} when its time was up, after {round(timeout, 1):g} s.", trace_id=seen.get("traceId")
    )


def describe(run: Mapping[str, Any]) -> str:
    """Name a run so that a reader can find it: id, project, URL, trace id."""
    known = [str(run["runUrl"])] if run.get("runUrl") else []
    known += [f"trace id {run['traceId']}"] if run.get("traceId") else []
    return f"Hex run {run.get('runId')} of project {run.get('projectId')}" + (f" ({', '.join(known)})" if known else "")


def quoted(text: str | bytes) -> str:
    """Quote what a server said: without markup, on one line, capped in length."""
    if isinstance(text, bytes):
        text = text.decode(errors="replace")
    if text.lstrip()[:1] == "<":
        text = html.unescape(re.sub(r"(?si)<(script|style).*?</\1>|<[^>]*>", " ", text))
    text = " ".join(text.split())
    return f"'{text[:_LONGEST_QUOTE]}{'…' if len(text) > _LONGEST_QUOTE else ''}'" if text else "nothing"


def _text(fields: Mapping[str, Any], name: str) -> str | None:
    """Return a field of an error's body as text, capped in length, or None if there is nothing in it."""
    value = fields.get(name)
    return str(value)[:_LONGEST_QUOTE] if value else None


def _class_of(status: int, name: str) -> type[HexError]:
    if status == 429 or (status == 503 and name == "RunProject"):
        return errors.HexRateLimited
    if status >= 500 or status == 408:
        return errors.HexServerError
    by_status: dict[int, type[HexError]] = {
        401: errors.HexUnauthorized,
        403: errors.HexForbidden,
        404: errors.HexNotFound,
    }
    return by_status.get(status, errors.HexRequestRejected)


def _hint(call: Call[Any], status: int, fields: Mapping[str, Any]) -> str:
    """Say the likely cause and the remedy."""
    if status < 400:
        return "That is a redirect, which is not followed: check the connection's host."
    if status == 403:
        return _right(call.name)
    if status == 404:
        what = "run or cell" if "/cells/" in call.path else "run" if "/runs/" in call.path else "project"
        return (
            f"There is no such {what}, or the token's owner has no access to "
            "it, which looks the same: check the ids, the connection's host, and whom the token belongs to."
        )
    if status == 422:
        return _unprocessable(call.name, fields)
    if status >= 500:
        return _failure(call.name, status)
    return _HINTS.get(status, "")


def _right(name: str) -> str:
    scope = "Run projects" if name in ("RunProject", "CancelRun") else "Read projects"
    plan = " Hex has this call on the Enterprise plan only." if name == "GetQueriedTables" else ""
    return (
        f"The token may not do this: a workspace token needs the scope '{scope}', a personal token's owner needs the "
        f"role for it in the project.{plan}"
    )


def _unprocessable(name: str, fields: Mapping[str, Any]) -> str:
    if fields.get("invalid") or fields.get("notFound"):
        return "Mend the task's input_params, or the project's input parameters and publish it."
    if name == "GetChartImageFromRun":
        return "The run must have completed, and the cell must be a chart."
    if name == "CancelRun":
        return "A run that has ended cannot be cancelled."
    return "Publish the project if it never was: only published versions have runs."


def _failure(name: str, status: int) -> str:
    if status == 503 and name == "RunProject":
        return "All of Hex's kernels are in use, so no run was started; one will become free."
    return "That is a failure of Hex, or of a proxy before it, not of the request; it mostly passes."


def _rejected_inputs(fields: Mapping[str, Any]) -> str:
    """Say which inputs a 422 rejects, by name, value and expected type."""
    invalid, not_found = (
        fields[name] if isinstance(fields.get(name), list) else [] for name in ("invalid", "notFound")
    )
    parts = [
        f"{item.get('paramName')} = {quoted(str(item.get('paramValue')))} (expected {item.get('dataType')} for a "
        f"{item.get('inputCellType')})"
        for item in invalid
        if isinstance(item, Mapping)
    ]
    parts += [f"{quoted(str(name))} (the project has no such input)" for name in not_found]
    more = f", and {len(parts) - _LONGEST_LIST} more" if len(parts) > _LONGEST_LIST else ""
    return f"Rejected inputs: {', '.join(parts[:_LONGEST_LIST])}{more}." if parts else ""
