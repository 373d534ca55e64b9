"""Many waits at once in one triggerer: how they end, and which requests they take."""

from __future__ import annotations

import asyncio
import contextvars
import logging
import re
import socket
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_hex.api.config import HexConfig
from airflow_provider_hex.api.errors import (
    HexInvalidInput,
    HexRequestRejected,
    HexRunGone,
    HexRunTimeout,
    HexUnauthorized,
    HexUntrustedCertificate,
)
from airflow_provider_hex.api.models import Run
from airflow_provider_hex.api.run_watch import RunWatch
from airflow_provider_hex.triggers import poller
from airflow_provider_hex.triggers.waiters import Project
from hex_emulator.client import Control
from hex_emulator.emulator import VanishedStatus
from tests.api.project_urls import titled
from tests.conftest import PROJECT, PROJECTS, TOKENS
from tests.https import https_to

OTHER = PROJECTS["Warehouse health"]


@pytest.fixture(autouse=True)
def no_poller_is_left() -> Iterator[None]:
    yield
    assert len(poller._pollers) == 0


def config(emulator: Control, token: str = "full", **options: Any) -> HexConfig:
    return HexConfig(emulator.api_url, TOKENS[token], **{"requests_per_minute": 6000, **options})


def watch(run: dict[str, Any], **options: Any) -> RunWatch:
    return RunWatch(run["projectId"], run["runId"], started_at=time.time(), **{"poll_interval": 0.05, **options})


def runs(emulator: Control, count: int, project: str = PROJECT, **course: Any) -> list[dict[str, Any]]:
    """Start so many runs of a project, each of a second, or as given."""
    course = course or {"pending": 5, "running": 5}
    emulator.next_run(times=count, **course)
    return [emulator.start_run(project, trigger="API") for _ in range(count)]


def wait_for(*waits: tuple[HexConfig, RunWatch]) -> list[Run | BaseException]:
    """Wait for all at once, and return how each wait ended."""

    async def together() -> list[Run | BaseException]:
        async with asyncio.timeout(120):
            return await asyncio.gather(*(poller.ended_run(*wait) for wait in waits), return_exceptions=True)

    return asyncio.run(together())


def ids(ended: list[Any]) -> list[str]:
    return [run["runId"] for run in ended]


def calls(emulator: Control) -> list[str]:
    return [request["call"] for request in emulator.requests()]


def test_each_wait_ends_with_its_own_run(emulator: Control) -> None:
    waited_for = runs(emulator, 25)
    ended = wait_for(*[(config(emulator), watch(run)) for run in waited_for])
    assert ids(ended) == [run["runId"] for run in waited_for]
    assert {run["status"] for run in ended} == {"COMPLETED"}  # type: ignore[index]


def test_the_runs_of_a_project_are_polled_with_one_request(emulator: Control) -> None:
    wait_for(*[(config(emulator), watch(run, poll_interval=0.2)) for run in runs(emulator, 25)])
    assert set(calls(emulator)) == {"GetProjectRuns"}
    assert len(calls(emulator)) < 25


def test_a_run_that_is_alone_in_its_project_is_polled_alone_after_one_list(emulator: Control) -> None:
    wait_for(*[(config(emulator), watch(runs(emulator, 1, project)[0])) for project in (PROJECT, OTHER)])
    assert calls(emulator).count("GetProjectRuns") == 2
    assert calls(emulator).count("GetRunStatus") > 2


def test_two_waits_for_the_same_run_both_end(emulator: Control) -> None:
    (run,) = runs(emulator, 1)
    assert ids(wait_for((config(emulator), watch(run)), (config(emulator), watch(run)))) == [run["runId"]] * 2


def test_tokens_are_never_mixed(emulator: Control) -> None:
    mine, theirs = runs(emulator, 3), runs(emulator, 3, OTHER)
    waits = [(config(emulator), watch(run)) for run in mine]
    waits += [(config(emulator, "read-only"), watch(run)) for run in theirs]
    wait_for(*waits)
    asked = {(request["token"], request["path"].split("/")[4]) for request in emulator.requests()}
    assert asked == {("full", PROJECT), ("read-only", OTHER)}


def test_the_same_token_in_two_connections_has_one_poller(emulator: Control) -> None:
    async def count() -> int:
        waits = [asyncio.create_task(poller.ended_run(config(emulator), watch(run))) for run in runs(emulator, 3)]
        await asyncio.sleep(0)
        found = len(poller._pollers)
        await asyncio.gather(*waits)
        return found

    assert asyncio.run(count()) == 1


def test_a_wait_that_is_cancelled_leaves_the_others_waiting(emulator: Control) -> None:
    async def cancel_the_first() -> list[Run | BaseException]:
        waits = [asyncio.create_task(poller.ended_run(config(emulator), watch(run))) for run in runs(emulator, 3)]
        await asyncio.sleep(0)
        waits[0].cancel()
        return await asyncio.gather(*waits, return_exceptions=True)

    first, *others = asyncio.run(cancel_the_first())
    assert isinstance(first, asyncio.CancelledError)
    assert [run["status"] for run in others] == ["COMPLETED"] * 2  # type: ignore[index]


def test_a_wait_that_begins_later_is_polled_too(emulator: Control) -> None:
    async def one_after_the_other() -> list[Run]:
        first, second = runs(emulator, 2)
        waiting = asyncio.create_task(poller.ended_run(config(emulator), watch(first)))
        while not emulator.requests():
            await asyncio.sleep(0.01)
        return [await poller.ended_run(config(emulator), watch(second)), await waiting]

    assert len(asyncio.run(one_after_the_other())) == 2


@pytest.mark.parametrize(
    "fault",
    [{"drop": True}, {"status": 500}, {"status": 429, "headers": {"Retry-After": "0"}}, {"truncate": True}],
)
@pytest.mark.parametrize("call", ["GetProjectRuns", "GetRunStatus"])
@pytest.mark.parametrize("count", [1, 3])
def test_transient_errors_are_retried(count: int, call: str, fault: dict[str, Any], emulator: Control) -> None:
    emulator.fault(call, times=2, **fault)
    ended = wait_for(*[(config(emulator), watch(run)) for run in runs(emulator, count)])
    assert [run["status"] for run in ended] == ["COMPLETED"] * count  # type: ignore[index]


@pytest.mark.parametrize("status", [403, 404, 422])
def test_runs_are_polled_one_by_one_if_the_list_is_rejected(status: int, emulator: Control) -> None:
    emulator.fault("GetProjectRuns", times=None, status=status)
    ended = wait_for(*[(config(emulator), watch(run)) for run in runs(emulator, 3)])
    assert [run["status"] for run in ended] == ["COMPLETED"] * 3  # type: ignore[index]


@pytest.mark.parametrize("status", [403, 404, 422])
def test_a_run_that_is_gone_ends_only_the_waits_for_it(status: VanishedStatus, emulator: Control) -> None:
    emulator.set_vanished(status)
    gone, *others = waited_for = runs(emulator, 3)
    emulator.remove_run(gone["runId"])
    first, *rest = wait_for(*[(config(emulator), watch(run)) for run in waited_for])
    assert isinstance(first, HexRunGone)
    assert gone["runId"] in str(first)
    assert ids(rest) == [run["runId"] for run in others]


@pytest.mark.parametrize("status", [403, 404, 422])
@pytest.mark.parametrize("count", [1, 3])
def test_a_new_run_that_hex_does_not_show_yet_is_waited_for(count: int, status: int, emulator: Control) -> None:
    emulator.fault("GetProjectRuns", times=2, status=status)
    emulator.fault("GetRunStatus", times=2 * count, status=status)
    until = time.time() + 60
    ended = wait_for(*[(config(emulator), watch(run, new_until=until)) for run in runs(emulator, count)])
    assert [run["status"] for run in ended] == ["COMPLETED"] * count  # type: ignore[index]


@pytest.mark.parametrize("fault", [{"drop": True}, {"status": 500}, {"status": 429, "headers": {"Retry-After": "0"}}])
def test_a_transient_error_of_the_check_of_the_project_does_not_end_the_wait(
    fault: dict[str, Any], emulator: Control
) -> None:
    emulator.fault("GetRunStatus", status=404)
    emulator.fault("GetProject", **fault)
    (run,) = wait_for((config(emulator), watch(*runs(emulator, 1))))
    assert run["status"] == "COMPLETED"  # type: ignore[index]
    assert len(emulator.requests("GetProject")) == 1


@pytest.mark.parametrize("status", [403, 404, 422])
def test_a_wait_ends_with_an_error_that_says_so_if_the_token_cannot_read_the_project_either(
    status: int, emulator: Control
) -> None:
    for call in ("GetProjectRuns", "GetRunStatus", "GetProject"):
        emulator.fault(call, status=status)
    (error,) = wait_for((config(emulator), watch(*runs(emulator, 1))))
    assert isinstance(error, HexRequestRejected)
    assert not isinstance(error, HexRunGone)
    assert "The token cannot read the project either." in str(error)


def test_a_run_far_down_the_list_is_polled_alone(emulator: Control) -> None:
    emulator.no_limits()
    waited_for = runs(emulator, 2, timeline=[("RUNNING", 10), ("COMPLETED", None)])
    runs(emulator, 150)
    assert ids(wait_for(*[(config(emulator), watch(run)) for run in waited_for])) == [r["runId"] for r in waited_for]
    assert "GetRunStatus" in calls(emulator)


def test_a_token_that_is_rejected_ends_all_waits_for_a_project_with_one_request(emulator: Control) -> None:
    emulator.fault("*", times=None, status=401)
    waited_for = runs(emulator, 3)
    ended = wait_for(*[(config(emulator), watch(run)) for run in waited_for])
    for run, error in zip(waited_for, ended, strict=True):
        assert isinstance(error, HexUnauthorized)
        assert str(error).count("This ends the wait for the run.") == 1
        assert run["runId"] in str(error)
    assert calls(emulator) == ["GetProjectRuns"]


def test_a_token_that_is_rejected_once_ends_the_waits_for_one_project_only(emulator: Control) -> None:
    emulator.fault("GetProjectRuns", status=401)
    one, another = runs(emulator, 1), runs(emulator, 1, OTHER)
    ended = wait_for(*[(config(emulator), watch(run)) for run in one + another])
    assert len([error for error in ended if isinstance(error, HexUnauthorized)]) == 1
    assert len([run for run in ended if isinstance(run, dict) and run["status"] == "COMPLETED"]) == 1


def test_a_client_that_cannot_be_built_ends_the_waits_of_its_own_token_only(emulator: Control, tmp_path: Path) -> None:
    broken = config(emulator, "read-only", ca_bundle=str(tmp_path / "missing.pem"))
    waited_for = runs(emulator, 4)
    ended = wait_for(*[(broken if i % 2 else config(emulator), watch(run)) for i, run in enumerate(waited_for)])
    assert ids(ended[::2]) == ids(waited_for[::2])
    for run, error in zip(waited_for[1::2], ended[1::2], strict=True):
        assert isinstance(error, HexInvalidInput)
        assert "missing.pem" in str(error)
        assert str(error).endswith(f"This ends the wait for the run. Run: {run['runId']} of project {PROJECT}")


def test_an_untrusted_certificate_ends_the_waits_of_its_own_token_only(emulator: Control, tmp_path: Path) -> None:
    waited_for = runs(emulator, 4)
    with https_to(emulator.url, tmp_path / "certificate.pem") as domain:
        untrusted = replace(config(emulator, "read-only"), base_url=f"https://{domain}/api/v1")
        ended = wait_for(*[(untrusted if i % 2 else config(emulator), watch(run)) for i, run in enumerate(waited_for)])
    assert ids(ended[::2]) == ids(waited_for[::2])
    for run, error in zip(waited_for[1::2], ended[1::2], strict=True):
        assert isinstance(error, HexUntrustedCertificate)
        assert str(error).endswith(f"This ends the wait for the run. Run: {run['runId']} of project {PROJECT}")


def test_a_wait_that_is_cancelled_while_hex_does_not_respond_ends_at_once() -> None:
    async def cancel(hex_: socket.socket) -> float:
        silent = HexConfig(f"http://127.0.0.1:{hex_.getsockname()[1]}/api/v1", "token")
        waiting = asyncio.create_task(
            poller.ended_run(silent, RunWatch(PROJECT, PROJECT, started_at=0.0, poll_interval=0.05))
        )
        connection, _ = await asyncio.to_thread(hex_.accept)
        with connection:
            await asyncio.to_thread(connection.recv, 1)
            began = time.monotonic()
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
            return time.monotonic() - began

    with socket.create_server(("127.0.0.1", 0)) as hex_:
        assert asyncio.run(cancel(hex_)) < 30  # a response is waited for 60 s


def test_an_invalid_id_ends_its_own_wait_only(emulator: Control) -> None:
    (run,) = runs(emulator, 1)
    bad, good = wait_for((config(emulator), watch({**run, "runId": "r"})), (config(emulator), watch(run)))
    assert isinstance(bad, HexInvalidInput)
    assert good["status"] == "COMPLETED"  # type: ignore[index]


def test_each_wait_has_its_own_timeout(emulator: Control) -> None:
    stuck, done = runs(emulator, 1, timeline=[("RUNNING", None)]) + runs(emulator, 1)
    ended = wait_for((config(emulator), watch(stuck, timeout=0.3)), (config(emulator), watch(done)))
    assert isinstance(ended[0], HexRunTimeout)
    assert re.search(r"Timed out after 0\.3 s of waiting: the run is still RUNNING", str(ended[0]))
    assert ended[1]["status"] == "COMPLETED"  # type: ignore[index]


def test_an_unexpected_error_ends_all_waits(emulator: Control, monkeypatch: pytest.MonkeyPatch) -> None:
    """Such as a bug. A wait that never ends would be worse."""
    monkeypatch.setattr("airflow_provider_hex.triggers.waiters.duration", lambda run: 1 / 0)
    ended = wait_for(*[(config(emulator), watch(run)) for run in runs(emulator, 3)])
    assert [type(error) for error in ended] == [ZeroDivisionError] * 3


def test_each_log_line_is_in_the_context_of_the_wait_for_that_run(emulator: Control) -> None:
    """That is how Airflow finds the log of the trigger."""
    mine: contextvars.ContextVar[str] = contextvars.ContextVar("mine", default="none")
    lines: list[tuple[str, str]] = []

    class Collector(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append((mine.get(), record.getMessage()))

    async def wait(run: dict[str, Any]) -> None:
        mine.set(run["runId"])
        await poller.ended_run(config(emulator), watch(run))

    async def together() -> None:
        await asyncio.gather(*(wait(run) for run in runs(emulator, 3)))

    logger, collector = logging.getLogger("airflow_provider_hex"), Collector()
    logger.addHandler(collector)
    logger.setLevel(logging.INFO)
    try:
        asyncio.run(together())
    finally:
        logger.removeHandler(collector)
    named = [(owner, line) for owner, line in lines if "http" in line]
    assert len({owner for owner, _ in named}) == 3
    assert all(owner in line for owner, line in named)
    assert "none" not in {owner for owner, _ in lines}


def test_a_rate_limit_that_another_client_uses_up_is_waited_for(emulator: Control) -> None:
    emulator.use_up(requests=60)
    ended = wait_for(*[(config(emulator), watch(run)) for run in runs(emulator, 3)])
    assert [run["status"] for run in ended] == ["COMPLETED"] * 3  # type: ignore[index]
    assert sum(request["status"] == 429 for request in emulator.requests()) <= 2


def test_a_projects_id_and_its_urls_share_the_list_of_its_runs(
    emulator: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    projects: list[str] = []

    class Counted(Project):
        def __init__(self, project_id: str) -> None:
            super().__init__(project_id)
            projects.append(project_id)

    monkeypatch.setattr(poller, "Project", Counted)
    started = runs(emulator, 3)
    for run, project in zip(started, (PROJECT.upper(), titled(PROJECT), PROJECT), strict=True):
        run["projectId"] = project
    ended = wait_for(*((config(emulator), watch(run)) for run in started))
    assert [run["status"] for run in ended if isinstance(run, dict)] == ["COMPLETED"] * 3
    assert set(projects) == {PROJECT}
