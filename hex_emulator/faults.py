"""What goes wrong on purpose: the calls that a test makes fail."""

from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel


class Fault(BaseModel):
    """One thing that goes wrong with a call.

    There are three kinds:

    - ``drop``: the connection is closed without a response.
    - ``status``, with or without a ``body``: a false response, which does not come from the emulated Hex.
    - Neither: the real response, changed by the fields below, or just late.

    The real response has the call's real effect, after the delay. With ``apply``, every fault has the effect, before
    the delay. A call without the effect has not reached Hex, so no rate limit counts it.

    :param call: the name of the call in Hex's reference, or ``*`` for any.
    :param project_id: only calls about this project.
    :param run_id: only calls about this run.
    :param after: how many matching calls succeed first.
    :param times: how many calls fail then; None: all.
    :param delay: real seconds to wait first.
    :param status: the status of a false response.
    :param body: the body of a false response: text is sent as HTML, anything else as JSON. Without one, a status
        from 400 on has the error body, and the headers, that Hex's response would have.
    :param content_type: replaces the response's.
    :param headers: replace those of the response.
    :param slow: the headers are sent at once, and the body in pieces over so many real seconds.
    :param truncate: cut the body in half.
    :param drop: close the connection without a response.
    :param apply: apply the call's effect first.
    """

    model_config = ConfigDict(alias_generator=to_camel, extra="forbid")

    call: str
    project_id: str | None = None
    run_id: str | None = None
    after: Annotated[int, Field(ge=0)] = 0
    times: Annotated[int, Field(ge=1)] | None = 1
    delay: Annotated[float, Field(ge=0, le=3600)] = 0
    status: Annotated[int, Field(ge=200, le=599)] | None = None
    body: Any = None
    content_type: str | None = None
    headers: dict[str, str] = {}
    slow: Annotated[float, Field(ge=0, le=3600)] = 0
    truncate: bool = False
    drop: bool = False
    apply: bool = False

    @property
    def has_body(self) -> bool:
        """Whether a body was given, even if it is None."""
        return "body" in self.model_fields_set

    @property
    def new_headers(self) -> dict[str, str]:
        """The headers that replace those of the response."""
        return {**self.headers, **({"Content-Type": self.content_type} if self.content_type else {})}

    @model_validator(mode="after")
    def _fields_agree(self) -> Self:
        changes_response = self.truncate or self.slow or self.new_headers
        if self.drop and (self.status or self.has_body or changes_response):
            raise ValueError("a dropped connection has no response: drop excludes all that describes one")
        if self.has_body and not self.status:
            raise ValueError("a body needs a status")
        if not (self.delay or self.drop or self.status or changes_response):
            raise ValueError("give at least one of delay, status, headers, contentType, slow, truncate and drop")
        return self

    def matches(self, call: str, project_id: str | None, run_id: str | None) -> bool:
        """Return whether the fault is for a call.

        :param call: the name of the call.
        :param project_id: the project that it is about.
        :param run_id: the run that it is about.
        :returns: whether the fault is for it.
        """
        same_ids = self.project_id in (None, project_id) and self.run_id in (None, run_id)
        return same_ids and self.call in ("*", call)


class Faults:
    """The faults that have not happened yet, in the order in which they were added."""

    def __init__(self) -> None:
        self._waiting: list[Fault] = []

    def add(self, fault: Fault) -> None:
        """Add a fault after the others.

        :param fault: the fault.
        """
        self._waiting.append(fault)

    def clear(self) -> None:
        """Remove all faults."""
        self._waiting.clear()

    def take(self, call: str, project_id: str | None, run_id: str | None) -> Fault | None:
        """Return the fault that hits a call. The call counts for the ``after`` of every fault that matches it.

        :param call: the name of the call.
        :param project_id: the project that it is about.
        :param run_id: the run that it is about.
        :returns: the fault; None if the call succeeds.
        """
        taken: Fault | None = None
        for fault in [fault for fault in self._waiting if fault.matches(call, project_id, run_id)]:
            if fault.after:
                fault.after -= 1
            elif taken is None:
                taken = fault
        if taken and taken.times is not None:
            taken.times -= 1
            if not taken.times:
                self._waiting.remove(taken)
        return taken
