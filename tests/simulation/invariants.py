"""What must hold at the end of every story: the provider's promises, and the list of what cannot be done.

``EXCEPTIONS`` are the cases of "What cannot be done" in ``docs/reliability.md``. A violation that one of them explains
is counted under its name; any other fails.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from airflow.providers.common.compat.sdk import AirflowFailException, AirflowTaskTimeout

from airflow_provider_hex.api.errors import HexAmbiguousStart, HexRateLimited
from tests.simulation.airflow_model import DEAD_AFTER, DONE, GRACE, NOTICED_AFTER, Airflow, Attempt
from tests.simulation.hex_model import LATE_RESPONSE, TOKEN, HexRun
from tests.simulation.world import LATENCY


@dataclass(frozen=True)
class Violation:
    """A promise that a story breaks.

    :param promise: its name.
    :param what: how it is broken.
    :param run: the run that it is about.
    :param earlier: the run before that.
    :param attempt: the attempt that it is about.
    """

    promise: str
    what: str
    run: HexRun | None = None
    earlier: HexRun | None = None
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
            yield Violation(
                "one run per attempt", f"attempt {attempt.number} started {len(runs)}", runs[1], attempt=attempt
            )


def never_two_at_once(airflow: Airflow) -> Iterator[Violation]:
    """Promise 2: an attempt finds the run of the previous one, or cancels it, before it starts another."""
    runs = airflow.hex.runs
    for number, run in enumerate(runs):
        for later in runs[number + 1 :]:
            if not _waits(airflow) and _cleared_between(airflow, run.started, later.started):
                continue  # a task that does not wait leaves the run of its cleared attempt running
            ended = run.ended_at(max(later.started, airflow.world.now))
            if ended is None or ended > later.started:
                what = f"run {later.number} began during run {run.number}"
                yield Violation("never two runs at once", what, later, run)


def result_is_not_lost(airflow: Airflow) -> Iterator[Violation]:
    """Promise 2: a retry takes the result of a run that completed."""
    for later in airflow.hex.runs:
        cleared = max((when for _, when in airflow.clears if when <= later.started), default=0.0)
        for run in airflow.hex.runs[: later.number - 1]:
            ended = run.ended_at(later.started)
            given_up = any(each.gave_up == run.id for each in airflow.attempts)  # at its timeout
            completed = ended and run.status(later.started) == "COMPLETED"
            if completed and run.started >= cleared and run.by != later.by and not given_up:
                yield Violation("a retry takes the result", f"run {later.number} repeats run {run.number}", later, run)


def nothing_left_running(airflow: Airflow) -> Iterator[Violation]:
    """Promise 2: a task that has ended leaves no run running."""
    for run in airflow.hex.runs:
        handed_on = any(each.returned and each.recorded_run == run.id for each in airflow.attempts)
        cleared = _cleared_between(airflow, run.started, airflow.world.now)
        continues = _in_flight(run, max(airflow.over_at, run.started) + NOTICED_AFTER + 2 * GRACE)
        if continues and (_waits(airflow) or not (handed_on or cleared)):
            yield Violation("nothing is left running", f"run {run.number}, of attempt {run.by}", run)


def only_the_owner_cancels(airflow: Airflow) -> Iterator[Violation]:
    """Promise 2: nothing cancels the run that another attempt, or a deferred one, waits for."""
    for run in airflow.hex.runs:
        if run.waited_for_by is not None and (run.waited_for_by != run.cancelled_by or run.was_deferred):
            yield Violation(
                "only the owner cancels",
                f"attempt {run.cancelled_by} cancelled run {run.number}, which attempt {run.waited_for_by} waits for",
                run,
                attempt=airflow.attempts[(run.cancelled_by or 1) - 1],
            )


def runs_of_others_are_left_alone(airflow: Airflow) -> Iterator[Violation]:
    for run in airflow.hex.others:
        adopted = any(attempt.recorded_run == run.id for attempt in airflow.attempts)
        if run.cancelled_at is not None or adopted:
            yield Violation("runs of others are left alone", "one was cancelled, or adopted", run)


def deploys_cancel_nothing(airflow: Airflow) -> Iterator[Violation]:
    """The table in ``docs/reliability.md``: a run is left to the retry that finds it."""
    for run in airflow.hex.runs:
        attempt = airflow.attempts[(run.cancelled_by or 1) - 1]
        by_deploy = set(attempt.ends) == {"terminated by a deploy", "terminated"}
        timeouts = [limit for limit in (airflow.setup.options.get("timeout"), airflow.setup.execution_timeout) if limit]
        timed_out = any((run.cancelled_at or 0.0) - attempt.began >= limit - 1 for limit in timeouts)
        recorded = attempt.recorded_run == run.id and attempt.recorded_at + LATENCY < attempt.terminated_at
        by_other = airflow.marks or airflow.clears or timed_out
        if run.cancelled_by and by_deploy and not by_other and attempt.has_retry and recorded:
            yield Violation("a deploy cancels nothing", f"attempt {attempt.number} cancelled run {run.number}", run)


def rate_limits_never_fail(airflow: Airflow) -> Iterator[Violation]:
    """Promise 3. No story rate-limits a task for as long as its timeout."""
    for attempt in airflow.attempts:
        if isinstance(attempt.error, HexRateLimited) and not attempt.ends and not airflow.marks and not airflow.clears:
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
    if "The run was cancelled." in text and (not named or any(_in_flight(run, attempt.error_at) for run in named)):
        yield f"says that a run was cancelled, which continues: {text}"
    if "next attempt re-attaches" in text and (not attempt.has_retry or isinstance(error, AirflowFailException)):
        yield f"promises a next attempt: {text}"
    if "because another attempt of the task waits for it" in text and attempt is airflow.current:
        yield f"speaks of another attempt: {text}"
    if "No run was started." in text and any(
        run.by == attempt.number and _in_flight(run, attempt.error_at) for run in airflow.hex.runs
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
    runs_of_others_are_left_alone,
    deploys_cancel_nothing,
    rate_limits_never_fail,
    errors_are_true,
    token_is_secret,
)


def _waits(airflow: Airflow) -> bool:
    return bool(airflow.template.wait_for_completion)


def _cleared_between(airflow: Airflow, earlier: float, later: float) -> bool:
    return any(earlier <= when <= later for _, when in airflow.clears)


def _in_flight(run: HexRun, when: float) -> bool:
    ended = run.cancelled_at if run.cancelled_at is not None else run.ends
    return run.started <= when and (ended is None or ended > when)


def excused(airflow: Airflow, violation: Violation) -> str | None:
    """Return the name of the exception that explains a violation, None if none does."""
    return next((name for name, explains in EXCEPTIONS.items() if explains(airflow, violation)), None)


# The cases of "What cannot be done". Each says what it explains: no more than that.


def _clear_while_running(airflow: Airflow, violation: Violation) -> bool:
    """Airflow keeps ``max_tries`` then, so the next attempt takes the clear for a retry.

    That matters only if the cleared attempt could not cancel the run: its process had no time to, or the run had ended.
    """
    run = violation.run
    if violation.promise != "a clear starts another run" or run is None or airflow.clears[-1][0] != "running":
        return False
    cleared = airflow.attempts[-2]
    could_cancel = "terminated" in cleared.ends and cleared.error and run.ended_at(cleared.error_at) is None
    return not could_cancel


def _died_after_deleting_its_record(airflow: Airflow, violation: Violation) -> bool:
    by = violation.run.by if violation.run else 0
    died = [attempt.number for attempt in airflow.attempts if attempt.deleted_record and attempt.ends]
    if violation.promise == "nothing is left running":  # the run of a task that does not wait
        return by in died and not _waits(airflow)
    repeats = violation.promise in ("a retry takes the result", "never two runs at once")
    return repeats and any(number < by for number in died)


def _left_to_a_retry_that_a_user_prevented(airflow: Airflow, violation: Violation) -> bool:
    ended = any(state == "up_for_retry" for state, _ in airflow.marks)
    return violation.promise == "nothing is left running" and ended


def _killed_in_last_attempt(airflow: Airflow, violation: Violation) -> bool:
    killed = "killed" in airflow.current.ends or "frozen" in str(airflow.current.ends)
    return violation.promise == "nothing is left running" and killed and not airflow.current.has_retry


def _started_by_a_process_that_was_frozen(airflow: Airflow, violation: Violation) -> bool:
    """It woke up before its request, when Airflow thought it dead. It cancels the run, as far as Hex responds."""
    run = violation.run
    if run is None:
        return False
    attempt = airflow.attempts[run.by - 1]
    belated = attempt.thought_dead and run.started > attempt.began + DEAD_AFTER
    cancelled = run.cancelled_by == run.by or _is_listed(run, attempt)
    return belated and (cancelled or attempt.error is None or _start_was_late(airflow))


def _start_was_late(airflow: Airflow) -> bool:
    return any(answer.startswith("RunProject: ") and "late" in answer for _, answer in airflow.hex.bad_answers)


def _hex_was_slow_at_the_end(airflow: Airflow, attempt: Attempt) -> bool:
    """Whether Hex failed, or did not respond, or did not list a new run, in the 5 s before SIGKILL."""
    if "terminated" not in attempt.ends:
        return False
    lasts = {"late": LATE_RESPONSE, "missing": 0.0}
    return any(
        when >= attempt.terminated_at - next((lasts[word] for word in lasts if word in answer), 0.0)
        for when, answer in airflow.hex.bad_answers
    )


def _is_listed(run: HexRun, attempt: Attempt) -> bool:
    return isinstance(attempt.error, HexAmbiguousStart) and run.id in str(attempt.error)


def _start_is_ambiguous(airflow: Airflow, violation: Violation) -> bool:
    """An error lists the run, among those that the task may have started, and asks the user to cancel it."""
    run = violation.earlier or violation.run
    continues = violation.promise in ("nothing is left running", "never two runs at once")
    return continues and run is not None and any(_is_listed(run, attempt) for attempt in airflow.attempts)


def _cancel_did_not_get_through(airflow: Airflow, violation: Violation) -> bool:
    """Hex rejected or lost the cancel within the 5 s that Airflow leaves the process."""
    failed = any(answer.startswith("CancelRun") for _, answer in airflow.hex.bad_answers)
    ended = any("terminated" in attempt.ends for attempt in airflow.attempts)
    return violation.promise == "nothing is left running" and failed and ended


def _hex_was_slower_than_the_kill(airflow: Airflow, violation: Violation) -> bool:
    """Hex did not respond within the 5 s that Airflow leaves the process, or carried out RunProject later still."""
    run, current = violation.run, airflow.current
    if run is None or violation.promise not in ("nothing is left running", "never two runs at once"):
        return False
    attempt = airflow.attempts[run.by - 1]
    carried_out_late = _start_was_late(airflow) and "terminated" in attempt.ends and run.started > attempt.terminated_at
    if violation.promise == "never two runs at once":
        return carried_out_late
    slow = any(_hex_was_slow_at_the_end(airflow, each) for each in (attempt, current))
    prevented = bool(airflow.marks or airflow.clears) or not current.has_retry
    return (slow or carried_out_late) and prevented


def _ended_by_a_user_right_before_its_deferral(airflow: Airflow, violation: Violation) -> bool:
    """After its last question to Airflow. Airflow rejects the deferral, and the process ends: its code returned."""
    if violation.promise != "nothing is left running" or not airflow.marks:
        return False
    _, when = airflow.marks[-1]
    asked = airflow.current.asked_at >= airflow.current.recorded_at > 0
    return airflow.current.report_rejected and asked and when >= airflow.current.asked_at


def _ended_by_a_user_when_its_deferral_failed(airflow: Airflow, violation: Violation) -> bool:
    """The trigger has ended with an event, or does so before Airflow ends it, and Airflow drops the event."""
    failed_at = airflow.current.wait_failed_at
    if violation.promise != "nothing is left running" or not airflow.marks or failed_at is None:
        return False
    state, when = airflow.marks[-1]
    return state == "deferred" and when >= failed_at - NOTICED_AFTER


def _frozen_between_its_question_and_its_cancel(airflow: Airflow, violation: Violation) -> bool:
    """It asked whether another attempt owns the run when none did, and cancelled the run when it woke up."""
    attempt = violation.attempt
    if violation.promise != "only the owner cancels" or attempt is None:
        return False
    return attempt.thought_dead and attempt.frozen_at >= attempt.asks_since > 0


def _timed_out_while_its_record_was_updated(airflow: Airflow, violation: Violation) -> bool:
    """The ``execution_timeout`` was reached when the run had ended, in an update of its record."""
    attempt = violation.attempt
    if violation.promise != "the error is true" or attempt is None or not isinstance(attempt.error, AirflowTaskTimeout):
        return False
    run = next((run for run in airflow.hex.runs if run.id == attempt.recorded_run), None)
    return run is not None and not _in_flight(run, attempt.error_at) and run.id not in str(attempt.error)


def _superseded_start_is_reconciled(airflow: Airflow, violation: Violation) -> bool:
    """A process that Airflow thought dead lost the response to its RunProject, and found the other attempt's run."""
    attempt, run = violation.attempt, violation.run
    if violation.promise != "only the owner cancels" or attempt is None or run is None:
        return False
    return attempt.thought_dead and attempt.recorded_run != run.id


EXCEPTIONS: dict[str, Callable[[Airflow, Violation], bool]] = {
    "cleared while it runs in a worker": _clear_while_running,
    "died after it deleted its record": _died_after_deleting_its_record,
    "left to a retry that a user prevented": _left_to_a_retry_that_a_user_prevented,
    "killed in its last attempt": _killed_in_last_attempt,
    "frozen between its record and its request": _started_by_a_process_that_was_frozen,
    "asked to end while Hex was slow": _hex_was_slower_than_the_kill,
    "asked to end while Hex did not accept the cancel": _cancel_did_not_get_through,
    "ambiguous start, and the error lists the run": _start_is_ambiguous,
    "thought dead, and the response to its request was lost": _superseded_start_is_reconciled,
    "frozen between its question and its cancel": _frozen_between_its_question_and_its_cancel,
    "timed out while its record was updated": _timed_out_while_its_record_was_updated,
    "ended by a user when its deferral failed": _ended_by_a_user_when_its_deferral_failed,
    "ended by a user right before its deferral": _ended_by_a_user_right_before_its_deferral,
}
