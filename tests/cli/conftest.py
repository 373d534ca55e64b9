"""The command line in this process, and in others."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_hex.airflow_compat import AIRFLOW_V_3_2_PLUS
from airflow_provider_hex.cli.main import main
from hex_emulator.client import Control
from tests.conftest import TOKENS

ROOT = Path(__file__).parents[2]
PROGRAMS: dict[str, list[str]] = {
    "python -m airflow_provider_hex": [sys.executable, "-m", "airflow_provider_hex"],
    **({"airflow hex": [sys.executable, "-m", "airflow", "hex"]} if AIRFLOW_V_3_2_PLUS else {}),
}
IN_EACH_PROGRAM = pytest.mark.parametrize("program", PROGRAMS)


@dataclass
class Result:
    """What a command line printed, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def hex_cli(emulator: Control, capsys: pytest.CaptureFixture[str]) -> Callable[..., Result]:
    """Carries out a command line in this process, with the connection ``hex_default``."""

    def call(*arguments: str) -> Result:
        capsys.readouterr()
        try:
            code = main(arguments)
        except SystemExit as end:  # argparse
            code = int(end.code or 0)
        return Result(code, *capsys.readouterr())

    return call


def environment(emulator: Control, **more: str) -> dict[str, str]:
    """Return the environment of another process that has the token from there."""
    return {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "HEX_API_TOKEN": TOKENS["full"],
        "HEX_BASE_URL": emulator.url,
        "COLUMNS": "200",
        **more,
    }


def call_process(program: str, *arguments: str, env: dict[str, str], stdin: str = "") -> Result:
    """Carry out a command line in another process, without a terminal."""
    done = subprocess.run(
        [*PROGRAMS[program], *arguments], env=env, input=stdin, capture_output=True, text=True, check=False, cwd=ROOT
    )
    return Result(done.returncode, done.stdout, done.stderr)


# What a shell runs in the background ignores SIGINT, what nohup runs ignores SIGHUP, and so do their processes.
_HEEDS_SIGNALS = """
import os, signal, sys
for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
    signal.signal(number, signal.SIG_DFL)
os.execv(sys.argv[1], sys.argv[1:])
"""


class Terminal:
    """A command line in another process, whose stderr is a terminal, and whose stdout is not.

    :param program: one of :data:`PROGRAMS`.
    :param arguments: its arguments.
    :param env: its environment.
    """

    def __init__(self, program: str, *arguments: str, env: dict[str, str]) -> None:
        self._ours, theirs = pty.openpty()
        self.process = subprocess.Popen(
            [sys.executable, "-c", _HEEDS_SIGNALS, *PROGRAMS[program], *arguments],
            env=env,
            stdout=subprocess.PIPE,
            stderr=theirs,
            text=True,
            cwd=ROOT,
        )
        os.close(theirs)
        self.shown = ""

    def read_until(self, text: str) -> None:
        """Read what the terminal shows until it has shown a text."""
        while text not in self.shown:
            if not self._read():
                raise AssertionError(f"{text!r} is not in {self.shown!r}")

    def end(self) -> Result:
        """Wait for the end of the process."""
        while self._read():
            pass
        os.close(self._ours)
        out, _ = self.process.communicate()
        return Result(self.process.returncode, out, self.shown.replace("\r\n", "\n"))

    def _read(self) -> bool:
        try:
            data = os.read(self._ours, 4096)
        except OSError:  # the process has ended
            return False
        self.shown += data.decode()
        return bool(data)
