"""`python -m hex_emulator`: serve the emulator until Ctrl-C."""

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
from hex_emulator.limits import Limits, Spelling
from hex_emulator.server import Server, base_url, listen
from hex_emulator.workspace import Project, Workspace, default_workspace, load_workspace


def main() -> int:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _leave)
    options = _options()
    try:
        workspace = load_workspace(options.workspace) if options.workspace else default_workspace()
    except (OSError, ValueError) as error:
        return _give_up(f"The workspace {options.workspace} cannot be used: {error}")
    try:
        listening = listen(options.host, options.port)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            return _give_up(
                f"Port {options.port} on {options.host} is taken, perhaps by another emulator.\n"
                "Stop that program, or choose another port: "
                f"python -m hex_emulator --port {options.port + 1 if options.port < 65535 else 0}"
            )
        return _give_up(f"Cannot listen on {options.host} port {options.port}: {error.strerror}")
    print(_welcome(base_url(listening), workspace), flush=True)
    Server(create_app(workspace, options.speed, _limits(options))).run(sockets=[listening])
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m hex_emulator", description="A stand-in for the Hex API.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    parser.add_argument("--port", type=_port, default=8765, help="port, 0 for any free one (%(default)s)")
    parser.add_argument(
        "--speed", type=_speed, default=1.0, help="how many seconds of a run pass in a real one (%(default)s)"
    )
    parser.add_argument("--workspace", type=Path, metavar="FILE", help="TOML file with projects and tokens")
    parser.add_argument("--no-limits", action="store_true", help="any number of requests and of runs at once")
    parser.add_argument(
        "--rate-limit-headers",
        type=_headers,
        default=Limits(),
        metavar="SPELLING",
        help=f"how answers tell what is left: none, or some of {', '.join(get_args(Spelling))} with commas between "
        f"({','.join(Limits().headers)})",
    )
    return parser.parse_args()


def _limits(options: argparse.Namespace) -> Limits:
    limits: Limits = options.rate_limit_headers
    return limits.switched_off() if options.no_limits else limits


def _headers(text: str) -> Limits:
    try:
        return Limits.model_validate({"headers": text})
    except ValidationError as error:
        raise argparse.ArgumentTypeError(f"{text} is none of {', '.join(get_args(Spelling))}") from error


def _port(text: str) -> int:
    port = int(text)
    if not 0 <= port <= 65535:
        raise argparse.ArgumentTypeError("a port is between 0 and 65535")
    return port


def _speed(text: str) -> float:
    speed = float(text)
    if not math.isfinite(speed) or speed < 0:
        raise argparse.ArgumentTypeError("a speed is 0 (time stands still) or more")
    return speed


def _welcome(url: str, workspace: Workspace) -> str:
    tokens = [
        f"  {token.name:<16} {token.token}  {' and '.join(token.scopes) or 'may do nothing'}"
        for token in workspace.tokens
    ]
    runner = next((token.token for token in workspace.tokens if "run" in token.scopes), "TOKEN")
    return "\n".join(
        [
            f"Hex emulator at {url} (runs and projects in a browser), its API at {url}/api/v1",
            "",
            "Tokens",
            *tokens,
            "",
            "Projects",
            *[f"  {project.title:<16} {project.id}  {_about(project)}" for project in workspace.projects],
            "",
            "Tell Airflow",
            f"  airflow connections add hex_default --conn-type hex --conn-host {url} --conn-password {runner}",
            "",
            "Ctrl-C stops it.",
        ]
    )


def _about(project: Project) -> str:
    if project.version is None:
        return "never published"
    return ", ".join(f"{param.name} ({param.cell})" for param in project.inputs) or "no input parameters"


def _give_up(why: str) -> int:
    print(why, file=sys.stderr)
    return 2


def _leave(number: int, frame: FrameType | None) -> None:
    raise SystemExit(0)


if __name__ == "__main__":
    sys.exit(main())
