from __future__ import annotations

import logging
import re
from typing import Any, cast

import pytest

from airflow_provider_hex.api.call import Call
from airflow_provider_hex.api.errors import (
    HexNotFound,
    HexRateLimited,
    HexRequestRejected,
    HexRunFailed,
    HexRunTimeout,
    HexServerError,
)
from airflow_provider_hex.api.models import Run, RunStatus, duration
from airflow_provider_hex.api.poll_schedule import EndForecast
from airflow_provider_hex.api.run_watch import RunWatch, require_completed
from tests.api.calls import PROJECT, RUN

ENDED = ["COMPLETED", "ERRORED", "KILLED", "UNABLE_TO_ALLOCATE_KERNEL"]


def run(status: Any) -> Run:
    return cast(Run, {"projectId": "p", "runId": "r", "runUrl": "https://hex/r", "status": status, "traceId": "t"})


def watch(**options: Any) -> RunWatch:
    return RunWatch("p", "r", started_at=100.0, **options)


@pytest.mark.parametrize("status", [*RunStatus, "PONDERING", "completed", "", None, 1])
def test_a_run_has_ended_in_four_statuses_only(status: Any) -> None:
    assert watch().polled(run(status)) is (status in ENDED)


@pytest.mark.parametrize("status", [*RunStatus, "PONDERING", "completed", "", None, 1])
def test_only_a_completed_run_is_a_success(status: Any) -> None:
    if status == "COMPLETED":
        assert require_completed(run(status)) == run(status)
    else:
        with pytest.raises(HexRunFailed, match=r"Trace id: t\. Run: https://hex/r$"):
            require_completed(run(status))


def test_a_transient_error_delays_the_next_poll_by_as_long_as_hex_asks() -> None:
    waiting = watch(poll_interval=5)
    waiting.polling(100)
    waiting.poll_failed(HexRateLimited("429", retry_after=42))
    assert waiting.pause(100) == 42
    assert waiting.pause(110) == 32
    waiting.polling(100)
    waiting.polled(run("RUNNING"))
    assert waiting.pause(100) == 5


@pytest.mark.parametrize(("now", "seconds"), [(100, 2), (200, 2), (86400, 4)])
def test_polls_become_rarer_unless_the_user_chose_an_interval(now: float, seconds: float) -> None:
    assert watch().pause(now) == seconds
    assert watch(poll_interval=0.5).pause(now) == 0.5


def test_polls_are_spread_evenly_over_the_rate_limit() -> None:
    assert watch().pause(100, spaced=2.44) == 2.44
    assert watch().pause(100, spaced=2.44, at_least=7) == 7
    assert watch().pause(100, spaced=1) == 2


@pytest.mark.parametrize(("interval", "spaced", "pause"), [(5, 2.44, 5), (1, 2.44, 2.44), (0.1, 0, 0.1)])
def test_an_interval_that_the_user_chose_is_used_as_far_as_the_rate_limit_allows(
    interval: float, spaced: float, pause: float
) -> None:
    assert watch(poll_interval=interval).pause(100, spaced=spaced) == pause


def test_the_last_poll_does_not_wait_until_polls_are_evenly_spread() -> None:
    assert watch(timeout=25).pause(120, spaced=15) == 5
    assert watch(timeout=25).pause(125, spaced=15) == 0
    assert watch(timeout=25).pause(125, spaced=15, at_least=7) == 7


def test_no_poll_comes_before_the_rate_limit_allows_it() -> None:
    waiting = watch(poll_interval=5)
    assert waiting.pause(100, at_least=7) == 7
    waiting.polling(100)
    waiting.poll_failed(HexRateLimited("429", retry_after=42))
    assert waiting.pause(100, at_least=7) == 42


def test_a_permanent_error_ends_the_wait_and_names_the_run() -> None:
    waiting = watch()
    waiting.polled(run("RUNNING"))
    with pytest.raises(HexNotFound) as raised:
        waiting.poll_failed(HexNotFound("gone."))
    assert str(raised.value) == "gone. This ends the wait for the run. Trace id: t. Run: https://hex/r"


@pytest.mark.parametrize("seen", [[], [{"projectId": "p", "runId": "r", "status": "RUNNING"}]])
def test_a_permanent_error_names_the_run_even_if_its_url_is_unknown(seen: list[Any]) -> None:
    waiting = watch()
    for each in seen:
        waiting.polled(each)
    with pytest.raises(HexNotFound) as raised:
        waiting.poll_failed(HexNotFound("gone."))
    assert str(raised.value) == "gone. This ends the wait for the run. Run: r of project p"


def test_each_new_status_is_logged_once_and_the_first_and_the_last_with_the_url(
    caplog: pytest.LogCaptureFixture,
) -> None:
    waiting = watch()
    with caplog.at_level(logging.INFO):
        for second, status in enumerate(("PENDING", "RUNNING", "RUNNING", "PONDERING", "COMPLETED")):
            waiting.polling(100 + second)
            waiting.polled({**run(status), "elapsedTime": 3500})
    assert caplog.messages == [
        "Hex run PENDING: https://hex/r",
        "Hex run RUNNING after 1 s of waiting",
        "Hex run PONDERING (a status that this provider does not know) after 3 s of waiting",
        "Hex run COMPLETED after 3.5 s: https://hex/r",
    ]
    assert {(record.name, record.levelname) for record in caplog.records} == {(RunWatch.__module__, "INFO")}


def test_a_heartbeat_comes_each_minute_of_the_wait() -> None:
    waiting = watch()
    assert [waiting.until_heartbeat(now) for now in (100, 130, 160)] == [60, 30, 60]
    assert waiting.until_heartbeat(159.99) == pytest.approx(60.01)  # the sleep ended a little too early


def test_a_heartbeat_has_the_status_and_for_how_long_the_wait_has_lasted(caplog: pytest.LogCaptureFixture) -> None:
    waiting = watch()
    with caplog.at_level(logging.INFO):
        waiting.heartbeat(160)
        waiting.polling(210)
        waiting.polled(run("RUNNING"))
        for now in (220, 400):
            waiting.heartbeat(now)
    assert caplog.messages == [
        "Hex run of unknown status after 60 s of waiting",
        "Hex run RUNNING: https://hex/r",
        "Hex run RUNNING after 120 s of waiting",
        "Hex run RUNNING after 300 s of waiting, when last polled 190 s ago",
    ]


def test_a_poll_that_failed_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    watch().poll_failed(HexServerError("Hex failed."))
    assert caplog.record_tuples == [
        (
            RunWatch.__module__,
            logging.WARNING,
            "A poll failed, and will be retried. Hex failed.",
        )
    ]


def test_a_poll_that_was_rate_limited_is_logged_but_does_not_warn(caplog: pytest.LogCaptureFixture) -> None:
    """It is a reason to wait, and regular where several processes share a token."""
    with caplog.at_level(logging.INFO):
        watch().poll_failed(HexRateLimited("The limit is reached."))
    assert caplog.record_tuples == [
        (
            RunWatch.__module__,
            logging.INFO,
            "A poll was rate-limited, and will be retried. The limit is reached.",
        )
    ]


def test_the_last_poll_is_when_the_timeout_is_reached() -> None:
    waiting = watch(poll_interval=10, timeout=25)
    waiting.polling(100)
    waiting.polled(run("RUNNING"))
    assert waiting.pause(100) == 10
    assert waiting.pause(120) == 5
    assert waiting.pause(125) == 0
    waiting.polling(125)
    waiting.polled(run("RUNNING"))
    with pytest.raises(
        HexRunTimeout, match=r"Timed out after 25 s of waiting: the run is still RUNNING\. .*Run: https://hex/r$"
    ):
        waiting.pause(125)


def test_a_poll_that_was_sent_before_the_timeout_is_not_the_last_one() -> None:
    waiting = watch(timeout=25)
    waiting.polling(124)
    waiting.polled(run("RUNNING"))
    assert waiting.pause(126) == 0


def test_a_last_poll_that_fails_for_a_moment_is_tried_again_a_few_times() -> None:
    waiting = watch(timeout=25)
    for moment in (125, 126, 127):
        waiting.polling(moment)
        waiting.poll_failed(HexServerError("500"))
        assert waiting.pause(moment) == 1
    waiting.polling(128)
    waiting.poll_failed(HexServerError("It failed."))
    with pytest.raises(HexRunTimeout, match=r"no poll of the run succeeded.*A last poll was not possible: It failed\."):
        waiting.pause(128)


@pytest.mark.parametrize(("pause", "is_possible"), [(29, True), (30, True), (31, False)])
def test_the_last_poll_waits_for_the_rate_limit_but_not_for_long(pause: float, is_possible: bool) -> None:
    waiting = watch(timeout=25)
    waiting.polling(100)
    waiting.polled(run("RUNNING"))
    if is_possible:
        assert waiting.pause(125, at_least=pause) == pause
    else:
        with pytest.raises(
            HexRunTimeout, match=r"was RUNNING when it was last polled\. .* possible: the rate limit allows"
        ):
            waiting.pause(125, at_least=pause)


def test_a_timeout_says_that_hex_did_not_respond_to_the_last_poll() -> None:
    waiting = watch(timeout=25)
    waiting.polling(125)
    assert "A last poll was not possible: Hex did not respond within 30 s." in str(waiting.timed_out())


def test_a_last_poll_for_which_hex_asks_a_short_delay_is_tried_again_after_it() -> None:
    waiting = watch(timeout=25)
    waiting.polling(125)
    waiting.poll_failed(HexRateLimited("429", retry_after=20))
    assert waiting.pause(125) == 20


def test_a_timeout_names_the_run_even_if_no_poll_succeeded() -> None:
    with pytest.raises(HexRunTimeout) as raised:
        watch(timeout=25).pause(156)
    assert re.search(r"Timed out after 25 s of waiting.*Run: r of project p$", str(raised.value))


def test_without_a_timeout_polls_never_stop() -> None:
    assert watch(poll_interval=10).pause(1e9) == 10


def test_polls_are_more_frequent_around_the_duration_of_past_runs() -> None:
    forecast = EndForecast([3000.0] * 30)
    assert watch().pause(100 + 1000, forecast=forecast) > watch().pause(100 + 2900, forecast=forecast)
    assert watch().pause(100 + 2900, forecast=forecast) < watch().pause(100 + 2900)
    assert watch(poll_interval=5).pause(100 + 2900, forecast=forecast) == 5


def test_a_run_is_expected_to_have_ended_for_longer_the_longer_ago_it_was_polled() -> None:
    waiting, forecast = watch(), EndForecast([100.0])
    never_polled = waiting.expected_delay(220, forecast)
    waiting.polling(200)
    just_polled = waiting.expected_delay(220, forecast)
    assert (never_polled, just_polled) == (forecast.expected_delay(0, 120), forecast.expected_delay(100, 120))
    assert never_polled > just_polled > 0
    assert waiting.expected_delay(200, forecast) == 0


def test_a_run_that_a_list_did_not_have_counts_as_not_polled() -> None:
    waiting, forecast = watch(), EndForecast([100.0])
    waiting.polling(200)
    waiting.not_polled()
    assert waiting.expected_delay(220, forecast) == forecast.expected_delay(0, 120)


def test_a_clock_that_is_set_back_makes_no_run_late() -> None:
    waiting = watch()
    waiting.polling(200)
    assert waiting.expected_delay(50, EndForecast()) == 0


def test_a_pause_that_the_user_did_not_choose_can_be_stretched() -> None:
    """So that processes that began at the same moment do not all poll at the same moment."""
    assert watch().pause(200, stretch=1.2) == 1.2 * watch().pause(200)
    assert watch(poll_interval=5).pause(200, stretch=1.2) == 5
    assert watch(timeout=150).pause(249, stretch=1.2) == 1


@pytest.mark.parametrize(
    ("more", "seconds"),
    [
        ({"status": "COMPLETED", "elapsedTime": 1500}, 1.5),
        ({"status": "ERRORED", "elapsedTime": 0.5}, 0.0005),
        ({"status": "RUNNING", "elapsedTime": 1500}, None),
        ({"status": "COMPLETED", "elapsedTime": None}, None),
        ({"status": "COMPLETED", "elapsedTime": "1500"}, None),
        ({"status": "COMPLETED", "elapsedTime": True}, None),
        ({"status": "COMPLETED"}, None),
    ],
)
def test_the_duration_of_a_run_is_known_when_it_has_ended(more: dict[str, Any], seconds: float | None) -> None:
    assert duration(cast(Run, {"projectId": "p", "runId": "r", **more})) == seconds


def test_the_first_poll_is_soon_after_the_wait_began() -> None:
    assert watch().first_poll(100) == 102
    assert watch(poll_interval=7).first_poll(100) == 107
    assert watch().first_poll(5000) == 5000


def test_the_first_poll_is_not_after_the_timeout() -> None:
    assert watch(poll_interval=60, timeout=12).first_poll(100) == 112
    assert watch(poll_interval=60, timeout=12).first_poll(115) == 115


@pytest.mark.parametrize(("now", "is_transient"), [(159, True), (160, False)])
@pytest.mark.parametrize("status", [403, 404, 422])
def test_a_rejection_is_transient_while_the_run_is_new(status: int, now: float, is_transient: bool) -> None:
    procedure = RunWatch(PROJECT, RUN, started_at=100.0, new_until=160.0).poll(now)
    next(procedure)
    if is_transient:
        with pytest.raises(HexRequestRejected, match="Hex may not show it yet") as raised:
            procedure.throw(HexRequestRejected("No.", status=status))
        assert raised.value.transient
    else:
        asked = procedure.throw(HexRequestRejected("No.", status=status))
        assert isinstance(asked, Call)
        assert asked.name == "GetProject"


def test_the_timeout_counts_from_the_beginning_of_the_wait() -> None:
    assert watch(timeout=50).left(120) == 30
    assert watch().left(120) is None
