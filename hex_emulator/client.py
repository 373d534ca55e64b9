"""The client of the control endpoint."""

from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self

import httpx

from hex_emulator.workspace import Workspace

UNSET: Any = object()


class ControlError(Exception):
    """The emulator did not understand, and says why."""


class Control:
    """Says how an emulator's next runs go and which calls go wrong, and asks what has happened.

    `url` is where the emulator listens, `api_url` is its Hex API. `hex_emulator.control` tells what each
    order means. Seconds are the emulator's own, which its clock may speed up; only a fault's `delay`
    and `slow` are real.
    """

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        self.api_url = f"{self.url}/api/v1"
        # The emulator is beside us: no proxy from the environment can reach it.
        self._http = httpx.Client(base_url=self.url, timeout=10, trust_env=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()

    def health(self) -> dict[str, Any]:
        """`{status, now, speed}`, `now` being the emulator's time."""
        answer: dict[str, Any] = self._ask("GET", "/health")
        return answer

    def workspace(self) -> Workspace:
        """The projects and tokens that it serves."""
        return Workspace.model_validate(self._ask("GET", "/workspace"))

    def next_run(
        self,
        project_id: str | None = None,
        *,
        outcome: str | None = None,
        pending: float | None = None,
        running: float | None = None,
        timeline: Sequence[tuple[str, float | None]] | None = None,
        times: int = 1,
    ) -> None:
        """The next `times` runs (of the project, or of any) go like this; what is left out is the project's
        own. A `timeline` says it all: `[("PENDING", 1), ("RUNNING", 2), ("ERRORED", None)]`."""
        order = {
            "projectId": project_id,
            "outcome": outcome,
            "pending": pending,
            "running": running,
            "timeline": timeline,
        }
        self._ask("POST", "/runs/next", {**_stated(order), "times": times})

    def fault(
        self,
        call: str,
        *,
        project_id: str | None = None,
        run_id: str | None = None,
        after: int = 0,
        times: int | None = 1,
        delay: float = 0,
        status: int | None = None,
        body: Any = UNSET,
        content_type: str | None = None,
        headers: dict[str, str] | None = None,
        slow: float = 0,
        truncate: bool = False,
        drop: bool = False,
        apply: bool = False,
    ) -> None:
        """After `after` good ones, the next `times` (None: all) calls of this name (`*`: any) go wrong; the
        meaning of the rest is in `hex_emulator.faults.Fault`."""
        order = {
            "projectId": project_id,
            "runId": run_id,
            "status": status,
            "contentType": content_type,
            "headers": headers,
        }
        switches = {
            "after": after,
            "delay": delay,
            "slow": slow,
            "truncate": truncate,
            "drop": drop,
            "apply": apply,
        }
        content = {} if body is UNSET else {"body": body}
        self._ask("POST", "/faults", {"call": call, "times": times, **_stated(order), **switches, **content})

    def clear_faults(self) -> None:
        """Nothing goes wrong any more."""
        self._ask("DELETE", "/faults")

    def requests(self, call: str | None = None) -> list[dict[str, Any]]:
        """Every public call since the reset, oldest first: `{at, call, method, path, query, body, token,
        status}`. `token` is its name in the workspace; `query` has a list where a name came more than once; a
        `status` of None means that no answer was given."""
        answer: list[dict[str, Any]] = self._ask("GET", "/requests", params=_stated({"call": call}))
        return answer

    def runs(self) -> list[dict[str, Any]]:
        """Every run, oldest first: `{projectId, runId, runUrl, status, trigger, inputs, notifications,
        updatePublishedResults, useCachedSqlResults, viewId, traceId, timeline}`."""
        answer: list[dict[str, Any]] = self._ask("GET", "/runs")
        return answer

    def start_run(
        self, project_id: str, *, inputs: dict[str, Any] | None = None, trigger: str = "SCHEDULED"
    ) -> dict[str, Any]:
        """A run that somebody else started, as in `runs`."""
        answer: dict[str, Any] = self._ask(
            "POST", "/runs", {"projectId": project_id, "inputs": inputs or {}, "trigger": trigger}
        )
        return answer

    def set_status(self, run_id: str, status: str) -> None:
        """From now on the run has this status; any string will do."""
        self._ask("POST", f"/runs/{run_id}/status", {"status": status})

    def vanish(self, run_id: str) -> None:
        """The run never was: 404 from now on."""
        self._ask("DELETE", f"/runs/{run_id}")

    def limits(
        self,
        *,
        requests_per_minute: int | None = UNSET,
        runs_per_minute: int | None = UNSET,
        runs_per_hour: int | None = UNSET,
        images_per_minute: int | None = UNSET,
        kernels: int | None = UNSET,
        headers: str | Sequence[str] = UNSET,
    ) -> dict[str, Any]:
        """Change what is stated; None switches a limit off. `headers` are spellings that `hex_emulator.spellings`
        knows, as a list, as text with commas, or "none". Answers with all limits, as
        `{requestsPerMinute, runsPerMinute, runsPerHour, imagesPerMinute, kernels, headers}`."""
        order = {
            "requestsPerMinute": requests_per_minute,
            "runsPerMinute": runs_per_minute,
            "runsPerHour": runs_per_hour,
            "imagesPerMinute": images_per_minute,
            "kernels": kernels,
            "headers": headers,
        }
        stated = {name: value for name, value in order.items() if value is not UNSET}
        answer: dict[str, Any] = self._ask("POST", "/limits", stated)
        return answer

    def no_limits(self) -> None:
        """Any number of requests, and of runs at once."""
        self.limits(
            requests_per_minute=None, runs_per_minute=None, runs_per_hour=None, images_per_minute=None, kernels=None
        )

    def use_up(self, *, requests: int = 0, runs: int = 0, images: int = 0, owner: str | None = None) -> None:
        """Another client with a token of that owner (None: of everybody) has sent so many now. Each counts for
        the limits of its own kind only: ten more runs are `use_up(requests=10, runs=10)`."""
        order = {"requests": requests, "runs": runs, "images": images, **_stated({"owner": owner})}
        self._ask("POST", "/limits/use", order)

    def listing(self, order: str) -> None:
        """GetProjectRuns lists the "newest" run first, as it does at first, the "oldest", or in "mixed" order."""
        self._ask("POST", "/listing", {"order": order})

    def clock(self, speed: float | None = None, advance: float | None = None) -> dict[str, Any]:
        """Change the speed (0 freezes time), or move time ahead by seconds; answers like `health`."""
        answer: dict[str, Any] = self._ask("POST", "/clock", _stated({"speed": speed, "advance": advance}))
        return answer

    def reset(self) -> None:
        """A fresh start: no runs, requests or faults, nothing used of the limits, the first limits, order and
        speed, the present time."""
        self._ask("DELETE", "")

    def _ask(self, method: str, path: str, body: Any = None, params: dict[str, Any] | None = None) -> Any:
        response = self._http.request(method, f"/_emulator{path}", json=body, params=params)
        if response.is_error:
            raise ControlError(f"{method} {response.url}: {response.status_code} {response.text}")
        return response.json() if response.content else None


def _stated(order: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in order.items() if value is not None}
