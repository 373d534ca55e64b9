"""`python -m demo` when a port or its folder is in use, and when it is interrupted. CI runs it to its end."""

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
from demo.ports import HOST, PORT_SETTINGS, Ports, PortSetting
from demo.shop import CHECKOUT
from demo.waiting import wait_for

SECONDS = 300  # for each step: generous, since it matters only when something is broken
pytestmark = [pytest.mark.system, pytest.mark.timeout(900)]


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
    return {setting.variable: str(number) for setting, number in zip(PORT_SETTINGS, numbers, strict=True)}


def demo_processes(folder: Path) -> list[psutil.Process]:
    """The processes that carry the folder's mark, and those with the folder in their arguments, as the guards have."""
    parts = DemoFolder(folder)
    named = [
        process
        for process in psutil.process_iter(["cmdline"])
        if any(argument.startswith(str(parts.path)) for argument in process.info["cmdline"] or ())
    ]
    return marked(str(parts.airflow)) + marked(str(parts.emulator)) + named


def has_started(folder: Path, command: str) -> bool:
    return any(command in process.cmdline() for process in marked(str(DemoFolder(folder).airflow)))


@pytest.mark.parametrize("setting", PORT_SETTINGS, ids=lambda setting: setting.variable)
def test_a_port_in_use_is_named(tmp_path: Path, setting: PortSetting) -> None:
    with socket.create_server((HOST, 0)) as other:
        port = str(other.getsockname()[1])
        with started_demo(tmp_path / "demo", free_ports() | {setting.variable: port}) as demo:
            out, err = demo.communicate(timeout=SECONDS)
    assert demo.returncode == 2
    assert out == ""
    assert f"Port {port} " in err
    assert setting.variable in err
    assert "Traceback" not in err
    assert not (tmp_path / "demo").exists()


def test_a_folder_with_other_files_is_not_emptied(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("not to be lost")
    with started_demo(tmp_path, free_ports()) as demo:
        _, err = demo.communicate(timeout=SECONDS)
    assert demo.returncode == 2
    assert str(tmp_path) in err
    assert (tmp_path / "thesis.txt").exists()


@pytest.mark.parametrize(
    ("process", "number"), [("migrate", signal.SIGINT), ("scheduler", signal.SIGINT), ("triggerer", signal.SIGTERM)]
)
def test_a_demo_that_is_interrupted_while_it_starts_leaves_nothing_running(
    tmp_path: Path, process: str, number: signal.Signals
) -> None:
    with started_demo(tmp_path, free_ports()) as demo:
        wait_for(process, lambda: has_started(tmp_path, process) or None, SECONDS, pause=0.05)
        demo.send_signal(number)
        _, err = demo.communicate(timeout=SECONDS)
    assert demo.returncode == 130
    assert "Traceback" not in err
    assert demo_processes(tmp_path) == []


def test_a_demo_that_is_killed_leaves_nothing_running(tmp_path: Path) -> None:
    with started_demo(tmp_path, free_ports()) as demo:
        wait_for("the scheduler", lambda: has_started(tmp_path, "scheduler") or None, SECONDS, pause=0.05)
        demo.kill()
        demo.wait(timeout=SECONDS)
    wait_for("the end of all processes", lambda: not demo_processes(tmp_path) or None, SECONDS)
