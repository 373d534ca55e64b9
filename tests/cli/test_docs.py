"""Each command line in docs/cli.md works as it stands there."""

from __future__ import annotations

import io
import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from airflow_provider_hex.cli import exit_codes
from airflow_provider_hex.cli.arguments import COMMANDS
from airflow_provider_hex.cli.main import main
from hex_emulator.client import Control
from tests.api.project_urls import base_62
from tests.cli.conftest import IN_EACH_PROGRAM, ROOT, environment
from tests.cli.test_exposures import manifest
from tests.conftest import PROJECT

PAGE = (ROOT / "docs" / "cli.md").read_text()
LINES = re.findall(r"^\$ (.*)$", PAGE, re.MULTILINE)
(SCRIPT,) = re.findall(r"^```sh\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
RUN_OF_PAGE = "78c33d18-170c-44d3-a227-b3194f134f73"
MODULE = "python -m airflow_provider_hex"


def test_the_page_has_each_command_and_exit_code() -> None:
    for command in COMMANDS:
        assert any(f" {command.group} {command.name}" in line for line in LINES), command
    rows = {int(code): text for code, text in re.findall(r"^\| (\d+) \| (.*) \|$", PAGE, re.MULTILINE)}
    assert rows == {int(line.split()[0]): line.split(None, 1)[1] for line in exit_codes.HELP.splitlines()[1:]}
    assert base_62(PROJECT) in PAGE


@pytest.mark.parametrize("line", LINES)
def test_a_command_line_of_the_page_works(
    line: str, emulator: Control, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """In this process, because an Airflow takes long to start; other tests call the real programs."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "target").mkdir()
    exposures = manifest(revenue=f"https://app.hex.tech/acme/app/{PROJECT}/latest")
    (tmp_path / "target" / "manifest.json").write_text(json.dumps(exposures))
    emulator.next_run(timeline=[("RUNNING", None)])
    run = emulator.start_run(PROJECT, trigger="API")
    if " runs wait" in line:
        emulator.set_status(run["runId"], "COMPLETED")
    words = shlex.split(line.replace(RUN_OF_PAGE, run["runId"]))
    if "|" in words:
        monkeypatch.setattr("sys.stdin", io.StringIO(words[1]))
        words = words[words.index("|") + 1 :]
    if ">" in words:
        words = words[: words.index(">")]
    assert shlex.join(words[:3]) == MODULE or words[:2] == ["airflow", "hex"]
    assert main(words[2 if words[0] == "airflow" else 3 :]) == 0


@IN_EACH_PROGRAM
@pytest.mark.parametrize(("status", "shown", "code"), [("COMPLETED", "runId=", 0), ("ERRORED", "", 1)])
def test_the_script_of_the_page_works(program: str, status: str, shown: str, code: int, emulator: Control) -> None:
    if program != MODULE and status != "COMPLETED":
        pytest.skip("one of both is enough, because an Airflow takes long to start")
    emulator.next_run(timeline=[(status, None)])
    python = f'python() {{ {shlex.quote(sys.executable)} "$@"; }}'
    script = SCRIPT.replace(MODULE, "python -m airflow hex" if program == "airflow hex" else MODULE)
    done = subprocess.run(
        ["bash", "-c", f"{python}\n{script}"],
        env=environment(emulator, PROJECT=PROJECT),
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert (done.returncode, shown in done.stdout) == (code, True), done.stderr
