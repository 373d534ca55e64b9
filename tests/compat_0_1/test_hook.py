"""The hook of 0.1.9: its methods with their positions, the constants beside it, its types and its errors."""

from __future__ import annotations

import _thread
import importlib
import pickle
import sys
import uuid
from collections.abc import Iterator
from typing import Any

import pydantic
import pytest
import requests

from airflow_provider_hex.airflow_compat import AirflowException, AirflowFailException, AirflowTaskTimeout
from airflow_provider_hex.api import errors
from airflow_provider_hex.hooks.hex import HexHook
from demo.waiting import wait_for
from hex_emulator.client import Control
from tests.compat_0_1.conftest import Warned
from tests.conftest import PROJECT, TOKENS, connect
from tests.runs.conftest import keep_runs, statuses
from tests.transports.servers import Stranger, serving

INPUTS = {"region": "APAC"}
NOTIFICATIONS = [{"type": "SUCCESS", "includeSuccessScreenshot": False, "slackChannelIds": ["C0123"]}]


@pytest.fixture
def hook(emulator: Control, warned: Warned) -> HexHook:
    return HexHook()


@pytest.fixture
def stranger() -> Iterator[Stranger]:
    """A server that is not the connection's, and must receive nothing."""
    with serving(Stranger(200, {"Content-Type": "application/json"}, b"{}")) as server:
        yield server
    assert server.received == []


def body(emulator: Control) -> Any:
    (request,) = emulator.requests("RunProject")
    return request["body"]


def assert_warned_once(warned: Warned, *words: str) -> None:
    (warning,) = warned
    assert warning.filename == __file__
    for word in words:
        assert word in str(warning.message)


def test_an_old_name_may_be_used_where_no_frame_is_the_users(hook: HexHook, emulator: Control) -> None:
    run = hook.run_project(PROJECT)
    _thread.start_new_thread(hook.run_status, (PROJECT, run["runId"]))
    wait_for("the request", lambda: emulator.requests("GetRunStatus") or None, 60)


# run_project, run_status and cancel_run


@pytest.mark.parametrize("named", [False, True])
def test_run_project_takes_inputs_cache_and_notifications_by_position_and_by_name(
    named: bool, hook: HexHook, emulator: Control, warned: Warned
) -> None:
    method: Any = hook.run_project
    if named:
        run = method(PROJECT, inputs=INPUTS, update_cache=False, notifications=NOTIFICATIONS)
    else:
        run = method(PROJECT, INPUTS, False, NOTIFICATIONS)
    assert body(emulator) == {"inputParams": INPUTS, "notifications": NOTIFICATIONS}
    assert {"projectId", "runId", "runUrl", "runStatusUrl", "traceId"} <= run.keys()
    assert_warned_once(warned, "instead of update_cache", *(["input_params instead of inputs"] if named else []))


def test_run_project_of_today_does_not_warn(hook: HexHook, warned: Warned) -> None:
    hook.run_project(PROJECT, INPUTS, notifications=[])
    assert not warned


@pytest.mark.parametrize("position", [True, False])
def test_update_cache_runs_sql_anew_and_updates_the_published_app(
    position: bool, hook: HexHook, emulator: Control
) -> None:
    method: Any = hook.run_project
    method(PROJECT, None, True) if position else method(PROJECT, update_cache=True)
    assert body(emulator) == {"updatePublishedResults": True, "useCachedSqlResults": False}


@pytest.mark.parametrize(
    ("options", "both"),
    [
        ({"input_params": {}, "inputs": {}}, "input_params and inputs"),
        ({"update_cache": True, "update_published_results": True}, "update_published_results and update_cache"),
        ({"update_cache": True, "use_cached_sql_results": True}, "use_cached_sql_results and update_cache"),
    ],
)
def test_run_project_rejects_an_argument_by_both_names(
    options: dict[str, Any], both: str, hook: HexHook, emulator: Control
) -> None:
    with pytest.raises(errors.HexInvalidInput, match=f"got both {both}, which is its old name"):
        hook.run_project(PROJECT, **options)
    assert not emulator.requests()


def test_a_run_is_polled_and_cancelled_by_the_old_names(hook: HexHook, emulator: Control, warned: Warned) -> None:
    keep_runs(emulator)
    run_id = hook.run_project(PROJECT)["runId"]
    assert hook.run_status(PROJECT, run_id)["status"] == "RUNNING"
    assert hook.cancel_run(PROJECT, run_id) == run_id
    assert hook.run_status(project_id=PROJECT, run_id=run_id)["status"] == "KILLED"
    assert ["use get_run instead of run_status" in str(each.message) for each in warned] == [True, True]
    assert {warning.filename for warning in warned} == {__file__}


def test_ids_may_be_uuids(hook: HexHook, emulator: Control) -> None:
    project: Any = uuid.UUID(PROJECT)
    run: Any = uuid.UUID(hook.run_project(project)["runId"])
    assert hook.run_status(project, run)["runId"] == str(run)
    assert hook.cancel_run(project, run) == run


# run_and_poll


def test_run_and_poll_takes_all_its_arguments_by_position(hook: HexHook, emulator: Control, warned: Warned) -> None:
    run = hook.run_and_poll(PROJECT, INPUTS, False, 0.1, 60, True, NOTIFICATIONS)
    assert run["status"] == "COMPLETED"
    assert {"projectId", "runId", "runUrl", "status", "startTime", "endTime", "elapsedTime", "traceId"} <= run.keys()
    assert body(emulator) == {"inputParams": INPUTS, "notifications": NOTIFICATIONS}
    assert_warned_once(warned, "use run_project and wait_for_run instead of run_and_poll")


def test_run_and_poll_needs_inputs_and_updates_the_cache(hook: HexHook, emulator: Control) -> None:
    with pytest.raises(TypeError, match="inputs"):
        hook.run_and_poll(PROJECT)  # type: ignore[call-arg]
    hook.run_and_poll(PROJECT, None, update_cache=True, poll_interval=0, poll_timeout=0)
    assert body(emulator) == {"updatePublishedResults": True, "useCachedSqlResults": False}


class StartsByOldNames(HexHook):
    """A hook of a user, who replaced a method as 0.1 had it."""

    def run_project(  # type: ignore[override]
        self, project_id: str, inputs: Any = None, update_cache: bool = False, notifications: Any = ()
    ) -> Any:
        method: Any = super().run_project
        return method(project_id, inputs, update_cache, [*notifications, *NOTIFICATIONS])


def test_run_and_poll_starts_its_run_with_the_run_project_of_a_subclass(emulator: Control, warned: Warned) -> None:
    StartsByOldNames().run_and_poll(PROJECT, None, update_cache=True, poll_interval=0.1)
    options = {"updatePublishedResults": True, "useCachedSqlResults": False}
    assert body(emulator) == {"notifications": NOTIFICATIONS, **options}


@pytest.mark.parametrize("status", ["ERRORED", "KILLED", "UNABLE_TO_ALLOCATE_KERNEL"])
def test_a_run_that_fails_is_an_airflow_exception_with_its_status(
    status: str, hook: HexHook, emulator: Control
) -> None:
    emulator.next_run(outcome=status)
    with pytest.raises(AirflowException, match=status):
        hook.run_and_poll(PROJECT, None, poll_interval=0.1)


@pytest.mark.parametrize(("kill", "status"), [(True, "KILLED"), (False, "RUNNING")])
def test_kill_on_timeout_decides_about_the_run_that_times_out(
    kill: bool, status: str, hook: HexHook, emulator: Control
) -> None:
    keep_runs(emulator)
    with pytest.raises(AirflowException, match="was cancelled" if kill else "still RUNNING"):
        hook.run_and_poll(PROJECT, None, False, 0.1, 0.5, kill)
    assert statuses(emulator) == [status]


def test_a_run_is_cancelled_at_the_execution_timeout_of_its_task(
    hook: HexHook, emulator: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep_runs(emulator)

    def time_out(*args: Any, **options: Any) -> None:
        raise AirflowTaskTimeout("Timeout")

    monkeypatch.setattr(hook, "wait_for_run", time_out)
    with pytest.raises(AirflowTaskTimeout, match=r"The run was cancelled\. .*Run: http"):
        hook.run_and_poll(PROJECT, None)
    assert statuses(emulator) == ["KILLED"]


@pytest.mark.parametrize("error", [errors.HexForbidden("No access."), KeyboardInterrupt()])
def test_a_wait_that_fails_cancels_its_run(
    error: BaseException, hook: HexHook, emulator: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep_runs(emulator)

    def fail(*args: Any, **options: Any) -> None:
        raise error

    monkeypatch.setattr(hook, "wait_for_run", fail)
    with pytest.raises(type(error), match=r"The run was cancelled\. .*Run: http"):
        hook.run_and_poll(PROJECT, None)
    assert statuses(emulator) == ["KILLED"]


def test_a_run_that_had_completed_is_not_said_to_be_cancelled(
    hook: HexHook, emulator: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep_runs(emulator)

    def time_out(project_id: str, run_id: str, **options: Any) -> None:
        emulator.set_status(run_id, "COMPLETED")
        raise AirflowTaskTimeout("Timeout")

    monkeypatch.setattr(hook, "wait_for_run", time_out)
    with pytest.raises(AirflowTaskTimeout, match=r"The run had already COMPLETED\. .*Run: http"):
        hook.run_and_poll(PROJECT, None)


def test_a_run_that_ends_in_the_moment_of_the_timeout_is_returned(
    hook: HexHook, emulator: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep_runs(emulator)

    def time_out(project_id: str, run_id: str, **options: Any) -> None:
        emulator.set_status(run_id, "COMPLETED")
        raise errors.HexRunTimeout("The run had not ended.")

    monkeypatch.setattr(hook, "wait_for_run", time_out)
    assert hook.run_and_poll(PROJECT, None)["status"] == "COMPLETED"


# run: any request


@pytest.mark.parametrize("form", ["api/v1/projects", "/api/v1/projects", "{host}/api/v1/projects"])
def test_run_takes_a_path_or_a_whole_url(form: str, hook: HexHook, emulator: Control, warned: Warned) -> None:
    assert hook.run("GET", form.format(host=emulator.url))["values"]
    assert_warned_once(warned, "use the method for the call, such as get_run or list_projects, instead of run")


def test_run_sends_the_query_of_a_get_and_the_json_of_a_post(hook: HexHook, emulator: Control) -> None:
    assert len(hook.run("get", "/api/v1/projects", {"limit": 1})["values"]) == 1
    assert len(hook.run("GET", "/api/v1/projects?limit=1")["values"]) == 1
    keep_runs(emulator)
    run = hook.run("POST", f"/api/v1/projects/{PROJECT}/runs", data={"inputParams": INPUTS})
    assert body(emulator) == {"inputParams": INPUTS}
    assert hook.run("GET", run["runStatusUrl"])["status"] == "RUNNING"
    assert hook.run("DELETE", f"api/v1/projects/{PROJECT}/runs/{run['runId']}", data=None) == {"response": ""}


@pytest.mark.parametrize(
    ("content_type", "content", "value"),
    [
        ("application/json", b"[1, 2]", [1, 2]),
        ("application/json; charset=utf-8", b"null", None),
        ("text/html", b"<p>Hello</p>", {"response": "<p>Hello</p>"}),
        ("text/plain", b"", {"response": ""}),
    ],
)
def test_run_returns_whatever_the_json_is_or_a_text(
    content_type: str, content: bytes, value: Any, monkeypatch: pytest.MonkeyPatch, warned: Warned
) -> None:
    with serving(Stranger(200, {"Content-Type": content_type}, content)) as server:
        connect(monkeypatch, host=server.url)
        assert HexHook().run("GET", "/api/v1/project/p/run/r") == value  # a path of 0.1
    assert [path for path, _ in server.received] == ["/api/v1/project/p/run/r"]


def test_a_response_that_is_no_json_although_it_says_so_is_an_airflow_exception(
    monkeypatch: pytest.MonkeyPatch, warned: Warned
) -> None:
    with serving(Stranger(200, {"Content-Type": "application/json"}, b"{")) as server:
        connect(monkeypatch, {"retry_for": 0.01}, host=server.url)
        with pytest.raises(AirflowException, match="is not JSON") as raised:
            HexHook().run("GET", "/api/v1/projects")
    assert not isinstance(raised.value, requests.HTTPError)


def test_a_post_is_not_sent_twice_when_its_response_is_lost(
    hook: HexHook, emulator: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    emulator.fault("RunProject", status=502)
    with pytest.raises(requests.HTTPError) as raised:
        hook.run("POST", f"/api/v1/projects/{PROJECT}/runs", {})
    assert raised.value.response.status_code == 502
    assert len(emulator.requests("RunProject")) == 1


@pytest.mark.parametrize(
    "form",
    [
        "{stranger}/api/v1/projects",
        "//{name}/api/v1/projects",
        "{host}@{name}/api/v1/projects",
        "https://{host_name}/api/v1/projects",
        "{host}.example.com/api/v1/projects",
    ],
)
def test_the_token_is_sent_to_no_other_server(form: str, hook: HexHook, emulator: Control, stranger: Stranger) -> None:
    endpoint = form.format(
        stranger=stranger.url,
        name=stranger.url.removeprefix("http://"),
        host=emulator.url,
        host_name=emulator.url.removeprefix("http://"),
    )
    with pytest.raises(errors.HexInvalidInput, match="is sent to http://127"):
        hook.run("GET", endpoint)
    assert not emulator.requests()


def test_a_redirect_to_another_server_is_not_followed(
    emulator: Control, stranger: Stranger, monkeypatch: pytest.MonkeyPatch, warned: Warned
) -> None:
    with serving(Stranger(302, {"Location": f"{stranger.url}/api/v1/projects"}, b"")) as redirecting:
        connect(monkeypatch, host=redirecting.url)
        with pytest.raises(errors.HexRequestRejected):
            HexHook().run("GET", "/api/v1/projects")
        assert len(redirecting.received) == 1


def test_an_endpoint_outside_the_api_is_rejected(hook: HexHook, emulator: Control) -> None:
    with pytest.raises(errors.HexInvalidInput, match="is below /api/v1, and this endpoint is not"):
        hook.run("GET", "/login")


# The session and the address


def test_the_session_sends_the_token_and_the_base_url_is_that_of_the_host(
    hook: HexHook, emulator: Control, warned: Warned
) -> None:
    session = hook.get_conn()
    assert isinstance(session, requests.Session)
    assert session.headers["Authorization"] == f"Bearer {TOKENS['full']}"
    assert hook.base_url == emulator.url
    assert session.get(f"{hook.base_url}/api/v1/projects").ok
    assert_warned_once(warned, "use config.base_url, which ends in /api/v1, instead of base_url")


def test_a_subclass_may_set_the_base_url(hook: HexHook) -> None:
    hook.base_url = "https://eu.hex.tech"
    assert hook.base_url == "https://eu.hex.tech"


def test_the_class_has_the_attributes_that_airflow_reads() -> None:
    names = (HexHook.conn_name_attr, HexHook.default_conn_name, HexHook.conn_type)
    assert names == ("hex_conn_id", "hex_default", "hex")
    assert HexHook().hex_conn_id == "hex_default"
    assert HexHook("other").hex_conn_id == HexHook(hex_conn_id="other").hex_conn_id == "other"


# Errors


@pytest.mark.parametrize("call", ["run", "run_project", "run_status", "cancel_run", "run_and_poll"])
def test_the_error_of_a_response_is_also_that_of_requests(call: str, hook: HexHook, emulator: Control) -> None:
    run_id = str(uuid.uuid4())
    for name in ("ListProjects", "RunProject", "GetRunStatus", "CancelRun"):
        emulator.fault(name, status=401, body={"reason": "Invalid token", "token": TOKENS["full"]}, times=None)
    arguments: dict[str, tuple[Any, ...]] = {
        "run": ("GET", "api/v1/projects"),
        "run_project": (PROJECT,),
        "run_and_poll": (PROJECT, None),
    }
    with pytest.raises(requests.HTTPError) as raised:
        getattr(hook, call)(*arguments.get(call, (PROJECT, run_id)))
    assert isinstance(raised.value, errors.HexUnauthorized)
    assert isinstance(raised.value, AirflowFailException)
    error: Any = raised.value
    assert error.response.status_code == 401
    assert not error.response.ok
    assert error.response.json()["reason"] == "Invalid token"
    assert error.response.url.startswith(emulator.url)
    assert error.response.headers["Content-Type"].startswith("application/json")
    assert "Authorization" not in error.request.headers
    assert "Authorization" not in error.response.request.headers
    assert TOKENS["full"] not in f"{error!r} {error.response.text} {error.response.headers}"
    copy = pickle.loads(pickle.dumps(error))
    assert isinstance(copy, errors.HexUnauthorized)
    assert str(copy) == str(error)


def test_no_response_is_also_the_connection_error_of_requests(monkeypatch: pytest.MonkeyPatch, warned: Warned) -> None:
    connect(monkeypatch, {"retry_for": 0.01}, host="http://127.0.0.1:9")
    with pytest.raises(requests.ConnectionError) as raised:
        HexHook().run_status(PROJECT, PROJECT)
    assert isinstance(raised.value, AirflowException)
    assert isinstance(raised.value, errors.HexNotConnected)


def test_a_missing_token_is_an_airflow_exception(monkeypatch: pytest.MonkeyPatch, warned: Warned) -> None:
    connect(monkeypatch, password="")
    for call in (lambda: HexHook().get_conn(), lambda: HexHook().run("GET", "api/v1/projects")):
        with pytest.raises(AirflowException, match="no token"):
            call()


def test_other_methods_do_not_import_the_errors_of_requests(hook: HexHook, emulator: Control) -> None:
    emulator.fault("Me", status=403)
    with pytest.raises(errors.HexForbidden) as raised:
        hook.me()
    assert not isinstance(raised.value, requests.HTTPError)


# Constants and types


def test_the_constants_are_there_with_a_warning(warned: Warned) -> None:
    from airflow_provider_hex.hooks.hex import COMPLETE

    assert COMPLETE == "COMPLETED"
    assert_warned_once(warned, "RunStatus instead of airflow_provider_hex.hooks.hex.COMPLETE")
    from airflow_provider_hex.hooks import hex as module

    names = ["PENDING", "RUNNING", "KILLED", "ERRORED", "UNABLE_TO_ALLOCATE_KERNEL"]
    assert [getattr(module, name) for name in names] == names
    assert sorted(module.VALID_STATUSES) == sorted([*names, "COMPLETED"])
    assert sorted(module.TERMINAL_STATUSES) == ["COMPLETED", "ERRORED", "KILLED", "UNABLE_TO_ALLOCATE_KERNEL"]
    with pytest.raises(ImportError, match="NOT_THERE"):
        from airflow_provider_hex.hooks.hex import NOT_THERE  # noqa: F401


def test_the_types_are_there_with_a_warning_for_the_module(warned: Warned) -> None:
    sys.modules.pop("airflow_provider_hex.types", None)
    types = importlib.import_module("airflow_provider_hex.types")
    (warning,) = warned
    assert "instead of the types in airflow_provider_hex.types" in str(warning.message)
    details = types.NotificationDetails(type="ALL", includeSuccessScreenshot=True, slackChannelIds=["C0"])
    assert details == {"type": "ALL", "includeSuccessScreenshot": True, "slackChannelIds": ["C0"]}
    assert types.RunResponse(projectId="p", runId="r") == {"projectId": "p", "runId": "r"}
    assert types.StatusResponse(projectId="p", runId="r", status="RUNNING")["status"] == "RUNNING"
    assert types.NotificationResponse(type="ALL") == {"type": "ALL"}


@pytest.mark.parametrize("name", ["NotificationDetails", "NotificationResponse", "RunResponse", "StatusResponse"])
def test_a_type_may_be_that_of_a_field_of_a_pydantic_model(name: str, warned: Warned) -> None:
    types: Any = importlib.import_module("airflow_provider_hex.types")
    assert pydantic.TypeAdapter(getattr(types, name)).json_schema()["type"] == "object"


def test_the_line_that_imports_the_types_is_warned_of(warned: Warned) -> None:
    sys.modules.pop("airflow_provider_hex.types", None)
    from airflow_provider_hex.types import NotificationDetails  # noqa: F401

    assert_warned_once(warned, "Notification")


def test_the_query_of_a_get_has_booleans_as_hex_writes_them_and_no_none(hook: HexHook, emulator: Control) -> None:
    query = {"after": None, "limit": 1, "includeArchived": True, "includeComponents": False}
    assert "values" in hook.run("GET", "api/v1/projects", query)
    (request,) = emulator.requests("ListProjects")
    assert request["query"] == {"limit": "1", "includeArchived": "true", "includeComponents": "false"}


def test_no_error_shows_a_token_in_an_endpoint(hook: HexHook) -> None:
    with pytest.raises(errors.HexInvalidInput) as raised:
        hook.run("GET", f"http://{TOKENS['full']}@example.com/api/v1/projects")
    assert TOKENS["full"] not in str(raised.value)
