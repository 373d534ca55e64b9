"""What a response says in words, above all about an error. No I/O.

Hex has two forms of errors, and a client may meet both in one day: ``{code, message, issues: [{message}]}`` of calls
that were moved to Hex's new server in 2026, and ``{reason, details, traceId}`` of the others. RunProject may instead
list the inputs that it rejects: ``{invalid, notFound, traceId}``. What is in front of Hex sends text or HTML. Any field
may be missing, or have another type.

``data`` is a response's JSON, None if it is not JSON.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from airflow_provider_hex.api.call import Response

LONGEST_TEXT = 500
LONGEST_LIST = 20


@dataclass(frozen=True)
class ErrorBody:
    """What an error response says.

    :param reason: Hex's code for what is wrong, None if it gave none.
    :param details: Hex's explanation, None if it gave none.
    :param texts: all that the response says in words, without repetition.
    :param rejected: the inputs that Hex rejects, each with its value and the expected type.
    """

    reason: str | None
    details: str | None
    texts: Sequence[str]
    rejected: Sequence[str]

    def mentions(self, pattern: str) -> bool:
        """Return whether any text matches a regular expression, in any letter case."""
        return any(re.search(pattern, text, re.IGNORECASE) for text in (self.reason or "", *self.texts))


def read_error(response: Response, data: Any) -> ErrorBody:
    """Return what an error response says, whatever its form."""
    known = isinstance(data, Mapping)
    text = response.body.decode(errors="replace") if data is None else data
    fields = data if known else {"message": text}
    code, reason = (_texts(fields.get(name))[:1] for name in ("code", "reason"))
    explanation = [text for name in ("message", "details", "issues") for text in _texts(fields.get(name))]
    return ErrorBody(
        reason=next(iter(code + reason), None),
        details=(" ".join(limited(_unrepeated(explanation))) or None) if known else None,
        texts=_unrepeated(reason + explanation) or code,
        rejected=_rejected_inputs(fields),
    )


def trace_id(response: Response, data: Any) -> str | None:
    """Return the trace id of a request, which Hex support asks for: from the header, or else from the body."""
    header = [value for name, value in response.headers.items() if name.lower() == "x-trace-id"]
    body = data.get("traceId") if isinstance(data, Mapping) else None
    return next((text for value in (*header, body) for text in _texts(value)), None)


def described(response: Response, data: Any) -> str:
    """Return what kind of body a response has, for use in a sentence. JSON is not quoted: it may hold personal data."""
    if isinstance(data, Mapping):
        names = ", ".join(limited([plain(str(name)) for name in data]))
        return f"a JSON object with {f'the fields {names}' if names else 'no fields'}"
    if isinstance(data, list):
        return f"a JSON list of length {len(data)}"
    text = plain(response.body.decode(errors="replace"))
    if data is None and _looks_like_json(text):
        return "incomplete JSON"
    return f"'{text}'" if text else "nothing"


def quoted(value: Any) -> str:
    """Return a value in quotes: without markup, on one line, cut to a maximum length."""
    return f"'{plain(str(value))}'"


def plain(text: str) -> str:
    """Return a text without markup, on one line, cut to a maximum length."""
    if text.lstrip()[:1] == "<":
        text = html.unescape(re.sub(r"(?si)<(script|style).*?</\1>|<[^>]*>", " ", text))
    text = " ".join(text.split())
    return f"{text[:LONGEST_TEXT]}…" if len(text) > LONGEST_TEXT else text


def limited(items: Sequence[str]) -> list[str]:
    """Return the first items of a list, and how many more there are."""
    more = len(items) - LONGEST_LIST
    return [*items[:LONGEST_LIST], *([f"and {more} more"] if more > 0 else [])]


def _texts(value: Any) -> list[str]:
    """Return the texts in a field that holds a text, or a list of texts or of objects with a message.

    A text, also one in a list, may be JSON. Its items count then, and it is never shown itself.
    """
    items = [inner for item in _items(value) for inner in (_items(item) if isinstance(item, str) else [item])]
    found = [item.get("message") if isinstance(item, Mapping) else item for item in items]
    texts = [plain(str(item)) for item in found if isinstance(item, (str, int, float))]
    return [text for text in texts if text and not _looks_like_json(text)]


def _items(value: Any) -> list[Any]:
    """Return the items of a list, also of one that is written as JSON; any other value is the only item."""
    if isinstance(value, str) and _looks_like_json(value):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return []
    return value if isinstance(value, list) else [value]


def _looks_like_json(text: str) -> bool:
    return re.match(r'\s*([\[{]\s*)+("|$|[\]}])', text) is not None


def _unrepeated(texts: Sequence[str]) -> list[str]:
    """Return texts without those that are equal to another, or are part of the first."""
    first, *others = [*dict.fromkeys(texts)] or [""]
    return [first, *(text for text in others if not _is_part(text.rstrip("."), first))] if first else []


def _is_part(part: str, text: str) -> bool:
    within = part.lower() in text.lower()
    return within and re.search(rf"(?<!\w){re.escape(part)}(?!\w)", text, re.IGNORECASE) is not None


def _rejected_inputs(fields: Mapping[str, Any]) -> list[str]:
    """Return the inputs that a 422 lists, with name, value and expected type."""
    invalid, not_found = (
        fields[name] if isinstance(fields.get(name), list) else [] for name in ("invalid", "notFound")
    )
    parts = [
        f"{item.get('paramName')} = {quoted(item.get('paramValue'))} (expected {item.get('dataType')} for a "
        f"{item.get('inputCellType')})"
        for item in invalid
        if isinstance(item, Mapping)
    ]
    return limited([*parts, *(f"{quoted(name)} (the project has no such input)" for name in not_found)])
