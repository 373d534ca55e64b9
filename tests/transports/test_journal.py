"""A call's journal is called before each request is sent, and when a request certainly had no effect."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import pytest

from airflow_provider_hex.api import errors, protocol, steps
from airflow_provider_hex.api.errors import HexError
from airflow_provider_hex.api.start import start
from hex_emulator.client import Control
from tests.conftest import PROJECT
from tests.transports.conftest import Either, Transports


class Entries(list[tuple[str, int]]):
    """A journal: what was called, and how many RunProjects Hex had received by then."""

    def __init__(self, emulator: Control) -> None:
        super().__init__()
        self._emulator = emulator
        self.times: list[float] = []

    def sending(self, at: float) -> None:
        self.times.append(at)
        self._add("sending")

    def had_no_effect(self) -> None:
        self._add("no effect")

    def _add(self, what: str) -> None:
        self.append((what, len(self._emulator.requests("RunProject"))))


class Objection:
    """A journal that stops every request."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def sending(self, at: float) -> None:
        raise self._error

    def had_no_effect(self) -> None:
        raise AssertionError("Nothing was sent.")


@pytest.fixture
def entries(emulator: Control) -> Entries:
    return Entries(emulator)


def started(transport: Either, journal: Any) -> Any:
    call = replace(protocol.run_project(PROJECT), journal=journal)
    return transport.carry_out(start(call, PROJECT, on_ambiguous_start="reconcile", grace=0))


def test_it_is_called_before_the_request_is_sent(transport: Either, entries: Entries) -> None:
    began = time.time()
    started(transport, entries)
    assert entries == [("sending", 0)]
    assert began <= entries.times[0] <= time.time()


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422])
def test_a_rejected_request_had_no_effect(status: int, transport: Either, entries: Entries, emulator: Control) -> None:
    emulator.fault("RunProject", status=status)
    with pytest.raises(errors.HexRequestRejected):
        started(transport, entries)
    assert entries == [("sending", 0), ("no effect", 1)]


@pytest.mark.parametrize("status", [429, 503])
def test_a_rate_limited_request_had_no_effect_and_it_is_called_before_the_next_one(
    status: int, transport: Either, entries: Entries, emulator: Control
) -> None:
    emulator.fault("RunProject", status=status)
    started(transport, entries)
    assert entries == [("sending", 0), ("no effect", 1), ("sending", 1)]


def test_a_request_that_was_never_sent_had_no_effect(transports: Transports, entries: Entries) -> None:
    with pytest.raises(errors.HexNotConnected):
        started(transports(base_url="http://127.0.0.1:1/api/v1", retry_for=0.01), entries)
    assert entries == [("sending", 0), ("no effect", 0)]


@pytest.mark.parametrize("fault", [{"drop": True}, {"status": 500}, {"truncate": True}, {"status": 200, "body": "<p>"}])
def test_an_ambiguous_request_may_have_had_an_effect(
    fault: dict[str, Any], transport: Either, entries: Entries, emulator: Control
) -> None:
    emulator.fault("RunProject", apply=True, **fault)
    started(transport, entries)
    assert entries == [("sending", 0)]
    assert len(emulator.runs()) == 1


def test_it_is_called_before_the_request_after_an_ambiguous_one(
    transport: Either, entries: Entries, emulator: Control
) -> None:
    emulator.fault("RunProject", status=500)
    started(transport, entries)
    assert entries == [("sending", 0), ("sending", 1)]


@pytest.mark.parametrize("error", [ConnectionError("It cannot be recorded."), HexError("The task was killed.")])
def test_an_error_of_the_journal_stops_the_request(error: Exception, transport: Either, emulator: Control) -> None:
    with pytest.raises(type(error), match=str(error)):
        started(transport, Objection(error))
    assert not emulator.requests()


def test_it_is_not_called_for_a_body_that_json_cannot_represent(
    transport: Either, entries: Entries, emulator: Control
) -> None:
    """Nothing was sent, so the error must not look like a lost response."""
    call = replace(protocol.run_project(PROJECT), body={"inputParams": {"n": 10**5000}}, journal=entries)
    with pytest.raises(ValueError, match="digits") as raised:
        transport.carry_out(start(call, PROJECT, on_ambiguous_start="reconcile", grace=0))
    assert not isinstance(raised.value, HexError)
    assert entries == []
    assert not emulator.requests()


def test_it_is_not_called_for_other_calls(transport: Either, entries: Entries, emulator: Control) -> None:
    emulator.fault("RunProject", drop=True, apply=True)
    run = started(transport, entries)
    transport.carry_out(steps.cancel(PROJECT, run["runId"]))
    assert entries == [("sending", 0)]
