"""The cases of "What cannot be done" in ``docs/reliability.md``: the only ones that may break a promise.

A violation that one of them explains is counted under its name; any other fails.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable

from airflow_provider_hex.airflow_compat import AirflowTaskTimeout
from airflow_provider_hex.api.errors import HexAmbiguousStart
from tests.simulation.airflow_model import Airflow
from tests.simulation.airflow_rules import DEAD_AFTER, EXIT_SEEN_LATE, NO_TRIGGERER, NOTICED_AFTER, Attempt
from tests.simulation.hex_answers import LATE_RESPONSE
from tests.simulation.hex_model import HexRun
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
    """The run's attempt died, or failed and said that its retry re-attaches. The user ended the task before that."""
    run, attempt = violation.run, airflow.current
    if violation.promise != "nothing is left running" or run is None or not airflow.setup.keeps_record:
        return False
    owned = run.by == attempt.number or run.id == attempt.recorded_run
    left = attempt.ends or (attempt.error is not None and "next attempt re-attaches" in str(attempt.error))
    # The attempt asks Airflow before it leaves its run to the retry. A user may act after that question.
    prevented = any(state == "up_for_retry" or when >= attempt.asked_at > 0 for state, when in airflow.marks)
    return owned and bool(left) and prevented and attempt.has_retry


def _sensor_failed_after_a_user_ended_it(airflow: Airflow, violation: Violation) -> bool:
    """It failed in the seconds before Airflow ended its process, or had failed when the user ended it."""
    attempt = airflow.current
    if violation.promise != "nothing is left running" or not airflow.marks or attempt.error is None:
        return False
    _, when = airflow.marks[-1]
    return airflow.setup.is_sensor and attempt.error_at <= when + NOTICED_AFTER + LATENCY


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
    return any(each.name == "RunProject" and "late" in each.answer for each in airflow.hex.answers)


def _hex_was_slow_at_the_end(airflow: Airflow, attempt: Attempt) -> bool:
    """Whether Hex failed, or did not respond, or did not list a new run, in the 5 s before SIGKILL."""
    bad = [each for each in airflow.hex.answers if each.is_bad and each.by == attempt.number]
    return "terminated" in attempt.ends and any(each.at + each.lasts >= attempt.terminated_at for each in bad)


def _is_listed(run: HexRun, attempt: Attempt) -> bool:
    return isinstance(attempt.error, HexAmbiguousStart) and run.id in str(attempt.error)


def _start_is_ambiguous(airflow: Airflow, violation: Violation) -> bool:
    """An error lists the run, among those that the task may have started, and asks the user to cancel it."""
    run = violation.earlier or violation.run
    continues = violation.promise in ("nothing is left running", "never two runs at once")
    return continues and run is not None and any(_is_listed(run, attempt) for attempt in airflow.attempts)


def _died_when_its_start_was_ambiguous(airflow: Airflow, violation: Violation) -> bool:
    """It had deleted its record, so that a clear starts another run, and Airflow did not get the error in time."""
    promises = (*_RUNS_CONTINUE, "a retry takes the result")
    if violation.promise not in promises or airflow.setup.is_sensor:
        return False
    return any(each.deleted_record and ("killed" in each.ends or each.thought_dead) for each in airflow.attempts)


def _cancel_did_not_get_through(airflow: Airflow, violation: Violation) -> bool:
    """Hex rejected or lost the cancel of this run, within the 5 s that Airflow leaves the process of an attempt."""
    run = violation.earlier or violation.run
    if run is None or violation.promise not in _RUNS_CONTINUE or not _no_attempt_finds(airflow, run):
        return False
    cancels = [each for each in airflow.hex.answers if each.name == "CancelRun" and each.path.endswith(run.id)]
    last = {each.by: each for each in cancels}  # after a rejection the process was trying again when it was ended
    tried = [(each, airflow.attempts[each.by - 1]) for each in last.values() if each.is_bad]
    return any(
        "terminated" in attempt.ends and each.at <= attempt.terminated_at + airflow.grace for each, attempt in tried
    )


def _no_attempt_finds(airflow: Airflow, run: HexRun) -> bool:
    """Whether no later attempt could find a run: there is none, or no record, or a user ended the task."""
    return not airflow.setup.keeps_record or bool(airflow.marks) or not airflow.current.has_retry


def _hex_was_slower_than_the_kill(airflow: Airflow, violation: Violation) -> bool:
    """Hex did not respond within the 5 s that Airflow leaves the process, or carried out RunProject later still."""
    run, current = violation.run, airflow.current
    if run is None or violation.promise not in ("nothing is left running", "never two runs at once"):
        return False
    attempt = airflow.attempts[run.by - 1]
    carried_out_late = _start_was_late(airflow) and any(
        "terminated" in by.ends and each.started > by.terminated_at
        for each in (run, violation.earlier)
        if each is not None
        for by in [airflow.attempts[each.by - 1]]
    )
    if violation.promise == "never two runs at once" and airflow.setup.keeps_record:
        return carried_out_late
    owners = [attempt, current, *([airflow.attempts[violation.earlier.by - 1]] if violation.earlier else [])]
    slow = any(_hex_was_slow_at_the_end(airflow, each) for each in owners)
    prevented = bool(airflow.marks or airflow.clears) or not current.has_retry or not airflow.setup.keeps_record
    return (slow or carried_out_late) and prevented


def _ended_by_a_user_right_before_its_deferral(airflow: Airflow, violation: Violation) -> bool:
    """After its last question to Airflow. Airflow rejects the deferral, and the process ends: its code returned.

    A sensor asks no question, so it may have been ended during its whole first poke. Where there is a record, the
    attempt after a clear finds the run, and cancels it.
    """
    run = violation.earlier or violation.run
    if violation.promise not in _RUNS_CONTINUE or run is None:
        return False
    ended = airflow.marks if airflow.setup.keeps_record else airflow.marks + airflow.clears
    owners = [airflow.current, *([airflow.attempts[run.by - 1]] if run.by else [])]  # one may have re-attached

    def was_rejected(attempt: Attempt) -> bool:
        asked = airflow.setup.is_sensor or attempt.asked_at >= attempt.recorded_at > 0
        return attempt.report_rejected and asked and any(when >= attempt.asked_at for _, when in ended)

    return any(was_rejected(attempt) for attempt in owners)


def _ended_by_a_user_when_its_deferral_failed(airflow: Airflow, violation: Violation) -> bool:
    """The trigger has ended with an event, or does so before Airflow ends it, and Airflow drops the event."""
    run = violation.earlier or violation.run
    if violation.promise not in _RUNS_CONTINUE or run is None:
        return False
    attempt = airflow.attempts[run.by - 1] if run.by else airflow.current
    failed_at = attempt.wait_failed_at
    if failed_at is None:
        return False
    ended = airflow.marks if airflow.setup.keeps_record else airflow.marks + airflow.clears
    return any(state == "deferred" and failed_at - NOTICED_AFTER <= when for state, when in ended)


def _rescheduled_when_a_user_ended_it(airflow: Airflow, violation: Violation) -> bool:
    """No process of the sensor was there to cancel the run, or it ended before Airflow asked it to."""
    if violation.promise != "nothing is left running" or not airflow.setup.is_sensor or not airflow.marks:
        return False
    has_rescheduled = airflow.setup.options.get("mode") == "reschedule" and airflow.current.report_rejected
    return has_rescheduled or any(state in ("up_for_reschedule", "up_for_retry") for state, _ in airflow.marks)


def _frozen_between_its_question_and_its_cancel(airflow: Airflow, violation: Violation) -> bool:
    """It asked whether another attempt owns the run when none did, and cancelled the run when it woke up."""
    attempt = violation.attempt
    if violation.promise != "only the owner cancels" or attempt is None:
        return False
    return attempt.thought_dead and attempt.frozen_at >= attempt.asks_since > 0


def _superseded_start_is_reconciled(airflow: Airflow, violation: Violation) -> bool:
    """A process that Airflow thought dead lost the response to its RunProject, and found the other attempt's run."""
    attempt, run = violation.attempt, violation.run
    if violation.promise != "only the owner cancels" or attempt is None or run is None:
        return False
    return not airflow.setup.keeps_record and attempt.thought_dead and run.by != attempt.number


def _timed_out_as_it_resumed(airflow: Airflow, violation: Violation) -> bool:
    """The ``execution_timeout`` was reached while the resumed process read its record, or its XComs."""
    attempt = violation.attempt
    if violation.promise != "the error is true" or attempt is None or attempt.deferred_at == 0:
        return False
    says_no_more = re.fullmatch(r"Timeout(\. The task's execution_timeout is \S+ s\.)?", str(attempt.error))
    return isinstance(attempt.error, AirflowTaskTimeout) and says_no_more is not None


def _woke_up_without_a_record(airflow: Airflow, violation: Violation) -> bool:
    """An attempt was thought dead, and took the XComs of the next one for its own, or pushed its own over them."""
    attempt = violation.attempt
    if airflow.setup.keeps_record or not airflow.setup.options.get("deferrable"):
        return False
    if violation.promise == "only the owner cancels":
        return attempt is not None and attempt.thought_dead and attempt.deferred_at > 0
    woke_up = any(each.thought_dead for each in airflow.attempts)
    return woke_up and violation.promise in ("the error is true", "nothing is left running")


def _died_without_a_record(airflow: Airflow, violation: Violation) -> bool:
    """The retry does not find the run of an attempt whose process was killed, or thought dead."""
    run = violation.earlier or violation.run
    if airflow.setup.keeps_record or run is None or not run.by or violation.promise not in _RUNS_CONTINUE:
        return False
    attempt = airflow.attempts[run.by - 1]
    return "killed" in attempt.ends or attempt.thought_dead


def _cleared_while_deferred_without_a_record(airflow: Airflow, violation: Violation) -> bool:
    """The next attempt started its run before the trigger noticed the clear, and before the earlier run was over."""
    run = violation.earlier
    over = None if run is None else run.ended_at(airflow.over_at)
    if airflow.setup.keeps_record or run is None or over is None:
        return False
    cleared = max((when for state, when in airflow.clears if state == "deferred"), default=-math.inf)
    slow = any(each.is_bad and each.path.endswith(run.id) for each in airflow.hex.answers)
    return cleared <= over <= cleared + 2 * NOTICED_AFTER + (LATE_RESPONSE if slow else 0.0)


def _exit_seen_too_late(airflow: Airflow, violation: Violation) -> bool:
    """Airflow failed the task as it resumed, and no attempt follows that finds the run."""
    run = violation.earlier or violation.run
    if violation.promise not in _RUNS_CONTINUE or run is None:
        return False
    owners = [airflow.current, *([airflow.attempts[run.by - 1]] if run.by else [])]  # one may have re-attached
    return any(
        EXIT_SEEN_LATE in attempt.ends and not (airflow.setup.keeps_record and attempt.has_retry) for attempt in owners
    )


def _ended_by_a_user_while_no_triggerer_ran(airflow: Airflow, violation: Violation) -> bool:
    """Airflow deletes the trigger, and runs none of its code."""
    run = violation.earlier or violation.run
    if violation.promise not in _RUNS_CONTINUE or run is None:
        return False
    attempt = airflow.attempts[run.by - 1] if run.by else airflow.current
    return NO_TRIGGERER in attempt.ends


_RUNS_CONTINUE = ("nothing is left running", "never two runs at once")

EXCEPTIONS: dict[str, Callable[[Airflow, Violation], bool]] = {
    "cleared while it runs in a worker": _clear_while_running,
    "left to a retry that a user prevented": _left_to_a_retry_that_a_user_prevented,
    "sensor, failed after a user ended it": _sensor_failed_after_a_user_ended_it,
    "killed in its last attempt": _killed_in_last_attempt,
    "frozen between its record and its request": _started_by_a_process_that_was_frozen,
    "asked to end while Hex was slow": _hex_was_slower_than_the_kill,
    "asked to end while Hex did not accept the cancel": _cancel_did_not_get_through,
    "ambiguous start, and the error lists the run": _start_is_ambiguous,
    "died when its start was ambiguous": _died_when_its_start_was_ambiguous,
    "thought dead, without a record, and the response to its request was lost": _superseded_start_is_reconciled,
    "timed out as it resumed": _timed_out_as_it_resumed,
    "thought dead as it resumed, without a record": _woke_up_without_a_record,
    "frozen between its question and its cancel": _frozen_between_its_question_and_its_cancel,
    "sensor, ended by a user between two pokes": _rescheduled_when_a_user_ended_it,
    "died without a record": _died_without_a_record,
    "cleared while deferred, without a record": _cleared_while_deferred_without_a_record,
    "exit seen too late": _exit_seen_too_late,
    "ended by a user while no triggerer ran": _ended_by_a_user_while_no_triggerer_ran,
    "ended by a user when its deferral failed": _ended_by_a_user_when_its_deferral_failed,
    "ended by a user right before its deferral": _ended_by_a_user_right_before_its_deferral,
}
