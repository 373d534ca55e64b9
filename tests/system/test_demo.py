"""`python -m demo` when something is in its way, or when it is interrupted. CI runs it to its good end."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from demo.folder import DemoFolder
from demo.guard import marked
from demo.ports import HOST, WANTED, Ports, Wanted
from demo.shop import CHECKOUT
from demo.waiting import wait_for

pytestmark = pytest.mark.system


@contextmanager
def started_demo(folder: Path, environ: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "demo", "--folder", str(folder)],
        cwd=CHECKOUT,
        env=os.environ | environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def free_ports() -> dict[str, str]:
    ports = Ports.free()
    numbers = (ports.airflow, ports.hex, ports.worker_logs, ports.trigger_logs)
    return {wanted.variable: str(number) for wanted, number in zip(WANTED, numbers, strict=True)}


def left_over(folder: Path) -> list[psutil.Process]:
    """What carries the folder's mark, and what names the folder in its arguments, as the guards do."""
    parts = DemoFolder(folder)
    named = [
        process
        for process in psutil.process_iter(["cmdline"])
        if any(argument.startswith(str(parts.path)) for argument in process.info["cmdline"] or ())
    ]
    return marked(str(parts.airflow)) + marked(str(parts.emulator)) + named


def has_started(folder: Path, command: str) -> bool:
    return any(command in process.cmdline() for process in marked(str(DemoFolder(folder).airflow)))


@pytest.mark.parametrize("wanted", WANTED, ids=lambda wanted: wanted.variable)
def test_a_port_that_is_taken_is_named(tmp_path: Path, wanted: Wanted) -> None:
    with socket.create_server((HOST, 0)) as other:
        port = str(other.getsockname()[1])
        with started_demo(tmp_path / "demo", free_ports() | {wanted.variable: port}) as demo:
            out, err = demo.communicate(timeout=30)
    assert demo.returncode == 2
    assert out == ""
    assert f"Port {port} " in err
    assert wanted.variable in err
    assert "Traceback" not in err
    assert not (tmp_path / "demo").exists()


def test_a_folder_with_other_things_is_not_emptied(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("not to be lost")
    with started_demo(tmp_path, free_ports()) as demo:
        _, err = demo.communicate(timeout=30)
    assert demo.returncode == 2
    assert str(tmp_path) in err
    assert (tmp_path / "thesis.txt").exists()


@pytest.mark.parametrize(
    ("moment", "number"), [("migrate", signal.SIGINT), ("scheduler", signal.SIGINT), ("triggerer", signal.SIGTERM)]
)
def test_a_demo_that_is_interrupted_while_it_starts_leaves_nothing_running(
    tmp_path: Path, moment: str, number: signal.Signals
) -> None:
    with started_demo(tmp_path, free_ports()) as demo:
        wait_for(moment, lambda: has_started(tmp_path, moment) or None, seconds=60, pause=0.05)
        demo.send_signal(number)
        _, err = demo.communicate(timeout=30)
    assert demo.returncode == 130
    assert "Traceback" not in err
    assert left_over(tmp_path) == []


def test_a_demo_that_is_killed_leaves_nothing_running(tmp_path: Path) -> None:
    with started_demo(tmp_path, free_ports()) as demo:
        wait_for("the scheduler", lambda: has_started(tmp_path, "scheduler") or None, seconds=60, pause=0.05)
        demo.kill()
        demo.wait(timeout=10)
    wait_for("the end of all processes", lambda: not left_over(tmp_path) or None, seconds=30)
