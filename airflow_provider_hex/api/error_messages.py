"""The messages of errors: what happened, to which request or run, and what to do about it."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping, Sequence
from typing import Any

from airflow_provider_hex.api import errors
from airflow_provider_hex.api.call import Call, Response
from airflow_provider_hex.api.errors import HexError
from airflow_provider_hex.api.models import RunStatus

_LONGEST_QUOTE = 500
_LONGEST_LIST = 20

_CHECK_ADDRESS = "Check the connection's Base URL and Proxy"
_INPUTS_HINT = "Fix the task's input_params, or change the project's input parameters and publish it."
_KERNELS_HINT = "All of Hex's kernels are in use, so no run was started. Usually temporary."
_SERVER_HINT = "Hex, or a proxy in front of it, failed. Usually temporary."
_NOT_FOUND_HINT = (
    "There is no such {}, or the token's owner has no access to it. Check the ids, the connection's Base URL, and "
    "whose token it is."
)
_FORBIDDEN_HINT = (
    "The token may not do this. A workspace token needs the scope '{}', the owner of a personal token needs a role in "
    "the project that allows it."
)
_HINTS = {
    400: "The request is malformed. Check the ids and the options.",
    401: "The token is wrong, has expired, or belongs to another Hex host. Check the connection's API token and "
    "Base URL.",
    408: "Usually temporary.",
    429: "Hex's request limit is reached. Usually temporary.",
}
_RUN_HINTS = {
    RunStatus.ERRORED: "Open it to see which cell failed.",
    RunStatus.KILLED: "It was cancelled.",
    RunStatus.UNABLE_TO_ALLOCATE_KERNEL: "Hex had no kernel for it. Try again later, or run fewer projects at once.",
}
_CLASSES: dict[int, type[HexError]] = {
    401: errors.HexUnauthorized,
    403: errors.HexForbidden,
    404: errors.HexNotFound,
    408: errors.HexServerError,
    429: errors.HexRateLimited,
}


def error_response(call: Call[Any], response: Response, data: Any, retry_after: float | None) -> HexError:
    """Return the error for a response that is not a success.

    :param call: the request.
    :param response: the response.
    :param data: the response's JSON, None if it is not JSON.
    :param retry_after: seconds to wait before the next request, None if the response asks for no delay.
    """
    fields: Mapping[str, Any] = data if isinstance(data, Mapping) else {}
    reason, details, trace_id = (_text(fields, name) for name in ("reason", "details", "traceId"))
    explanation = " ".join(quoted(text) for text in (reason, details) if text) or quoted(response.body)
    sentences = [
        f"Hex responded to {call} with {response.status}: {explanation}.",
        _rejected_inputs(fields),
        _hint(call, response.status, fields),
        f"Trace id: {trace_id}." if trace_id else "",
    ]
    return _class_of(call, response.status)(
        " ".join(sentence for sentence in sentences if sentence),
        status=response.status,
        reason=reason,
        details=details,
        trace_id=trace_id,
        method=call.method,
        path=call.path,
        retry_after=retry_after,
        sent_at=response.sent_at,
    )


def invalid_response(call: Call[Any], response: Response, problem: str) -> errors.HexInvalidResponse:
    """Return the error for a success that the API does not document.

    :param call: the request.
    :param response: the response.
    :param problem: what is wrong with the response, such as ``is not a JSON object``.
    """
    return errors.HexInvalidResponse(
        f"Hex responded to {call} with {response.status}, but the response {problem}: {quoted(response.body)}. "
        f"{_CHECK_ADDRESS} if the response is not from Hex.",
        status=response.status,
        method=call.method,
        path=call.path,
        sent_at=response.sent_at,
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
    hint = f"{_CHECK_ADDRESS}, and the network."
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
    """Return the error for a RunProject that may have started a run, and may not.

    :param error: the error of that request.
    :param found: the runs that it may have started.
    :param doubt: why the task re-attaches to none of them.
    :param kind: the error's class. Default: the one for a start that a retry cannot reconcile.
    """
    runs = "".join(f" {describe(run)} is {run.get('status')}." for run in found[:_LONGEST_LIST])
    more = f" And {len(found) - _LONGEST_LIST} more." if len(found) > _LONGEST_LIST else ""
    hint = (
        "The project is not started again, since it might run twice. Cancel in Hex the run that this task may have "
        "started, then clear the task."
        if kind is errors.HexAmbiguousStart
        else "The task's next attempt tries to reconcile the start again. If there is none, check the project's runs "
        "in Hex before you clear the task."
    )
    return kind(f"{error} It is unknown whether a run was started: {doubt}{runs}{more} {hint}", **error.facts)


def run_failed(run: Mapping[str, Any]) -> errors.HexRunFailed:
    """Return the error for a run that ended, but not as ``COMPLETED``.

    :param run: the run.
    """
    after = f" after {elapsed / 1000:g} s" if isinstance(elapsed := run.get("elapsedTime"), (int, float)) else ""
    hint = _RUN_HINTS.get(RunStatus.of(run), "")
    return errors.HexRunFailed(
        f"The run ended {run.get('status')}{after}: {describe(run)}. {hint}".strip(), trace_id=run.get("traceId")
    )


def run_timeout(
    project_id: str, run_id: str, run: Mapping[str, Any] | None, timeout: float, no_last_poll: str = ""
) -> errors.HexRunTimeout:
    """Return the error for a run that had not ended when the timeout was reached.

    :param project_id: the project.
    :param run_id: the run.
    :param run: the run as last polled, None if no poll succeeded.
    :param timeout: the timeout in seconds.
    :param no_last_poll: why the run could not be polled when the timeout was reached, empty if it was.
    """
    status = "status unknown, since no poll succeeded"
    if run:
        status = f"{run.get('status')} when last polled" if no_last_poll else f"still {run.get('status')}"
    known = run or {"projectId": project_id, "runId": run_id}
    impossible = f" A last poll was not possible: {no_last_poll}" if no_last_poll else ""
    return errors.HexRunTimeout(
        f"The run timed out after {round(timeout, 1):g} s, {status}: {describe(known)}.{impossible}",
        trace_id=known.get("traceId"),
    )


def run_gone(error: HexError, project_id: str, run_id: str) -> errors.HexRunGone:
    """Return the error for a run that Hex does not show, although the token can read its project.

    :param error: the rejection of GetRunStatus. Its hint does not apply.
    :param project_id: the project.
    :param run_id: the run.
    """
    run = describe({"projectId": project_id, "runId": run_id})
    said = " ".join(quoted(text) for text in (error.reason, error.details) if text) or "nothing"
    trace_id = f" Trace id: {error.trace_id}." if error.trace_id else ""
    return errors.HexRunGone(
        f"{run} is gone, or the token's owner has no access to it. Hex responded to GetRunStatus with {error.status}: "
        f"{said}. The token can read the project. Check the ids, and whose token it is.{trace_id}",
        **error.facts,
    )


def describe(run: Mapping[str, Any]) -> str:
    """Return a run's URL, id, project and trace id, as far as they are known, for use in a sentence.

    White space is around the URL, since Airflow's log view makes a link of everything up to the next white space.

    :param run: the run.
    """
    run_id, url, trace_id = run.get("runId"), run.get("runUrl"), run.get("traceId")
    facts = [f"id {run_id}"] if url else []
    facts += [f"project {run.get('projectId')}", *([f"trace id {trace_id}"] if trace_id else [])]
    return f"Hex run {url or run_id} ({', '.join(facts)})"


def quoted(text: str | bytes) -> str:
    """Return a server's text in quotes: without markup, on one line, cut after 500 characters.

    :param text: the text.
    """
    if isinstance(text, bytes):
        text = text.decode(errors="replace")
    if text.lstrip()[:1] == "<":
        text = html.unescape(re.sub(r"(?si)<(script|style).*?</\1>|<[^>]*>", " ", text))
    text = " ".join(text.split())
    return f"'{text[:_LONGEST_QUOTE]}{'…' if len(text) > _LONGEST_QUOTE else ''}'" if text else "nothing"


def _text(fields: Mapping[str, Any], name: str) -> str | None:
    """Return a field of an error as text, cut to a maximum length; None if it is empty."""
    value = fields.get(name)
    return str(value)[:_LONGEST_QUOTE] if value else None


def _class_of(call: Call[Any], status: int) -> type[HexError]:
    if _is_kernel_limit(call, status):
        return errors.HexRateLimited
    return _CLASSES.get(status, errors.HexServerError if status >= 500 else errors.HexRequestRejected)


def _is_kernel_limit(call: Call[Any], status: int) -> bool:
    return status == 503 and call.name == "RunProject"


def _hint(call: Call[Any], status: int, fields: Mapping[str, Any]) -> str:
    """Return the likely cause, and what to do."""
    if status < 400:
        return "Redirects are not followed. Check the connection's Base URL."
    if status >= 500:
        return _KERNELS_HINT if _is_kernel_limit(call, status) else _SERVER_HINT
    if status == 403:
        return _forbidden_hint(call.name)
    if status == 404:
        thing = "run or cell" if "/cells/" in call.path else "run" if "/runs/" in call.path else "project"
        return _NOT_FOUND_HINT.format(thing)
    if status == 422:
        return _unprocessable_hint(call.name, fields)
    return _HINTS.get(status, "")


def _forbidden_hint(name: str) -> str:
    hint = _FORBIDDEN_HINT.format("Run projects" if name in ("RunProject", "CancelRun") else "Read projects")
    return f"{hint} Only Hex's Enterprise plan has this call." if name == "GetQueriedTables" else hint


def _unprocessable_hint(name: str, fields: Mapping[str, Any]) -> str:
    if fields.get("invalid") or fields.get("notFound"):
        return _INPUTS_HINT
    if name == "GetChartImageFromRun":
        return "The run must have completed, and the cell must be a chart."
    if name == "CancelRun":
        return "A run that has ended cannot be cancelled."
    return "Publish the project if it was never published: only published versions can be run."


def _rejected_inputs(fields: Mapping[str, Any]) -> str:
    """Return the inputs that a 422 rejects, with name, value and expected type."""
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
