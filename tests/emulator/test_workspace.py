"""Workspaces of TOML files."""

from pathlib import Path

import httpx
import pytest

from hex_emulator.server import running
from hex_emulator.workspace import default_workspace, load_workspace

SMALL = """
[[projects]]
id = "{id}"
title = "Small"
version = 1
run_plan = {{ pending = 0, running = 2, outcome = "ERRORED" }}
inputs = [{{ name = "n", cell = "NUMERIC_INPUT", default = {default} }}]

[[tokens]]
name = "mine"
token = "hxtp_0000000000000000000000000000000a"
owner = "me@example.com"
scopes = ["read", "run"]
"""
GOOD = SMALL.format(id="5A8591DD-4039-49DF-9202-96385BA3EFF8", default=1)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "workspace.toml"


def test_a_workspace_of_a_file_is_served(file: Path) -> None:
    file.write_text(GOOD)
    with running(file) as emulator:
        project, token = emulator.workspace().projects[0], emulator.workspace().token("mine")
        url = f"{emulator.api_url}/projects/{project.id}/runs"
        httpx.post(url, headers={"Authorization": f"Bearer {token}"}, trust_env=False).raise_for_status()
        assert [status for status, _ in emulator.runs()[0]["timeline"]] == ["PENDING", "RUNNING", "ERRORED"]


def test_a_small_workspace_has_defaults(file: Path) -> None:
    file.write_text(GOOD)
    workspace = load_workspace(file)
    project = workspace.projects[0]
    assert workspace.plan != "ENTERPRISE"
    assert project.type == "PROJECT"
    assert project.created_by == project.owner
    assert project.last_published_at == project.last_edited_at == project.created_at
    assert project.archived_at is project.trashed_at is None
    lists: list[object] = [project.charts, project.queried_tables, project.schedules, project.categories]
    assert lists == [()] * 4


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[[projects]", "line 1"),
        ("", "projects"),
        (SMALL.format(id="small", default=1), "projects.0.id"),
        (SMALL.format(id="5a8591dd-4039-49df-9202-96385ba3eff8", default='"one"'), "default of n"),
        (GOOD + GOOD, "project ids must differ"),
        (GOOD.replace("title", "name"), "projects.0.title"),
        (GOOD.replace('"run"', '"write"'), "scopes"),
        (GOOD.replace("version = 1", "created_at = 2026-01-01T00:00:00"), "timezone"),
        (GOOD.replace("version = 1", 'type = "APP"'), "projects.0.type"),
        ('plan = "FREE"' + GOOD, "plan"),
    ],
)
def test_an_invalid_workspace_is_rejected(file: Path, text: str, message: str) -> None:
    file.write_text(text)
    with pytest.raises(ValueError, match=message):
        load_workspace(file)


def test_the_default_workspace_has_each_kind_of_project_and_token() -> None:
    workspace = default_workspace()
    assert [param.name for param in workspace.project("Daily revenue").inputs] == [
        "as_of",
        "order_count",
        "region",
    ]
    assert not workspace.project("Warehouse health").inputs
    assert workspace.project("Pricing draft").version is None
    assert workspace.project("Date helpers").type == "COMPONENT"
    assert workspace.project("Revenue 2024").archived_at
    assert workspace.project("Scratchpad").trashed_at
    assert workspace.project("Daily revenue").queried_tables
    assert workspace.plan == "ENTERPRISE"
    assert {token.scopes for token in workspace.tokens} == {("read", "run", "cells", "users"), ("read",), ()}
