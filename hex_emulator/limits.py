"""How much a workspace may ask of Hex: requests in windows of the emulator's time, and kernels at once."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.alias_generators import to_camel

Count = Annotated[int, Field(ge=0)] | None
Spelling = Literal["retry-after", "retry-after-date", "ratelimit", "x-ratelimit-epoch", "x-ratelimit-seconds"]


def _spellings(value: Any) -> Any:
    """Text means what it means on a command line: `none`, or names with commas between them."""
    if isinstance(value, str):
        return () if value == "none" else value.split(",")
    return value


class Limits(BaseModel):
    """Hex's limits; None switches one off. Requests count for the owner of the token that they come with, and
    each counts wherever it belongs, also when it is refused. `kernels` is for the whole workspace.

    `headers` are the spellings in which every answer tells what is left (`hex_emulator.spellings`)."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid", frozen=True)

    requests_per_minute: Count = 60
    runs_per_minute: Count = 20
    runs_per_hour: Count = 60
    images_per_minute: Count = 20
    kernels: Count = 25
    headers: Annotated[tuple[Spelling, ...], BeforeValidator(_spellings)] = ("ratelimit", "retry-after")

    def changed(self, changes: "Limits") -> "Limits":
        """These limits with what `changes` states explicitly."""
        return self.model_copy(update={name: getattr(changes, name) for name in changes.model_fields_set})

    def switched_off(self) -> "Limits":
        return Limits(headers=self.headers, **{name: None for name in Limits.model_fields if name != "headers"})


class Rule(NamedTuple):
    """`limit` is the field of `Limits` that says how many of `kind` a window of so many seconds lets through."""

    limit: str
    kind: str
    seconds: int


RULES = (
    Rule("requests_per_minute", "requests", 60),
    Rule("runs_per_minute", "runs", 60),
    Rule("runs_per_hour", "runs", 3600),
    Rule("images_per_minute", "images", 60),
)
KINDS_OF_CALL = {"RunProject": ("requests", "runs"), "GetChartImageFromRun": ("requests", "images")}


class Quota(NamedTuple):
    """What one limit leaves until its window ends; less than nothing when a request is refused."""

    limit: int
    remaining: int
    ends: datetime

    @property
    def refuses(self) -> bool:
        return self.remaining < 0


class Window:
    """A fixed window: it starts with the first request that it counts."""

    def __init__(self, ends: datetime) -> None:
        self.ends = ends
        self.used = 0


class Limiter:
    """Counts what each owner uses, and says when that is too much."""

    def __init__(self, limits: Limits) -> None:
        self._first_limits = limits
        self.reset()

    def reset(self) -> None:
        self.limits = self._first_limits
        self._windows: dict[tuple[str, Rule], Window] = {}

    def take(self, owner: str, call: str, now: datetime) -> Quota | None:
        """Count one call. What the tightest of its limits leaves; of two, the one that lasts longer. None when
        nothing limits it."""
        kinds = KINDS_OF_CALL.get(call, ("requests",))
        quotas = self.use(owner, dict.fromkeys(kinds, 1), now)
        return min(quotas, key=lambda quota: (max(quota.remaining, -1), -quota.ends.timestamp()), default=None)

    def use(self, owner: str, counts: Mapping[str, int], now: datetime) -> list[Quota]:
        """Count so many requests of each kind; what each limit that is on leaves of them."""
        quotas = []
        for rule in RULES:
            if rule.kind in counts:
                window = self._window(owner, rule, now)
                window.used += counts[rule.kind]
                limit = getattr(self.limits, rule.limit)
                if limit is not None:
                    quotas.append(Quota(limit, limit - window.used, window.ends))
        return quotas

    def _window(self, owner: str, rule: Rule, now: datetime) -> Window:
        window = self._windows.get((owner, rule))
        if window is None or window.ends <= now:
            window = self._windows[owner, rule] = Window(now + timedelta(seconds=rule.seconds))
        return window
