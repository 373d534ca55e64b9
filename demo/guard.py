"""Ends every process that carries a folder's mark, an environment variable.

Airflow's tasks and their commands start new process groups and sessions, so a signal to a service's group does not
reach them, but they inherit its environment. Run as a script, this waits until its standard input closes, as it does
when the parent process ends for any reason, and then ends all marked processes.
"""

import contextlib
import signal
import sys
import time

import psutil

MARK = "HEX_DEMO_FOLDER"


def mark(folder: str) -> dict[str, str]:
    """Environment variables that mark a process. The second keeps setproctitle from overwriting the first."""
    return {MARK: folder, "SPT_NOENV": "1"}


def marked(folder: str) -> list[psutil.Process]:
    """The running processes that carry the folder's mark."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.environ().get(MARK) == folder:
                found.append(process)
    return found


def end_all(folder: str, grace: float = 3) -> None:
    """Send SIGTERM to all marked processes, and SIGKILL to those that still run after `grace` seconds."""
    deadline = time.monotonic() + grace
    terminated = set()
    while processes := marked(folder):
        kill = time.monotonic() > deadline
        for process in processes:
            if kill or process.pid not in terminated:
                terminated.add(process.pid)
                with contextlib.suppress(psutil.Error):
                    process.send_signal(signal.SIGKILL if kill else signal.SIGTERM)
        time.sleep(0.1)


if __name__ == "__main__":
    sys.stdin.read()
    end_all(sys.argv[1])
