"""Whoever starts a run is told each time before the request goes out, and when it certainly started none."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from airflow_provider_hex.api import errors, protocol, steps
from airflow_provider_hex.api.client import HexClient
from airflow_provider_hex.api.config import HexConfig
from airflow_provider_hex.api.errors import HexError
from airflow_provider_hex.api.start import StartRequest, start
from hex_emulator.client import Control
from tests.conftest import PROJECT, TOKENS


@pytest.fixture
def client(emulator: Control) -> Iterator[HexClient]:
    """The blocking one, which tasks use, and which does not wait in earnest."""
    config = HexConfig(base_url=emulator.api_url, token=TOKENS["full"], requests_per_minute=6000)
    made = HexClient(config, sleep=lambda seconds: None)
    yield made
    made.close()


class Told(list[tuple[str, int]]):
    """What was told, and how many RunProjects Hex had received by then."""

    def __init__(self, emulator: Control) -> None:
        super().__init__()
        self._emulator = emulator
        self.asked: list[StartRequest] = []

    def __call__(self, asked: StartRequest | None) -> None:
        if asked:
            self.asked.append(asked)
        self.append(("asks" if asked else "none", len(self._emulator.requests("RunProject"))))


@pytest.fixture
def told(emulator: Control) -> Told:
    return Told(emulator)


def started(client: HexClient, told: Any, **options: Any) -> Any:
    call = protocol.run_project(PROJECT, **options)
    return client.carry_out(start(call, PROJECT, on_ambiguous_start="reconcile", grace=0), asks=told)


@pytest.mark.parametrize(("options", "default_options"), [({}, True), ({"view_id": "v"}, False)])
def test_it_is_told_before_the_request_goes_out(
    options: dict[str, Any], default_options: bool, client: HexClient, told: Told
) -> None:
    began = time.time()
    started(client, told, **options)
    assert told == [("asks", 0)]
    assert told.asked[0].default_options is default_options
    assert began <= told.asked[0].at <= time.time()


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422])
def test_a_refusal_started_no_run(status: int, client: HexClient, told: Told, emulator: Control) -> None:
    emulator.fault("RunProject", status=status)
    with pytest.raises(errors.HexRequestRejected):
        started(client, told)
    assert told == [("asks", 0), ("none", 1)]


@pytest.mark.parametrize("status", [429, 503])
def test_a_limit_started_no_run_and_the_next_request_is_told_of(
    status: int, client: HexClient, told: Told, emulator: Control
) -> None:
    emulator.fault("RunProject", status=status)
    started(client, told)
    assert told == [("asks", 0), ("none", 1), ("asks", 1)]


def test_a_request_that_was_never_sent_started_no_run(told: Told) -> None:
    config = HexConfig(base_url="http://127.0.0.1:1/api/v1", token="t", retry_for=0.01)
    with pytest.raises(errors.HexNotConnected):
        started(HexClient(config, sleep=lambda seconds: None), told)
    assert told == [("asks", 0), ("none", 0)]


@pytest.mark.parametrize("fault", [{"drop": True}, {"status": 500}, {"truncate": True}, {"status": 200, "body": "<p>"}])
def test_of_an_unclear_answer_nothing_is_certain(
    fault: dict[str, Any], client: HexClient, told: Told, emulator: Control
) -> None:
    emulator.fault("RunProject", apply=True, **fault)
    started(client, told)
    assert told == [("asks", 0)]
    assert len(emulator.runs()) == 1


def test_a_request_after_an_unclear_answer_is_told_of(client: HexClient, told: Told, emulator: Control) -> None:
    emulator.fault("RunProject", status=500)
    started(client, told)
    assert told == [("asks", 0), ("asks", 1)]


def test_whoever_objects_to_it_ends_it_before_anything_is_sent(client: HexClient, emulator: Control) -> None:
    def object_to(asked: StartRequest | None) -> None:
        raise ConnectionError("It cannot be noted.")

    with pytest.raises(ConnectionError):
        started(client, object_to)
    assert not emulator.requests()


def test_an_objection_that_is_one_of_ours_is_not_taken_for_an_answer(client: HexClient, emulator: Control) -> None:
    def object_to(asked: StartRequest | None) -> None:
        raise HexError("The task was killed.")

    with pytest.raises(HexError, match="was killed"):
        started(client, object_to)
    assert not emulator.requests()


def test_nobody_is_told_of_other_calls(client: HexClient, told: Told, emulator: Control) -> None:
    emulator.fault("RunProject", drop=True, apply=True)
    run = started(client, told)
    client.carry_out(steps.cancel(PROJECT, run["runId"]), asks=told)
    assert told == [("asks", 0)]
