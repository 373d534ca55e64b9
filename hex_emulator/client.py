"""The client of the control endpoint, for tests."""

from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self

import httpx

from hex_emulator.emulator import VanishedStatus
from hex_emulator.generations.api import ApiName
from hex_emulator.limits import Limits, LimitsOf
from hex_emulator.workspace import Workspace

UNSET: Any = object()
TIMEOUT = 60  # seconds; the emulator responds at once, but the machine may be busy


class ControlError(Exception):
    """The emulator rejected a request; the message says why."""


class Control:
    """Controls how an emulator's next runs go and which calls fail, and returns what has happened.

    Each method is a request of :mod:`hex_emulator.control`, and raises :class:`ControlError` if the emulator rejects
    it. Seconds are emulated ones; only a fault's ``delay`` and ``slow`` are real.

    :param url: where the emulator listens; ``api_url`` is the URL of its Hex API.
    """

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        self.api_url = f"{self.url}/api/v1"
        # The emulator is on this machine: a proxy from the environment cannot reach it. It closes a connection that was
        # idle for 5 s, by default at the same moment as httpx, which may just then send a request over it.
        limits = httpx.Limits(keepalive_expiry=1)
        self._http = httpx.Client(base_url=self.url, timeout=TIMEOUT, trust_env=False, limits=limits)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections to the emulator."""
        self._http.close()

    def health(self) -> dict[str, Any]:
        """Return ``{status, now, speed, api, vanished}``; ``now`` is the emulated time."""
        health: dict[str, Any] = self._send("GET", "/health")
        return health

    def workspace(self) -> Workspace:
        """Return the projects and tokens that the emulator serves."""
        return Workspace.model_validate(self._send("GET", "/workspace"))

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
        """Set how the next runs go. What is None is as the project defines it.

        :param project_id: the next runs of this project; None: of any.
        :param outcome: their last status.
        :param pending: seconds for which they are PENDING.
        :param running: seconds for which they are RUNNING.
        :param timeline: all statuses with their seconds, in place of the three above:
            ``[("PENDING", 1), ("RUNNING", 2), ("ERRORED", None)]``.
        :param times: how many runs.
        """
        plan = {"outcome": outcome, "pending": pending, "running": running, "timeline": timeline}
        self._send("POST", "/runs/next", {**_given({"projectId": project_id, **plan}), "times": times})

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
        """Make calls of this name fail. The parameters are those of :class:`hex_emulator.faults.Fault`."""
        fault = {
            "call": call,
            "times": times,
            "after": after,
            "delay": delay,
            "slow": slow,
            "truncate": truncate,
            "drop": drop,
            "apply": apply,
            **_given({"projectId": project_id, "runId": run_id, "status": status}),
            **_given({"contentType": content_type, "headers": headers}),
        }
        self._send("POST", "/faults", fault if body is UNSET else {**fault, "body": body})

    def clear_faults(self) -> None:
        """Remove all faults."""
        self._send("DELETE", "/faults")

    def requests(self, call: str | None = None) -> list[dict[str, Any]]:
        """Return the requests to the Hex API since the last reset, oldest first.

        :param call: only requests of the call of this name.
        :returns: ``{at, call, method, path, query, headers, body, token, traceId, status}`` for each. ``query`` has a
            list for a repeated name; ``headers`` have lower-case names; ``token`` is its name in the workspace; a
            ``status`` of None means that there was no response.
        """
        requests: list[dict[str, Any]] = self._send("GET", "/requests", params=_given({"call": call}))
        return requests

    def runs(self) -> list[dict[str, Any]]:
        """Return all runs, oldest first.

        :returns: ``{projectId, runId, runUrl, status, trigger, inputs, notifications, updatePublishedResults,
            useCachedSqlResults, viewId, traceId, timeline}`` for each.
        """
        runs: list[dict[str, Any]] = self._send("GET", "/runs")
        return runs

    def start_run(
        self,
        project_id: str,
        *,
        inputs: dict[str, Any] | None = None,
        trigger: str = "SCHEDULED",
        owner: str | None = None,
    ) -> dict[str, Any]:
        """Start a run without a request to the Hex API. It may exceed the kernel limit.

        :param project_id: the project to run.
        :param inputs: its inputs; they are not checked.
        :param trigger: what Hex calls ``runTrigger``.
        :param owner: the owner of a token, who holds its kernel; None: every owner holds one.
        :returns: the run, as in :meth:`runs`.
        """
        body = {"projectId": project_id, "inputs": inputs or {}, "trigger": trigger, "owner": owner}
        run: dict[str, Any] = self._send("POST", "/runs", body)
        return run

    def set_status(self, run_id: str, status: str) -> None:
        """Change the status of a run now, and drop what was planned.

        :param run_id: the run.
        :param status: any string.
        """
        self._send("POST", f"/runs/{run_id}/status", {"status": status})

    def remove_run(self, run_id: str) -> None:
        """Remove a run, so that every call about it is as about one that never was.

        :param run_id: the run.
        """
        self._send("DELETE", f"/runs/{run_id}")

    def set_api(self, api: ApiName) -> None:
        """Set which calls are of the older generation of Hex's API.

        :param api: "2025" (all), "2026" (none), or "mixed" (those that Hex has not moved yet).
        """
        self._send("POST", "/api", {"api": api})

    def set_vanished(self, status: VanishedStatus) -> None:
        """Set the status of GetRunStatus and CancelRun for a run that does not exist.

        :param status: 403, 404 or 422.
        """
        self._send("POST", "/vanished", {"status": status})

    def set_limits_of(self, year: LimitsOf) -> dict[str, Any]:
        """Set all limits to those of a year.

        :param year: "2025" or "2026".
        :returns: all limits, as :meth:`limits`.
        """
        limits: dict[str, Any] = self._send("POST", "/limits/of", {"of": year})
        return limits

    def limits(
        self,
        *,
        requests_per_minute: int | None = UNSET,
        hex_api_per_minute: int | None = UNSET,
        hex_api_per_hour: int | None = UNSET,
        hex_api_30rpm_per_minute: int | None = UNSET,
        runs_per_minute: int | None = UNSET,
        runs_per_hour: int | None = UNSET,
        images_per_minute: int | None = UNSET,
        kernels: int | None = UNSET,
        headers: str | Sequence[str] = UNSET,
    ) -> dict[str, Any]:
        """Change the limits that are given; None switches one off.

        :param requests_per_minute: requests of any call.
        :param hex_api_per_minute: requests of GetRunStatus, GetProjectRuns and GetProject.
        :param hex_api_per_hour: the same.
        :param hex_api_30rpm_per_minute: requests of Me and ListCells.
        :param runs_per_minute: requests of RunProject.
        :param runs_per_hour: requests of RunProject.
        :param images_per_minute: requests of GetChartImageFromRun.
        :param kernels: runs at the same time.
        :param headers: styles of :mod:`hex_emulator.rate_limit_headers`: a list, comma-separated text, or "none".
        :returns: all limits: ``{requestsPerMinute, hexApiPerMinute, hexApiPerHour, hexApi30RpmPerMinute, runsPerMinute,
            runsPerHour, imagesPerMinute, kernels, headers}``.
        """
        changes = {
            "requestsPerMinute": requests_per_minute,
            "hexApiPerMinute": hex_api_per_minute,
            "hexApiPerHour": hex_api_per_hour,
            "hexApi30RpmPerMinute": hex_api_30rpm_per_minute,
            "runsPerMinute": runs_per_minute,
            "runsPerHour": runs_per_hour,
            "imagesPerMinute": images_per_minute,
            "kernels": kernels,
            "headers": headers,
        }
        given = {name: value for name, value in changes.items() if value is not UNSET}
        limits: dict[str, Any] = self._send("POST", "/limits", given)
        return limits

    def no_limits(self) -> None:
        """Switch all limits off."""
        off = Limits().switched_off().model_dump(by_alias=True, exclude={"headers"})
        self._send("POST", "/limits", off)

    def use_up(
        self,
        *,
        requests: int = 0,
        hex_api: int = 0,
        hex_api_30rpm: int = 0,
        runs: int = 0,
        images: int = 0,
        owner: str | None = None,
    ) -> None:
        """Count requests as if another client had sent them now.

        Each number counts for the limits of that kind only: ten more runs are ``use_up(requests=10, runs=10)``.

        :param requests: requests of any call.
        :param hex_api: requests of GetRunStatus, GetProjectRuns or GetProject.
        :param hex_api_30rpm: requests of Me or ListCells.
        :param runs: requests of RunProject.
        :param images: requests of GetChartImageFromRun.
        :param owner: the owner of the client's token; None: as many for every owner.
        """
        counts = {
            "requests": requests,
            "hexApi": hex_api,
            "hexApi30Rpm": hex_api_30rpm,
            "runs": runs,
            "images": images,
        }
        self._send("POST", "/limits/use", {**counts, **_given({"owner": owner})})

    def set_list_order(self, order: str) -> None:
        """Set the order of GetProjectRuns.

        :param order: "newest" first (as after the start), "oldest" first, or "mixed".
        """
        self._send("POST", "/list-order", {"order": order})

    def clock(self, speed: float | None = None, advance: float | None = None) -> dict[str, Any]:
        """Change the speed of time, or move time ahead.

        :param speed: emulated seconds in one real second; 0 stops time.
        :param advance: emulated seconds to move ahead.
        :returns: the same as :meth:`health`.
        """
        health: dict[str, Any] = self._send("POST", "/clock", _given({"speed": speed, "advance": advance}))
        return health

    def reset(self) -> None:
        """Return to the state right after the start: its API, limits and speed, the present time, and no runs."""
        self._send("DELETE", "")

    def _send(self, method: str, path: str, body: Any = None, params: dict[str, Any] | None = None) -> Any:
        response = self._http.request(method, f"/_emulator{path}", json=body, params=params)
        if response.is_error:
            raise ControlError(f"{method} {response.url}: {response.status_code} {response.text}")
        return response.json() if response.content else None


def _given(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
