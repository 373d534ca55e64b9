import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from hex_emulator.client import Control
from hex_emulator.workspace import default_workspace

ROOT = Path(__file__).parents[2]


@contextmanager
def command(*options: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "hex_emulator", *options],
        cwd=ROOT,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def read_welcome(process: subprocess.Popen[str]) -> str:
    """Return what the command prints until it is ready, or until it ends."""
    assert process.stdout
    lines = []
    for line in process.stdout:
        lines.append(line)
        if "Ctrl-C to stop" in line:
            break
    return "".join(lines)


def test_where_its_packages_are_missing_it_names_the_command_that_installs_them() -> None:
    command = [sys.executable, "-S", "-m", "hex_emulator"]  # -S: without the packages that are installed here
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "is missing" in done.stderr
    assert "make emulator" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_prints_how_to_use_it_and_stops_on_a_signal(number: signal.Signals) -> None:
    with command("--port", "0", "--speed", "20") as process:
        welcome = read_welcome(process)
        found = re.search(r"http://127\.0\.0\.1:\d+", welcome)
        assert found, welcome
        for token in default_workspace().tokens:
            assert token.token in welcome
        for project in default_workspace().projects:
            assert project.id in welcome
        assert f"--conn-host {found[0]} --conn-password {default_workspace().token('full')}" in welcome

        with Control(found[0]) as control, httpx.Client(trust_env=False) as browser:
            assert control.health()["speed"] == 20
            assert browser.get(found[0]).status_code == 200  # and the connection stays open
            process.send_signal(number)
            _, errors = process.communicate(timeout=60)
    assert process.returncode == 0
    assert errors == ""


@pytest.mark.parametrize(
    ("options", "kernels", "headers"),
    [
        ((), 25, []),
        (("--limits", "2025"), 25, ["ratelimit", "retry-after"]),
        (("--no-limits",), None, []),
        (("--rate-limit-headers", "x-ratelimit-epoch"), 25, ["x-ratelimit-epoch"]),
        (("--no-limits", "--limits", "2025", "--rate-limit-headers", "none"), None, []),
    ],
)
def test_the_limits_are_those_of_the_options(options: tuple[str, ...], kernels: int | None, headers: list[str]) -> None:
    with control_of(*options) as control:
        assert (control.limits()["kernels"], control.limits()["headers"]) == (kernels, headers)
        assert (control.limits()["hexApiPerHour"] is None) == (kernels is None or "2025" in options)


@pytest.mark.parametrize(
    ("options", "api", "vanished"),
    [((), "mixed", 404), (("--api", "2025", "--vanished", "403"), "2025", 403), (("--api", "2026"), "2026", 404)],
)
def test_the_api_is_that_of_the_options_also_after_a_reset(options: tuple[str, ...], api: str, vanished: int) -> None:
    with control_of(*options) as control:
        control.set_api("2026" if api == "2025" else "2025")
        control.set_vanished(422)
        control.reset()
        assert (control.health()["api"], control.health()["vanished"]) == (api, vanished)


@contextmanager
def control_of(*options: str) -> Iterator[Control]:
    with command("--port", "0", *options) as process:
        found = re.search(r"http://127\.0\.0\.1:\d+", read_welcome(process))
        assert found
        with Control(found[0]) as control:
            yield control


def test_a_port_in_use_is_an_error_message() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with command("--port", str(port)) as process:
            output, error = process.communicate(timeout=60)
    assert process.returncode == 2
    assert output == ""
    assert f"Port {port} on 127.0.0.1 is already in use" in error
    assert "--port" in error
    assert "Traceback" not in error


@pytest.mark.parametrize(
    "options",
    [
        ("--port", "70000"),
        ("--speed", "-1"),
        ("--rate-limit-headers", "retry"),
        ("--api", "2024"),
        ("--limits", "none"),
        ("--vanished", "410"),
        ("--speed", "nan"),
        ("--workspace", "nowhere.toml"),
        ("--workspace", __file__),
        ("--host", "256.0.0.1"),
    ],
)
def test_a_bad_option_is_an_error_message(options: tuple[str, str]) -> None:
    with command("--port", "0", *options) as process:
        _, error = process.communicate(timeout=60)
    assert process.returncode == 2
    assert error
    assert "Traceback" not in error
