"""What the eight tests of 0.1.9 check: seven of the hook, one of the operator. Those had ids that are no UUIDs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests_mock

from airflow_provider_hex.airflow_compat import AirflowException
from airflow_provider_hex.hooks.hex import HexHook
from airflow_provider_hex.operators.hex import HexRunProjectOperator
from tests.compat_0_1.conftest import Warned
from tests.conftest import connect

PROJECT = "7c3d7c5e-1f6f-4f0e-9d7a-0f2a7c6a1b11"
RUN = "0b6f4a52-6a0e-4c0c-8a5e-2b1f6f0c9d22"
RUNS = f"https://www.httpbin.org/api/v1/projects/{PROJECT}/runs"
JSON = {"Content-Type": "application/json"}
STARTED = {"projectId": PROJECT, "runId": RUN, "runUrl": "https://www.httpbin.org/run"}


@pytest.fixture
def hook(monkeypatch: pytest.MonkeyPatch, warned: Warned) -> HexHook:
    """A hook for a host that is given without a scheme, or with one."""
    connect(monkeypatch, {"requests_per_minute": 6000}, host="https://www.httpbin.org/", password="some_token")
    return HexHook()


@pytest.fixture
def hex_api() -> Iterator[Any]:
    """Hex, whose runs complete."""
    with requests_mock.Mocker() as mocker:
        mocker.post(RUNS, json=STARTED)
        mocker.get(RUNS, json={"runs": []})
        mocker.get(f"{RUNS}/{RUN}", json={**STARTED, "status": "COMPLETED"})
        mocker.delete(f"{RUNS}/{RUN}", status_code=204)
        yield mocker


def test_the_hook_reads_its_connection(hook: HexHook) -> None:
    session = hook.get_conn()
    assert session.headers["Authorization"] == "Bearer some_token"
    assert hook.base_url == "https://www.httpbin.org"


@pytest.mark.parametrize("host", ["www.httpbin.org", "https://www.httpbin.org"])
def test_a_host_may_have_a_scheme(host: str, monkeypatch: pytest.MonkeyPatch, warned: Warned) -> None:
    connect(monkeypatch, host=host, password="some_token")
    assert HexHook().base_url == "https://www.httpbin.org"


def test_a_get_returns_its_json(hook: HexHook, hex_api: Any) -> None:
    hex_api.get("https://www.httpbin.org/api/v1/get", json={"ok": True}, headers=JSON)
    assert hook.run("GET", "/api/v1/get") == {"ok": True}
    assert hex_api.last_request.headers["Authorization"] == "Bearer some_token"


def test_a_post_sends_json(hook: HexHook, hex_api: Any) -> None:
    hex_api.post("https://www.httpbin.org/api/v1/post", json={"ok": True}, headers=JSON)
    assert hook.run("POST", "/api/v1/post", data={"a": 1}) == {"ok": True}
    assert hex_api.last_request.json() == {"a": 1}


def test_a_run_is_started_with_inputs(hook: HexHook, hex_api: Any) -> None:
    assert hook.run_project(PROJECT, inputs={"param": "value"}) == STARTED  # type: ignore[call-arg]
    assert hex_api.last_request.json() == {"inputParams": {"param": "value"}}


def test_a_run_is_started_with_a_new_cache(hook: HexHook, hex_api: Any) -> None:
    assert hook.run_project(PROJECT, inputs=None, update_cache=True) == STARTED  # type: ignore[call-arg]
    assert hex_api.last_request.json() == {"updatePublishedResults": True, "useCachedSqlResults": False}


def test_a_run_is_polled_and_cancelled(hook: HexHook, hex_api: Any) -> None:
    assert hook.run_status(PROJECT, RUN)["status"] == "COMPLETED"
    assert hook.cancel_run(PROJECT, RUN) == RUN
    assert hex_api.last_request.method == "DELETE"


def test_a_run_is_started_and_polled_until_it_has_completed_or_failed(hook: HexHook, hex_api: Any) -> None:
    assert hook.run_and_poll(PROJECT, {}, poll_interval=0)["status"] == "COMPLETED"
    hex_api.get(f"{RUNS}/{RUN}", json={**STARTED, "status": "ERRORED"})
    with pytest.raises(AirflowException, match="ERRORED"):
        hook.run_and_poll(PROJECT, {}, poll_interval=0)


def test_the_operator_starts_a_run_and_waits_for_it(hook: HexHook, hex_api: Any) -> None:
    operator = HexRunProjectOperator(
        task_id="run", project_id=PROJECT, hex_conn_id="hex_default", input_parameters={"param": "value"}
    )
    result: Any = operator.execute({})
    assert result["status"] == "COMPLETED"
    (start,) = [request for request in hex_api.request_history if request.method == "POST"]
    assert start.json() == {"inputParams": {"param": "value"}}
