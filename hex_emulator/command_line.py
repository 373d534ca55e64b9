"""The command line of ``python -m hex_emulator``: options and messages."""

import argparse
import errno
import math
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import get_args

from pydantic import ValidationError

from hex_emulator.app import create_app
from hex_emulator.emulator import VanishedStatus
from hex_emulator.generations.api import ApiName
from hex_emulator.limits import LIMITS, HeaderStyle, Limits, LimitsOf
from hex_emulator.server import Server, base_url, listen
from hex_emulator.workspace import Project, Workspace, default_workspace, load_workspace

LAST_PORT = 65535


def main() -> int:
    """Serve the emulator as the command line says.

    :returns: the exit code: 0, or 2 for options that cannot be used.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _exit)
    options = _options()
    try:
        workspace = load_workspace(options.workspace) if options.workspace else default_workspace()
    except (OSError, ValueError) as error:
        return _fail(f"The workspace {options.workspace} cannot be used: {error}")
    try:
        listening = listen(options.host, options.port)
    except OSError as error:
        return _fail(_cannot_listen(options.host, options.port, error))
    print(_welcome(base_url(listening), workspace), flush=True)
    app = create_app(workspace, options.speed, _limits(options), api=options.api, vanished=options.vanished)
    Server(app).run(sockets=[listening])
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m hex_emulator", description="A stand-in for the Hex API.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=_port, default=8765, help="port, 0 for any free one (default: %(default)s)")
    parser.add_argument(
        "--speed", type=_speed, default=1.0, help="emulated seconds in one real second (default: %(default)s)"
    )
    parser.add_argument("--workspace", type=Path, metavar="FILE", help="TOML file with projects and tokens")
    parser.add_argument(
        "--api",
        choices=get_args(ApiName),
        default="mixed",
        help="which calls are of the older generation of Hex's API: 2025 all, 2026 none, mixed those that Hex has not "
        "moved yet (default: %(default)s)",
    )
    parser.add_argument(
        "--limits", choices=get_args(LimitsOf), default="2026", help="the year of Hex's limits (default: %(default)s)"
    )
    parser.add_argument(
        "--vanished",
        type=int,
        choices=get_args(VanishedStatus),
        default=404,
        help="the status of GetRunStatus and CancelRun for a run that does not exist (default: %(default)s)",
    )
    parser.add_argument("--no-limits", action="store_true", help="switch off the rate limits and the kernel limit")
    parser.add_argument(
        "--rate-limit-headers",
        type=_headers,
        metavar="STYLES",
        help="headers in which each response reports the rate limit: none, or a comma-separated list of "
        f"{', '.join(get_args(HeaderStyle))} (default: {_styles('2026')}, with --limits 2025 {_styles('2025')})",
    )
    return parser.parse_args()


def _limits(options: argparse.Namespace) -> Limits:
    limits = LIMITS[options.limits].updated(options.rate_limit_headers or Limits())
    return limits.switched_off() if options.no_limits else limits


def _styles(year: LimitsOf) -> str:
    return ",".join(LIMITS[year].headers) or "none"


def _headers(text: str) -> Limits:
    try:
        return Limits.model_validate({"headers": text})
    except ValidationError as error:
        raise argparse.ArgumentTypeError(f"{text} is none of {', '.join(get_args(HeaderStyle))}") from error


def _port(text: str) -> int:
    port = int(text)
    if not 0 <= port <= LAST_PORT:
        raise argparse.ArgumentTypeError(f"a port is between 0 and {LAST_PORT}")
    return port


def _speed(text: str) -> float:
    speed = float(text)
    if not math.isfinite(speed) or speed < 0:
        raise argparse.ArgumentTypeError("a speed is 0 (time stands still) or more")
    return speed


def _cannot_listen(host: str, port: int, error: OSError) -> str:
    if error.errno != errno.EADDRINUSE:
        return f"Cannot listen on {host} port {port}: {error.strerror}"
    return (
        f"Port {port} on {host} is already in use, perhaps by another emulator.\n"
        f"Stop that program, or choose another port: python -m hex_emulator --port {(port + 1) % (LAST_PORT + 1)}"
    )


def _welcome(url: str, workspace: Workspace) -> str:
    tokens = [
        f"  {token.name:<16} {token.token}  scopes: {', '.join(token.scopes) or 'none'}" for token in workspace.tokens
    ]
    runner = next((token.token for token in workspace.tokens if "run" in token.scopes), "TOKEN")
    return "\n".join(
        [
            f"Hex emulator: {url} (open it in a browser to see projects and runs)",
            f"API: {url}/api/v1",
            "",
            "Tokens",
            *tokens,
            "",
            "Projects",
            *[f"  {project.title:<16} {project.id}  {_description(project)}" for project in workspace.projects],
            "",
            "Airflow connection",
            f"  airflow connections add hex_default --conn-type hex --conn-host {url} --conn-password {runner}",
            "",
            "Press Ctrl-C to stop.",
        ]
    )


def _description(project: Project) -> str:
    if project.version is None:
        return "never published"
    return ", ".join(f"{param.name} ({param.cell})" for param in project.inputs) or "no input parameters"


def _fail(message: str) -> int:
    print(message, file=sys.stderr)
    return 2


def _exit(number: int, frame: FrameType | None) -> None:
    raise SystemExit(0)
