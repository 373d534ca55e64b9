"""What must hold at the end of every story of a sensor, which waits for a run that something else started."""

from __future__ import annotations

from collections.abc import Iterator

from airflow_provider_hex.airflow_compat import AirflowSensorTimeout, AirflowSkipException, AirflowTaskTimeout
from tests.simulation.airflow_model import Airflow
from tests.simulation.airflow_rules import NOTICED_AFTER
from tests.simulation.hex_answers import REJECTED
from tests.simulation.invariants import Check, Violation, in_flight

LATEST_SIGHT = 60.0
"""Seconds within which a sensor sees that its run has completed, in the worst of these stories."""


def cancels_only_if_allowed(airflow: Airflow) -> Iterator[Violation]:
    """With ``cancel_on_kill``, a sensor that is killed, or times out, cancels the run. Nothing else does."""
    (run,) = airflow.hex.runs
    if run.cancelled_at is None:
        return
    attempt = airflow.attempts[(run.cancelled_by or 1) - 1]
    killed = "terminated" in attempt.ends or airflow.marks or airflow.clears
    if not airflow.setup.cancels_on_kill or not (killed or _has_timed_out(airflow, attempt.began, run.cancelled_at)):
        yield Violation("a sensor cancels no run", f"attempt {attempt.number} cancelled it", run, attempt=attempt)


def nothing_left_running(airflow: Airflow) -> Iterator[Violation]:
    """The other half of ``cancel_on_kill``."""
    (run,) = airflow.hex.runs
    error = airflow.current.error
    is_timeout = isinstance(error, (AirflowSensorTimeout, AirflowTaskTimeout, AirflowSkipException))
    ended = airflow.state in ("failed", "skipped") and is_timeout and "time" in str(error).lower()
    continues = in_flight(run, airflow.over_at + NOTICED_AFTER + 5.0 + airflow.grace)
    if airflow.setup.cancels_on_kill and continues and (ended or airflow.marked):
        yield Violation("nothing is left running", "the sensor's run", run, attempt=airflow.current)


def skips_only_what_may_be_skipped(airflow: Airflow) -> Iterator[Violation]:
    """``soft_fail`` is for a run that did not complete, and for timeouts. It hides no other error."""
    (run,) = airflow.hex.runs
    attempt = airflow.current
    if airflow.state != "skipped":
        return
    has_failed = not in_flight(run, attempt.error_at) and run.status(attempt.error_at) != "COMPLETED"
    allowed = has_failed or _has_timed_out(airflow, attempt.began, attempt.error_at)
    if not airflow.setup.options.get("soft_fail") or not allowed or _was_rejected(airflow):
        yield Violation("only a timeout or a failed run is skipped", str(attempt.error), run, attempt=attempt)


def a_completed_run_is_seen(airflow: Airflow) -> Iterator[Violation]:
    """A sensor does not fail, and is not skipped, if its run completed in time."""
    (run,) = airflow.hex.runs
    attempt = airflow.current
    if airflow.state not in ("failed", "skipped") or airflow.marked or attempt.error is None or attempt.thought_dead:
        return
    ended = run.ended_at(attempt.error_at)
    completed = ended is not None and run.status(attempt.error_at) == "COMPLETED"
    known = "already COMPLETED" in str(attempt.error)  # when the process ended, at its execution_timeout
    if completed and attempt.error_at - (ended or 0.0) > LATEST_SIGHT and not known and not _was_rejected(airflow):
        yield Violation("a completed run is seen", str(attempt.error), run, attempt=attempt)


SENSOR_CHECKS: tuple[Check, ...] = (
    cancels_only_if_allowed,
    nothing_left_running,
    skips_only_what_may_be_skipped,
    a_completed_run_is_seen,
)


def _has_timed_out(airflow: Airflow, began: float, when: float) -> bool:
    limits = (airflow.template.timeout, airflow.setup.execution_timeout)
    return any(limit is not None and when - began >= limit - 1 for limit in limits)


def _was_rejected(airflow: Airflow) -> bool:
    """Whether Hex rejected the token in the last poll of the current attempt."""
    own = [each for each in airflow.hex.answers if each.by == airflow.current.number]
    return [each.answer for each in own if each.name == "GetRunStatus"][-1:] == [REJECTED]
