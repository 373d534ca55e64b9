"""The cases of "What cannot be done" in ``docs/reliability.md``: the only ones that may break a promise.

A violation that one of them explains is counted under its name; any other fails.
"""

from __future__ import annotations

from collections.abc import Callable

from airflow_provider_hex.api.errors import HexAmbiguousStart
from tests.simulation.airflow_model import Airflow
from tests.simulation.airflow_rules import DEAD_AFTER, Attempt
from tests.simulation.hex_model import LATE_RESPONSE, HexRun
from tests.simulation.invariants import Violation
from tests.simulation.world import LATENCY


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
    """The trigger has asked Airflow for the task's state, and fires an event, which Airflow drops."""
    failed_at = airflow.current.wait_failed_at
    if violation.promise != "nothing is left running" or not airflow.marks or failed_at is None:
        return False
    state, when = airflow.marks[-1]
    return state == "deferred" and when >= failed_at - 2 * LATENCY


def _frozen_between_its_question_and_its_cancel(airflow: Airflow, violation: Violation) -> bool:
    """It asked whether another attempt owns the run when none did, and cancelled the run when it woke up."""
    attempt = violation.attempt
    if violation.promise != "only the owner cancels" or attempt is None:
        return False
    return attempt.thought_dead and attempt.frozen_at >= attempt.asks_since > 0


EXCEPTIONS: dict[str, Callable[[Airflow, Violation], bool]] = {
    "cleared while it runs in a worker": _clear_while_running,
    "left to a retry that a user prevented": _left_to_a_retry_that_a_user_prevented,
    "killed in its last attempt": _killed_in_last_attempt,
    "frozen between its record and its request": _started_by_a_process_that_was_frozen,
    "asked to end while Hex was slow": _hex_was_slower_than_the_kill,
    "asked to end while Hex did not accept the cancel": _cancel_did_not_get_through,
    "ambiguous start, and the error lists the run": _start_is_ambiguous,
    "frozen between its question and its cancel": _frozen_between_its_question_and_its_cancel,
    "ended by a user when its deferral failed": _ended_by_a_user_when_its_deferral_failed,
    "ended by a user right before its deferral": _ended_by_a_user_right_before_its_deferral,
}
