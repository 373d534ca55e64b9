"""Every way to make a call fail."""

from concurrent.futures import ThreadPoolExecutor
from time import monotonic
from typing import Any

import httpx
import pytest

from hex_emulator.client import Control, ControlError
from hex_emulator.server import running
from hex_emulator.workspace import Project
from tests.emulator.conftest import Start, checked_client, wait_until

CLOSED = (httpx.RemoteProtocolError, httpx.ReadError)  # which a timeout is not
READ_TIMEOUT = httpx.Timeout(60, read=2)  # long enough for a busy emulator to receive the request


def run_project(client: httpx.Client, project: Project) -> httpx.Response:
    return client.post(f"/projects/{project.id}/runs", json={})


def me(client: httpx.Client) -> httpx.Response:
    return client.get("/users/me")


def test_a_call_can_have_an_error_response_of_hex(api: httpx.Client, emulator: Control) -> None:
    emulator.fault("Me", status=500)
    response = me(api)
    assert response.status_code == 500
    assert response.json().keys() == {"code", "message"}
    assert response.headers["x-trace-id"]
    assert me(api).status_code == 200


def test_a_call_can_have_any_response(unchecked: httpx.Client, emulator: Control) -> None:
    emulator.fault("Me", status=502, body="<h1>Bad gateway</h1>", headers={"Retry-After": "7"})
    emulator.fault("Me", status=200, body={"a": [None]})
    emulator.fault("Me", status=200, body="{", content_type="application/json")
    emulator.fault("Me", status=200, body=None)
    emulator.fault("Me", status=204)
    emulator.fault("Me", status=599, content_type="application/problem+json")
    html, odd, broken, null, empty, strange = (me(unchecked) for _ in range(6))
    assert (html.status_code, html.text) == (502, "<h1>Bad gateway</h1>")
    assert html.headers["Content-Type"].startswith("text/html")
    assert html.headers["Retry-After"] == "7"
    assert odd.json() == {"a": [None]}
    assert (broken.text, broken.headers["Content-Type"]) == ("{", "application/json")
    assert null.text == "null"
    assert (empty.status_code, empty.content) == (204, b"")
    assert (strange.status_code, strange.headers["Content-Type"]) == (599, "application/problem+json")
    assert strange.json().keys() == {"code", "message"}


def test_an_error_response_of_hex_can_have_headers(api: httpx.Client, emulator: Control) -> None:
    emulator.fault("Me", status=429, headers={"RateLimit-Reset": "9"})
    assert me(api).headers["RateLimit-Reset"] == "9"


def test_a_fault_begins_after_some_calls_and_ends_after_some(api: httpx.Client, emulator: Control) -> None:
    emulator.fault("Me", after=1, times=2, status=503)
    assert [me(api).status_code for _ in range(5)] == [200, 503, 503, 200, 200]


def test_faults_happen_one_after_the_other(api: httpx.Client, emulator: Control) -> None:
    emulator.fault("Me", status=500)
    emulator.fault("Me", status=503)
    emulator.fault("Me", after=3, status=504)
    assert [me(api).status_code for _ in range(5)] == [500, 503, 200, 504, 200]


def test_a_fault_can_last_until_it_is_cleared(api: httpx.Client, emulator: Control) -> None:
    emulator.fault("Me", times=None, status=503)
    assert {me(api).status_code for _ in range(5)} == {503}
    emulator.clear_faults()
    assert me(api).status_code == 200


def test_a_fault_hits_only_what_it_is_for(
    api: httpx.Client, emulator: Control, start: Start, revenue: Project, health: Project
) -> None:
    mine, other = start(), start()
    emulator.fault("RunProject", project_id=health.id, status=503)
    emulator.fault("GetRunStatus", run_id=mine["runId"], status=500)
    assert me(api).status_code == 200
    assert run_project(api, revenue).status_code == 201
    assert run_project(api, health).status_code == 503
    assert api.get(other["runStatusUrl"]).status_code == 200
    assert api.get(mine["runStatusUrl"]).status_code == 500


def test_a_star_means_every_call(api: httpx.Client, emulator: Control, revenue: Project) -> None:
    emulator.fault("*", times=None, status=500)
    assert me(api).status_code == run_project(api, revenue).status_code == 500


def test_a_false_response_has_no_effect(api: httpx.Client, emulator: Control, revenue: Project) -> None:
    emulator.fault("RunProject", status=503)
    run_project(api, revenue)
    assert emulator.runs() == []


def test_a_false_response_can_hide_the_effect(api: httpx.Client, emulator: Control, revenue: Project) -> None:
    emulator.fault("RunProject", status=500, apply=True)
    assert run_project(api, revenue).status_code == 500
    assert len(emulator.runs()) == 1


def test_a_real_response_can_be_cut_in_half(
    api: httpx.Client, unchecked: httpx.Client, emulator: Control, start: Start
) -> None:
    url = start()["runStatusUrl"]
    whole = api.get(url)
    emulator.fault("GetRunStatus", truncate=True)
    half = unchecked.get(url)
    assert half.status_code == 200
    assert half.headers["Content-Type"] == "application/json"
    assert half.content == whole.content[: len(whole.content) // 2]
    with pytest.raises(ValueError, match=r"Unterminated|Expecting"):
        half.json()


def test_a_real_response_can_have_another_content_type(
    unchecked: httpx.Client, emulator: Control, revenue: Project
) -> None:
    emulator.fault("RunProject", content_type="text/html")
    response = run_project(unchecked, revenue)
    assert response.headers.get_list("Content-Type") == ["text/html"]
    assert response.json()["runId"] == emulator.runs()[0]["runId"]


def test_a_real_response_can_have_other_headers(api: httpx.Client, emulator: Control) -> None:
    emulator.fault("Me", headers={"ratelimit-remaining": "three", "X-Odd": "1"})
    emulator.set_limits_of("2025")
    response = me(api)
    assert response.status_code == 200
    assert response.json()["email"]
    assert response.headers["X-Odd"] == "1"
    assert response.headers.get_list("RateLimit-Remaining") == ["three"]
    assert response.headers["RateLimit-Limit"] == "60"


@pytest.mark.parametrize("fault", [{}, {"status": 502, "body": "<h1>Bad gateway</h1>"}])
def test_a_body_can_be_sent_slowly_in_pieces_after_its_headers(
    unchecked: httpx.Client, emulator: Control, fault: dict[str, Any]
) -> None:
    emulator.fault("Me", slow=40, **fault)
    with unchecked.stream("GET", "/users/me") as response:  # the block begins when the headers have arrived
        assert response.status_code == fault.get("status", 200)
        pieces = response.iter_raw()
        first = next(pieces)
    assert 0 < len(first) < int(response.headers["Content-Length"])

    emulator.fault("Me", slow=0.4, **fault)
    start = monotonic()
    response = me(unchecked)
    assert monotonic() - start >= 0.4
    assert len(response.content) == int(response.headers["Content-Length"])


def test_half_a_body_can_be_sent_slowly(unchecked: httpx.Client, emulator: Control) -> None:
    whole = me(unchecked).content
    emulator.fault("Me", slow=0.1, truncate=True)
    assert len(me(unchecked).content) == len(whole) // 2


def test_a_response_without_a_body_is_not_slow(unchecked: httpx.Client, emulator: Control) -> None:
    emulator.fault("Me", slow=60, status=204)
    assert me(unchecked).content == b""


def test_a_timeout_during_a_slow_body_does_not_delay_other_clients(
    api: httpx.Client, unchecked: httpx.Client, emulator: Control
) -> None:
    emulator.fault("Me", slow=60)
    api.timeout = READ_TIMEOUT
    with pytest.raises(httpx.ReadTimeout):
        me(api)
    assert me(unchecked).status_code == 200


def test_a_connection_can_be_dropped_before_the_effect(api: httpx.Client, emulator: Control, revenue: Project) -> None:
    emulator.fault("RunProject", drop=True)
    with pytest.raises(CLOSED):
        run_project(api, revenue)
    assert emulator.runs() == []
    assert emulator.requests()[0]["status"] is None
    assert run_project(api, revenue).status_code == 201


def test_a_connection_can_be_dropped_after_the_effect(api: httpx.Client, emulator: Control, revenue: Project) -> None:
    me(api)  # so that the connection is one that is kept alive
    emulator.fault("RunProject", drop=True, apply=True)
    with pytest.raises(CLOSED):
        run_project(api, revenue)
    assert len(emulator.runs()) == 1


def test_dropping_one_connection_leaves_the_others(
    api: httpx.Client, unchecked: httpx.Client, emulator: Control
) -> None:
    me(unchecked)
    emulator.fault("Me", drop=True)
    with pytest.raises(CLOSED):
        me(api)
    assert me(unchecked).status_code == 200


def test_a_response_can_be_late(api: httpx.Client, emulator: Control) -> None:
    emulator.fault("Me", delay=0.2)
    start = monotonic()
    assert me(api).status_code == 200
    assert monotonic() - start >= 0.2


def test_a_late_response_does_not_delay_other_clients() -> None:
    with ThreadPoolExecutor() as pool, running() as emulator:  # to end it closes the connection of the late response
        token = emulator.workspace().token("full")
        emulator.fault("Me", delay=300)
        with checked_client(emulator, token) as one, checked_client(emulator, token) as other:
            one.timeout = httpx.Timeout(300)
            late = pool.submit(me, one)
            wait_until(emulator.requests)
            assert me(other).status_code == 200
            assert not late.done()


def test_a_run_is_started_although_the_client_timed_out(api: httpx.Client, emulator: Control, revenue: Project) -> None:
    emulator.fault("RunProject", delay=60)
    api.timeout = READ_TIMEOUT
    with pytest.raises(httpx.ReadTimeout):
        run_project(api, revenue)
    wait_until(emulator.runs)


def test_the_effect_can_come_before_the_delay(
    api: httpx.Client, unchecked: httpx.Client, emulator: Control, start: Start
) -> None:
    run = start()
    emulator.fault("CancelRun", delay=60, apply=True)
    api.timeout = READ_TIMEOUT
    with pytest.raises(httpx.ReadTimeout):
        api.delete(run["runStatusUrl"])
    wait_until(lambda: emulator.runs()[0]["status"] == "KILLED")


@pytest.mark.parametrize("fault", [{"delay": 0.01}, {"truncate": True}, {"slow": 0.01}, {"headers": {"X-Odd": "1"}}])
@pytest.mark.parametrize("apply", [False, True])
def test_a_real_response_has_its_effect_once(
    unchecked: httpx.Client, emulator: Control, revenue: Project, fault: dict[str, Any], apply: bool
) -> None:
    emulator.fault("RunProject", apply=apply, **fault)
    assert run_project(unchecked, revenue).status_code == 201
    assert len(emulator.runs()) == 1


@pytest.mark.parametrize(
    "fault",
    [
        {},
        {"status": 99},
        {"body": "text"},
        {"body": "text", "delay": 1},
        {"drop": True, "headers": {"Retry-After": "1"}},
        {"drop": True, "slow": 1},
        {"slow": -1},
        {"drop": True, "status": 500},
        {"drop": True, "truncate": True},
        {"status": 500, "times": 0},
        {"status": 500, "after": -1},
        {"delay": -1},
    ],
)
def test_an_invalid_fault_is_rejected(emulator: Control, fault: dict[str, Any]) -> None:
    with pytest.raises(ControlError, match="400"):
        emulator.fault("Me", **fault)
