"""How a run will go: which statuses it takes, and for how long."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, field_validator

Seconds = Annotated[float, Field(ge=0, le=1e9)]
Stage = tuple[str, Seconds | None]


class Course(BaseModel):
    """`pending` seconds, then `running` seconds, then `outcome`; or any `timeline` of (status, seconds), the
    last of which has no end (null)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    outcome: str = "COMPLETED"
    pending: Seconds = 1.0
    running: Seconds = 4.0
    timeline: tuple[Stage, ...] | None = None

    @field_validator("timeline")
    @classmethod
    def _only_the_last_stage_has_no_end(cls, timeline: tuple[Stage, ...] | None) -> tuple[Stage, ...] | None:
        if timeline is not None:
            open_ended = [seconds is None for _, seconds in timeline]
            if not open_ended or open_ended != [False] * (len(timeline) - 1) + [True]:
                raise ValueError("every status needs its seconds, but the last, which takes null")
        return timeline

    def stages(self) -> tuple[Stage, ...]:
        if self.timeline is not None:
            return self.timeline
        if self.outcome == "UNABLE_TO_ALLOCATE_KERNEL":  # without a kernel nothing ever ran
            return ("PENDING", self.pending), (self.outcome, None)
        return ("PENDING", self.pending), ("RUNNING", self.running), (self.outcome, None)

    def changed(self, changes: "Course") -> "Course":
        """This course with what `changes` states explicitly."""
        names = changes.model_fields_set & Course.model_fields.keys()
        stated = {name: getattr(changes, name) for name in names}
        return self.model_copy(update={"timeline": None, **stated}) if stated else self
