"""Hex's rate limits, with every spelling of their headers: each request succeeds in the end."""

from __future__ import annotations

import pytest

from airflow_provider_hex.api import errors, protocol, start
from airflow_provider_hex.api.config import HexConfig
from hex_emulator.client import Control
from hex_emulator.limits import LimitsOf
from tests.conftest import PROJECT
from tests.transports.conftest import Either, Transports

SPELLINGS = ["ratelimit", "x-ratelimit-epoch", "x-ratelimit-seconds", "retry-after", "retry-after-date", "none"]


@pytest.fixture
def waiting(transport: Either, emulator: Control) -> Either:
    """A transport that does not wait for real: the emulator's clock is advanced instead."""
    emulator.clock(speed=0)
    transport.while_it_waits = lambda seconds: emulator.clock(advance=seconds)
    return transport


def rate_limited(emulator: Control) -> int:
    return sum(request["status"] in (429, 503) for request in emulator.requests())


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_more_requests_than_a_minute_allows_all_succeed(spelling: str, waiting: Either, emulator: Control) -> None:
    emulator.limits(headers=spelling)
    for _ in range(150):
        assert waiting.request(protocol.me())["email"] == "ada@example.com"
    assert sum(request["status"] == 200 for request in emulator.requests()) == 150
    assert rate_limited(emulator) == 0 if "ratelimit" in spelling else rate_limited(emulator) >= 2


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_more_runs_than_an_hour_allows_all_start_once(spelling: str, waiting: Either, emulator: Control) -> None:
    emulator.limits(headers=spelling)
    emulator.next_run(timeline=[("COMPLETED", None)], times=100)
    for _ in range(65):
        call = protocol.run_project(PROJECT)
        waiting.carry_out(start.start(call, PROJECT, on_ambiguous_start="reconcile", grace=30), max_wait=7200)
    assert len(emulator.runs()) == 65
    assert {request["call"] for request in emulator.requests()} == {"RunProject"}


def test_a_run_starts_when_a_kernel_is_free(waiting: Either, emulator: Control) -> None:
    emulator.limits(kernels=2)
    emulator.next_run(timeline=[("RUNNING", 300), ("COMPLETED", None)], times=10)
    for _ in range(5):
        waiting.request(protocol.run_project(PROJECT))
    assert [run["status"] for run in emulator.runs()[:3]] == ["COMPLETED"] * 3
    assert any(request["status"] == 503 for request in emulator.requests())


def test_a_reset_does_not_delay_the_retry_of_another_error(transport: Either, emulator: Control) -> None:
    emulator.clock(speed=0)
    emulator.fault("Me", status=500, headers={"RateLimit-Remaining": "50", "RateLimit-Reset": "50"})
    transport.request(protocol.me())
    (pause,) = transport.pauses
    assert pause <= 1


def test_a_rate_limit_is_not_waited_for_beyond_max_wait(waiting: Either, emulator: Control) -> None:
    emulator.limits(kernels=0)
    with pytest.raises(errors.HexRateLimited, match="All of Hex's kernels are in use, so no run was started"):
        waiting.request(protocol.run_project(PROJECT), max_wait=600)
    assert not emulator.runs()
    assert len(emulator.requests()) > 3


def test_the_connections_rate_limit_is_kept(transports: Transports, emulator: Control) -> None:
    transport = transports(requests_per_minute=2)
    for _ in range(3):
        transport.request(protocol.me())
    (pause,) = transport.pauses
    assert 55 < pause <= 61


@pytest.mark.parametrize("year", ["2025", "2026"])
def test_a_client_with_the_default_options_is_never_rate_limited(
    year: LimitsOf, transports: Transports, emulator: Control
) -> None:
    """Although no header says how many requests are left."""
    transport = transports(requests_per_minute=HexConfig.requests_per_minute)
    transport.while_it_waits = lambda seconds: emulator.clock(advance=seconds)
    emulator.set_limits_of(year)
    emulator.limits(headers="none")
    emulator.next_run(timeline=[("COMPLETED", None)], times=100)
    for _ in range(18):
        run = transport.request(protocol.run_project(PROJECT))
        for _ in range(4):
            transport.request(protocol.get_run(PROJECT, run["runId"]))
    assert {request["status"] for request in emulator.requests()} == {200, 201}


@pytest.mark.parametrize("spelling", ["none", "ratelimit", "retry-after"])
def test_runs_are_polled_and_cancelled_while_starts_are_rate_limited(
    spelling: str, waiting: Either, emulator: Control
) -> None:
    run_id = emulator.start_run(PROJECT)["runId"]
    emulator.limits(headers=spelling)
    emulator.use_up(runs=20)
    with pytest.raises(errors.HexRateLimited):
        waiting.request(protocol.run_project(PROJECT), max_wait=0)
    waiting.request(protocol.get_run(PROJECT, run_id))
    waiting.request(protocol.cancel_run(PROJECT, run_id))
    assert waiting.pauses == []
    assert [request["status"] for request in emulator.requests()] == [429, 200, 204]


@pytest.mark.parametrize("spelling", ["none", "ratelimit", "retry-after"])
def test_a_run_is_cancelled_while_polls_are_rate_limited(spelling: str, waiting: Either, emulator: Control) -> None:
    run_id = emulator.start_run(PROJECT)["runId"]
    emulator.limits(headers=spelling)
    emulator.use_up(hex_api=30)
    with pytest.raises(errors.HexRateLimited):
        waiting.request(protocol.get_run(PROJECT, run_id), max_wait=0)
    waiting.request(protocol.cancel_run(PROJECT, run_id))
    assert waiting.pauses == []
    assert [request["status"] for request in emulator.requests()] == [429, 204]
