"""Me."""

from collections.abc import Iterator
from datetime import UTC, datetime

import httpx
import pytest

from hex_emulator.client import Control
from hex_emulator.server import running
from hex_emulator.workspace import Token, Workspace
from tests.emulator.conftest import checked_client

ADA = "ada@example.com"
EXPIRY = datetime(2027, 1, 1, tzinfo=UTC)
TOKENS = (
    Token(name="personal", token="hxtp_1", owner=ADA, scopes=("read",), expires_at=EXPIRY),
    Token(name="workspace", token="hxtw_1", owner=ADA, scopes=("read", "users"), expires_at=EXPIRY),
    Token(name="endless", token="hxtw_2", owner=ADA, scopes=("users",)),
    Token(name="usual", token="hxtw_3", owner=ADA, scopes=("read", "run")),
)


@pytest.fixture(scope="module")
def hex_() -> Iterator[Control]:
    with running(Workspace(projects=(), tokens=TOKENS)) as control:
        yield control


def me(hex_: Control, token: str) -> httpx.Response:
    with checked_client(hex_, hex_.workspace().token(token)) as client:
        return client.get("/users/me")


def test_a_personal_token_has_a_user(hex_: Control) -> None:
    hex_.set_api("mixed")
    body = me(hex_, "personal").json()
    assert body.keys() == {"id", "name", "email", "role", "lastLoginDate", "org", "token"}
    assert body["email"] == ADA
    assert datetime.fromtimestamp(body["token"]["exp"], UTC) == EXPIRY
    assert body["org"] == {"id": hex_.workspace().id}


def test_a_workspace_token_has_no_user(hex_: Control) -> None:
    hex_.set_api("2026")
    org = {"id": hex_.workspace().id}
    assert me(hex_, "workspace").json() == {"org": org, "token": {"exp": EXPIRY.timestamp()}}
    assert me(hex_, "endless").json() == {"org": org}


def test_a_workspace_token_without_the_scope_is_rejected_but_works(hex_: Control) -> None:
    hex_.set_api("mixed")
    refusal = me(hex_, "usual")
    assert refusal.status_code == 403
    assert refusal.json()["code"] == "FORBIDDEN"
    with checked_client(hex_, hex_.workspace().token("usual")) as client:
        assert client.get("/projects", params={"limit": 1}).status_code == 200


def test_the_older_call_has_a_user_for_every_token_that_may_read(hex_: Control) -> None:
    hex_.set_api("2025")
    for token in ("personal", "workspace", "usual"):
        body = me(hex_, token).json()
        assert body.keys() == {"id", "name", "email", "role", "org"}
        assert body["email"] == ADA
    assert me(hex_, "endless").status_code == 403


def test_the_default_token_is_a_personal_one(api: httpx.Client) -> None:
    assert api.get("/users/me").json()["email"] == ADA
