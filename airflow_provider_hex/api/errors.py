"""The errors of the Hex API client: one tree, without Airflow (``airflow_errors`` adds Airflow's kinds).

Three attributes decide what happens next:

* ``transient``: the same request may succeed later. Such an error of a poll is logged, then the poll is retried.
* ``no_effect``: Hex certainly did nothing, so even RunProject may be sent again.
* ``retry_helps``: another attempt of the task may succeed. If not, the task fails without using its retries.
"""

from __future__ import annotations

import re
from typing import Any


class HexError(Exception):
    """Base of all errors of this provider.

    :param message: what happened, to which run, and what to do about it. It never contains the token.
    :param status: the HTTP status of Hex's response, where there was one.
    :param reason: Hex's code for what is wrong, where it gave one.
    :param details: Hex's explanation, where it gave one.
    :param trace_id: the trace id that Hex support asks for, from the response's header or body, where there was one.
    :param method: the request's method, where there was a request.
    :param path: the request's path, below the API's base URL.
    :param retry_after: the seconds to wait before the next request, where Hex asked for a delay.
    :param sent_at: when the request was sent, in epoch seconds.
    """

    transient: bool = False
    no_effect: bool = False
    retry_helps: bool = True

    def __init__(
        self,
        message: str = "",
        *,
        status: int | None = None,
        reason: str | None = None,
        details: str | None = None,
        trace_id: str | None = None,
        method: str | None = None,
        path: str | None = None,
        retry_after: float | None = None,
        sent_at: float | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason
        self.details = details
        self.trace_id = trace_id
        self.method = method
        self.path = path
        self.retry_after = retry_after
        self.sent_at = sent_at

    @property
    def may_have_acted(self) -> bool:
        """Whether Hex may have carried out the request in spite of the error."""
        return self.transient and not self.no_effect

    @property
    def facts(self) -> dict[str, Any]:
        """The error's attributes except for its message, by name."""
        return {name: getattr(self, name) for name in _FACTS}

    def to_dict(self) -> dict[str, Any]:
        """Return the error as JSON-like data, for a trigger's event; :meth:`from_dict` reads it."""
        return {"type": type(self).__name__, "message": str(self), **self.facts}

    @staticmethod
    def from_dict(data: dict[str, Any]) -> HexError:
        """Return the error that :meth:`to_dict` described; a plain ``HexError`` if its type is unknown."""
        cls = _BY_NAME.get(str(data.get("type")), HexError)
        return cls(str(data.get("message")), **{name: data.get(name) for name in _FACTS})


_FACTS = ("status", "reason", "details", "trace_id", "method", "path", "retry_after", "sent_at")


class HexInvalidInput(HexError, ValueError):
    """An argument or a field of the connection is invalid; nothing was sent."""

    retry_helps = False


class HexUnreachable(HexError):
    """No response came. The request may have reached Hex."""

    transient = True


class HexNotConnected(HexUnreachable):
    """No connection to Hex was made, so nothing was sent."""

    no_effect = True


class HexUntrustedCertificate(HexNotConnected):
    """The server's certificate is not trusted, so nothing was sent."""

    transient = False
    retry_helps = False


class HexInvalidResponse(HexError):
    """A response that the API does not document: HTML from a proxy, incomplete JSON, another run."""

    transient = True


class HexServerError(HexError):
    """Hex failed (5xx), or did not take the request in time (408, 425). It may have carried out the request."""

    transient = True


class HexRateLimited(HexError):
    """A limit of Hex is reached (429: requests; 503 on RunProject: kernels); nothing was done."""

    transient = True
    no_effect = True


class HexRequestRejected(HexError):
    """Hex rejects the request (4xx), and would reject it again."""

    retry_helps = False


class HexUnauthorized(HexRequestRejected):
    """401: the token is wrong or has expired."""


class HexForbidden(HexRequestRejected):
    """403: the token may not do this, or there is no such project or run."""


class HexNotFound(HexRequestRejected):
    """404: there is no such project or run, or the token's owner has no access to it."""


class HexRunGone(HexNotFound):
    """403, 404 or 422: the run is gone, or the token's owner has no access to it. The token can read its project."""


class HexAmbiguousStart(HexError):
    """RunProject was sent, and it is unknown which run it started, if any. So it is not sent again."""

    retry_helps = False


class HexUnreconciledStart(HexAmbiguousStart):
    """The same, because the project's runs could not be listed. A later attempt may still reconcile it."""


class HexRunFailed(HexError):
    """The run ended, but not as ``COMPLETED``."""


class HexRunTimeout(HexError):
    """The run had not ended when the timeout was reached."""


_END = re.compile(r"(?s)( Trace id: \S+)? Run: \S+( of project \S+)?$|\n.*")
"""What stays at the end of a message: the run, or further lines."""


_NO_STOP = re.compile(r"(?:^|\s)(?!\S*://)\S*\w$")
"""The end of a sentence without a full stop. A URL gets none, because it would be part of the link."""


def add_sentence(error: BaseException, sentence: str) -> None:
    """Add a sentence to the message of an error, of ours or of Airflow's, before the run that it names at its end."""
    message = str(error)
    end = found.start() if (found := _END.search(message)) else len(message)
    stop = "." if _NO_STOP.search(message[:end]) else ""
    replace_message(error, f"{message[:end]}{stop} {sentence}{message[end:]}".strip(), sentence)


def replace_message(error: BaseException, message: str, added: str) -> None:
    """Replace the message of an error, of ours or of Airflow's.

    :param added: what is new in it.
    """
    args, error.args = error.args, (message,)
    try:
        is_shown = added in str(error)
    except Exception:  # its text is made of other arguments
        error.args, is_shown = args, False
    if not is_shown:  # an OSError with an errno does not show its args
        error.add_note(added)


def all_classes(cls: type[HexError] = HexError) -> list[type[HexError]]:
    """Return a class of errors and its subclasses in this module, each after its base."""
    own = [child for child in cls.__subclasses__() if globals().get(child.__name__) is child]
    return [cls, *(each for child in own for each in all_classes(child))]


_BY_NAME = {cls.__name__: cls for cls in all_classes()}
