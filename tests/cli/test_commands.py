"""What each command prints, and its exit code."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from airflow_provider_hex.cli import waiting
from hex_emulator.client import Control
from tests.api.project_urls import titled
from tests.cli.conftest import Result
from tests.conftest import PROJECT, TOKENS, connect

Cli = Callable[..., Result]
UNKNOWN = "019eb848-2e32-77f8-991b-aaa5018c75b4"


def one_run(emulator: Control, status: str = "RUNNING") -> dict[str, Any]:
    """Start a run that keeps a status."""
    emulator.next_run(timeline=[(status, None)])
    return emulator.start_run(PROJECT, trigger="API")


def test_projects_are_listed_as_a_table(hex_cli: Cli) -> None:
    result = hex_cli("projects", "list")
    head, rule, *rows = result.out.splitlines()
    assert head.split() == ["id", "|", "title", "|", "status", "|", "owner", "|", "last_published"]
    assert set(rule) == {"=", "+"}
    assert any(row.startswith(f"{PROJECT} | Daily revenue ") for row in rows)
    assert result.code == 0


def test_archived_and_trashed_projects_are_listed_if_that_is_asked_for(hex_cli: Cli, emulator: Control) -> None:
    hex_cli("projects", "list", "--include-archived", "--include-trashed", "--limit", "2")
    (request,) = emulator.requests("ListProjects")
    assert request["query"] == {"includeArchived": "true", "includeTrashed": "true", "limit": "2"}


def test_no_more_projects_are_listed_than_the_limit(hex_cli: Cli, emulator: Control) -> None:
    assert len(hex_cli("projects", "list", "--limit", "1", "-o", "json").json) == 1
    assert len(emulator.requests("ListProjects")) == 1


@pytest.mark.parametrize("project", [PROJECT, titled(PROJECT), f"https://app.hex.tech/hex/app/{PROJECT}/latest?a=b"])
def test_a_project_is_shown_by_its_id_or_url(project: str, hex_cli: Cli) -> None:
    result = hex_cli("projects", "show", project, "-o", "json")
    assert result.json["id"] == PROJECT
    assert result.json["title"] == "Daily revenue"


def test_the_error_for_an_unknown_project_says_that_its_id_was_derived_from_the_url(hex_cli: Cli) -> None:
    result = hex_cli("projects", "show", titled(UNKNOWN))
    assert (result.code, result.out) == (1, "")
    assert f"The project's id {UNKNOWN} was derived from its URL" in result.err
    assert result.err.startswith("Error: Hex responded to GetProject")
    assert "the Hex connection 'hex_default'" in result.err


def test_every_form_has_the_same_project(hex_cli: Cli) -> None:
    found = hex_cli("projects", "show", PROJECT, "-o", "json").json
    assert yaml.safe_load(hex_cli("projects", "show", PROJECT, "-o", "yaml").out) == found
    plain = hex_cli("projects", "show", PROJECT, "-o", "plain").out.splitlines()
    table = hex_cli("projects", "show", PROJECT).out.splitlines()
    assert [line.split()[0] for line in plain] == ["field", *found]
    assert [line.split()[0] for line in table if "=+=" not in line] == ["field", *found]


def test_the_latest_runs_of_a_project_are_listed(hex_cli: Cli, emulator: Control) -> None:
    running, killed = one_run(emulator)["runId"], one_run(emulator, "KILLED")["runId"]
    assert {run["runId"] for run in hex_cli("runs", "list", PROJECT, "-o", "json").json} == {running, killed}
    result = hex_cli("runs", "list", titled(PROJECT), "--status", "KILLED", "--trigger", "API", "-o", "plain")
    assert [row.split()[:3] for row in result.out.splitlines()] == [
        ["id", "status", "trigger"],
        [killed, "KILLED", "API"],
    ]
    assert len(hex_cli("runs", "list", PROJECT, "--limit", "1", "-o", "json").json) == 1


def test_a_list_without_items_says_so(hex_cli: Cli) -> None:
    assert hex_cli("runs", "list", PROJECT).out == "No data found\n"
    assert hex_cli("runs", "list", PROJECT, "-o", "json").json == []


@pytest.mark.parametrize("command", ["show", "wait", "cancel"])
def test_a_run_is_named_by_its_url_or_by_project_and_id(command: str, hex_cli: Cli, emulator: Control) -> None:
    for by_url in (True, False):
        run = one_run(emulator, "COMPLETED")
        arguments = [run["runUrl"]] if by_url else [titled(PROJECT), run["runId"]]
        result = hex_cli("runs", command, *arguments, "-o", "json")
        assert result.code == 0
        assert result.json["runId"] == run["runId"]


def test_a_run_must_be_named(hex_cli: Cli, emulator: Control) -> None:
    result = hex_cli("runs", "show", PROJECT)
    assert (result.code, result.out) == (2, "")
    assert "Which run?" in result.err
    assert emulator.requests() == []


def test_a_run_is_started_with_inputs(hex_cli: Cli, emulator: Control, tmp_path: Path) -> None:
    file = tmp_path / "inputs.json"
    file.write_text('{"order_count": 3, "as_of": "2026-11-20"}')
    result = hex_cli(
        *["runs", "start", PROJECT, "--inputs-json", str(file), "--input", "as_of=2026-11-21"],
        *["--input", "order_count:=7", "--no-sql-cache", "-o", "json"],
    )
    (request,) = emulator.requests("RunProject")
    assert request["body"] == {
        "inputParams": {"order_count": 7, "as_of": "2026-11-21"},
        "useCachedSqlResults": False,
    }
    (run,) = emulator.runs()
    assert (result.code, result.json["runId"]) == (0, run["runId"])
    assert result.err == f"Hex run started: {run['runUrl']}\n"


def test_a_run_is_started_with_a_view(hex_cli: Cli, emulator: Control) -> None:
    hex_cli("runs", "start", PROJECT, "--view", "v")
    assert emulator.requests("RunProject")[0]["body"] == {"viewId": "v"}


def test_a_run_is_started_to_update_the_published_results(hex_cli: Cli, emulator: Control) -> None:
    hex_cli("runs", "start", PROJECT, "--update-published-results")
    assert emulator.requests("RunProject")[0]["body"] == {"updatePublishedResults": True}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--input", "a=1", "--view", "v"], "Pass either inputs or --view"),
        (["--input", "a=1", "--update-published-results"], "Pass either inputs or --update-published-results"),
        (["--input", "a=1", "--input", "a:=1"], "An input is given twice."),
        (["--input", "a"], "'a' is not an input. Write it as NAME=TEXT or NAME:=JSON."),
        (["--input", "=1"], "'=1' is not an input."),
        (["--input", ":=1"], "':=1' is not an input."),
        (["--input", "a:=one"], "'one' is not JSON"),
        (["--input", "a:=NaN"], "'NaN' is not JSON"),
        (["--view", ""], "--view is empty."),
        (["--inputs-json", "no-such-file"], "--inputs-json no-such-file cannot be read:"),
        (["--inputs-json", __file__], "cannot be read: --inputs-json is a string that is not JSON"),
        (["--timeout", "soon"], "'soon' is not a duration. Write it like 90s, 60m or 1.5h."),
        (["--timeout", "0"], "'0' is not a duration."),
        (["--timeout", "-1"], "not a duration"),
        (["-o", "xml"], "invalid choice: 'xml'"),
    ],
)
def test_wrong_usage_is_no_request(options: list[str], message: str, hex_cli: Cli, emulator: Control) -> None:
    result = hex_cli("runs", "start", PROJECT, *options)
    assert (result.code, result.out) == (2, "")
    assert message in result.err
    assert emulator.requests() == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["projects", "show", "Daily revenue"],
            "project_id is 'Daily revenue', which is not an id. Use the project's URL",
        ),
        (["runs", "show", PROJECT, "latest"], "run_id is 'latest', which is not an id"),
        (["projects", "list", "--limit", "0"], "'0' is not a whole number of at least 1"),
        (["runs", "list", PROJECT, "--status", "DONE"], "invalid choice: 'DONE'"),
    ],
)
def test_an_invalid_argument_is_wrong_usage(arguments: list[str], message: str, hex_cli: Cli) -> None:
    result = hex_cli(*arguments)
    assert result.code == 2
    assert message in result.err


def test_inputs_that_are_no_object_are_wrong_usage(hex_cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "list.json").write_text("[1]")
    result = hex_cli("runs", "start", PROJECT, "--inputs-json", str(tmp_path / "list.json"))
    assert result.code == 2
    assert "is not a JSON object" in result.err


def test_a_rejected_text_input_is_explained(hex_cli: Cli) -> None:
    result = hex_cli("runs", "start", PROJECT, "--input", "order_count=7")
    assert result.code == 1
    assert "For any other type, write NAME:=VALUE." in result.err


ENDS = [("COMPLETED", 0), ("ERRORED", 3), ("KILLED", 4), ("UNABLE_TO_ALLOCATE_KERNEL", 5)]


@pytest.mark.parametrize(("status", "code"), ENDS)
def test_the_exit_code_says_how_the_run_ended(status: str, code: int, hex_cli: Cli, emulator: Control) -> None:
    emulator.next_run(timeline=[("RUNNING", 1), (status, None)])
    result = hex_cli("runs", "start", PROJECT, "--wait", "-o", "json")
    assert result.code == code
    assert result.json["status"] == status
    assert (f"Hex run {status}" in result.err) == (code != 0)
    assert len(emulator.requests("RunProject")) == 1


@pytest.mark.parametrize(("status", "code"), ENDS)
def test_waiting_has_the_same_exit_codes(status: str, code: int, hex_cli: Cli, emulator: Control) -> None:
    result = hex_cli("runs", "wait", one_run(emulator, status)["runUrl"], "-o", "json")
    assert (result.code, result.json["status"]) == (code, status)


@pytest.mark.parametrize("command", ["start", "wait"])
def test_a_timeout_leaves_the_run_running_and_says_how_to_cancel_it(
    command: str, hex_cli: Cli, emulator: Control
) -> None:
    emulator.next_run(timeline=[("RUNNING", None)])
    arguments = ["start", PROJECT, "--wait"] if command == "start" else ["wait", one_run(emulator)["runUrl"]]
    result = hex_cli("runs", *arguments, "--timeout", "0.5s", "-o", "json")
    (run,) = emulator.runs()
    assert (result.code, run["status"]) == (6, "RUNNING")
    assert result.json["status"] == "RUNNING"
    assert "--timeout 0.5 s counts from the start of the command. The run goes on." in result.err
    assert f"To cancel it: python -m airflow_provider_hex runs cancel {PROJECT} {run['runId']}\n" in result.err


def test_a_run_is_cancelled(hex_cli: Cli, emulator: Control) -> None:
    run = one_run(emulator)
    result = hex_cli("runs", "cancel", run["runUrl"], "-o", "json")
    assert result.code == 0
    assert result.json == {"cancelled": True, "projectId": PROJECT, "runId": run["runId"]}
    assert f"Hex run cancelled: {run['runId']}" in result.err
    assert emulator.runs()[0]["status"] == "KILLED"
    again = hex_cli("runs", "cancel", run["runUrl"], "-o", "json")
    assert (again.code, again.json["cancelled"], again.json["status"]) == (0, False, "KILLED")
    assert f"Hex run has already ended KILLED: {run['runUrl']}\n" in again.err


@pytest.mark.parametrize("command", ["show", "cancel", "wait"])
def test_an_unknown_run_is_an_error(command: str, hex_cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "NEW_FOR", 0.0)
    result = hex_cli("runs", command, PROJECT, UNKNOWN)
    assert (result.code, result.out) == (1, "")
    assert "is gone, or the token's owner has no access to it." in result.err
    assert "To cancel it" not in result.err


def test_waiting_says_how_to_cancel_if_the_run_cannot_be_polled(hex_cli: Cli, emulator: Control) -> None:
    run = one_run(emulator)
    emulator.fault("GetRunStatus", status=401, times=100)
    emulator.fault("GetProjectRuns", status=401, times=100)
    result = hex_cli("runs", "wait", run["runUrl"])
    assert result.code == 1
    cancel = f"python -m airflow_provider_hex runs cancel {PROJECT} {run['runId']}"
    assert result.err.endswith(f"The run may go on.\nTo cancel it: {cancel}\n")


@pytest.mark.parametrize("status", [429, 503])
def test_a_limit_is_waited_for_and_one_run_is_started(status: int, hex_cli: Cli, emulator: Control) -> None:
    emulator.fault("RunProject", status=status, times=1, headers={"Retry-After": "0"})
    result = hex_cli("runs", "start", PROJECT, "-o", "json")
    assert result.code == 0
    assert len(emulator.runs()) == 1
    assert re.search(r"^Warning: Retrying in \d+ s\. Hex responded to RunProject", result.err, re.MULTILINE)


def test_a_limit_is_waited_for_no_longer_than_the_timeout(hex_cli: Cli, emulator: Control) -> None:
    emulator.fault("RunProject", status=429, times=100, headers={"Retry-After": "600"})
    result = hex_cli("runs", "start", PROJECT, "--timeout", "1s")
    assert (result.code, result.out) == (6, "")
    assert result.err.rstrip().endswith("No run was started.")
    assert emulator.runs() == []


def test_an_ambiguous_start_is_reconciled(hex_cli: Cli, emulator: Control) -> None:
    emulator.fault("RunProject", status=502, times=1, apply=True)
    result = hex_cli("runs", "start", PROJECT, "--wait", "-o", "json")
    assert (result.code, result.json["status"]) == (0, "COMPLETED")
    assert len(emulator.runs()) == 1
    assert "It is unknown whether a run was started." in result.err


def test_each_step_is_shown_if_that_is_asked_for(hex_cli: Cli, emulator: Control) -> None:
    run = one_run(emulator, "COMPLETED")
    assert "Hex run COMPLETED" in hex_cli("runs", "wait", run["runUrl"], "-v").err
    assert hex_cli("runs", "wait", run["runUrl"]).err == ""


@pytest.mark.parametrize("form", ["table", "json"])
def test_the_connection_test_says_whose_the_token_is(form: str, hex_cli: Cli) -> None:
    result = hex_cli("connection", "test", "-o", form)
    assert result.code == 0
    message = result.json["message"] if form == "json" else result.out
    assert "The token works at http" in message


def test_the_connection_test_fails_with_a_wrong_token(
    hex_cli: Cli, emulator: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect(monkeypatch, host=emulator.url, password="hxtw_wrong")
    result = hex_cli("connection", "test", "-o", "json")
    assert (result.code, result.json["works"]) == (1, False)
    assert "The token is wrong, has expired" in result.json["message"]


def test_another_connection_can_be_named(hex_cli: Cli, emulator: Control, monkeypatch: pytest.MonkeyPatch) -> None:
    fields = {"conn_type": "hex", "host": emulator.url, "password": TOKENS["full"], "extra": {"start_grace": 0.01}}
    monkeypatch.setenv("AIRFLOW_CONN_HEX_EU", json.dumps(fields))
    monkeypatch.setenv("HEX_API_TOKEN", "hxtw_wrong")
    emulator.next_run(timeline=[("RUNNING", None)])
    result = hex_cli("runs", "start", PROJECT, "--wait", "--timeout", "0.1s", "--conn-id", "hex_eu")
    assert result.code == 6
    assert result.err.endswith(f"{emulator.runs()[0]['runId']} --conn-id hex_eu\n")


def test_the_environment_is_used_before_the_default_connection(
    hex_cli: Cli, emulator: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEX_API_TOKEN", "hxtw_wrong")
    monkeypatch.setenv("HEX_BASE_URL", emulator.url)
    result = hex_cli("projects", "show", PROJECT)
    assert result.code == 1
    assert "Here, the connection is the environment's HEX_API_TOKEN and HEX_BASE_URL." in result.err


def test_a_warning_about_the_connection_is_shown(
    hex_cli: Cli, emulator: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect(monkeypatch, {"retry_fo": 7}, host=emulator.url)
    assert (
        "Warning: The extra of the Hex connection 'hex_default' has the field 'retry_fo'"
        in hex_cli("projects", "list").err
    )


@pytest.mark.parametrize("options", [[], ["--wait"], ["-v"]])
def test_the_token_is_never_printed(
    options: list[str], hex_cli: Cli, emulator: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    emulator.fault("RunProject", status=500, body=f"token {TOKENS['full']}", times=1)
    result = hex_cli("runs", "start", PROJECT, *options)
    assert TOKENS["full"] not in result.out + result.err


def test_what_could_control_a_terminal_is_not_printed(hex_cli: Cli, emulator: Control) -> None:
    emulator.fault("GetProject", status=200, body=json.dumps({"id": PROJECT, "title": "a\x1b[2Jb\nc"}), times=2)
    assert "title | a [2Jb c" in hex_cli("projects", "show", PROJECT).out
    assert hex_cli("projects", "show", PROJECT, "-o", "json").json["title"] == "a\x1b[2Jb\nc"


def test_the_connection_test_prints_nothing_that_could_control_a_terminal(hex_cli: Cli, emulator: Control) -> None:
    emulator.fault("Me", status=200, body=json.dumps({"email": "\x1b]0;a\x07b@example.com"}))
    assert "\x1b" not in hex_cli("connection", "test").out


def test_an_ambiguous_start_says_what_to_do_before_the_command_is_repeated(hex_cli: Cli, emulator: Control) -> None:
    emulator.fault("RunProject", drop=True, apply=True)
    result = hex_cli("runs", "start", PROJECT, "--input", "order_count:=7")
    assert result.code == 1
    assert f"see the runs: python -m airflow_provider_hex runs list {PROJECT} --trigger API" in result.err
