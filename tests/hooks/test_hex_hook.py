"""The hook: Hex's calls with the token of a connection, and the test of the connection."""

from __future__ import annotations

import asyncio
import datetime
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml

from airflow_provider_hex.api import errors, protocol, run_watch
from airflow_provider_hex.hooks.hex import HexHook
from hex_emulator.client import Control
from hex_emulator.generations.api import ApiName
from tests.api.project_urls import titled
from tests.conftest import PROJECT, PROJECTS, TOKENS, connect

CHART = "c4a1e7d2-58b3-4f96-8e0d-1a6c9b2f7354"


@pytest.fixture
def hook(emulator: Control) -> HexHook:
    """A hook whose waits take no time."""
    hook = HexHook()
    hook.client.sleep = lambda seconds: None
    return hook


@pytest.fixture
def waiting_hook(emulator: Control) -> HexHook:
    """A hook that sleeps between its polls: one that does not would reach Hex's rate limit."""
    return HexHook()


def test_a_run_is_started_with_the_given_arguments(hook: HexHook, emulator: Control) -> None:
    run = hook.run_project(
        PROJECT, {"as_of": datetime.date(2026, 11, 21), "order_count": 7}, use_cached_sql_results=False
    )
    (request,) = emulator.requests("RunProject")
    assert request["body"] == {
        "inputParams": {"as_of": "2026-11-21", "order_count": 7},
        "useCachedSqlResults": False,
    }
    assert request["token"] == "full"
    assert run["runId"] == emulator.runs()[0]["runId"]
    assert run["runUrl"] == emulator.runs()[0]["runUrl"]


def test_a_run_is_polled_listed_cancelled_and_polled_again(hook: HexHook, emulator: Control) -> None:
    emulator.next_run(timeline=[("RUNNING", None)])
    run_id = hook.run_project(PROJECT)["runId"]
    assert hook.get_run(PROJECT, run_id)["status"] == "RUNNING"
    assert [run["runId"] for run in hook.get_project_runs(PROJECT, status="RUNNING", page_size=5)] == [run_id]
    assert list(hook.get_project_runs(PROJECT, status="ERRORED")) == []
    assert hook.cancel_run(PROJECT, run_id) == run_id
    assert hook.get_run(PROJECT, run_id)["status"] == "KILLED"


def test_there_is_a_method_for_each_call_of_hexs_api(hook: HexHook, emulator: Control) -> None:
    emulator.next_run(pending=0, running=0)
    run_id = hook.run_project(PROJECT, dry_run=False)["runId"]
    assert hook.me()["email"] == "ada@example.com"
    assert [project["title"] for project in hook.list_projects(categories=["Operations"])] == ["Warehouse health"]
    assert hook.get_project(PROJECT)["title"] == "Daily revenue"
    assert next(hook.get_queried_tables(PROJECT))["tableName"] == "analytics.finance.orders"
    assert "Orders" in [cell["label"] for cell in hook.list_cells(PROJECT)]
    assert hook.get_chart_image(PROJECT, run_id, CHART).startswith(b"\x89PNG")
    assert hook.get_run(PROJECT, run_id)["status"] == "COMPLETED"
    assert [run["runId"] for run in hook.get_project_runs(PROJECT, trigger="API")] == [run_id]
    hook.cancel_run(PROJECT, run_id)
    reference = yaml.safe_load((Path(__file__).parents[1] / "openapi.yaml").read_text())
    assert {request["call"] for request in emulator.requests()} == {
        operation["operationId"]
        for path in reference["paths"].values()
        for method, operation in path.items()
        if method in ("get", "post", "delete")
    }


def test_a_dry_run_is_checked_and_starts_no_run(hook: HexHook, emulator: Control) -> None:
    hook.run_project(PROJECT, dry_run=True)
    with pytest.raises(errors.HexRequestRejected, match="regoin"):
        hook.run_project(PROJECT, {"regoin": "EMEA"}, dry_run=True)
    assert not emulator.runs()


@pytest.mark.parametrize("method", ["get_project_runs", "get_queried_tables", "list_projects"])
def test_invalid_arguments_of_a_list_are_rejected_before_a_request(method: str, emulator: Control) -> None:
    arguments = {} if method == "list_projects" else {"project_id": PROJECT}
    with pytest.raises(errors.HexInvalidInput, match="page_size is 0"):
        getattr(HexHook(), method)(**arguments, page_size=0)
    assert not emulator.requests()


def test_asynchronous_code_has_the_same_calls(emulator: Control) -> None:
    async def send_calls() -> tuple[str, list[str]]:
        async with await HexHook().get_async_client() as client:
            user = await client.request(protocol.me())
            return user["email"], [table["tableName"] async for table in client.iterate(tables)]

    tables = protocol.get_queried_tables(PROJECT, page_size=1)
    email, names = asyncio.run(send_calls())
    assert (email, len(names)) == ("ada@example.com", 3)


def test_one_session_and_one_connection_serve_all_calls(hook: HexHook, emulator: Control) -> None:
    session = hook.get_conn()
    hook.run_project(PROJECT)
    assert hook.get_conn() is session
    assert session.headers["Authorization"] == f"Bearer {TOKENS['full']}"


def test_every_request_of_the_session_has_a_timeout(emulator: Control, monkeypatch: pytest.MonkeyPatch) -> None:
    connect(monkeypatch, host=emulator.url, extra={"read_timeout": 0.2})
    emulator.fault("*", delay=1)
    with pytest.raises(requests.ReadTimeout):
        HexHook().get_conn().get(f"{emulator.api_url}/users/me")


def test_a_netrc_does_not_replace_the_token(
    hook: HexHook, emulator: Control, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login user password other\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    hook.run_project(PROJECT)
    assert emulator.requests("RunProject")[0]["token"] == "full"


def test_a_redirect_is_not_followed_and_the_message_says_so(hook: HexHook, emulator: Control) -> None:
    emulator.fault("Me", status=302, headers={"Location": f"{emulator.url}/api/v1/users/me?again"}, body="")
    ok, message = hook.test_connection()
    assert not ok
    assert "Redirects are not followed. Check the Base URL of the Hex connection." in message
    assert len(emulator.requests()) == 1


def test_waiting_returns_the_completed_run(waiting_hook: HexHook, emulator: Control) -> None:
    emulator.next_run(pending=0.5, running=0.5)
    run_id = waiting_hook.run_project(PROJECT)["runId"]
    assert waiting_hook.wait_for_run(PROJECT, run_id, poll_interval=0.05, timeout=30)["status"] == "COMPLETED"


def test_the_first_poll_is_of_the_projects_runs_which_show_how_long_they_take(
    waiting_hook: HexHook, emulator: Control
) -> None:
    emulator.next_run(pending=0, running=0)
    run_id = waiting_hook.run_project(PROJECT)["runId"]
    assert waiting_hook.wait_for_run(PROJECT, run_id.upper())["runId"] == run_id
    assert [request["call"] for request in emulator.requests()] == ["RunProject", "GetProjectRuns"]


@pytest.mark.parametrize("fault", [{"status": 403}, {"status": 422}, {"drop": True}, {"status": 429}])
def test_the_wait_continues_if_the_list_of_runs_cannot_be_polled(
    fault: dict[str, Any], waiting_hook: HexHook, emulator: Control
) -> None:
    emulator.next_run(pending=0, running=0)
    run_id = waiting_hook.run_project(PROJECT)["runId"]
    emulator.fault("GetProjectRuns", times=None, **fault)
    assert waiting_hook.wait_for_run(PROJECT, run_id)["status"] == "COMPLETED"


@pytest.mark.parametrize("status", [403, 404, 422])
def test_waiting_continues_for_a_minute_if_hex_does_not_show_the_run_yet(
    status: int, waiting_hook: HexHook, emulator: Control
) -> None:
    emulator.next_run(pending=0, running=0)
    run_id = waiting_hook.run_project(PROJECT)["runId"]
    for call in ("GetRunStatus", "GetProjectRuns"):
        emulator.fault(call, status=status, times=1)
    assert waiting_hook.wait_for_run(PROJECT, run_id, poll_interval=0.02)["status"] == "COMPLETED"


def test_waiting_ends_if_hex_does_not_show_the_run_after_that(
    waiting_hook: HexHook, emulator: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_watch, "NEW_FOR", 0.5)
    run_id = waiting_hook.run_project(PROJECT)["runId"]
    for call in ("GetRunStatus", "GetProjectRuns"):
        emulator.fault(call, status=404, times=None)
    with pytest.raises(errors.HexRunGone):
        waiting_hook.wait_for_run(PROJECT, run_id, poll_interval=0.1)


def test_waiting_ends_at_the_timeout_and_leaves_the_run_running(waiting_hook: HexHook, emulator: Control) -> None:
    emulator.next_run(timeline=[("RUNNING", None)])
    run_id = waiting_hook.run_project(PROJECT)["runId"]
    with pytest.raises(errors.HexRunTimeout, match=r"Timed out after 0\.1 s of waiting: the run is still RUNNING"):
        waiting_hook.wait_for_run(PROJECT, run_id, poll_interval=0.02, timeout=0.1)
    assert emulator.runs()[0]["status"] == "RUNNING"


@pytest.mark.parametrize("status", [429, 503])
def test_a_limit_is_waited_for_and_one_run_is_started(status: int, hook: HexHook, emulator: Control) -> None:
    emulator.fault("RunProject", times=5, status=status, body={"reason": "Full"}, headers={"Retry-After": "0"})
    hook.run_project(PROJECT)
    assert len(emulator.requests("RunProject")) == 6
    assert len(emulator.runs()) == 1


def test_a_limit_is_waited_for_no_longer_than_max_wait(hook: HexHook, emulator: Control) -> None:
    emulator.fault("RunProject", times=None, status=429, body={"reason": "Full"}, headers={"Retry-After": "60"})
    with pytest.raises(errors.HexRateLimited, match="Hex's rate limit is reached"):
        hook.run_project(PROJECT, max_wait=30)
    assert len(emulator.requests("RunProject")) == 1


@pytest.mark.parametrize("fault", [{"drop": True}, {"status": 500}, {"truncate": True}, {"status": 429}])
def test_a_transient_error_is_retried_where_sending_a_request_twice_does_no_harm(
    fault: dict[str, Any], hook: HexHook, emulator: Control
) -> None:
    run_id = hook.run_project(PROJECT)["runId"]
    emulator.fault("*", times=2, **fault)
    assert hook.get_run(PROJECT, run_id)["runId"] == run_id
    assert len(emulator.requests("GetRunStatus")) == 3


@pytest.mark.parametrize("status", [400, 404, 409, 422])
def test_a_rejected_cancel_of_a_run_that_has_ended_is_no_error(status: int, hook: HexHook, emulator: Control) -> None:
    emulator.next_run(pending=0, running=0)
    run_id = hook.run_project(PROJECT)["runId"]
    emulator.fault("CancelRun", status=status, body={"reason": "It has ended"})
    hook.cancel_run(PROJECT, run_id)


def test_a_cancel_of_a_run_that_is_gone_is_no_error(hook: HexHook, emulator: Control) -> None:
    run_id = hook.run_project(PROJECT)["runId"]
    emulator.remove_run(run_id)
    hook.cancel_run(PROJECT, run_id)


@pytest.mark.parametrize("status", [400, 403, 422])
def test_a_rejected_cancel_of_a_run_that_has_not_ended_is_an_error(
    status: int, hook: HexHook, emulator: Control
) -> None:
    emulator.next_run(timeline=[("RUNNING", None)])
    run_id = hook.run_project(PROJECT)["runId"]
    emulator.fault("CancelRun", status=status, body={"reason": "No"})
    with pytest.raises(errors.HexRequestRejected):
        hook.cancel_run(PROJECT, run_id)


def test_a_rejected_cancel_of_a_run_that_may_not_be_polled_either_is_an_error(hook: HexHook, emulator: Control) -> None:
    run_id = hook.run_project(PROJECT)["runId"]
    emulator.fault("*", times=None, status=403, body={"reason": "No"})
    with pytest.raises(errors.HexForbidden, match="CancelRun"):
        hook.cancel_run(PROJECT, run_id)


@pytest.mark.parametrize(
    "options", [{"view_id": "v"}, {"update_published_results": True}, {"notifications": [{"type": b"ALL"}]}]
)
def test_arguments_that_hex_would_reject_or_ignore_are_not_sent(
    options: dict[str, Any], hook: HexHook, emulator: Control
) -> None:
    with pytest.raises(errors.HexInvalidInput):
        hook.run_project(PROJECT, {"order_count": 7}, **options)
    assert not emulator.requests()


@pytest.mark.parametrize("api", ["2025", "2026", "mixed"])
@pytest.mark.parametrize(
    ("project", "token", "inputs", "error", "words"),
    [
        ("Daily revenue", "wrong", {}, errors.HexUnauthorized, "Check API token"),
        ("Daily revenue", "read-only", {}, errors.HexForbidden, "scope 'Run projects'.*Trace id: "),
        ("Pricing draft", "full", {}, errors.HexRequestRejected, "Publish the project.*Trace id: "),
        (
            "Daily revenue",
            "full",
            {"as_of": 7, "regoin": "x"},
            errors.HexRequestRejected,
            "as_of.*7.*regoin.*input_params.*Trace id: ",
        ),
    ],
)
def test_the_error_of_a_rejected_request_says_what_to_do(
    project: str,
    token: str,
    inputs: dict[str, Any],
    error: type[Exception],
    words: str,
    api: ApiName,
    emulator: Control,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    emulator.set_api(api)
    connect(monkeypatch, host=emulator.url, password=TOKENS.get(token, "hxtp_0bad"))
    with pytest.raises(error, match=words):
        HexHook().run_project(PROJECTS[project], inputs)
    assert len(emulator.requests()) == 1


def test_an_unknown_project_is_not_found(hook: HexHook) -> None:
    with pytest.raises(errors.HexNotFound, match="no access to it"):
        hook.run_project("00000000-0000-4000-8000-000000000000")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"password": "hxtp_0bad"}, "the token is wrong"),
        ({"password": ""}, "no token"),
        ({"host": "http://hex.acme.internal"}, "unencrypted"),
        ({"host": "two words"}, "Base URL of the Hex connection is 'two words', which is not a URL"),
        ({"host": "https://127.0.0.1:1"}, "No response from https://127.0.0.1:1/api/v1 to Me"),
        ({"host": TOKENS["full"]}, "Put the token into the API token field"),
        ({"password": "hxtp_a\nhxtp_b"}, "characters that no token has"),
        ({"extra": {"headers": "X-Team: data"}}, "Extra headers (headers) of the Hex connection must be a JSON object"),
        (
            {"extra": {"ca_bundle": "/nowhere.pem"}},
            "CA bundle (ca_bundle) of the Hex connection is '/nowhere.pem', which cannot be used here: No such",
        ),
        (
            {"extra": {"allow_http": "perhaps"}},
            "Allow plain HTTP (allow_http) of the Hex connection is 'perhaps', but must be true or false",
        ),
    ],
)
def test_the_connection_test_says_what_to_fix(
    fields: dict[str, Any], words: str, emulator: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect(monkeypatch, **{"host": emulator.url, **fields})
    ok, message = HexHook().test_connection()
    assert not ok
    assert words.lower() in message.lower()
    assert TOKENS["full"] not in message


@pytest.mark.parametrize("allow", [True, "True", "true", "y"])
def test_plain_http_to_another_machine_is_a_choice(allow: object, monkeypatch: pytest.MonkeyPatch) -> None:
    connect(monkeypatch, host="http://hex.acme.internal", extra={"allow_http": allow})
    assert HexHook().config.base_url == "http://hex.acme.internal/api/v1"


def test_every_method_takes_a_projects_url(waiting_hook: HexHook, emulator: Control) -> None:
    url = titled(PROJECT)
    run_id = waiting_hook.run_project(url)["runId"]
    assert waiting_hook.wait_for_run(url, run_id)["status"] == "COMPLETED"
    assert waiting_hook.get_run(url, run_id)["projectId"] == PROJECT
    assert [run["runId"] for run in waiting_hook.get_project_runs(url)] == [run_id]
    assert waiting_hook.cancel_run(url, run_id) == run_id
    assert waiting_hook.get_project(url)["id"] == PROJECT
    assert list(waiting_hook.get_queried_tables(url))
    assert list(waiting_hook.list_cells(url)) == list(waiting_hook.list_cells(PROJECT))
    with pytest.raises(errors.HexNotFound, match=f"No cell of project {PROJECT} has the label"):
        waiting_hook.get_chart_image(url, run_id, label="no such chart")
