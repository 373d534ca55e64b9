"""The messages of errors: what happened, to which request or run, and what to do about it.

``data`` is a response's JSON, None if it is not JSON.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from airflow_provider_hex.api import errors
from airflow_provider_hex.api.call import Call, Response
from airflow_provider_hex.api.error_body import described, limited, quoted, read_error, trace_id
from airflow_provider_hex.api.error_hints import CHECK_ADDRESS, STATUS_PAGE, hint, is_kernel_limit
from airflow_provider_hex.api.errors import HexError, HexRunGone
from airflow_provider_hex.api.ids import known_project_id
from airflow_provider_hex.api.models import Run, RunStatus
from airflow_provider_hex.api.run_lines import after, in_seconds, link_to, name_run

_RUN_HINTS = {
    RunStatus.ERRORED: "Open it to see which cell failed.",
    RunStatus.KILLED: "It was cancelled.",
    RunStatus.UNABLE_TO_ALLOCATE_KERNEL: "Hex had no kernel for it. Try again later, or run fewer projects at once.",
}
_NO_PROJECT = (403, 404, 422)
"""How Hex may respond to a request about a project that it does not have."""
# 408 and 425 say that the request was not processed. Hex documents neither, and a proxy may send them after it passed
# the request on. So RunProject is not sent again without reconciling it.
_CLASSES: dict[int, type[HexError]] = {
    401: errors.HexUnauthorized,
    403: errors.HexForbidden,
    404: errors.HexNotFound,
    408: errors.HexServerError,
    425: errors.HexServerError,
    429: errors.HexRateLimited,
}


def error_response(call: Call[Any], response: Response, data: Any, retry_after: float | None) -> HexError:
    """Return the error for a response that is not a success.

    :param retry_after: seconds to wait before the next request, None if the response asks for no delay.
    """
    body, trace = read_error(response, data), trace_id(response, data)
    said = " ".join(limited([quoted(text.rstrip(".")) for text in body.texts]))
    sentences = [
        f"Hex responded to {call} with {response.status}{f': {said}' if said else ', without an explanation'}.",
        f"Rejected inputs: {', '.join(body.rejected)}." if body.rejected else "",
        hint(call, response.status, body),
        call.id_note if response.status in _NO_PROJECT else "",
        f"Trace id: {trace}." if trace else "",
    ]
    return _class_of(call, response.status)(
        " ".join(sentence for sentence in sentences if sentence),
        status=response.status,
        reason=body.reason,
        details=body.details,
        trace_id=trace,
        method=call.method,
        path=call.path,
        retry_after=retry_after,
        sent_at=response.sent_at,
    )


def invalid_response(call: Call[Any], response: Response, data: Any, problem: str) -> errors.HexInvalidResponse:
    """Return the error for a success that the API does not document.

    :param problem: what is wrong with the response, such as ``is not a JSON object``.
    """
    trace = trace_id(response, data)
    message = (
        f"Hex responded to {call} with {response.status}, but the response {problem}: {described(response, data)}. "
        f"{CHECK_ADDRESS} if the response is not from Hex."
    )
    return errors.HexInvalidResponse(
        f"{message} Trace id: {trace}." if trace else message,
        status=response.status,
        trace_id=trace,
        method=call.method,
        path=call.path,
        sent_at=response.sent_at,
    )


def no_response(
    call: Call[Any], base_url: str, cause: str, *, never_sent: bool, untrusted: bool, sent_at: float
) -> errors.HexUnreachable:
    """Return the error for a request that got no response.

    :param base_url: the API's base URL.
    :param cause: the reason, in the words of the HTTP library.
    :param never_sent: whether the request was certainly not sent.
    :param untrusted: whether the reason is the server's certificate.
    :param sent_at: when the request was sent, in epoch seconds.
    """
    kind = errors.HexNotConnected if never_sent else errors.HexUnreachable
    remedy = f"{CHECK_ADDRESS}, and the network. {STATUS_PAGE}"
    if untrusted:
        kind = errors.HexUntrustedCertificate
        remedy = (
            "The server's certificate is not trusted. If your proxy or your Hex host has a certificate of a private "
            "authority, set the CA bundle of the Hex connection to the authority's PEM file."
        )
    return kind(
        f"No response from {base_url} to {call}: {cause.removesuffix('.')}. {remedy}",
        method=call.method,
        path=call.path,
        sent_at=sent_at,
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
    runs = limited([f"{run.get('status')}: {link_to(run)}" for run in found])
    remedy = (
        "The project is not started again, since it might run twice. Cancel in Hex the run that this task may have "
        "started, then clear the task."
        if kind is errors.HexAmbiguousStart
        else "The task's next attempt tries to reconcile the start again. If there is none, check the project's runs "
        "in Hex before you clear the task."
    )
    message = f"{error} It is unknown whether a run was started: {doubt} {remedy}"
    return kind("\n".join([message, *runs]), **error.facts)


def run_failed(run: Mapping[str, Any]) -> errors.HexRunFailed:
    """Return the error for a run that ended, but not as ``COMPLETED``."""
    remedy = _RUN_HINTS.get(RunStatus.of(run), "")
    error = errors.HexRunFailed(
        f"Hex run {run.get('status')}{after(run)}. {remedy}".strip(), trace_id=run.get("traceId")
    )
    name_run(error, run)
    return error


def run_timeout(
    project_id: str, run_id: str, run: Mapping[str, Any] | None, timeout: float, no_last_poll: str = ""
) -> errors.HexRunTimeout:
    """Return the error for a run that had not ended when the timeout was reached.

    :param run: the run as last polled, None if no poll succeeded.
    :param timeout: the timeout in seconds.
    :param no_last_poll: why the run could not be polled when the timeout was reached, empty if it was.
    """
    status = "no poll of the run succeeded"
    if run:
        status = f"the run {'was' if no_last_poll else 'is still'} {run.get('status')}"
        status += " when it was last polled" if no_last_poll else ""
    known = run or {"projectId": project_id, "runId": run_id}
    impossible = f" A last poll was not possible: {no_last_poll}" if no_last_poll else ""
    error = errors.HexRunTimeout(
        f"Timed out after {in_seconds(timeout)} of waiting: {status}.{impossible}", trace_id=known.get("traceId")
    )
    name_run(error, known)
    return error


def run_gone(error: HexError, project_id: str, run_id: str) -> errors.HexRunGone:
    """Return the error for a run that Hex does not show, although the token can read its project.

    :param error: the rejection of GetRunStatus. Its hint does not apply.
    """
    said = error.details or error.reason
    explanation = f": {quoted(said.rstrip('.'))}" if said else ", without an explanation"
    trace_id = f" Trace id: {error.trace_id}." if error.trace_id else ""
    return errors.HexRunGone(
        f"Hex run {run_id} (project {known_project_id(project_id)}) is gone, or the token's owner has no access to it. "
        f"Hex responded to GetRunStatus with {error.status}{explanation}. The token of the Hex connection can read "
        f"the project. Check the ids, and whose token it is.{trace_id}",
        **error.facts,
    )


def _class_of(call: Call[Any], status: int) -> type[HexError]:
    if is_kernel_limit(call, status):
        return errors.HexRateLimited
    return _CLASSES.get(status, errors.HexServerError if status >= 500 else errors.HexRequestRejected)


def outcome_of_cancel(found: Run | HexRunGone | None) -> str:
    """Return a sentence that says what happened to a run that was to be cancelled.

    :param found: what :func:`~airflow_provider_hex.api.steps.cancel` returned.
    """
    if isinstance(found, HexRunGone):
        return "The run is gone, or the token's owner has no access to it, so it counts as cancelled."
    if found is None or RunStatus.of(found) is RunStatus.KILLED:
        return "The run was cancelled."
    return how_it_ended(found)


def how_it_ended(run: Run) -> str:
    """Return a sentence that says how a run had ended before its task did."""
    status = RunStatus.of(run)
    return "The run had already COMPLETED." if status.is_success else f"The run had already ended {status}."
