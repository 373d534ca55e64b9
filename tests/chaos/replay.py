"""Stories of the simulation on real processes: each incident happens at the same operation as it did there.

A run ends by itself before the request that sees its end in the simulation. Only the provider's own times are real: the
poll interval, the delays of its retries, and the timeouts.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections import Counter
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import psutil

from demo.local_airflow import LocalAirflow
from demo.waiting import wait_for
from hex_emulator.client import Control
from tests.chaos.answers import answered
from tests.chaos.freezing import another_triggerer, frozen
from tests.chaos.gate import Forward, Response, reply
from tests.chaos.scenario import OVER, Scenario
from tests.chaos.story import REPLAYED, Attempt, Outcome, Run, Story
from tests.simulation.airflow_rules import CLEARED, MARKS, RETRY_DELAY, SHORT_SLEEP, Setup
from tests.simulation.hex_answers import LATE_RESPONSE

ATTEMPTS = range(1, 6)
RUNS = 6
NEVER = "never ends"
MUCH_LATER = 400.0
LATE_TIMEOUT = "TaskDeferralTimeout"
"""The error of a timeout that a very busy triggerer does not notice within a minute."""
KILLED_AFTER = 15.0
"""Seconds that a deploy leaves a process: more than in the simulation, as a busy Airflow takes seconds to respond."""
PAUSE = 1.5
SETTLED_AFTER = 10.0
"""Seconds after the end of a task and its processes in which its trigger ends, too."""
GIVEN_UP_AFTER = 60.0
"""Seconds after that end in which a different outcome may still become the simulation's."""
SLOWER = 150.0
"""Seconds by which a story may take longer than in the simulation, on a slow and busy machine."""
DEAD = reply(404, {"detail": {"reason": "killed", "message": "The process that sent this was killed."}})


def dag_id_of(setup: Setup) -> str:
    return f"{'deferred' if setup.options.get('deferrable') else 'worker'}_story_{re.sub(r'[^a-z]+', '_', setup.name)}"


def environment() -> dict[str, str]:
    """The variables from which ``dags/stories.py`` makes its DAGs."""
    tasks = {
        dag_id_of(setup): {
            "arguments": setup.arguments,
            "retries": setup.retries,
            "retry_delay": RETRY_DELAY,
            "execution_timeout": setup.execution_timeout,
        }
        for setup in REPLAYED
    }
    return {"STORIES": json.dumps(tasks)}


class Replay:
    """A story on real processes.

    :param story: the story.
    :param airflow: a real Airflow.
    :param hex: the emulator.
    :param project: a project that nothing else runs.
    :param name: a name that no other scenario has. Hex has a token ``<name>-<attempt>`` for each attempt.
    """

    def __init__(self, story: Story, airflow: LocalAirflow, hex: Control, project: str, name: str) -> None:
        self.story = story
        self.scenario = Scenario(airflow, hex, project, name)
        self._script = {(each.where, each.number): each for each in story.script}
        self._seen: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._instances: list[str] = []
        self._processes: dict[int, list[psutil.Process]] = {}
        self._starts: list[int] = []
        self._ends: list[str] = []
        self._done: Counter[tuple[int, str]] = Counter()
        self._stopped = threading.Event()
        self._stack = ExitStack()
        self._began = time.monotonic()
        self.lines: list[str] = []
        """What happened, to read."""

    def token(self, attempt: int) -> str:
        return f"hxtw_{self.scenario.name}-{attempt}"

    def play(self, url: str) -> Outcome:
        """Let the story happen, and return what happened.

        :param url: where its tasks send their requests to Hex.
        """
        scenario, setup = self.scenario, self.story.setup
        self._plan_runs()
        for attempt in ATTEMPTS:
            name = f"{scenario.name}-{attempt}"
            scenario.airflow.api.create_connection(name, "hex", host=url, password=self.token(attempt))
        with self._stack:
            self._began = time.monotonic()
            scenario.start(dag_id_of(setup), connection=scenario.name)
            return self._watch(time.monotonic() + 1.5 * self.story.seconds + SLOWER)

    def stop(self) -> None:
        """Wait no longer for the story's end."""
        self._stopped.set()

    def _plan_runs(self) -> None:
        """Say how runs end. They do it when the story says, or much later."""
        hex, project = self.scenario.hex, self.scenario.project
        for end in [self._what("the new run's end") or "COMPLETED" for _ in range(RUNS)]:
            lasts = None if end == NEVER else MUCH_LATER
            self._ends.append(end)
            hex.next_run(project, timeline=[("RUNNING", lasts), *([(end, None)] if lasts else [])])

    # Requests, in the gate's threads.

    def begins(self, instance: str, pid: int) -> int:
        """Note the process of an attempt, and return the attempt's number."""
        with self._lock:
            if instance not in self._instances:
                self._instances.append(instance)
            attempt = self._instances.index(instance) + 1
            self._processes.setdefault(attempt, []).append(psutil.Process(pid))
            return attempt

    def hex_request(self, attempt: int, name: str, forward: Forward) -> Response | None:
        answer = self._what(f"attempt {attempt} sends {name}")
        if name == "RunProject":
            self._starts.append(attempt)

        def take_effect() -> Response | None:
            self._end_runs(attempt, name)
            return forward()

        response = self._io(attempt, name, lambda: answered(answer, take_effect))
        if answer == "the response is late":
            time.sleep(LATE_RESPONSE)
        return response

    def _end_runs(self, attempt: int, name: str) -> None:
        """Let the runs end that had ended in the simulation when this request took effect."""
        with self._lock:
            number = self._done[attempt, name]
            self._done[attempt, name] += 1
        told = self.story.ended.get((attempt, name), [()])[: number + 1][-1]
        for index, run in enumerate(self.scenario.runs()):
            end = self._ends[index]
            is_due = index + 1 in told or (end != NEVER and self._is_overdue(run, name))
            if is_due and run["status"] == "RUNNING":
                self.scenario.complete(run["runId"], end)

    def _is_overdue(self, run: dict[str, Any], name: str) -> bool:
        """Whether a poll comes so late, as nothing else is going to happen, that the run must have ended."""
        setup = self.story.setup
        if self._script or setup.has_short_timeout or name not in ("GetRunStatus", "GetProjectRuns"):
            return False
        began = datetime.fromisoformat(run["timeline"][0][1])
        return datetime.now(UTC) >= began + timedelta(seconds=setup.run_takes)

    def airflow_request(self, attempt: int, name: str, forward: Forward) -> Response | None:
        return self._io(attempt, name, forward) or DEAD

    def _io(self, attempt: int, name: str, forward: Forward) -> Response | None:
        incident, _, when = self._what(f"attempt {attempt}: {name}").rpartition(" ")
        if when == "before":
            self._happens(incident, attempt)
            if incident == "killed":
                return None
        response = forward()
        if when == "after":
            self._happens(incident, attempt)
        return response

    def _what(self, where: str) -> str:
        """Return what happens at this operation."""
        with self._lock:
            number = self._seen[where]
            self._seen[where] += 1
            incident = self._script.pop((where, number), None)
        what = incident.what if incident else ""
        if what or where.startswith("attempt"):
            self.lines.append(f"{time.monotonic() - self._began:7.1f} s  {'!! ' * bool(what)}{where}: {what}")
        return what

    def _happens(self, incident: str, attempt: int) -> None:
        airflow = self.scenario.airflow
        if incident == "killed":
            self._processes[attempt][-1].kill()
        elif incident == "terminated by a deploy":
            self._deploy(self._processes[attempt][-1])
        elif incident == "frozen shortly":
            with frozen(*filter(None, [self._processes[attempt][-1].parent()])):
                time.sleep(SHORT_SLEEP)
        elif incident == "triggerer killed":
            airflow.kill("triggerer")
        elif incident == "triggerer restarted":
            airflow.restart("triggerer")
        elif incident == "triggerer frozen":
            self._stack.enter_context(another_triggerer(airflow))
            with frozen(airflow.processes.process("triggerer")):
                time.sleep(SHORT_SLEEP)
        else:
            self._user_acts(incident)

    def _user_acts(self, action: str) -> None:
        if action == CLEARED:
            self.scenario.clear()
        else:
            self.scenario.mark(MARKS[action])

    def _deploy(self, process: psutil.Process) -> None:
        """Send SIGTERM to the process' supervisor, which passes it on, and SIGKILL to the process later."""
        before = process.num_ctx_switches()
        (process.parent() or process).terminate()
        threading.Timer(KILLED_AFTER, lambda: process.kill() if process.is_running() else None).start()
        wait_for("the process' SIGTERM", lambda: _has_run_since(process, before) or None, KILLED_AFTER)

    # The task, in a thread of the test.

    def _watch(self, deadline: float) -> Outcome:
        waited: set[tuple[str, int]] = set()
        ended_at: float | None = None
        while time.monotonic() < deadline and not self._stopped.wait(PAUSE):
            task = self.scenario.task()
            now = str(task["state"]), int(task["try_number"])
            if now not in waited and now[0] == "up_for_retry":
                waited.add(now)
                self._act_if("the task waits for its retry")
            over = now[0] in OVER and self.scenario.dag_run_is_over()
            if over and now not in waited and not self.scenario.marked_success:
                waited.add(now)
                over = not self._act_if(f"the task is {now[0]}")
            if not over or self._is_running():
                ended_at = None
                continue
            ended_at = ended_at or time.monotonic()
            since = time.monotonic() - ended_at
            if since > GIVEN_UP_AFTER or (since > SETTLED_AFTER and self._outcome() == self.story.outcome):
                break
        return self._outcome()

    def _act_if(self, where: str) -> bool:
        action = self._what(where)
        if action:
            self._user_acts(action)
        return bool(action)

    def _is_running(self) -> bool:
        processes = [process for each in self._processes.values() for process in each]
        return any(each.is_running() and each.status() != psutil.STATUS_ZOMBIE for each in processes)

    def _outcome(self) -> Outcome:
        scenario = self.scenario
        runs = scenario.runs()
        sent = {each["traceId"]: each for each in scenario.requests("RunProject")}
        cancels = [each for each in scenario.requests("CancelRun") if each["status"] == 204]
        return Outcome(
            task=str(scenario.task()["state"]),
            attempts=tuple(self._attempt(number, runs) for number in range(1, len(self._instances) + 1)),
            starts=tuple(self._starts),
            runs=tuple(
                Run(
                    _attempt_of(sent[run["traceId"]]),
                    run["timeline"][-1][0],
                    next((_attempt_of(each) for each in cancels if each["path"].endswith(run["runId"])), None),
                )
                for run in runs
            ),
            missed=tuple(self._script.values()),
        )

    def _attempt(self, number: int, runs: list[dict[str, Any]]) -> Attempt:
        entries = [json.loads(line) for line in self.scenario.worker_log(number).splitlines() if line.startswith("{")]
        errors = [entry["error_detail"] for entry in entries if entry.get("event") == "Task failed with exception"]
        if not errors:
            return Attempt(None, ())
        text = json.dumps(errors[-1])
        named = [number for number, run in enumerate(runs, 1) if run["runId"] in text]
        name = errors[-1][0]["exc_type"]
        return Attempt("HexRunTimeout" if name == LATE_TIMEOUT else name, tuple(named))


def _has_run_since(process: psutil.Process, before: Any) -> bool:
    """Whether a process that waited for a response has done something else, or has ended."""
    try:
        return bool(process.num_ctx_switches() != before)
    except psutil.NoSuchProcess:
        return True


def _attempt_of(request: dict[str, Any]) -> int:
    return int(request["token"].rpartition("-")[2])
