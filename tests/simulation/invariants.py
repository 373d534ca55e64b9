"""What must hold at the end of every story: the provider's promises, and the list of what cannot be done.

``EXCEPTIONS`` are the cases of "What cannot be done" in ``docs/reliability.md``. A violation that one of them explains
is counted under its name; any other fails.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_hex.api.errors import HexRateLimited
from tests.simulation.airflow_model import DONE, Airflow, Attempt
from tests.simulation.hex_model import TOKEN, HexRun


@dataclass(frozen=True)
class Violation:
    """A promise that a story breaks.

    :param promise: its name.
    :param what: how it is broken.
    :param run: the run that it is about.
    :param attempt: the attempt that it is about.
    """

    promise: str
    what: str
    run: HexRun | None = None
    attempt: Attempt | None = None

    def __str__(self) -> str:
        return f"{self.promise}: {self.what}"


def violations(airflow: Airflow) -> list[Violation]:
    """Return what is broken at the end of a story."""
    return [found for check in CHECKS for found in check(airflow)]


def task_ends(airflow: Airflow) -> Iterator[Violation]:
    if airflow.state not in DONE:
        yield Violation("the task ends", f"it is {airflow.state}")


def green_only_when_completed(airflow: Airflow) -> Iterator[Violation]:
    """Promise 1. A task that does not wait returns a run that exists."""
    if airflow.state != "success" or airflow.marked:
        return
    result = airflow.current.result or {}
    run = next((run for run in airflow.hex.runs if run.id == result.get("runId")), None)
    if run is None or (_waits(airflow) and (run.status(airflow.world.now), result.get("status")) != ("COMPLETED",) * 2):
        yield Violation("green only when COMPLETED", f"the task returned {result}", run)


def clear_starts_another_run(airflow: Airflow) -> Iterator[Violation]:
    """A user clears a task to have the project run again."""
    if airflow.state == "success" and not airflow.marked and airflow.clears and airflow.current.result:
        _, when = airflow.clears[-1]
        run = next((run for run in airflow.hex.runs if run.id == airflow.current.result["runId"]), None)
        if run and run.started < when:
            yield Violation("a clear starts another run", f"the task took run {run.number}, which is older", run)


def one_start_per_attempt(airflow: Airflow) -> Iterator[Violation]:
    """Promise 2: never twice for one attempt."""
    for attempt in airflow.attempts:
        runs = [run for run in airflow.hex.runs if run.by == attempt.number]
        if len(runs) > 1:
            yield Violation("one run per attempt", f"attempt {attempt.number} started {len(runs)}", runs[1], attempt)


def never_two_at_once(airflow: Airflow) -> Iterator[Violation]:
    """Promise 2: an attempt finds the run of the previous one, or cancels it, before it starts another."""
    runs = airflow.hex.runs
    for number, run in enumerate(runs):
        for later in runs[number + 1 :]:
            if not _waits(airflow) and airflow.attempts[later.by - 1].why == "clear":
                continue  # a task that does not wait leaves the run of its cleared attempt running
            ended = run.ended_at(max(later.started, airflow.world.now))
            if ended is None or ended > later.started:
                yield Violation("never two runs at once", f"run {later.number} began during run {run.number}", later)


def result_is_not_lost(airflow: Airflow) -> Iterator[Violation]:
    """Promise 2: a retry takes the result of a run that completed."""
    for later in airflow.hex.runs:
        attempt = airflow.attempts[later.by - 1]
        cleared = max((when for _, when in airflow.clears if when <= later.started), default=0.0)
        for run in airflow.hex.runs[: later.number - 1]:
            ended = run.ended_at(later.started)
            if ended and run.started >= cleared and run.status(later.started) == "COMPLETED" and run.by != later.by:
                yield Violation(
                    "a retry takes the result", f"run {later.number} repeats run {run.number}", later, attempt
                )


def nothing_left_running(airflow: Airflow) -> Iterator[Violation]:
    """Promise 2: a task that has ended leaves no run running."""
    for run in airflow.hex.in_flight():
        if _waits(airflow) or not any(each.returned and each.recorded_run == run.id for each in airflow.attempts):
            yield Violation("nothing is left running", f"run {run.number}, of attempt {run.by}", run)


def only_the_owner_cancels(airflow: Airflow) -> Iterator[Violation]:
    """Promise 2: no attempt cancels the run that another one waits for."""
    for run in airflow.hex.runs:
        if run.waited_for_by not in (None, run.cancelled_by):
            yield Violation(
                "only the owner cancels",
                f"attempt {run.cancelled_by} cancelled run {run.number}, which attempt {run.waited_for_by} waits for",
                run,
                airflow.attempts[(run.cancelled_by or 1) - 1],
            )


def rate_limits_never_fail(airflow: Airflow) -> Iterator[Violation]:
    """Promise 3. (No story rate-limits a task for as long as its timeout.)"""
    for attempt in airflow.attempts:
        if isinstance(attempt.error, HexRateLimited):
            yield Violation("rate limits never fail", str(attempt.error), attempt=attempt)


def errors_are_true(airflow: Airflow) -> Iterator[Violation]:
    """Promise 4: the error names the run, and says truly what happened to it."""
    for attempt in airflow.attempts:
        if attempt.error is not None:
            for lie in _lies(airflow, attempt):
                yield Violation("the error is true", f"attempt {attempt.number} {lie}", attempt=attempt)


def _lies(airflow: Airflow, attempt: Attempt) -> Iterator[str]:
    error = attempt.error
    text = f"{error} {getattr(error, '__notes__', '')}"
    named = [run for run in airflow.hex.runs if run.id in text or f"/run/{run.number} " in text]
    own = attempt.recorded_run
    if own is not None and own not in [run.id for run in named]:
        yield f"does not name its run {own}: {text}"
    if "The run was cancelled." in text and (not named or any(_in_flight(airflow, run) for run in named)):
        yield f"says that a run was cancelled, which continues: {text}"
    if "next attempt re-attaches" in text and (not attempt.has_retry or isinstance(error, AirflowFailException)):
        yield f"promises a next attempt: {text}"
    if "because another attempt of the task waits for it" in text and attempt is airflow.current:
        yield f"speaks of another attempt: {text}"
    if "No run was started." in text and any(
        run.by == attempt.number and _in_flight(airflow, run) for run in airflow.hex.runs
    ):
        yield f"says that no run was started: {text}"


def token_is_secret(airflow: Airflow) -> Iterator[Violation]:
    for text in airflow.seen:
        if TOKEN in text:
            yield Violation("the token is secret", text)


CHECKS: tuple[Callable[[Airflow], Iterator[Violation]], ...] = (
    task_ends,
    green_only_when_completed,
    clear_starts_another_run,
    one_start_per_attempt,
    never_two_at_once,
    result_is_not_lost,
    nothing_left_running,
    only_the_owner_cancels,
    rate_limits_never_fail,
    errors_are_true,
    token_is_secret,
)


def _waits(airflow: Airflow) -> bool:
    return bool(airflow.template.wait_for_completion)


def _in_flight(airflow: Airflow, run: HexRun) -> bool:
    return run.ended_at(airflow.world.now) is None


def excused(airflow: Airflow, violation: Violation) -> str | None:
    """Return the name of the exception that explains a violation, None if none does."""
    return next((name for name, explains in EXCEPTIONS.items() if explains(airflow, violation)), None)


# The cases of "What cannot be done". Each says what it explains: no more than that.


def _clear_while_running(airflow: Airflow, violation: Violation) -> bool:
    """Airflow keeps ``max_tries`` then, so the next attempt takes the clear for a retry."""
    cleared = airflow.clears and airflow.clears[-1][0] == "running"
    return violation.promise == "a clear starts another run" and bool(cleared)


def _died_after_deleting_its_record(airflow: Airflow, violation: Violation) -> bool:
    by = violation.run.by if violation.run else 0
    died = [attempt for attempt in airflow.attempts[: by - 1] if attempt.deleted_record and attempt.ends]
    repeats = violation.promise in ("a retry takes the result", "never two runs at once")
    return repeats and bool(died)


def _left_to_a_retry_that_a_user_prevented(airflow: Airflow, violation: Violation) -> bool:
    ended = any(state == "up_for_retry" for state, _ in airflow.marks)
    return violation.promise == "nothing is left running" and ended


def _killed_in_last_attempt(airflow: Airflow, violation: Violation) -> bool:
    killed = "killed" in airflow.current.ends or "frozen" in str(airflow.current.ends)
    return violation.promise == "nothing is left running" and killed and not airflow.current.has_retry


def _started_by_a_process_that_was_frozen(airflow: Airflow, violation: Violation) -> bool:
    """It woke up before its request, when another attempt had begun. The run that it starts is cancelled."""
    run = violation.run
    if run is None or violation.promise not in ("never two runs at once", "a retry takes the result"):
        return False
    attempt = airflow.attempts[run.by - 1]
    superseded = any(other.began < run.started for other in airflow.attempts[run.by :])
    return superseded and "frozen" in str(attempt.ends) and run.cancelled_by == run.by


def _ended_by_a_user_right_before_its_deferral(airflow: Airflow, violation: Violation) -> bool:
    """Airflow rejects the deferral, and ends the process without a call of the task's code."""
    return violation.promise == "nothing is left running" and airflow.current.report_rejected and bool(airflow.marks)


EXCEPTIONS: dict[str, Callable[[Airflow, Violation], bool]] = {
    "cleared while it runs in a worker": _clear_while_running,
    "died after it deleted its record": _died_after_deleting_its_record,
    "left to a retry that a user prevented": _left_to_a_retry_that_a_user_prevented,
    "killed in its last attempt": _killed_in_last_attempt,
    "frozen between its record and its request": _started_by_a_process_that_was_frozen,
    "ended by a user right before its deferral": _ended_by_a_user_right_before_its_deferral,
}
