"""Ends every process that carries a folder's mark, however deep in the tree and whoever's child it is by now.

Airflow's tasks and their commands have process groups and sessions of their own, so that a signal to a service's
group misses them; what each process inherits is its environment. Run as a script, this waits until its standard
input closes, as it does when the parent ends in whatever way, and then ends them all.
"""

import contextlib
import signal
import sys
import time

import psutil

MARK = "HEX_DEMO_FOLDER"


def mark(folder: str) -> dict[str, str]:
    """Environment variables that mark a process; without the second, a change of its title wipes the first."""
    return {MARK: folder, "SPT_NOENV": "1"}


def marked(folder: str) -> list[psutil.Process]:
    """The processes alive that carry the folder's mark."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.environ().get(MARK) == folder:
                found.append(process)
    return found


def end_all(folder: str, patience: float = 3) -> None:
    """SIGTERM for all that is marked, SIGKILL for what is left after `patience` seconds."""
    deadline = time.monotonic() + patience
    asked = set()
    while processes := marked(folder):
        urgent = time.monotonic() > deadline
        for process in processes:
            if urgent or process.pid not in asked:
                asked.add(process.pid)
                with contextlib.suppress(psutil.Error):
                    process.send_signal(signal.SIGKILL if urgent else signal.SIGTERM)
        time.sleep(0.1)


if __name__ == "__main__":
    sys.stdin.read()
    end_all(sys.argv[1])
