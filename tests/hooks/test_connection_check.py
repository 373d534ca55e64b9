"""The *Test* button: does the token work, whose is it, what may it do, and when does it expire."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from airflow_provider_hex.hooks.hex import HexHook
from hex_emulator.client import Control
from hex_emulator.generations.api import ApiName
from hex_emulator.server import running
from hex_emulator.workspace import Token, Workspace
from tests.conftest import TOKENS, connect

ORG = "1f0c2b7e-7d0a-4b61-9a33-0c5d2e8f4a17"
USER = {"id": "u1", "name": "Ada", "email": "ada@example.com", "role": "EDITOR", "org": {"id": ORG}}
FORBIDDEN_2026 = {"code": "FORBIDDEN", "message": "Insufficient permissions"}
FORBIDDEN_2025 = {"reason": "Insufficient permissions", "traceId": "t-1"}


EMPTY_PAGE = {"values": [], "pagination": {"after": None, "before": None}}


def in_days(days: float) -> float:
    return (datetime.now(UTC) + timedelta(days=days, minutes=1)).timestamp()


@pytest.mark.parametrize(
    ("body", "owner"),
    [
        (USER, "it belongs to ada@example.com"),
        ({"id": "u1", "name": "Ada", "email": None}, "it belongs to Ada"),
        ({"id": "u1"}, "it belongs to u1"),
        ({"org": {"id": ORG}}, f"it is a token of the workspace {ORG}"),
        ({"org": {"id": ORG}, "token": None}, f"it is a token of the workspace {ORG}"),
        ({"org": ORG}, "Hex does not say whose it is"),
        ({}, "Hex does not say whose it is"),
    ],
)
def test_it_says_whose_token_it_is_and_what_it_may_do(
    body: dict[str, Any], owner: str, emulator: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    emulator.fault("Me", status=200, body=body)
    assert HexHook().test_connection() == (
        True,
        f"The token works at {emulator.api_url} ({owner}) and can read projects.",
    )
    assert [(request["call"], request["query"]) for request in emulator.requests()] == [
        ("Me", {}),
        ("ListProjects", {"limit": "1"}),
    ]


APIS: list[ApiName] = ["2025", "2026", "mixed"]


@pytest.mark.parametrize("api", APIS)
def test_a_personal_token_belongs_to_a_user(api: ApiName, emulator: Control) -> None:
    emulator.set_api(api)
    works, message = HexHook().test_connection()
    assert works
    assert "it belongs to ada@example.com) and can read projects." in message


@pytest.mark.parametrize("api", APIS)
def test_a_workspace_token_works_without_the_scope_to_read_users(
    api: ApiName, emulator: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    emulator.set_api(api)
    connect(monkeypatch, host=emulator.url, password=TOKENS["read-only"])
    works, message = HexHook().test_connection()
    assert works
    assert message.startswith(f"The token works at {emulator.api_url} (it ")
    assert message.endswith(" and can read projects.")


@pytest.mark.parametrize("api", APIS)
def test_a_token_without_a_scope_is_of_no_use(api: ApiName, emulator: Control, monkeypatch: pytest.MonkeyPatch) -> None:
    emulator.set_api(api)
    connect(monkeypatch, host=emulator.url, password=TOKENS["no-scopes"])
    works, message = HexHook().test_connection()
    assert not works
    assert message.startswith("Hex accepts the token, but it cannot read projects, without which nothing works. Hex r")
    assert re.search("Projects → Read access.*Read projects", message)


@pytest.mark.parametrize("token", ["hxtp_1", "hxtw_1"])
def test_a_token_says_itself_when_it_expires(token: str, monkeypatch: pytest.MonkeyPatch) -> None:
    expires_at = datetime.now(UTC) + timedelta(days=2, hours=1)
    tokens = [Token(name=token, token=token, owner="ada@example.com", scopes=("read", "users"), expires_at=expires_at)]
    with running(Workspace(projects=(), tokens=tuple(tokens))) as emulator:
        connect(monkeypatch, host=emulator.url, password=token)
        works, message = HexHook().test_connection()
        owner = "belongs to ada@example.com" if token == "hxtp_1" else f"of the workspace {emulator.workspace().id}"
    assert works
    assert owner in message
    assert "Warning: it expires in 2 days, at " in message


@pytest.mark.parametrize(
    ("token", "owner"),
    [("hxtw_1f", "it is a workspace token"), ("0f9a4c1be27d4e5f8a6b", "Hex does not say whose it is")],
)
@pytest.mark.parametrize("body", [FORBIDDEN_2026, FORBIDDEN_2025])
@pytest.mark.parametrize("status", [403, 404])
def test_a_token_that_may_not_read_users_works_all_the_same(
    status: int, body: Any, token: str, owner: str, emulator: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect(monkeypatch, host=emulator.url, password=token)
    emulator.fault("Me", status=status, body=body)
    emulator.fault("ListProjects", status=200, body=EMPTY_PAGE)
    assert HexHook().test_connection() == (
        True,
        f"The token works at {emulator.api_url} ({owner}) and can read projects.",
    )


@pytest.mark.parametrize("body", [FORBIDDEN_2026, FORBIDDEN_2025])
@pytest.mark.parametrize("me", [{"status": 403}, {"status": 200, "body": USER}])
def test_a_token_that_cannot_read_projects_is_valid_but_of_no_use(
    me: dict[str, Any], body: Any, emulator: Control
) -> None:
    emulator.fault("Me", **{"body": body, **me})
    emulator.fault("ListProjects", status=403, body=body)
    works, message = HexHook().test_connection()
    assert not works
    assert message.startswith(
        "Hex accepts the token, but it cannot read projects, without which nothing works. Hex responded to "
        "ListProjects (GET /projects) with 403: 'Insufficient permissions'"
    )
    assert re.search("Projects → Read access.*Read projects", message)


def test_a_403_of_a_proxy_says_nothing_about_the_token(emulator: Control) -> None:
    emulator.fault("*", times=None, status=403, body="<html>Blocked</html>", content_type="text/html")
    works, message = HexHook().test_connection()
    assert not works
    assert message.startswith("Hex responded to ListProjects (GET /projects) with 403: 'Blocked'")


@pytest.mark.parametrize("status", [429, 408, 500, 503])
def test_a_token_that_cannot_be_checked_now_is_not_called_wrong(status: int, emulator: Control) -> None:
    emulator.fault("Me", status=status, body="Later")
    works, message = HexHook().test_connection()
    assert not works
    assert message.startswith(f"The token could not be checked now. Hex responded to Me (GET /users/me) with {status}")
    assert len(emulator.requests()) == 1


def test_a_token_of_unknown_owner_is_not_called_good_if_no_request_succeeds(emulator: Control) -> None:
    emulator.fault("Me", status=403, body=FORBIDDEN_2026)
    emulator.fault("ListProjects", status=503, body="Later")
    works, message = HexHook().test_connection()
    assert not works
    assert message.startswith("The token could not be checked now. Hex responded to ListProjects")


def test_a_token_works_though_whether_it_can_read_projects_is_not_known_now(emulator: Control) -> None:
    emulator.fault("ListProjects", status=429, body="Later")
    works, message = HexHook().test_connection()
    assert works
    assert "belongs to ada@example.com) but whether it can read projects could not be checked now. Hex res" in message


@pytest.mark.parametrize("fault", [{"status": 401, "body": "Unauthorized"}, {"status": 200, "body": "<html>"}])
def test_a_response_that_proves_nothing_ends_the_test(fault: dict[str, Any], emulator: Control) -> None:
    emulator.fault("Me", content_type="text/html", **fault)
    works, message = HexHook().test_connection()
    assert not works
    assert message.startswith(f"Hex responded to Me (GET /users/me) with {fault['status']}")
    assert len(emulator.requests()) == 1


@pytest.mark.parametrize("unit", [1, 1000])
def test_it_says_when_the_token_expires(unit: int, emulator: Control) -> None:
    emulator.fault("Me", status=200, body={**USER, "token": {"exp": in_days(7) * unit}})
    works, message = HexHook().test_connection()
    assert works
    assert message.endswith(f" It expires on {datetime.now(UTC) + timedelta(days=7, minutes=1):%Y-%m-%d}.")


@pytest.mark.parametrize(
    ("days", "left"), [(6.9, "6 days"), (3, "3 days"), (1, "1 day"), (0.99, "less than a day"), (0, "less than a day")]
)
def test_it_warns_of_a_token_that_expires_soon(days: float, left: str, emulator: Control) -> None:
    exp = in_days(days)
    emulator.fault("Me", status=200, body={"org": {"id": ORG}, "token": {"exp": exp}})
    works, message = HexHook().test_connection()
    assert works
    assert message.endswith(
        f" Warning: it expires in {left}, at {datetime.fromtimestamp(exp, UTC):%Y-%m-%d %H:%M} UTC. Create a new token "
        "in Hex before that."
    )


@pytest.mark.parametrize("exp", [None, 0, "soon", True, 86400, 1_700_000_000, [1]])
def test_it_says_nothing_of_an_expiry_that_cannot_be_right(exp: Any, emulator: Control) -> None:
    emulator.fault("Me", status=200, body={**USER, "token": {"exp": exp}})
    works, message = HexHook().test_connection()
    assert works
    assert message.endswith("and can read projects.")


@pytest.mark.parametrize("password", [TOKENS["full"], "hxtp_0bad"])
def test_it_warns_of_an_extra_field_that_is_no_option(
    password: str, emulator: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect(monkeypatch, {"conect_timeout": 3}, host=emulator.url, password=password)
    works, message = HexHook().test_connection()
    assert works is (password == TOKENS["full"])
    assert message.endswith("no option has this name. Did you mean connect_timeout?")


def test_a_connection_that_does_not_exist_is_no_exception() -> None:
    works, message = HexHook("no_such_connection").test_connection()
    assert not works
    assert message.startswith("The connection could not be read: ")
    assert "no_such_connection" in message


def test_a_connection_that_airflow_cannot_read_is_no_exception_and_shows_no_token(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def get_connection(conn_id: str) -> None:
        raise ValueError("Invalid connection string: hex://:hxtw_5ec4e7@https://eu.hex.tech.")

    hook = HexHook()
    monkeypatch.setattr(hook, "get_connection", get_connection)
    works, message = hook.test_connection()
    assert not works
    assert message == "The connection could not be read: Invalid connection string: hex://***"


def test_an_error_without_a_text_is_named() -> None:
    hook = HexHook()
    hook.__dict__["config"] = object()  # not what a client needs
    hook.__dict__["client"] = object()
    works, message = hook.test_connection()
    assert (works, message) == (
        False,
        "The connection could not be read: 'object' object has no attribute 'send'",
    )
