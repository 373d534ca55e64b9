from __future__ import annotations

import logging
from typing import Any, cast

import pytest

from airflow_provider_hex.api.errors import HexNotFound, HexRateLimited, HexRunFailed, HexRunTimeout
from airflow_provider_hex.api.models import Run, RunStatus
from airflow_provider_hex.api.run_watch import RunWatch, duration, require_completed

ENDED = ["COMPLETED", "ERRORED", "KILLED", "UNABLE_TO_ALLOCATE_KERNEL"]


def run(status: Any) -> Run:
    return cast(Run, {"projectId": "p", "runId": "r", "runUrl": "https://hex/r", "status": status, "traceId": "t"})


def watch(**options: Any) -> RunWatch:
    return RunWatch("p", "r", started_at=100.0, **options)


@pytest.mark.parametrize("status", [*RunStatus, "PONDERING", "completed", "", None, 1])
def test_a_wait_ends_with_the_four_ends_only(status: Any) -> None:
    assert watch().saw(run(status)) is (status in ENDED)


@pytest.mark.parametrize("status", [*RunStatus, "PONDERING", "completed", "", None, 1])
def test_completed_alone_is_a_success(status: Any) -> None:
    if status == "COMPLETED":
        assert require_completed(run(status)) == run(status)
    else:
        with pytest.raises(HexRunFailed, match=r"https://hex/r, trace id t"):
            require_completed(run(status))


def test_an_error_that_passes_is_outlived_and_its_wish_obeyed_once() -> None:
    waiting = watch(poll_interval=5)
    waiting.missed(HexRateLimited("429", retry_after=42))
    assert waiting.pause(100) == 42
    waiting.saw(run("RUNNING"))
    assert waiting.pause(100) == 5


@pytest.mark.parametrize(("now", "seconds"), [(100, 2), (200, 10), (86400, 120)])
def test_looks_become_rarer_unless_an_interval_is_chosen(now: float, seconds: float) -> None:
    assert watch().pause(now) == seconds
    assert watch(poll_interval=0.5).pause(now) == 0.5


def test_no_look_comes_before_the_clients_pace_allows_it() -> None:
    waiting = watch(poll_interval=5)
    assert waiting.pause(100, at_least=7) == 7
    waiting.missed(HexRateLimited("429", retry_after=42))
    assert waiting.pause(100, at_least=7) == 42


def test_an_error_that_stays_ends_the_wait_and_names_the_run() -> None:
    waiting = watch()
    waiting.saw(run("RUNNING"))
    with pytest.raises(HexNotFound) as raised:
        waiting.missed(HexNotFound("gone."))
    assert str(raised.value) == "gone. It ends the wait for run r. The run: https://hex/r."


@pytest.mark.parametrize("seen", [[], [{"runId": "r", "status": "RUNNING"}]])
def test_an_error_that_ends_the_wait_names_the_run_also_where_its_url_is_not_known(seen: list[Any]) -> None:
    waiting = watch()
    for look in seen:
        waiting.saw(look)
    with pytest.raises(HexNotFound) as raised:
        waiting.missed(HexNotFound("gone."))
    assert str(raised.value) == "gone. It ends the wait for run r."


def test_each_new_state_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    waiting = watch()
    with caplog.at_level(logging.INFO):
        for status in ("PENDING", "RUNNING", "RUNNING", "PONDERING", "COMPLETED"):
            waiting.saw(run(status))
    named = "Hex run r of project p (https://hex/r, trace id t) is"
    assert caplog.messages == [
        f"{named} PENDING.",
        f"{named} RUNNING.",
        f"{named} PONDERING, a status that is not known here.",
        f"{named} COMPLETED.",
    ]
    assert {(record.name, record.levelname) for record in caplog.records} == {(RunWatch.__module__, "INFO")}


def test_a_look_that_failed_is_told(caplog: pytest.LogCaptureFixture) -> None:
    watch().missed(HexRateLimited("The limit is reached."))
    assert caplog.record_tuples == [
        (
            RunWatch.__module__,
            logging.WARNING,
            "Looking at Hex run r failed; it will be looked at again. The limit is reached.",
        )
    ]


def test_the_last_look_is_when_the_time_is_up() -> None:
    waiting = watch(poll_interval=10, timeout=25)
    waiting.saw(run("RUNNING"))
    assert waiting.pause(100) == 10
    assert waiting.pause(120) == 5
    with pytest.raises(HexRunTimeout, match="was still RUNNING when its time was up, after 25 s"):
        waiting.pause(125)


def test_a_run_that_was_never_seen_is_named_when_the_time_is_up() -> None:
    with pytest.raises(HexRunTimeout) as raised:
        watch(timeout=25).pause(126)
    assert str(raised.value) == "Hex run r of project p could not be looked at when its time was up, after 25 s."


def test_without_a_timeout_there_is_no_end() -> None:
    assert watch(poll_interval=10).pause(1e9) == 10


def test_looks_are_more_frequent_when_earlier_runs_ended() -> None:
    past = [300.0] * 10
    assert watch().pause(100 + 290, past=past) < watch().pause(100 + 290)
    assert watch(poll_interval=5).pause(100 + 290, past=past) == 5


def test_a_pause_that_the_user_did_not_choose_can_be_stretched() -> None:
    """So that many processes that began at the same moment do not look at the same moment."""
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
def test_a_run_that_has_ended_tells_how_long_it_took(more: dict[str, Any], seconds: float | None) -> None:
    assert duration(cast(Run, {"projectId": "p", "runId": "r", **more})) == seconds


def test_the_first_look_is_soon_after_the_waiting_began() -> None:
    assert watch().first_look(100) == 102
    assert watch(poll_interval=7).first_look(100) == 107
    assert watch().first_look(5000) == 5000


def test_the_time_that_is_left_runs_since_the_waiting_began() -> None:
    assert watch(timeout=50).left(120) == 30
    assert watch().left(120) is None
