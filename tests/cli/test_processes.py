"""The real programs: ``airflow hex`` and ``python -m airflow_provider_hex``, on a terminal and without."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from airflow_provider_hex.airflow_compat import AIRFLOW_V_3_2_PLUS
from airflow_provider_hex.cli.arguments import COMMANDS
from demo.waiting import wait_for
from hex_emulator.client import Control
from tests.cli.conftest import IN_EACH_PROGRAM, PROGRAMS, ROOT, Terminal, call_process, environment
from tests.conftest import PROJECT, TOKENS

KEEPS_RUNNING = [("PENDING", 2), ("RUNNING", None)]


@IN_EACH_PROGRAM
def test_a_run_is_started_and_waited_for_with_only_json_on_stdout(program: str, emulator: Control) -> None:
    env = environment(emulator)
    result = call_process(program, "runs", "start", PROJECT, "--wait", "-o", "json", env=env)
    (run,) = emulator.runs()
    assert result.code == 0, result.err
    assert result.json["runId"] == run["runId"]
    assert result.json["status"] == "COMPLETED"
    assert f"Hex run started: {run['runUrl']}\n" in result.err
    assert "The run is" not in result.err
    assert TOKENS["full"] not in result.out + result.err


@IN_EACH_PROGRAM
def test_the_exit_code_reaches_the_shell(program: str, emulator: Control) -> None:
    emulator.next_run(timeline=[("ERRORED", None)])
    assert call_process(program, "runs", "start", PROJECT, "--wait", env=environment(emulator)).code == 3
    assert call_process(program, "runs", "show", PROJECT, env=environment(emulator)).code == 2
    assert call_process(program, "runs", "show", "revenue", env=environment(emulator)).code == 2


@IN_EACH_PROGRAM
def test_a_line_on_the_terminal_shows_the_progress_while_stdout_stays_clean(program: str, emulator: Control) -> None:
    emulator.next_run(timeline=[("PENDING", 20), ("RUNNING", 20), ("COMPLETED", None)])
    terminal = Terminal(program, "runs", "start", PROJECT, "--wait", "-o", "json", env=environment(emulator))
    result = terminal.end()
    assert (result.code, result.json["status"]) == (0, "COMPLETED")
    for status in ("PENDING", "RUNNING"):
        assert re.search(rf"\rThe run is {status} \(Ctrl-C ends the wait, not the run\), \d+ s", result.err)
    assert len(set(re.findall(r", (\d+) s", result.err))) > 1
    assert re.search(r" +\r$", result.err)  # the line is removed in the end


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
@IN_EACH_PROGRAM
def test_a_signal_ends_the_wait_and_says_that_the_run_goes_on(
    program: str, number: signal.Signals, code: int, emulator: Control
) -> None:
    emulator.next_run(timeline=KEEPS_RUNNING)
    terminal = Terminal(program, "runs", "start", PROJECT, "--wait", env=environment(emulator))
    terminal.read_until("The run is RUNNING")
    terminal.process.send_signal(number)
    result = terminal.end()
    (run,) = emulator.runs()
    assert (result.code, run["status"]) == (code, "RUNNING")
    assert f"Interrupted. The run goes on: {run['runUrl']}\n" in result.err
    assert f"To cancel it: {program} runs cancel {PROJECT} {run['runId']}\n" in result.err
    assert "Traceback" not in result.err

    cancel = result.err.split("To cancel it: ")[1].strip().removeprefix(program).split()
    assert call_process(program, *cancel, env=environment(emulator)).code == 0
    assert emulator.runs()[0]["status"] == "KILLED"


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_while_runproject_is_sent_says_that_a_run_may_have_been_started(
    number: signal.Signals, code: int, emulator: Control
) -> None:
    emulator.fault("RunProject", delay=600, apply=True)
    (program, *_) = PROGRAMS
    terminal = Terminal(program, "runs", "start", PROJECT, env=environment(emulator))
    wait_for("the request", lambda: emulator.requests("RunProject") or None, seconds=60)
    terminal.process.send_signal(number)
    result = terminal.end()
    assert result.code == code
    assert "It is unknown whether a run was started" in result.err
    assert f"{program} runs list {PROJECT} --trigger API\n" in result.err


def test_ctrl_c_while_a_limit_is_waited_for_says_that_no_run_was_started(emulator: Control) -> None:
    emulator.fault("RunProject", status=429, times=None, headers={"Retry-After": "600"})
    (program, *_) = PROGRAMS
    terminal = Terminal(program, "runs", "start", PROJECT, env=environment(emulator))
    terminal.read_until("Retrying in")
    terminal.process.send_signal(signal.SIGINT)
    result = terminal.end()
    assert (result.code, emulator.runs()) == (130, [])
    assert "Interrupted. No run was started." in result.err


def test_a_connection_is_read_from_where_airflow_has_it(emulator: Control, tmp_path: Path) -> None:
    """Airflow's database has it, which only Airflow itself can read."""
    env = environment(emulator, AIRFLOW_HOME=str(tmp_path), HEX_API_TOKEN="")
    del env["AIRFLOW_CONN_HEX_DEFAULT"]
    airflow = [sys.executable, "-m", "airflow"]
    fields = {"conn_type": "hex", "host": emulator.url, "password": TOKENS["full"]}
    subprocess.run([*airflow, "db", "migrate"], env=env, check=True, capture_output=True, cwd=tmp_path)
    command = [*airflow, "connections", "add", "hex_default", "--conn-json", json.dumps(fields)]
    subprocess.run(command, env=env, check=True, capture_output=True, cwd=tmp_path)
    for program in PROGRAMS:
        result = call_process(program, "connection", "test", "-o", "json", env=env)
        assert (result.code, result.json["works"]) == (0, True), result.err
    missing = call_process(program, "connection", "test", "--conn-id", "hex_eu", env=env)
    assert (missing.code, missing.out) == (1, "")
    assert "Airflow has no connection hex_eu" in missing.err


def test_inputs_are_read_from_stdin(emulator: Control) -> None:
    (program, *_) = PROGRAMS
    arguments = ["runs", "start", PROJECT, "--inputs-json", "-"]
    assert call_process(program, *arguments, env=environment(emulator), stdin='{"order_count": 7}').code == 0
    assert emulator.requests("RunProject")[0]["body"] == {"inputParams": {"order_count": 7}}


def test_a_reader_that_stops_reading_is_no_failure_to_report(emulator: Control) -> None:
    (program, *_) = PROGRAMS
    process = subprocess.Popen(
        [*PROGRAMS[program], "projects", "list"],
        env=environment(emulator),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    assert process.stdout
    process.stdout.close()
    assert process.stderr
    assert process.stderr.read() == ""
    assert process.wait() == 1
    process.stderr.close()


def test_a_token_in_the_environment_needs_no_airflow(emulator: Control) -> None:
    script = (
        "import sys\nfrom airflow_provider_hex.cli.main import main\n"
        "assert main(['projects', 'list']) == 0\nprint('airflow' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment(emulator), capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stdout.splitlines()[-1] == "False"


def test_what_airflow_calls_for_each_of_its_commands_imports_no_http_library() -> None:
    script = (
        "import sys\nfrom airflow_provider_hex.cli import arguments, provider\n"
        "print('\\n'.join({name.partition('.')[0] for name in sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT)
    assert not set(done.stdout.split()) & {"airflow", "requests", "urllib3", "tenacity", "ssl", "yaml"}


@IN_EACH_PROGRAM
@pytest.mark.parametrize("words", [["runs", "start"], ["runs", "wait"]])
def test_the_help_has_the_exit_codes_and_how_inputs_are_written(
    program: str, words: list[str], emulator: Control
) -> None:
    text = call_process(program, *words, "--help", env=environment(emulator)).out
    assert "6    timed out" in text
    assert "130  Ctrl-C" in text
    assert "HEX_API_TOKEN" in text
    if words[-1] == "start":
        assert "NAME=TEXT, or NAME:=JSON" in text


@pytest.mark.skipif(not AIRFLOW_V_3_2_PLUS, reason="Airflow before 3.2 takes no commands from providers")
def test_airflow_has_the_same_commands(emulator: Control) -> None:
    env = environment(emulator)
    groups = {command.group for command in COMMANDS}
    shown = {group: call_process("airflow hex", group, "--help", env=env).out for group in groups}
    for command in COMMANDS:
        assert re.search(rf"^ +{command.name} +{re.escape(command.help[:20])}", shown[command.group], re.MULTILINE)


@pytest.mark.skipif(not AIRFLOW_V_3_2_PLUS, reason="Airflow before 3.2 takes no commands from providers")
@pytest.mark.parametrize(
    ("typed", "completions"),
    [
        ("airflow hex runs st", ["start"]),
        ("airflow hex projects list --inc", ["--include-archived", "--include-trashed"]),
    ],
)
def test_the_shell_completes_the_commands_of_airflow(typed: str, completions: list[str], tmp_path: Path) -> None:
    # As argcomplete's function in the shell calls it. It reads the completions from file descriptor 8.
    completing = {"_ARGCOMPLETE": "1", "_ARGCOMPLETE_IFS": "\n", "COMP_LINE": typed, "COMP_POINT": str(len(typed))}
    found = tmp_path / "completions"
    command = f"{sys.executable} -m airflow 8>{found} 9>/dev/null"
    subprocess.run(command, shell=True, env={**os.environ, **completing}, check=True, capture_output=True, cwd=ROOT)
    assert found.read_text().split() == completions


def test_a_closed_stderr_or_stdout_changes_no_exit_code(emulator: Control) -> None:
    command = f"{sys.executable} -m airflow_provider_hex runs start {PROJECT} --wait -v"
    for redirected, outcome, code in (("2>&-", "ERRORED", 3), ("2>/dev/full", "ERRORED", 3), (">&-", "COMPLETED", 0)):
        emulator.next_run(outcome=outcome, pending=0, running=0)
        ended = subprocess.run(
            f"{command} {redirected}", shell=True, env=environment(emulator), check=False, capture_output=True, cwd=ROOT
        )
        assert ended.returncode == code, ended.stderr
        assert b"Traceback" not in ended.stderr
