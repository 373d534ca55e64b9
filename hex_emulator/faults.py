"""What goes wrong on purpose: the answers that a test asks the emulator to spoil."""

from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel


class Fault(BaseModel):
    """One thing that goes wrong with one call (`*` means any).

    The first `after` matching calls get through, then `times` of them are spoilt (None: all of them). Such a
    call waits `delay` real seconds, and then the connection is dropped, or `status` and `body` are the
    answer, or the real answer is given. `headers` and `contentType` replace what the answer had of them,
    `truncate` cuts its body in half, and `slow` sends its headers at once and its body over so many real
    seconds. The real answer has the call's real effect, after the delay; with `apply` every fault has it,
    before the delay. A call without that effect has not reached Hex, so that no limit counts it.
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
        return "body" in self.model_fields_set

    @property
    def stated_headers(self) -> dict[str, str]:
        return {**self.headers, **({"Content-Type": self.content_type} if self.content_type else {})}

    @model_validator(mode="after")
    def _is_one_thing(self) -> Self:
        spoils_answer = self.truncate or self.slow or self.stated_headers
        if self.drop and (self.status or self.has_body or spoils_answer):
            raise ValueError("a dropped connection has no answer: say nothing of one")
        if self.has_body and not self.status:
            raise ValueError("a body needs a status")
        if not (self.delay or self.drop or self.status or spoils_answer):
            raise ValueError("say what goes wrong: delay, status, headers, contentType, slow, truncate or drop")
        return self

    def matches(self, call: str, project_id: str | None, run_id: str | None) -> bool:
        about = self.project_id in (None, project_id) and self.run_id in (None, run_id)
        return about and self.call in ("*", call)


class Faults:
    """The faults to come, in the order in which they were asked for."""

    def __init__(self) -> None:
        self._waiting: list[Fault] = []

    def add(self, fault: Fault) -> None:
        self._waiting.append(fault)

    def clear(self) -> None:
        self._waiting.clear()

    def take(self, call: str, project_id: str | None, run_id: str | None) -> Fault | None:
        """The fault that spoils this call. A call counts for the `after` of every fault that matches it."""
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
