"""What must hold at the end of every story: the provider's promises."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from airflow.sdk.exceptions import AirflowTaskTerminated

from airflow_provider_hex.airflow_compat import AirflowFailException
from airflow_provider_hex.api.errors import HexRateLimited
from tests.simulation.airflow_model import Airflow
from tests.simulation.airflow_rules import DONE, NOTICED_AFTER, Attempt
from tests.simulation.hex_model import TOKEN, HexRun
from tests.simulation.world import LATENCY

TIMEOUT_SLACK = 75.0
"""Seconds by which a timeout may be late: for the last poll, and for a response."""


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


def violations(airflow: Airflow, checks: Iterable[Check]) -> list[Violation]:
    """Return what is broken at the end of a story.

    :param airflow: Airflow.
    :param checks: what to check for a task of its kind, beyond what holds for every task.
    """
    return [found for check in (*COMMON_CHECKS, *checks) for found in check(airflow)]


def task_ends(airflow: Airflow) -> Iterator[Violation]:
    if airflow.state not in DONE:
        yield Violation("the task ends", f"it is {airflow.state}")


def green_only_when_completed(airflow: Airflow) -> Iterator[Violation]:
    """Promise 1. A task that does not wait returns a run that exists."""
    if airflow.state != "success" or airflow.marked:
        return
    result = airflow.current.result or {}
    run = next((run for run in airflow.hex.runs if run.id == result.get("runId")), None)
    if run is None or (waits(airflow) and (run.status(airflow.world.now), result.get("status")) != ("COMPLETED",) * 2):
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
            if not waits(airflow) and cleared_between(airflow, run.started, later.started):
                continue  # a task that does not wait leaves the run of its cleared attempt running
            ended = run.ended_at(max(later.started, airflow.world.now))
            if ended is None or ended > later.started:
                what = f"run {later.number} began during run {run.number}"
                yield Violation("never two runs at once", what, later, run)


def result_is_not_lost(airflow: Airflow) -> Iterator[Violation]:
    """Promise 2: a retry takes the result of a run that completed."""
    if not airflow.setup.keeps_record:
        return
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
        cleared = cleared_between(airflow, run.started, airflow.world.now)
        unwanted = any(when < run.started for _, when in airflow.marks)  # a user had ended the task before
        continues = in_flight(run, max(airflow.over_at, run.started) + NOTICED_AFTER + 5.0 + airflow.grace)
        if continues and (waits(airflow) or unwanted or not (handed_on or cleared)):
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
    for run in airflow.hex.others:  # a sensor's run is not among them
        adopted = any(attempt.recorded_run == run.id for attempt in airflow.attempts)
        if run.cancelled_at is not None or adopted:
            yield Violation("runs of others are left alone", "one was cancelled, or adopted", run)


def deploys_cancel_nothing(airflow: Airflow) -> Iterator[Violation]:
    """The table in ``docs/reliability.md``: a run is left to the retry that finds it."""
    if not airflow.setup.keeps_record:
        return
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


def deferrals_are_long_enough(airflow: Airflow) -> Iterator[Violation]:
    """Airflow 3 fails a task that resumes before it has seen the exit of its first process."""
    for attempt in airflow.attempts:
        if attempt.resumed_early:
            yield Violation("a deferral is long enough", f"attempt {attempt.number} resumed early", attempt=attempt)


def timeouts_are_kept(airflow: Airflow) -> Iterator[Violation]:
    """An attempt that nothing disturbs fails at its timeout, but for a last poll and slow responses."""
    limits = [limit for limit in (airflow.template.timeout, airflow.setup.execution_timeout) if limit is not None]
    for attempt in airflow.attempts:
        disturbed = attempt.ends or attempt.had_no_triggerer or attempt.error is None
        if not disturbed and attempt.error_at - attempt.began > min(limits) + TIMEOUT_SLACK:
            yield Violation("timeouts are kept", f"attempt {attempt.number} failed too late", attempt=attempt)


def errors_are_true(airflow: Airflow) -> Iterator[Violation]:
    """Promise 4: the error names the run, and says truly what happened to it."""
    for attempt in airflow.attempts:
        if attempt.error is not None and not attempt.timed_out_by_airflow:
            for lie in _lies(airflow, attempt):
                yield Violation("the error is true", f"attempt {attempt.number} {lie}", attempt=attempt)


def _lies(airflow: Airflow, attempt: Attempt) -> Iterator[str]:
    error = attempt.error
    text = f"{error} {getattr(error, '__notes__', '')}"
    named = [run for run in airflow.hex.runs if run.id in text or f"/run/{run.number} " in text]
    own = attempt.recorded_run
    killed = isinstance(error, AirflowTaskTerminated)  # by Airflow 2: that is its own error
    if own is not None and own not in [run.id for run in named] and not killed:
        yield f"does not name its run {own}: {text}"
    if "The run was cancelled." in text and (not named or any(in_flight(run, attempt.error_at) for run in named)):
        yield f"says that a run was cancelled, which continues: {text}"
    if "next attempt re-attaches" in text and (not attempt.has_retry or isinstance(error, AirflowFailException)):
        yield f"promises a next attempt: {text}"
    if "because another attempt of the task waits for it" in text and attempt is airflow.current:
        yield f"speaks of another attempt: {text}"
    if "No run was started." in text and any(
        run.by == attempt.number and in_flight(run, attempt.error_at) for run in airflow.hex.runs
    ):
        yield f"says that no run was started: {text}"


def token_is_secret(airflow: Airflow) -> Iterator[Violation]:
    for text in airflow.seen:
        if TOKEN in text:
            yield Violation("the token is secret", text)


Check: TypeAlias = Callable[[Airflow], Iterator[Violation]]
COMMON_CHECKS: tuple[Check, ...] = (
    task_ends,
    green_only_when_completed,
    runs_of_others_are_left_alone,
    rate_limits_never_fail,
    deferrals_are_long_enough,
    timeouts_are_kept,
    errors_are_true,
    token_is_secret,
)
CHECKS: tuple[Check, ...] = (
    clear_starts_another_run,
    one_start_per_attempt,
    never_two_at_once,
    result_is_not_lost,
    nothing_left_running,
    only_the_owner_cancels,
    deploys_cancel_nothing,
)


def waits(airflow: Airflow) -> bool:
    return bool(airflow.setup.options.get("wait_for_completion", True))


def cleared_between(airflow: Airflow, earlier: float, later: float) -> bool:
    return any(earlier <= when <= later for _, when in airflow.clears)


def in_flight(run: HexRun, when: float) -> bool:
    ended = run.cancelled_at if run.cancelled_at is not None else run.ends
    return run.started <= when and (ended is None or ended > when)
