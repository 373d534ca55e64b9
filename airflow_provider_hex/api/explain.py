"""What went wrong, in words: what happened, to which run, what to do."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from typing import Any

from airflow_provider_hex.api import errors
from airflow_provider_hex.api.errors import HexError
from airflow_provider_hex.api.models import RunStatus

_LONGEST_QUOTE = 500

_HINTS = {
    400: "The request is malformed: check the ids and the options.",
    401: "The token is wrong, has expired, or belongs to another Hex host: put a valid one into the connection's "
    "password field, and check its host.",
    403: "The token may not do this: starting and cancelling needs the scope 'Run projects', looking needs 'Read "
    "projects', and a personal token's owner needs access to the project.",
    404: "There is no such project or run, or the token's owner has no access to it, which looks the same: check "
    "the ids, the connection's host, and who the token belongs to.",
    422: "Publish the project if it never was, and check the names and types of the inputs.",
    429: "Hex's request limit is reached; it passes.",
    503: "All of Hex's kernels are in use; one will become free.",
}

_RUN_HINTS = {
    RunStatus.ERRORED: "Open it to see which cell failed.",
    RunStatus.KILLED: "Somebody or something cancelled it.",
    RunStatus.UNABLE_TO_ALLOCATE_KERNEL: "Hex had no kernel for it: try again later, or run fewer projects at once.",
}


def refusal(call: str, name: str, status: int, data: Any, body: bytes, retry_after: float | None = None) -> HexError:
    """Return the error that an answer means which is not a success.

    :param call: the call, in words.
    :param name: the call's name in Hex's reference.
    :param status: the answer's HTTP status.
    :param data: the answer's JSON, or None if it is none.
    :param body: the answer as it came.
    :param retry_after: seconds that the answer asks to wait.
    """
    fields: Mapping[str, Any] = data if isinstance(data, Mapping) else {}
    trace_id = fields.get("traceId") if isinstance(fields.get("traceId"), str) else None
    said = [quoted(str(fields[key])) for key in ("reason", "details") if fields.get(key)]
    message = f"Hex answered {call} with {status}: {' '.join(said) or quoted(body)}."
    message += "".join(f" {sentence}" for sentence in (_rejected_inputs(fields), _hint(status, name)) if sentence)
    if trace_id:
        message += f" Trace id: {trace_id}."
    return _class_of(status, name)(message, status=status, trace_id=trace_id, retry_after=retry_after)


def no_answer(call: object, base_url: str, cause: str, *, never_sent: bool) -> errors.HexUnreachable:
    """Return the error for a call that nobody answered.

    :param never_sent: whether it is certain that the request never went out.
    """
    kind = errors.HexNotConnected if never_sent else errors.HexUnreachable
    return kind(f"No answer to {call} from {base_url}: {cause}. Check the connection's host, and the network.")


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
        f"{describe(seen)} {state} when its time was up, after {timeout:g} s.", trace_id=seen.get("traceId")
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
        text = html.unescape(re.sub(r"(?s)<(script|style).*?</\1>|<[^>]*>", " ", text))
    text = " ".join(text.split())
    return f"'{text[:_LONGEST_QUOTE]}{'…' if len(text) > _LONGEST_QUOTE else ''}'" if text else "nothing"


def _class_of(status: int, name: str) -> type[HexError]:
    if status == 429 or (status == 503 and name == "RunProject"):
        return errors.HexLimited
    if status >= 500 or status == 408:
        return errors.HexServerError
    by_status: dict[int, type[HexError]] = {
        401: errors.HexUnauthorized,
        403: errors.HexForbidden,
        404: errors.HexNotFound,
    }
    return by_status.get(status, errors.HexRefused)


def _hint(status: int, name: str) -> str:
    if 300 <= status < 400:
        return "That is a redirect, which is not followed: check the connection's host."
    if status == 503 and name != "RunProject":
        return ""
    return _HINTS.get(status, "")


def _rejected_inputs(fields: Mapping[str, Any]) -> str:
    """Say which inputs a 422 rejects, by name, value and expected type."""
    invalid = fields.get("invalid")
    parts = [
        f"{item.get('paramName')} = {quoted(str(item.get('paramValue')))} (expected {item.get('dataType')})"
        for item in (invalid if isinstance(invalid, list) else [])
        if isinstance(item, Mapping)
    ]
    not_found = fields.get("notFound")
    parts += [f"{name} (the project has no such input)" for name in (not_found if isinstance(not_found, list) else [])]
    return f"Rejected inputs: {', '.join(parts)}." if parts else ""
