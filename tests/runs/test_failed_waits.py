"""Waits that fail before the run ends: what happens to the run, and what the task's retry does."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from airflow_provider_hex.airflow_compat import AirflowException, AirflowFailException
from airflow_provider_hex.api.errors import HexError, HexForbidden, HexRunGone, HexUntrustedCertificate
from hex_emulator.client import Control
from hex_emulator.emulator import VanishedStatus
from tests import https
from tests.conftest import DEFERRAL_TIMEOUT, connect
from tests.runs.conftest import (
    CANCELLED,
    GONE,
    LEFT_RUNNING,
    LEFT_TO_RETRY,
    WAITING_MODES,
    Airflow,
    defer,
    finish,
    interrupted_when,
    keep_runs,
    operator,
    starts,
    statuses,
)


def attempt_that_publishes(airflow: Airflow, then: Callable[[], object]) -> Any:
    """Begin an attempt, and do something as soon as it has published its run. Return its context."""
    context = airflow.attempt()
    push = context["ti"].xcom_push

    def push_and_act(key: str, value: Any) -> None:
        push(key, value)
        if key == "run_url":
            then()

    context["ti"].xcom_push = push_and_act
    return context


@pytest.mark.parametrize("mode", WAITING_MODES)
@pytest.mark.parametrize("status", [401, 403])
def test_a_run_that_may_not_be_polled_is_left_to_the_retry(
    status: int, mode: str, emulator: Control, airflow: Airflow
) -> None:
    """By then, someone may have put a valid token into the connection."""
    keep_runs(emulator)
    for call in ("GetRunStatus", "GetProjectRuns", "GetProject"):
        emulator.fault(call, status=status)
    with pytest.raises(HexError) as raised:
        finish(airflow.attempt(), **WAITING_MODES[mode])
    assert isinstance(raised.value, AirflowException)
    assert not isinstance(raised.value, AirflowFailException)
    assert raised.value.status == status
    assert LEFT_TO_RETRY in str(raised.value)
    (run,) = emulator.runs()
    assert run["runId"] in str(raised.value)
    assert not emulator.requests("CancelRun")
    emulator.clear_faults()
    emulator.set_status(run["runId"], "COMPLETED")
    assert finish(airflow.attempt(), **WAITING_MODES[mode])["runId"] == run["runId"]


@pytest.mark.parametrize("mode", WAITING_MODES)
@pytest.mark.parametrize("options", [{}, {"durable": False}], ids=["last-attempt", "not-durable"])
def test_a_run_that_may_not_be_polled_is_cancelled_if_no_attempt_will_find_it(
    options: dict[str, Any], mode: str, emulator: Control, airflow: Airflow
) -> None:
    airflow.max_tries = 1 if options else 0
    keep_runs(emulator)
    for call in ("GetRunStatus", "GetProjectRuns", "GetProject"):
        emulator.fault(call, status=403)
    with pytest.raises(AirflowFailException, match=r"403.*The run was cancelled\.") as raised:
        finish(airflow.attempt(), **options, **WAITING_MODES[mode])
    assert isinstance(raised.value, HexForbidden)
    assert statuses(emulator) == [CANCELLED]


@pytest.mark.parametrize("mode", WAITING_MODES)
def test_an_untrusted_certificate_ends_the_wait_and_leaves_the_run_to_the_retry(
    mode: str, emulator: Control, airflow: Airflow, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """As when a proxy begins to inspect TLS while the task waits."""
    keep_runs(emulator)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    monkeypatch.setattr(https, "ssl", SimpleNamespace(SSLContext=lambda protocol: server, PROTOCOL_TLS_SERVER=None))
    with https.https_to(emulator.url, tmp_path / "trusted.pem") as host:

        def replace_certificate() -> None:
            (tmp_path / "other.pem").write_bytes(https._new_certificate())
            server.load_cert_chain(tmp_path / "other.pem")
            emulator.fault("GetProjectRuns", drop=True)  # the next request needs a new connection

        connect(monkeypatch, {"ca_bundle": str(tmp_path / "trusted.pem")}, host=f"https://{host}")
        with pytest.raises(HexUntrustedCertificate) as raised:
            finish(attempt_that_publishes(airflow, replace_certificate), **WAITING_MODES[mode])
    (run,) = emulator.runs()
    assert airflow.xcoms["run_url"] in str(raised.value)
    assert "The server's certificate is not trusted." in str(raised.value)
    assert LEFT_TO_RETRY in str(raised.value)
    assert isinstance(raised.value, AirflowException)
    assert not isinstance(raised.value, AirflowFailException)
    assert statuses(emulator) == [LEFT_RUNNING]
    assert airflow.record["run"]["runId"] == run["runId"]
    assert not emulator.requests("GetRunStatus")


@pytest.mark.parametrize("mode", WAITING_MODES)
@pytest.mark.parametrize("status", GONE)
def test_a_retry_starts_another_run_if_the_previous_one_vanished_during_the_wait(
    status: VanishedStatus, mode: str, emulator: Control, airflow: Airflow
) -> None:
    emulator.set_vanished(status)
    keep_runs(emulator)
    context = attempt_that_publishes(airflow, lambda: emulator.remove_run(airflow.xcoms["run_id"]))
    with pytest.raises(HexRunGone, match=rf"{status}.*The task's next attempt polls the run again") as raised:
        finish(context, **WAITING_MODES[mode])
    assert isinstance(raised.value, AirflowException)
    assert not isinstance(raised.value, AirflowFailException)
    assert not emulator.requests("CancelRun")
    finish(airflow.attempt(), **WAITING_MODES[mode])
    assert starts(emulator) == 2
    assert airflow.success == airflow.xcoms["run_id"]


@pytest.mark.parametrize(
    ("failure", "max_tries", "status"),
    [
        ("Trigger failure", 1, LEFT_RUNNING),
        ("Trigger failure", 0, CANCELLED),
        (DEFERRAL_TIMEOUT, 1, CANCELLED),
        (DEFERRAL_TIMEOUT, 0, CANCELLED),
    ],
)
def test_a_deferral_that_failed_leaves_the_run_to_a_retry_and_one_that_timed_out_cancels_it(
    failure: str, max_tries: int, status: str, emulator: Control, airflow: Airflow
) -> None:
    keep_runs(emulator)
    airflow.max_tries = max_tries
    context = airflow.attempt()
    defer(context)
    with pytest.raises(Exception, match=failure):
        operator(deferrable=True).resume_execution("__fail__", {"error": failure}, context)
    assert statuses(emulator) == [status]
    assert ("run" in airflow.record, "failure" in airflow.record) == (status == LEFT_RUNNING, status == CANCELLED)


def test_a_task_that_cannot_publish_its_run_leaves_it_to_a_retry(emulator: Control, airflow: Airflow) -> None:
    keep_runs(emulator)
    context = airflow.attempt()

    def fail(key: str, value: Any) -> None:
        raise ConnectionError("Airflow does not respond.")

    context["ti"].xcom_push = fail
    with pytest.raises(ConnectionError, match=LEFT_TO_RETRY):
        operator().execute(context)
    defer(airflow.attempt())
    assert len(emulator.runs()) == 1


def test_a_run_whose_cancel_fails_stays_recorded_and_the_error_says_so(emulator: Control, airflow: Airflow) -> None:
    keep_runs(emulator)
    airflow.max_tries = 0
    emulator.fault("CancelRun", times=None, status=403, body={"reason": "No", "traceId": "t-403"})
    expected = r"Timed out after .* could not be cancelled and may still be running: .*t-403"
    with pytest.raises(HexError, match=expected):
        operator(timeout=0.3).execute(airflow.attempt())
    assert set(airflow.record) == {"max_tries", "run", "started_at"}


@pytest.mark.parametrize("state", ["failed", "success", "restarting"])
def test_a_run_whose_wait_fails_after_a_kill_is_cancelled_once(state: str, emulator: Control, airflow: Airflow) -> None:
    keep_runs(emulator)
    airflow.state = state
    task, context = operator(), airflow.attempt()
    with interrupted_when(lambda: emulator.requests("GetRunStatus"), task.on_kill), pytest.raises(HexError):
        task.execute(context)
    assert len(emulator.requests("CancelRun")) == 1
