"""How a run will go: which statuses it takes, and for how long."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, field_validator

Seconds = Annotated[float, Field(ge=0, le=1e9)]
Stage = tuple[str, Seconds | None]


class RunPlan(BaseModel):
    """The statuses that a run will take.

    Either it is PENDING for ``pending`` seconds, then RUNNING for ``running`` seconds, and ends with the status
    ``outcome``; or it has a ``timeline`` of (status, seconds), the last of which lasts for ever (None).
    """

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
                raise ValueError("every status but the last needs its seconds, the last needs null")
        return timeline

    def stages(self) -> tuple[Stage, ...]:
        """Return each status and its seconds; those of the last are None."""
        if self.timeline is not None:
            return self.timeline
        if self.outcome == "UNABLE_TO_ALLOCATE_KERNEL":  # such a run never starts
            return ("PENDING", self.pending), (self.outcome, None)
        return ("PENDING", self.pending), ("RUNNING", self.running), (self.outcome, None)

    def updated(self, changes: "RunPlan") -> "RunPlan":
        """Return a copy with some fields replaced.

        :param changes: its explicitly set fields replace those of this plan.
        :returns: the copy.
        """
        names = changes.model_fields_set & RunPlan.model_fields.keys()
        values = {name: getattr(changes, name) for name in names}
        return self.model_copy(update={"timeline": None, **values}) if values else self
