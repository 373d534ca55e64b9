"""Which story each request of Airflow's workers and triggerers belongs to."""

from __future__ import annotations

from tests.chaos.gate import EXECUTION_API, Forward, Gate, Request, Response
from tests.chaos.replay import ATTEMPTS, Replay
from tests.simulation.hex_model import name_of


class Stage:
    """Knows which story a request belongs to. It is the guard of a gate.

    :param gate: the gate.
    """

    def __init__(self, gate: Gate) -> None:
        gate.guard = self._guard
        self._replays: dict[str, Replay] = {}
        self._of_token: dict[str, tuple[Replay, int]] = {}
        self._of_instance: dict[str, tuple[Replay, int]] = {}

    def add(self, replay: Replay) -> None:
        """Expect the requests of a story."""
        self._replays[replay.scenario.name] = replay
        for attempt in ATTEMPTS:
            self._of_token[replay.token(attempt)] = replay, attempt

    def _guard(self, request: Request, forward: Forward) -> Response | None:
        path = request.path.partition("?")[0]
        if not path.startswith(EXECUTION_API):
            replay, attempt = self._of_token.get(request.token, (None, 0))
            name: str | None = name_of(request.method, path)[0]
            return replay.hex_request(attempt, name, forward) if replay and name else forward()
        if (request.method, path.rpartition("/")[2]) == ("PATCH", "run"):
            return self._begins(request, forward())
        replay, attempt = self._of_instance.get(request.subject or "", (None, 0))
        name = airflow_operation(request, path)
        return replay.airflow_request(attempt, name, forward) if replay and name else forward()

    def _begins(self, request: Request, response: Response | None) -> Response | None:
        """Note that a process begins to work for a task instance: a new one for each attempt."""
        if response is not None and response.status == 200:
            replay = self._replays.get(response.json()["dag_run"]["run_id"])
            if replay is not None:
                instance = request.path.split("/")[-2]
                attempt = replay.begins(instance, request.json()["pid"])
                self._of_instance[instance] = replay, attempt
        return response


def airflow_operation(request: Request, path: str) -> str | None:
    """Return what the simulation calls an operation of Airflow; None if it does not have it."""
    of_store = {"GET": "get the record", "PUT": "record the", "DELETE": "delete the record"}
    if path.endswith("/hex_run"):
        value = request.json()["value"] if request.method == "PUT" else {}
        what = next((f" {name}" for name in ("failure", "run", "request") if name in value), "")
        return of_store[request.method] + what
    last = path.rpartition("/")[2]
    if "/xcoms/" in path and request.method in ("GET", "POST"):
        what = "get" if request.method == "GET" else "push"
        return "push the result" if last == "return_value" else f"{what} XCom {last}"
    if path.endswith("/task-instances/states"):
        return "get the task's state"
    if (request.method, last) == ("PATCH", "state"):
        reports = {"success": "report the success", "deferred": "report the deferral"}
        return reports.get(request.json()["state"], "report the failure")
    return None
