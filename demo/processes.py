"""Processes that end with the program that starts them."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

from demo import guard
from demo.waiting import wait_for

TAIL_LINES = 15


class ProcessFailedError(Exception):
    """A process ended unexpectedly; the message has its name, its exit status and the end of its log."""


class Processes:
    """Starts processes in `folder`, each with a log there, and ends them with all processes that they started.

    A context manager: they end when it exits, and also when this program is killed, even by SIGKILL, since a guard
    process ends them then. `environment` is their whole environment; the guard's mark is added.
    """

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self.folder = folder.resolve()
        self._environment = {**environment, **guard.mark(str(self.folder))}
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> Self:
        self.folder.mkdir(parents=True, exist_ok=True)
        self._guard = subprocess.Popen(
            [sys.executable, guard.__file__, str(self.folder)], stdin=subprocess.PIPE, start_new_session=True
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            guard.end_all(str(self.folder))
        finally:
            # If this is interrupted, the guard ends the processes.
            self._guard.communicate()
            for process in self._processes.values():
                process.poll()

    def start(self, name: str, command: Sequence[str], cwd: Path | None = None, user: int | None = None) -> None:
        """Start a process in a new session, which a Ctrl-C in the terminal does not reach.

        `cwd`: its working folder, by default `folder`. `user`: the id of the user and of the group that it runs as, by
        default this program's.
        """
        with self.log(name).open("ab") as log:
            self._processes[name] = subprocess.Popen(
                command,
                cwd=cwd or self.folder,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                user=user,
                group=user,
                extra_groups=None if user is None else (),
            )

    def run(
        self, name: str, command: Sequence[str], seconds: float, cwd: Path | None = None, user: int | None = None
    ) -> None:
        """Run a process to its end; for the parameters, see `start`.

        Raises ProcessFailedError if its exit status is not 0, TimeoutError after `seconds`.
        """
        self.start(name, command, cwd, user)
        if wait_for(f"the end of {name}", self._processes[name].poll, seconds, pause=0.05):
            self.check()
        del self._processes[name]

    def process(self, name: str) -> psutil.Process:
        """The running process of this name."""
        return psutil.Process(self._processes[name].pid)

    def stop(self, name: str, seconds: float = 30) -> None:
        """Send SIGTERM to a process and wait for its end; after `seconds`, kill it with its children."""
        process = self._processes[name]
        process.terminate()
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill(name)
        else:
            del self._processes[name]

    def kill(self, name: str, seconds: float = 30, *, with_children: bool = True) -> None:
        """Send SIGKILL to a process and its children, and wait. Raises subprocess.TimeoutExpired after `seconds`."""
        process = self._processes.pop(name)
        for child in psutil.Process(process.pid).children(recursive=True) if with_children else ():
            child.kill()
        process.kill()
        process.wait(seconds)

    def check(self) -> None:
        """Raises ProcessFailedError if one of the processes has ended."""
        for name, process in self._processes.items():
            if (status := process.poll()) is not None:
                raise ProcessFailedError(f"{name} ended with status {status}; its log:\n{self._tail(name)}")

    def log(self, name: str) -> Path:
        """The file with the output of the process of this name."""
        return self.folder / f"{name}.log"

    def _tail(self, name: str) -> str:
        lines = self.log(name).read_text(errors="replace").splitlines()[-TAIL_LINES:]
        return "\n".join(f"  {line}" for line in lines)


def clean_environment() -> dict[str, str]:
    """This program's environment without settings for Airflow or dbt, and with no proxy for this machine."""
    settings = ("AIRFLOW", "_AIRFLOW", "DBT_", "PYTHONDONTWRITEBYTECODE")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(settings)}
    return environment | dict.fromkeys(("NO_PROXY", "no_proxy"), "127.0.0.1,localhost")
