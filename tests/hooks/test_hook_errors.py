"""Every error of the hook is one that Airflow knows, and keeps its own class."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from airflow_provider_hex.airflow_compat import AirflowException, AirflowFailException
from airflow_provider_hex.api import protocol
from airflow_provider_hex.api.errors import HexForbidden, HexInvalidInput, HexServerError
from airflow_provider_hex.hooks.hex import HexHook
from hex_emulator.client import Control
from tests.conftest import PROJECT, connect


def call_asynchronously() -> None:
    async def call() -> None:
        async with await HexHook().get_async_client() as client:
            await client.request(protocol.get_project(PROJECT))

    asyncio.run(call())


def iterate_asynchronously() -> None:
    async def iterate() -> list[Any]:
        async with await HexHook().get_async_client() as client:
            return [run async for run in client.iterate(protocol.get_project_runs(PROJECT))]

    asyncio.run(iterate())


CALLS: dict[str, Callable[[], object]] = {
    "a method": lambda: HexHook().get_project(PROJECT),
    "an iterator": lambda: list(HexHook().get_project_runs(PROJECT)),
    "the asynchronous client": call_asynchronously,
    "an asynchronous iterator": iterate_asynchronously,
}


@pytest.fixture(params=CALLS)
def call(request: pytest.FixtureRequest) -> Callable[[], object]:
    return CALLS[request.param]


def test_a_permanent_error_fails_a_task_without_retries(call: Callable[[], object], emulator: Control) -> None:
    emulator.fault("*", status=403)
    with pytest.raises(HexForbidden) as raised:
        call()
    assert isinstance(raised.value, AirflowFailException)
    assert raised.value.status == 403


def test_a_transient_error_leaves_the_task_its_retries(
    call: Callable[[], object], emulator: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect(monkeypatch, {"retry_for": 0.01}, host=emulator.url)
    emulator.fault("*", status=500, times=None)
    with pytest.raises(HexServerError) as raised:
        call()
    assert isinstance(raised.value, AirflowException)
    assert not isinstance(raised.value, AirflowFailException)


@pytest.mark.parametrize("fields", [{"password": ""}, {"extra": {"proxy": "http://"}}], ids=["token", "proxy"])
def test_an_invalid_connection_fails_a_task_without_retries(
    fields: dict[str, Any], call: Callable[[], object], emulator: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect(monkeypatch, host=emulator.url, **fields)
    with pytest.raises(HexInvalidInput) as raised:
        call()
    assert isinstance(raised.value, AirflowFailException)
    assert not emulator.requests()


def test_an_invalid_argument_is_rejected_before_the_first_item_is_needed() -> None:
    with pytest.raises(HexInvalidInput) as raised:
        HexHook().get_project_runs("not-an-id")
    assert isinstance(raised.value, AirflowFailException)


def test_a_proxy_of_the_environment_that_cannot_be_used_fails_a_task_without_retries(
    call: Callable[[], object], emulator: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect(monkeypatch, host="https://hex.example.com")
    for name in ("NO_PROXY", "no_proxy", "https_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HTTPS_PROXY", "http://[")
    with pytest.raises(HexInvalidInput) as raised:
        call()
    assert isinstance(raised.value, AirflowFailException)
