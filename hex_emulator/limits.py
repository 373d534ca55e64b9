"""Hex's limits: requests in a window of emulated time (rate limits), and runs at the same time (kernel limit)."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.alias_generators import to_camel

Count = Annotated[int, Field(ge=0)] | None
LimitsOf = Literal["2025", "2026"]
HeaderStyle = Literal["retry-after", "retry-after-date", "ratelimit", "x-ratelimit-epoch", "x-ratelimit-seconds"]


def _header_styles(value: Any) -> Any:
    """Read text as the command line has it: ``none``, or a comma-separated list."""
    if isinstance(value, str):
        return () if value == "none" else value.split(",")
    return value


class Limits(BaseModel):
    """Hex's limits of 2026; None switches one off.

    All are for all tokens of one owner together, and a rate-limited request counts like any other. ``headers`` are the
    styles in which every response reports the tightest rate limit, see :mod:`hex_emulator.rate_limit_headers`: no
    client has found any. The groups are called as in Hex's reference: ``hex-api`` has GetRunStatus, GetProjectRuns and
    GetProject, ``hex-api-30rpm`` has Me and ListCells. The groups of runs and images have one call each.
    """

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid", frozen=True)

    requests_per_minute: Count = 60
    hex_api_per_minute: Count = 30
    hex_api_per_hour: Count = 1800
    hex_api_30rpm_per_minute: Count = 30
    runs_per_minute: Count = 20
    runs_per_hour: Count = 60
    images_per_minute: Count = 20
    kernels: Count = 25
    headers: Annotated[tuple[HeaderStyle, ...], BeforeValidator(_header_styles)] = ()

    def updated(self, changes: "Limits") -> "Limits":
        """Return a copy with some fields replaced.

        :param changes: its explicitly set fields replace those of these limits.
        :returns: the copy.
        """
        return self.model_copy(update={name: getattr(changes, name) for name in changes.model_fields_set})

    def switched_off(self) -> "Limits":
        """Return a copy without any limit."""
        return Limits(headers=self.headers, **{name: None for name in Limits.model_fields if name != "headers"})


LIMITS: dict[LimitsOf, Limits] = {
    "2025": Limits(
        hex_api_per_minute=None,
        hex_api_per_hour=None,
        hex_api_30rpm_per_minute=None,
        headers=("ratelimit", "retry-after"),
    ),
    "2026": Limits(),
}


class Rule(NamedTuple):
    """A rate limit: the field of :class:`Limits` with the count, what it counts, and the length of its window."""

    limit: str
    kind: str
    seconds: int


RULES = (
    Rule("requests_per_minute", "requests", 60),
    Rule("hex_api_per_minute", "hex_api", 60),
    Rule("hex_api_per_hour", "hex_api", 3600),
    Rule("hex_api_30rpm_per_minute", "hex_api_30rpm", 60),
    Rule("runs_per_minute", "runs", 60),
    Rule("runs_per_hour", "runs", 3600),
    Rule("images_per_minute", "images", 60),
)
GROUPS = {
    "GetRunStatus": "hex_api",
    "GetProjectRuns": "hex_api",
    "GetProject": "hex_api",
    "Me": "hex_api_30rpm",
    "ListCells": "hex_api_30rpm",
    "RunProject": "runs",
    "GetChartImageFromRun": "images",
}
"""What a call counts as besides a request."""


class Quota(NamedTuple):
    """A rate limit, what remains of it (less than 0 if it is exceeded), and when its window ends."""

    limit: int
    remaining: int
    ends: datetime

    @property
    def is_exceeded(self) -> bool:
        """Whether the request that was just counted is rate-limited."""
        return self.remaining < 0


class Window:
    """A fixed window, which starts with the first request that it counts.

    :param ends: when it ends.
    """

    def __init__(self, ends: datetime) -> None:
        self.ends = ends
        self.used = 0


class Limiter:
    """Counts the requests of each owner, and compares them with the limits.

    :param limits: the first limits.
    """

    def __init__(self, limits: Limits) -> None:
        self._first_limits = limits
        self.reset()

    def reset(self) -> None:
        """Forget all requests, and return to the first limits."""
        self.limits = self._first_limits
        self._windows: dict[tuple[str, Rule], Window] = {}

    def count_call(self, owner: str, call: str, now: datetime) -> Quota | None:
        """Count one call.

        :param owner: the owner of the token.
        :param call: the name of the call.
        :param now: the emulated time.
        :returns: the limit with the least remaining, or of two the one whose window ends later; None without limits.
        """
        kinds = {"requests": 1, GROUPS.get(call, "requests"): 1}
        quotas = self.count(owner, kinds, now)
        return min(quotas, key=lambda quota: (max(quota.remaining, -1), -quota.ends.timestamp()), default=None)

    def count(self, owner: str, counts: Mapping[str, int], now: datetime) -> list[Quota]:
        """Count several requests.

        :param owner: the owner of the token.
        :param counts: how many of each kind: ``requests``, or a group of :data:`GROUPS`.
        :param now: the emulated time.
        :returns: each limit on these kinds, unless it is switched off.
        """
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
