"""The Hex emulator as a separate process, and the runs in it."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from demo.ports import HOST
from demo.processes import Processes, clean_environment
from demo.shop import CHECKOUT
from demo.waiting import wait_for
from hex_emulator.client import Control
from hex_emulator.workspace import default_workspace

START_SECONDS = 300.0  # generous, since it matters only when something is broken


@dataclass(frozen=True)
class Emulator:
    """An emulator that has been started, and may not be up yet."""

    control: Control
    processes: Processes

    def wait_until_up(self) -> None:
        """Wait until it responds. Raises ProcessFailedError if it has ended, TimeoutError if it takes too long."""
        wait_for("the Hex emulator's start", self._is_up, START_SECONDS)

    def _is_up(self) -> bool | None:
        self.processes.check()
        try:
            self.control.health()
        except httpx.TransportError:
            return None
        return True


@contextmanager
def emulator(folder: Path, port: int) -> Iterator[Emulator]:
    """A Hex emulator in a separate process, with its log in `folder`. It ends with the `with` block."""
    with Processes(folder, clean_environment()) as processes, Control(f"http://{HOST}:{port}") as control:
        command = (sys.executable, "-m", "hex_emulator", "--port", str(port))
        processes.start("hex-emulator", command, cwd=CHECKOUT)
        yield Emulator(control, processes)


@dataclass(frozen=True)
class HexRun:
    """What the demo prints of a run."""

    run_id: str
    status: str
    url: str
    trace_id: str


def token_for_airflow() -> str:
    """A token that may read and run projects."""
    return default_workspace().token("full")


def hex_runs(control: Control) -> list[HexRun]:
    """Every run in the emulator, oldest first."""
    return [HexRun(run["runId"], run["status"], run["runUrl"], run["traceId"]) for run in control.runs()]
