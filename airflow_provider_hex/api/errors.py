"""Everything that can go wrong with Hex: one tree, all of it an ``AirflowException``.

Two questions decide what happens next, and each class answers both:

* ``transient``: will asking again later mend it? Who waits for a run logs such an error and goes on.
* is it an ``AirflowFailException``? Then no retry of the task can mend it, and Airflow does not try.

This is the one module of ``api`` that knows Airflow, so that nobody has to translate errors.
"""

from __future__ import annotations

from typing import Any, ClassVar

from airflow.providers.common.compat.sdk import AirflowException, AirflowFailException


class HexError(AirflowException):
    """Base of all errors of this provider.

    :param message: what happened, to which run, and what to do about it. Never holds the token.
    :param status: the HTTP status of Hex's answer, where there was one.
    :param reason: Hex's word for what is wrong, where it gave one.
    :param details: Hex's explanation, where it gave one.
    :param trace_id: Hex's trace id, which Hex support asks for.
    :param method: the request's method, where there was a request.
    :param path: the request's path, below the API's base URL.
    :param retry_after: seconds to wait before asking again, where Hex said so.
    :param sent_at: when the request went out, in epoch seconds.
    """

    transient: ClassVar[bool] = False
    no_effect: ClassVar[bool] = False
    """Whether it is certain that Hex did nothing, so that even RunProject may be sent again."""

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
        """Whether Hex may have done what was asked all the same."""
        return self.transient and not self.no_effect

    def retryable(self) -> HexError:
        """Return the same error without the word that no retry of the task can mend it."""
        return HexError(str(self), **{name: getattr(self, name) for name in FACTS})

    def to_dict(self) -> dict[str, Any]:
        """Return what :meth:`from_dict` needs, as JSON, for a trigger's event."""
        return {"type": type(self).__name__, "message": str(self), **{name: getattr(self, name) for name in FACTS}}

    @staticmethod
    def from_dict(data: dict[str, Any]) -> HexError:
        """Build the error that :meth:`to_dict` described; a plain ``HexError`` if its type is not known."""
        cls = _BY_NAME.get(str(data.get("type")), HexError)
        return cls(str(data.get("message")), **{name: data.get(name) for name in FACTS})


FACTS = ("status", "reason", "details", "trace_id", "method", "path", "retry_after", "sent_at")


class HexInvalidInput(HexError, AirflowFailException, ValueError):
    """What was asked for cannot be asked of Hex; nothing was sent."""


class HexUnreachable(HexError):
    """The request may or may not have reached Hex; no answer came."""

    transient = True


class HexNotConnected(HexUnreachable):
    """No connection to Hex was made, so nothing was sent."""

    no_effect = True


class HexBadAnswer(HexError):
    """An answer that is not what the API promises: HTML from a proxy, half a JSON document, another run."""

    transient = True


class HexServerError(HexError):
    """Hex failed (5xx). Whether it did what was asked is not known."""

    transient = True


class HexLimited(HexError):
    """A limit of Hex is reached (429: requests; 503 on RunProject: kernels); nothing was done."""

    transient = True
    no_effect = True


class HexRefused(HexError, AirflowFailException):
    """Hex refuses the request (4xx), and would refuse it again."""


class HexUnauthorized(HexRefused):
    """401: Hex does not know the token."""


class HexForbidden(HexRefused):
    """403: the token may not do this."""


class HexNotFound(HexRefused):
    """404: no such project or run, or no access to it."""


class HexStartUnknown(HexError, AirflowFailException):
    """RunProject was sent, and which run it started, if any, could not be found out: so it is not sent again."""


class HexStartUnsettled(HexStartUnknown):
    """The same, as the project's runs could not be looked at: later, that may be found out."""


class HexRunFailed(HexError):
    """The run ended, and not as ``COMPLETED``."""


class HexRunTimeout(HexError):
    """The run had not ended in the time that it was given."""


def add_sentence(error: BaseException, sentence: str) -> None:
    """Add a sentence to the message of an error, be it ours or Airflow's."""
    error.args = (f"{error} {sentence}".strip(),)
    if sentence not in str(error):  # an OSError with a number speaks for itself
        error.add_note(sentence)


def _tree(cls: type[HexError]) -> dict[str, type[HexError]]:
    found = {cls.__name__: cls}
    for child in cls.__subclasses__():
        found |= _tree(child)
    return found


_BY_NAME = _tree(HexError)
