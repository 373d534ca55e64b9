"""Ambiguous starts, which are reconciled with Hex's list of runs."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_hex.api import errors, protocol
from airflow_provider_hex.api.start import OnAmbiguousStart, start
from hex_emulator.client import Control
from tests.conftest import PROJECT
from tests.transports.conftest import Either, Transports

INPUTS = {"order_count": 7}


def started(transport: Either, mode: OnAmbiguousStart = "reconcile", **options: Any) -> Any:
    call = protocol.run_project(PROJECT, **options)
    return transport.carry_out(start(call, PROJECT, on_ambiguous_start=mode, grace=30))


@pytest.fixture(autouse=True)
def earlier_runs(emulator: Control) -> None:
    """Earlier runs, by API and otherwise, some of which still run. The emulator's clock is hours ahead."""
    for trigger in ("API", "SCHEDULED", "APP_REFRESH"):
        for course in ("RUNNING", "COMPLETED", "KILLED", "PENDING"):
            emulator.next_run(timeline=[(course, None)])
            emulator.start_run(PROJECT, trigger=trigger)
    emulator.clock(advance=7200)


@pytest.mark.parametrize("order", ["newest", "oldest", "mixed"])
def test_earlier_runs_are_not_adopted(order: str, transport: Either, emulator: Control) -> None:
    emulator.set_list_order(order)
    emulator.fault("RunProject", drop=True)
    run = started(transport)
    assert run["runId"] == emulator.runs()[-1]["runId"]
    assert len(emulator.runs()) == 13


@pytest.mark.parametrize("order", ["newest", "oldest", "mixed"])
@pytest.mark.parametrize("course", ["PENDING", "RUNNING", "COMPLETED", "ERRORED", "KILLED", "PONDERING"])
def test_the_run_is_found_whatever_its_status(course: str, order: str, transport: Either, emulator: Control) -> None:
    emulator.set_list_order(order)
    emulator.next_run(timeline=[(course, None)])
    emulator.fault("RunProject", status=502, apply=True)
    run = started(transport)
    assert run["runId"] == emulator.runs()[-1]["runId"]
    assert run["runUrl"] == emulator.runs()[-1]["runUrl"]
    assert len(emulator.requests("RunProject")) == 1


@pytest.mark.parametrize(("order", "pages"), [("newest", 1), ("oldest", 2)])
def test_as_many_pages_are_read_as_needed(order: str, pages: int, transport: Either, emulator: Control) -> None:
    emulator.no_limits()
    for _ in range(100):
        emulator.start_run(PROJECT, trigger="API")
    emulator.clock(advance=60)
    emulator.set_list_order(order)
    emulator.fault("RunProject", drop=True, apply=True)
    assert started(transport)["runId"] == emulator.runs()[-1]["runId"]
    assert len(emulator.requests("GetProjectRuns")) == pages


def test_a_scheduled_run_is_not_adopted(transport: Either, emulator: Control) -> None:
    emulator.fault("RunProject", drop=True)
    emulator.start_run(PROJECT, trigger="SCHEDULED")
    run = started(transport)
    assert run["runId"] == emulator.runs()[-1]["runId"]
    assert len(emulator.requests("RunProject")) == 2


@pytest.mark.parametrize("applied", [True, False])
@pytest.mark.parametrize("mode", ["reconcile", "adopt"])
def test_two_candidates_are_an_error_that_names_both(
    mode: OnAmbiguousStart, applied: bool, transport: Either, emulator: Control
) -> None:
    """During the grace, another client starts a run."""
    emulator.fault("RunProject", status=500, apply=applied)
    transport.while_it_waits = lambda seconds: emulator.start_run(PROJECT, trigger="API")
    if not applied:  # the only candidate is adopted, as both have default options
        assert started(transport, mode)["runId"] == emulator.runs()[-1]["runId"]
        return
    with pytest.raises(errors.HexAmbiguousStart, match="several runs") as raised:
        started(transport, mode)
    own, other = emulator.runs()[-2:]
    assert own["runUrl"] in str(raised.value)
    assert other["runUrl"] in str(raised.value)
    assert len(emulator.requests("RunProject")) == 1


@pytest.mark.parametrize("fault", [{"drop": True}, {"status": 500}, {"truncate": True}, {"status": 200, "body": "<p>"}])
def test_a_run_with_inputs_is_not_adopted_by_default(
    fault: dict[str, Any], transport: Either, emulator: Control
) -> None:
    emulator.fault("RunProject", apply=True, **fault)
    with pytest.raises(errors.HexAmbiguousStart, match="perhaps with other inputs") as raised:
        started(transport, input_params=INPUTS)
    assert emulator.runs()[-1]["runUrl"] in str(raised.value)
    assert len(emulator.requests("RunProject")) == 1


def test_with_adopt_a_run_with_inputs_is_adopted(transport: Either, emulator: Control) -> None:
    emulator.fault("RunProject", drop=True, apply=True)
    assert started(transport, "adopt", input_params=INPUTS)["runId"] == emulator.runs()[-1]["runId"]
    assert emulator.runs()[-1]["inputs"] == INPUTS


@pytest.mark.parametrize("applied", [True, False])
def test_with_fail_no_run_is_adopted_or_started(applied: bool, transport: Either, emulator: Control) -> None:
    emulator.fault("RunProject", drop=True, apply=applied)
    with pytest.raises(errors.HexAmbiguousStart):
        started(transport, "fail")
    assert len(emulator.requests("RunProject")) == 1


def test_the_runs_are_listed_after_the_grace(transport: Either, emulator: Control) -> None:
    emulator.fault("RunProject", drop=True)
    started(transport)
    assert transport.pauses == [30]


def test_transient_errors_of_the_list_are_retried(transport: Either, emulator: Control) -> None:
    emulator.fault("RunProject", drop=True, apply=True)
    emulator.fault("GetProjectRuns", drop=True)
    emulator.fault("GetProjectRuns", status=429)
    assert started(transport)["runId"] == emulator.runs()[-1]["runId"]
    assert len(emulator.requests("GetProjectRuns")) == 3


def test_max_wait_does_not_apply_to_the_list(transport: Either, emulator: Control) -> None:
    emulator.fault("RunProject", drop=True, apply=True)
    emulator.fault("GetProjectRuns", status=429, headers={"Retry-After": "60"})
    starting = start(protocol.run_project(PROJECT), PROJECT, on_ambiguous_start="reconcile", grace=30)
    assert transport.carry_out(starting, max_wait=0)["runId"] == emulator.runs()[-1]["runId"]


def test_a_rejected_list_leaves_the_start_ambiguous(transport: Either, emulator: Control) -> None:
    emulator.fault("RunProject", drop=True, apply=True)
    emulator.fault("GetProjectRuns", status=403)
    with pytest.raises(errors.HexAmbiguousStart, match=r"cannot be listed.*formerly 'Read projects'"):
        started(transport)


def test_a_response_that_comes_too_late_is_an_ambiguous_start(transports: Transports, emulator: Control) -> None:
    emulator.fault("RunProject", delay=1, apply=True)
    run = started(transports(read_timeout=0.2))
    assert run["runId"] == emulator.runs()[-1]["runId"]
    assert len(emulator.requests("RunProject")) == 1


def test_without_a_date_header_runs_of_the_last_minute_are_candidates(transport: Either, emulator: Control) -> None:
    """Without a ``Date`` any run of the last minute may be the one, so there are two candidates."""
    emulator.start_run(PROJECT, trigger="API")
    emulator.clock(advance=10)
    emulator.fault("RunProject", drop=True, apply=True)
    emulator.fault("GetProjectRuns", headers={"Date": "today"})
    with pytest.raises(errors.HexAmbiguousStart, match="several runs"):
        started(transport)
