"""The bodies of the requests of :mod:`hex_emulator.control`."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from hex_emulator.emulator import ListOrder, VanishedStatus
from hex_emulator.generations.api import ApiName
from hex_emulator.limits import LimitsOf
from hex_emulator.run_plan import RunPlan, Seconds

CAMEL = ConfigDict(alias_generator=to_camel, extra="forbid")


class NextRunsBody(RunPlan):
    """How the next runs go."""

    model_config = CAMEL

    project_id: str | None = None
    times: Annotated[int, Field(ge=1)] = 1


class StartRunBody(BaseModel):
    """A run to start."""

    model_config = CAMEL

    project_id: str
    inputs: dict[str, Any] = {}
    trigger: str = "SCHEDULED"
    owner: str | None = None


class ApiBody(BaseModel):
    """The state of the API."""

    model_config = CAMEL

    api: ApiName


class VanishedBody(BaseModel):
    """The status for a run that does not exist."""

    model_config = CAMEL

    status: VanishedStatus


class LimitsOfBody(BaseModel):
    """The year of the limits."""

    model_config = CAMEL

    of: LimitsOf


class StatusBody(BaseModel):
    """The new status of a run."""

    model_config = CAMEL

    status: Annotated[str, Field(min_length=1)]


class UseBody(BaseModel):
    """Requests to count."""

    model_config = CAMEL

    owner: str | None = None
    requests: Annotated[int, Field(ge=0)] = 0
    hex_api: Annotated[int, Field(ge=0)] = 0
    hex_api_30rpm: Annotated[int, Field(ge=0)] = 0
    runs: Annotated[int, Field(ge=0)] = 0
    images: Annotated[int, Field(ge=0)] = 0


class ListOrderBody(BaseModel):
    """The order of GetProjectRuns."""

    model_config = CAMEL

    order: ListOrder


class ClockBody(BaseModel):
    """A change of the clock."""

    model_config = CAMEL

    speed: Annotated[float, Field(ge=0, le=1e6)] | None = None
    advance: Seconds = 0
